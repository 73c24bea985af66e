"""The two maps of a report as SVG: the world that lines are drawn on, and the countries by their accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from markupsafe import Markup

from globe_eval.reports.page import worldmap
from globe_eval.reports.page.loaded import Photograph, country_name
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

_SMALL = 5.0


def world(description: str) -> Markup:
    """The map that the scripts draw truth, answers and great circles on."""
    land = "".join(worldmap.outline_path(country.rings) for country in worldmap.countries())
    return element(
        "svg",
        element("path", d=worldmap.sphere_path(), class_="sea"),
        element("path", d=worldmap.graticule_path(), class_="grid"),
        element("path", d=land, class_="land"),
        element("g", id="world-lines"),
        viewBox=_box(),
        id="world",
        tabindex="0",
        role="group",
        aria_label=description,
    )


def by_country(photographs: Sequence[Photograph], codes: Iterable[str]) -> Markup:
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
    for code in codes:
        if code in outlines:
            continue
        there = [p for p in photographs if p.country == code]
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
