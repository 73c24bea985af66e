"""Where the true places of photographs lie: the labels that a result is broken down by.

A model that knows Europe better than Africa, or metropolises better than villages, shows it in no single figure
(IMAGEO-Bench measured that bias). Labels come from the truth alone, so the same photographs make up a part whatever a
model answered, and None says that a label is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np
import numpy.typing as npt

from globe_eval.places import continent_of, country_code
from globe_eval.places.borders import countries_at
from globe_eval.places.nearest import any_within
from globe_eval.sample import By

DIMENSIONS: tuple[By, ...] = get_args(By)

AT_LEAST: dict[By, int] = {"country": 20}
"""From how many photographs a part gets figures of its own (1 where not said otherwise)."""

CITY_SIZES: dict[str, int] = {"metropolis": 1_000_001, "city": 100_000, "town": 10_000, "rural": 0}
"""Class of a true place -> the least population of the largest place within `CITY_KM`, the greatest class first."""

CITY_KM = 10.0
"""How near to the middle of a city a photograph counts as taken in it.

The nearest place alone would not do: GeoNames lists the quarters of a city as places, so that half of IM2GPS3K's
photographs from within 10 km of the middle of a metropolis (the Louvre, Times Square) would be from a town or village.
"""


def labels(
    lats: npt.ArrayLike,
    lons: npt.ArrayLike,
    countries: Sequence[str | None] | None = None,
    scenes: Sequence[str | None] | None = None,
) -> dict[By, list[str | None]]:
    """What each photograph counts to, in each of DIMENSIONS; n labels each.

    Args:
        lats, lons: (n,) degrees, where the photographs were taken.
        countries: n names of countries as the truth gives them, which win over the point; None where it gives none.
        scenes: n scenes as the truth gives them.

    `country` is an ISO alpha-2 code (XK for Kosovo), at a disputed point the first of its codes in alphabetical order;
    `continent` is the country's, after GeoNames (Russia is EU).

    >>> found = labels([48.8606, -21.26, 0.0], [2.3376, 55.30, -30.0], scenes=["urban", "natural", None])
    >>> found["continent"], found["country"]
    (['EU', 'AF', None], ['FR', 'RE', None])
    >>> found["city_size"], found["scene"]
    (['metropolis', 'town', 'rural'], ['urban', 'natural', None])
    """
    at_point = countries_at(lats, lons)
    named = [country_code(name) if name else None for name in countries or [None] * len(at_point)]
    codes = [name or min(codes, default=None) for name, codes in zip(named, at_point, strict=True)]
    return {
        "continent": [continent_of(code) for code in codes],
        "country": codes,
        "scene": list(scenes or [None] * len(codes)),
        "city_size": list(city_sizes(lats, lons)),
    }


def city_sizes(lats: npt.ArrayLike, lons: npt.ArrayLike) -> list[str]:
    """The class of CITY_SIZES that each point lies in, by the population of the largest place within 10 km; n classes.

    Places whose population GeoNames does not know do not count.

    >>> city_sizes([51.5142, 70.0], [-0.0931, -40.0])
    ['metropolis', 'rural']
    """
    lat, lon = np.asarray(lats, dtype=np.float64), np.asarray(lons, dtype=np.float64)
    classes = np.full(len(lat), "rural", dtype=object)
    left = np.arange(len(lat))
    for name, least in CITY_SIZES.items():
        near = any_within(lat[left], lon[left], CITY_KM, least) if least else np.zeros(len(left), np.bool_)
        classes[left[near]] = name
        left = left[~near]
    return classes.tolist()


def parts(labels: Sequence[str | None], *, at_least: int = 1) -> dict[str, npt.NDArray[np.intp]]:
    """Label -> which photographs have it, for labels that at least `at_least` have; greatest city size, then by name.

    >>> {label: rows.tolist() for label, rows in parts(["EU", None, "AF", "EU"]).items()}
    {'AF': [2], 'EU': [0, 3]}
    """
    members: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        if label is not None:
            members.setdefault(label, []).append(row)
    order = list(CITY_SIZES)
    ranked = sorted(members, key=lambda label: (order.index(label) if label in order else -1, label))
    return {label: np.array(members[label], dtype=np.intp) for label in ranked if len(members[label]) >= at_least}
