"""Many photographs on a map, by cells: how many were taken in each, and how far off the answers there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from globe_eval.reports.page import worldmap

SIDE = 6.0
"""Of a cell, in units of the map."""

SIDE_KM = round(SIDE * worldmap.KM_A_UNIT, -1)

_LEAST = 0.3
"""How large the square of a single photograph is, as a share of the cell."""


class Cell(NamedTuple):
    """The middle of a cell and the side of its square, in units of the map; n photographs, their median distance."""

    x: float
    y: float
    side: float
    n: int
    km: float | None
    """None where half of the answers and more have no place."""


def cells(lats: npt.ArrayLike, lons: npt.ArrayLike, distances_km: npt.ArrayLike) -> list[Cell]:
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
        Cell(at[0], at[1], side, n, None if np.isinf(off) else off)
        for at, side, n, off in zip(middle.tolist(), sides.tolist(), counts.tolist(), median.tolist(), strict=True)
    ]


def squares(those: Sequence[Cell]) -> str:
    """The squares of cells as the `d` of an SVG path; `map.js` writes the same."""
    return "".join(
        f"M{cell.x - cell.side / 2:g} {cell.y - cell.side / 2:g}h{cell.side:g}v{cell.side:g}h{-cell.side:g}z"
        for cell in those
    )
