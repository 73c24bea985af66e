"""The curves of a report as arrays: distribution of distances, reliability of stated confidences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from globe_eval.metrics.intervals import wilson

Floats = npt.NDArray[np.float64]

NEAREST_KM, FARTHEST_KM = 0.1, 20_037.6
"""The ends of the logarithmic axis of distances: from a hundred metres to the other side of the Earth."""

BINS_PER_DECADE = 6


@dataclass(frozen=True, slots=True)
class Bin:
    """Photographs whose confidence lies within one tenth: how many, their mean confidence and the share located.

    `low` and `high` are the 95 % Wilson interval of the share.
    """

    n: int
    confidence: float
    located: float
    low: float
    high: float


def distance_grid() -> Floats:
    """Where the cumulative curve is drawn: logarithmic, 40 points a decade, the thresholds of accuracy among them."""
    n = round(40 * np.log10(FARTHEST_KM / NEAREST_KM)) + 1
    return np.union1d(np.geomspace(NEAREST_KM, FARTHEST_KM, n), [1.0, 25.0, 200.0, 750.0, 2500.0])


def cumulative(distance_km: npt.ArrayLike, at_km: npt.ArrayLike) -> Floats:
    """The share of all photographs that lie within each of `at_km`; a missing distance (NaN) is never within.

    At the thresholds this is the accuracy, so the curve ends below 1 where answers are missing. Shape of `at_km`.

    >>> cumulative([0.5, 30.0, float("nan"), 30.0], [1.0, 30.0, 2500.0]).tolist()
    [0.25, 0.75, 0.75]
    """
    distance = np.asarray(distance_km, dtype=np.float64)
    known = np.sort(distance[np.isfinite(distance)])
    return np.searchsorted(known, np.asarray(at_km, np.float64), side="right") / max(1, len(distance))


def histogram(distance_km: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Edges (m + 1,) in km, six bins a decade, and the share of all photographs in each bin (m,).

    The first bin holds everything nearer than its upper edge.

    >>> edges, share = histogram([0.0, 3.0, float("nan"), 20_000.0])
    >>> len(edges) - len(share), float(share.sum()), float(share[0]), float(share[-1])
    (1, 0.75, 0.25, 0.25)
    """
    distance = np.asarray(distance_km, dtype=np.float64)
    known = np.clip(distance[np.isfinite(distance)], NEAREST_KM, FARTHEST_KM)
    n = round(BINS_PER_DECADE * np.log10(FARTHEST_KM / NEAREST_KM))
    edges = np.geomspace(NEAREST_KM, FARTHEST_KM, n + 1)
    edges[0], edges[-1] = NEAREST_KM, FARTHEST_KM  # to the last bit, or the farthest answer falls out
    return edges, np.histogram(known, edges)[0] / max(1, len(distance))


def reliability(confidence: npt.ArrayLike, located: npt.ArrayLike, n_bins: int = 10) -> list[Bin]:
    """Confidences in equal bins over [0, 1], with the share located in each; empty bins are left out.

    A confidence on an edge belongs to the bin above it, 1 to the last. Pairs with a NaN are left out.

    >>> [(b.n, round(b.confidence, 2), b.located) for b in reliability([0.95, 0.91, 0.2, float("nan")], [1, 0, 0, 1])]
    [(1, 0.2, 0.0), (2, 0.93, 0.5)]
    """
    p, y = np.asarray(confidence, np.float64), np.asarray(located, np.float64)
    here = ~(np.isnan(p) | np.isnan(y))
    p, y = p[here], y[here]
    which = np.minimum(np.floor(p * n_bins + 1e-9).astype(np.intp), n_bins - 1)
    bins = []
    for k in np.unique(which):
        inside = which == k
        n, share = int(inside.sum()), float(y[inside].mean())
        bins.append(Bin(n, float(p[inside].mean()), share, *wilson(share, n)))
    return bins
