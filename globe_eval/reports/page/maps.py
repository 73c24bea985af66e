"""The two maps of a report as SVG: answers on the world, and countries by their accuracy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from numpy.typing import ArrayLike

from globe_eval.metrics.accuracy import THRESHOLDS_KM
from globe_eval.places.resolve import country_name
from globe_eval.reports.page import worldmap
from globe_eval.reports.page.joined import JoinedPhotograph, JoinedRuns
from globe_eval.reports.page.svg import element, number

SIDE = 6.0
"""Of a cell, in units of the map."""
SIDE_KM = round(SIDE * worldmap.KM_A_UNIT, -1)

_LEAST = 0.3
"""How large the square of a single photograph is, as a share of the cell."""


class MapCell(NamedTuple):
    """The middle of a cell and the side of its square, in units of the map; n photographs, their median distance."""

    x: float
    y: float
    side: float
    n: int
    km: float | None
    """None where half of the answers and more have no place."""


def cells(lats: npt.ArrayLike, lons: npt.ArrayLike, distances_km: npt.ArrayLike) -> list[MapCell]:
    """The cells in which photographs were taken, from the north-west on.

    The square of a cell grows with the logarithm of its photographs; the fullest cell's fills it.

    Args:
        lats, lons: (n,) degrees, where the photographs were taken.
        distances_km: (n,) of the answers; NaN where one has no place, which counts as infinitely far.

    >>> [cell[2:] for cell in cells([10.0, 10.1, 60.0], [20.0, 20.1, 20.0], [5.0, 7.0, float("nan")])]
    [(1.8, 1, None), (6.0, 2, 6.0)]
    """
    km = np.asarray(distances_km, dtype=np.float64)
    km = np.where(np.isnan(km), np.inf, km)
    if not len(km):
        return []
    x, y = (np.floor(axis / SIDE).astype(np.intp) for axis in worldmap.project(lats, lons))
    order = np.lexsort((km, x, y))
    x, y, km = x[order], y[order], km[order]
    first = np.flatnonzero(np.concatenate([[True], (np.diff(x) != 0) | (np.diff(y) != 0)]))
    counts = np.diff(np.append(first, len(km)))
    median = (km[first + (counts - 1) // 2] + km[first + counts // 2]) / 2
    share = np.log(counts) / max(np.log(counts.max()), 1e-9)
    sides = np.round(SIDE * (_LEAST + (1 - _LEAST) * share), 1)
    middle = (np.column_stack([x[first], y[first]]) + 0.5) * SIDE
    return [
        MapCell(at[0], at[1], side, n, None if np.isinf(off) else off)
        for at, side, n, off in zip(middle.tolist(), sides.tolist(), counts.tolist(), median.tolist(), strict=True)
    ]


def squares(those: Sequence[MapCell]) -> str:
    """The squares of cells as the `d` of an SVG path; `map.js` writes the same."""
    return "".join(
        f"M{cell.x - cell.side / 2:g} {cell.y - cell.side / 2:g}h{cell.side:g}v{cell.side:g}h{-cell.side:g}z"
        for cell in those
    )


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


def background() -> list[Markup]:
    """Sea, grid and land."""
    land = "".join(worldmap.outline_path(country.rings) for country in worldmap.countries())
    paths = {"sea": worldmap.sphere_path(), "grid": worldmap.graticule_path(), "land": land}
    return [element("path", d=path, class_=name) for name, path in paths.items()]


def _world(description: str, lines: Markup) -> Markup:
    return element(
        "svg", *background(), lines, viewBox=_box(), id="world", tabindex="0", role="group", aria_label=description
    )


def answers(data: JoinedRuns, run: int) -> Markup:
    """The same map with all photographs and answers of one run, as the scripts draw it at first."""
    description = f"Photographs and answers of {data.runs[run].name}"
    if len(data.photographs) > MOST_SHOWN:
        return _world(description, element("g", *_squares(cells_of(data, run))))
    paths: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
    for photograph, sample in zip(data.photographs, data.answers[run], strict=True):
        if sample is None:
            continue
        km, place = sample.distance_km, sample.prediction
        colour = _class(km)
        paths["spot", colour].append(_at([photograph.lat], [photograph.lon]) + "h0")
        if place is not None and km is not None and km > 1.0:
            lines = worldmap.great_circle(photograph.lat, photograph.lon, place.lat, place.lon)
            paths["arc", colour] += [_at(line[:, 1], line[:, 0]) for line in lines]
            paths["end", colour].append(_at([place.lat], [place.lon]) + "h0")
    drawn = [
        element("path", d="".join(paths[kind, colour]), class_=classes)
        for kind in ("arc", "end", "spot")
        for colour in reversed(range(len(CLASSES)))
        if (kind, colour) in paths
        for classes in (f"{kind} d{colour}", *(["end-inside"] if kind == "end" else []))
    ]
    n_lines = sum(len(some) for (kind, _), some in paths.items() if kind == "end")
    return _world(description, element("g", *drawn, class_="many" if n_lines > _MANY else None))


def cells_of(data: JoinedRuns, run: int) -> list[MapCell]:
    """The photographs that a run has, by cells of the map."""
    there = [(p, s) for p, s in zip(data.photographs, data.answers[run], strict=True) if s is not None]
    km = [np.nan if s.distance_km is None else s.distance_km for _, s in there]
    return cells([p.lat for p, _ in there], [p.lon for p, _ in there], km)


def _squares(those: Sequence[MapCell]) -> Iterator[Markup]:
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
