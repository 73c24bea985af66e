"""Several answers to each photograph: mean and spread between seeds, pass@k, majority and medoid. Functions of arrays.

Everywhere `distance_km` has shape (n, N): N answers to each of n photographs, in km from the truth, NaN where there is
no usable answer. A missing answer is a miss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from math import comb

import numpy as np
import numpy.typing as npt

from globe_eval.metrics.accuracy import within
from globe_eval.metrics.intervals import mean_interval
from globe_eval.places.distance import geodesic_km

Floats = npt.NDArray[np.float64]


def between_seeds(distance_km: npt.ArrayLike, threshold_km: float) -> tuple[float, float]:
    """Mean of the N accuracies, and their standard deviation (N - 1; NaN for one seed): how much the seed alone moves.

    >>> between_seeds([[0.0, 9.0], [0.0, 0.0]], 1.0)
    (0.75, 0.3535533905932738)
    """
    of_seed = within(distance_km, threshold_km).mean(axis=0)
    return float(of_seed.mean()), float(of_seed.std(ddof=1)) if len(of_seed) > 1 else float("nan")


def pass_at(distance_km: npt.ArrayLike, threshold_km: float, k: int) -> float:
    """The share of photographs that one of k answers locates, whichever they are (Chen et al. 2021).

    The mean of 1 - C(N - c, k) / C(N, k), where c of a photograph's N answers lie within the threshold; 1 <= k <= N.

    >>> pass_at([[0.0, 9.0, 9.0, 9.0], [9.0, 9.0, 9.0, 9.0]], 1.0, 2)
    0.25
    """
    hits = within(distance_km, threshold_km)
    n_answers = hits.shape[1]
    missed = [comb(n_answers - int(count), k) / comb(n_answers, k) for count in hits.sum(axis=1)]
    return float(1 - np.mean(missed))


def both_sources(distance_km: npt.ArrayLike, threshold_km: float, groups: npt.ArrayLike) -> tuple[float, float]:
    """95 % interval of the mean accuracy, by group: photographs' shares differ by photograph, and by answer.

    NaN where there are fewer than two groups.
    """
    return mean_interval(within(distance_km, threshold_km).mean(axis=1), groups)


def majority(places: Sequence[Sequence[Hashable | None]]) -> list[int | None]:
    """Of each photograph the first answer that says the most frequent place; None where no answer says any.

    >>> majority([["Paris", "Rome", "Rome"], [None, "Oslo", None], [None, None, None]])
    [1, 1, None]
    """
    chosen: list[int | None] = []
    for answers in places:
        counts = Counter(place for place in answers if place is not None)
        chosen.append(answers.index(counts.most_common(1)[0][0]) if counts else None)
    return chosen


def medoid(lats: npt.ArrayLike, lons: npt.ArrayLike) -> list[int | None]:
    """Of each photograph the answer whose distances to its other answers are the least in all; None where none has one.

    Degrees, shape (n, N), NaN where there is no usable answer. The first of several equal ones.

    >>> medoid([[0.0, 1.0, 50.0], [np.nan, np.nan, np.nan]], [[0.0, 0.0, 0.0], [np.nan, np.nan, np.nan]])
    [1, None]
    """
    lat, lon = np.asarray(lats, dtype=np.float64), np.asarray(lons, dtype=np.float64)
    n, n_answers = lat.shape
    apart = geodesic_km(
        *(np.repeat(column, n_answers, axis=1).ravel() for column in (lat, lon)),
        *(np.tile(column, (1, n_answers)).ravel() for column in (lat, lon)),
    ).reshape(n, n_answers, n_answers)
    total = np.where(np.isnan(lat), np.inf, np.nansum(apart, axis=2))
    return [None if np.isinf(row).all() else int(row.argmin()) for row in total]


def of_chosen(distance_km: npt.ArrayLike, chosen: Sequence[int | None]) -> Floats:
    """The distance of the answer that was chosen of each photograph, NaN where none was; shape (n,)."""
    distance = np.asarray(distance_km, dtype=np.float64)
    return np.array([np.nan if at is None else row[at] for row, at in zip(distance, chosen, strict=True)])
