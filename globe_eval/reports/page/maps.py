"""The two maps of a report as SVG: answers on the world, and countries by their accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike

from globe_eval.metrics.accuracy import THRESHOLDS_KM
from globe_eval.places.resolve import country_name
from globe_eval.reports.page import worldmap
from globe_eval.reports.page.cells import Cell, cells, squares
from globe_eval.reports.page.joined import JoinedPhotograph, JoinedRuns
from globe_eval.reports.page.svg import element, number

CLASSES = (
    ("within 1 km", 0),
    ("1 to 25 km", 1),
    ("25 to 200 km", 2),
    ("200 to 750 km", 3),
    ("750 to 2,500 km", 4),
    ("beyond 2,500 km", 5),
    ("no place found", 6),
)
"""The classes of distance, with the number of each one's colour."""

MOST_SHOWN = 5_000
"""Photographs that a page has one by one: of more, maps show cells, and the gallery a sample."""

_SMALL = 5.0

_MANY = 400
"""Lines, from which on each is fainter; as in `map.js`."""


def world(description: str) -> Markup:
    """The map that the scripts draw truth, answers and great circles on."""
    return _world(description, element("g", id="world-lines"))


def _world(description: str, lines: Markup) -> Markup:
    land = "".join(worldmap.outline_path(country.rings) for country in worldmap.countries())
    return element(
        "svg",
        element("path", d=worldmap.sphere_path(), class_="sea"),
        element("path", d=worldmap.graticule_path(), class_="grid"),
        element("path", d=land, class_="land"),
        lines,
        viewBox=_box(),
        id="world",
        tabindex="0",
        role="group",
        aria_label=description,
    )


def answers(data: JoinedRuns, run: int) -> Markup:
    """The same map with all photographs and answers of one run, as the scripts draw it at first."""
    description = f"Photographs and answers of {data.runs[run].name}"
    if len(data.photographs) > MOST_SHOWN:
        return _world(description, element("g", *_squares(cells_of(data, run))))
    arcs: list[list[str]] = [[] for _ in CLASSES]
    ends: list[list[str]] = [[] for _ in CLASSES]
    spots: list[list[str]] = [[] for _ in CLASSES]
    for photograph, sample in zip(data.photographs, data.answers[run], strict=True):
        if sample is None:
            continue
        km, place = sample.distance_km, sample.prediction
        number = _class(km)
        spots[number].append(_at([photograph.lat], [photograph.lon]) + "h0")
        if place is not None and km is not None and km > 1.0:
            lines = worldmap.great_circle(photograph.lat, photograph.lon, place.lat, place.lon)
            arcs[number] += [_at(line[:, 1], line[:, 0]) for line in lines]
            ends[number].append(_at([place.lat], [place.lon]) + "h0")
    layers = [("arc", arcs), ("end", ends), ("spot", spots)]
    drawn = [
        element("path", d="".join(paths), class_=classes)
        for kind, by_class in layers
        for number, paths in reversed(list(enumerate(by_class)))
        if paths
        for classes in ((f"{kind} d{number}", "end-inside") if kind == "end" else (f"{kind} d{number}",))
    ]
    many = "many" if sum(map(len, ends)) > _MANY else None
    return _world(description, element("g", *drawn, class_=many))


def cells_of(data: JoinedRuns, run: int) -> list[Cell]:
    """The photographs that a run has, by cells of the map."""
    there = [(p, s) for p, s in zip(data.photographs, data.answers[run], strict=True) if s is not None]
    km = [np.nan if s.distance_km is None else s.distance_km for _, s in there]
    return cells([p.lat for p, _ in there], [p.lon for p, _ in there], km)


def _squares(those: Sequence[Cell]) -> Iterator[Markup]:
    for kind in range(len(CLASSES)):
        if some := [cell for cell in those if _class(cell.km) == kind]:
            yield element("path", d=squares(some), class_=f"cell d{kind}")


def _class(km: float | None) -> int:
    return len(CLASSES) - 1 if km is None else sum(km > threshold for threshold in THRESHOLDS_KM.values())


def _at(lats: ArrayLike, lons: ArrayLike) -> str:
    x, y = worldmap.project(lats, lons)
    return "M" + "L".join(f"{number(a)} {number(b)}" for a, b in zip(x.tolist(), y.tolist(), strict=True))


def by_country(photographs: Sequence[JoinedPhotograph], codes: Iterable[str]) -> Markup:
    """Countries to be coloured by the scripts; those too small for the outline are circles amid their photographs."""
    outlines: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for country in worldmap.countries():
        outlines.setdefault(country.code, []).append(worldmap.outline_path(country.rings))
        names.setdefault(country.code, country.name)
    areas = [
        element(
            "path", element("title", names[code]), d="".join(paths), class_="area few", data_code=code,
            data_name=country_name(code),
        )
        for code, paths in outlines.items()
    ]  # fmt: skip
    small: dict[str, list[JoinedPhotograph]] = {code: [] for code in codes if code not in outlines}
    for photograph in photographs:
        if photograph.country in small:
            small[photograph.country].append(photograph)
    for code, there in small.items():
        if not there:
            continue
        x, y = worldmap.project(float(np.median([p.lat for p in there])), float(np.median([p.lon for p in there])))
        areas.append(
            element(
                "circle", element("title", country_name(code)), cx=number(float(x)), cy=number(float(y)), r=_SMALL,
                class_="area few", data_code=code, data_name=country_name(code),
            )
        )  # fmt: skip
    return element(
        "svg",
        element("path", d=worldmap.sphere_path(), class_="sea"),
        *areas,
        viewBox=_box(),
        id="by-country",
        role="img",
        aria_label="World map of countries coloured by accuracy; the table below has the numbers",
    )


def _box() -> str:
    return f"0 0 {number(worldmap.WIDTH)} {number(worldmap.HEIGHT)}"
