"""Distance to score: accuracy at the five thresholds, GeoScore, median and mean.

Everywhere `distance_km` is an array of shape (n,), kilometres from the prediction to the truth, one entry for each
photograph of the manifest. NaN or infinity says that there is no usable answer, and that is a miss: it stays in the
denominator. The value over usable answers alone is the same function of `valid_only(distance_km)`.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

THRESHOLDS_KM: dict[str, float] = {
    "street": 1.0,
    "city": 25.0,
    "region": 200.0,
    "country": 750.0,
    "continent": 2500.0,
}
"""Name of a level -> radius in km (Vo, Jacobs & Hays, "Revisiting IM2GPS in the Deep Learning Era", 2017)."""

GEOSCORE_SCALE_KM = 1492.7
GEOSCORE_BEST = 5000.0


def within(distance_km: npt.ArrayLike, threshold_km: float) -> npt.NDArray[np.bool_]:
    """Whether each prediction lies at most `threshold_km` from the truth; missing is a miss. Shape (n,), bool.

    The bound is inclusive, as in the code that defined IM2GPS3K and YFCC4K.

    >>> within([0.5, 25.0, 25.1, float("nan"), float("inf")], 25).tolist()
    [True, True, False, False, False]
    """
    distance = np.asarray(distance_km, dtype=np.float64)
    return np.isfinite(distance) & (distance <= threshold_km)


def acc_name(threshold_km: float) -> str:
    """The name of the accuracy at a threshold, as tables and result files write it.

    >>> acc_name(25.0), acc_name(0.5)
    ('acc@25km', 'acc@0.5km')
    """
    return f"acc@{threshold_km:.10g}km"


def geoscore(distance_km: npt.ArrayLike) -> Floats:
    """GeoScore of each photograph, 5000·exp(-d / 1492.7 km): 0 to 5000, higher is better, missing scores 0. Shape (n,).

    The score of the game GeoGuessr on its world map, as fitted by PIGEON (Haas et al., CVPR 2024, arXiv 2307.05845)
    and used unrounded by OpenStreetView-5M (Astruc et al., CVPR 2024). PIGEON's own code rounds each to an integer.

    >>> geoscore([0.0, 1492.7, float("nan")]).round(3).tolist()
    [5000.0, 1839.397, 0.0]
    """
    return GEOSCORE_BEST * np.exp(-_missing_is_infinite(distance_km) / GEOSCORE_SCALE_KM)


def median_km(distance_km: npt.ArrayLike) -> float:
    """Median distance in km, lower is better, a missing answer being infinitely far. NaN when there is no photograph.

    Infinite when half or more of the answers are missing: with an even number it is the mean of the two middle
    distances, and infinite when either is.

    >>> median_km([3.0, float("nan"), 1.0]), median_km([3.0, float("nan"), 1.0, 2.0]), median_km([1.0, float("nan")])
    (3.0, 2.5, inf)
    """
    distance = np.sort(_missing_is_infinite(distance_km))
    n = len(distance)
    return float(distance[(n - 1) // 2] + distance[n // 2]) / 2 if n else float("nan")


def mean_km(distance_km: npt.ArrayLike) -> float:
    """Mean distance in km, lower is better; infinite when any answer is missing. NaN when there is no photograph.

    The sum is exact, so the order of the photographs does not matter.
    Infinity is the only honest value: any finite stand-in for "nowhere" would set the result. With missing answers
    look at the median, or at the mean of `valid_only` beside the rate of usable answers.

    >>> mean_km([1.0, 3.0]), mean_km([1.0, float("nan")]), mean_km(valid_only([1.0, float("nan")]))
    (2.0, inf, 1.0)
    """
    distance = _missing_is_infinite(distance_km)
    return math.fsum(distance) / len(distance) if len(distance) else float("nan")


def valid_only(distance_km: npt.ArrayLike) -> Floats:
    """The distances of the usable answers alone, shape (m,) with m <= n.

    What is computed from these must be marked as such: dropping the missing moves 25 km accuracy by up to 29 points
    and reverses rankings.

    >>> valid_only([1.0, float("nan"), float("inf"), 0.0]).tolist()
    [1.0, 0.0]
    """
    distance = np.asarray(distance_km, dtype=np.float64)
    return distance[np.isfinite(distance)]


def _missing_is_infinite(distance_km: npt.ArrayLike) -> Floats:
    distance = np.asarray(distance_km, dtype=np.float64)
    return np.where(np.isnan(distance), np.inf, distance)
