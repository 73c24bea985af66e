"""Ceilings: the best accuracies that answers of a form can reach on a benchmark with this gazetteer.

An answer of names ends at a gazetteer point, never at the photograph, and its text may mean another place of that
name. Two figures say what that costs:

- `ceiling`: each answer names the populated place nearest to the photograph, as "city, country" (form `names`) or as
  "city, admin-1, country" (form `address`), and scores where the resolver finds that text. Places whose text it reads
  as a region or a country are passed over. That is the figure published for "city, country" answers: knowing exactly
  where every photograph was taken, and saying so.
- `attainable`: each answer names whichever place, landmark or region lies best once its text is resolved, and
  another town where the nearest one has a greater namesake. That takes knowing the gazetteer.

On IM2GPS3K as "city, country" they are 38.3 / 89.7 / 94.1 / 95.8 / 98.6 and 41.9 / 96.7 / 100 / 100 / 100 %; the
nearest gazetteer point, which no name can beat in any language, would score 43.0 / 97.0 / 100 / 100 / 100 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from globe_eval.metrics.accuracy import THRESHOLDS_KM, acc_name, within
from globe_eval.places import gazetteer, haversine_km, resolve
from globe_eval.places.distance import DISTANCES
from globe_eval.places.nearest import chord_km, closest
from globe_eval.sample import ANSWER_FORMS, AnswerForm, DistanceModel

Floats = npt.NDArray[np.float64]

NEAR = (8, 64, 512)
"""How many places around a photograph are tried: the next number only where the one before did not settle it."""
WORTH_ALL_ROWS = 1_000
"""Photographs from which on a look at all rows, regions and countries included, saves more than it takes."""
_AT_ONCE = 4_096
"""Points, whose arrays of up to 512 places each are small then."""


class Ceilings(NamedTuple):
    """Accuracies (0 to 1), `acc@1km` … `acc@2500km`, of the two kinds of answers; NaN where there is no photograph."""

    ceiling: dict[str, float]
    attainable: dict[str, float]


def ceilings(
    lats: npt.ArrayLike,
    lons: npt.ArrayLike,
    form: AnswerForm,
    *,
    distance: DistanceModel = "geodesic",
    thresholds_km: Sequence[float] = (),
) -> Ceilings:
    """Accuracies of answers that name the nearest populated place, and of those that name the best place.

    The photographs were taken at (n,) degrees; answers of coordinates reach all of them. `thresholds_km` are the
    benchmark's own, besides the five that all have.

    >>> [accuracies["acc@1km"] for accuracies in ceilings([48.8584], [2.2945], "names")]
    [0.0, 1.0]
    """
    thresholds = sorted({*THRESHOLDS_KM.values(), *thresholds_km})
    points = np.column_stack([np.asarray(lats, dtype=np.float64), np.asarray(lons, dtype=np.float64)])
    if form in ("coordinates", "any") or not len(points):
        reached = dict.fromkeys(map(acc_name, thresholds), 1.0 if len(points) else float("nan"))
        return Ceilings(reached, {**reached})
    distinct, photographs = np.unique(points, axis=0, return_counts=True)
    all_rows = len(distinct) >= WORTH_ALL_ROWS
    starts = range(0, len(distinct), _AT_ONCE)
    parts = [_answers(distinct[start : start + _AT_ONCE], form, all_rows) for start in starts]

    def accuracies(answers: Floats) -> dict[str, float]:
        off = DISTANCES[distance](*distinct.T, *answers.T)
        return {acc_name(km): float(np.average(within(off, km), weights=photographs)) for km in thresholds}

    return Ceilings(*(accuracies(np.concatenate(answers)) for answers in zip(*parts, strict=True)))


def of_every_form(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Answer form -> "ceiling" and "attainable" of the photographs of a manifest; empty where there is none."""
    lats, lons = [row["lat"] for row in rows], [row["lon"] for row in rows]
    return {form: ceilings(lats, lons, form)._asdict() for form in ANSWER_FORMS if rows and form != "any"}


def _answers(points: Floats, form: AnswerForm, all_rows: bool = False) -> tuple[Floats, Floats]:
    """The points of the answer that names the nearest city, and of the best answer; each (n, 2), degrees.

    `all_rows`: look at all rows of the gazetteer first, which settles most points with one text each.
    """
    named, best = np.full_like(points, np.nan), np.full_like(points, np.nan)
    if all_rows:
        named[:] = best[:] = _at_nearest(points, form)
    unsettled = np.flatnonzero(np.isnan(best[:, 0]))
    for near in NEAR:
        if not len(unsettled):
            break
        lat, lon = points[unsettled].T
        chord, rows = closest(lat, lon, gazetteer.REGION, near)
        candidates, which = np.unique(rows, return_inverse=True)
        resolved = np.array([_resolved(int(row), form) for row in candidates])[which.reshape(rows.shape)]
        off = haversine_km(lat[:, None], lon[:, None], resolved[..., 0], resolved[..., 1])
        nearest = np.argmin(np.where(np.isnan(off), np.inf, off), axis=1)
        first = np.argmax(resolved[..., 2], axis=1)
        each = np.arange(len(unsettled))
        best[unsettled] = resolved[each, nearest, :2]
        named[unsettled] = np.where(resolved[each, first, 2:] == 1, resolved[each, first, :2], np.nan)
        # Farther places than the last one tried can only lead back here through a homonym.
        searched = chord_km(chord[:, -1])
        unsettled = unsettled[(resolved[..., 2].max(axis=1) == 0) | ~(off[each, nearest] <= searched)]
    return named, best


def _at_nearest(points: Floats, form: AnswerForm) -> Floats:
    """The point of both answers, (n, 2) in degrees, wherever one text decides both; else NaN.

    That is where no row of the gazetteer, to which every text leads, is nearer than a city whose text leads to itself.
    """
    lat, lon = points.T
    chord, rows = (found[:, 0] for found in closest(lat, lon, gazetteer.REGION))
    least = closest(lat, lon, gazetteer.COUNTRY)[0][:, 0]
    candidates, which = np.unique(rows, return_inverse=True)
    positions = np.array([gazetteer.load().position(int(row)) for row in candidates])
    resolved = np.array([_resolved(int(row), form) for row in candidates])
    itself = (resolved[:, :2] == positions).all(axis=1) & (resolved[:, 2] == 1)
    return np.where((itself[which] & (chord <= least))[:, None], positions[which], np.nan)


@cache
def _resolved(row: int, form: AnswerForm) -> tuple[float, float, bool]:
    """The point (degrees, NaN: none) to which the text of a place resolves, and whether it resolves as a city."""
    gaz = gazetteer.load()
    region = gaz.admin1[row]
    admin = gaz.name(region) if form == "address" and gaz.kind[region] == gazetteer.ADMIN1 else None
    place = resolve(gaz.name(row), gaz.name(gaz.country[row]), admin)
    if place is None:
        return float("nan"), float("nan"), False
    return place.lat, place.lon, place.level == "city" and gaz.kind[row] >= gazetteer.CITY
