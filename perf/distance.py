"""Pairs a second: this project's distances against the definition (geographiclib) and scikit-learn's haversine.

Run: `python perf/distance.py`. scikit-learn takes no pairs, only all against all, so its figure is a square's.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from geographiclib.geodesic import Geodesic
from numpy.typing import NDArray
from sklearn.metrics.pairwise import haversine_distances

from globe_eval.places.distance import geodesic_km, haversine_km

Pairs = NDArray[np.float64]


def by_geographiclib(pairs: Pairs) -> None:
    for pair in pairs.tolist():
        Geodesic.WGS84.Inverse(*pair, Geodesic.DISTANCE)


def by_sklearn(pairs: Pairs) -> None:
    radians = np.radians(pairs)
    side = int(len(pairs) ** 0.5)
    haversine_distances(radians[:side, :2], radians[:side, 2:])


def pairs_a_second(measure: Callable[[Pairs], object], pairs: Pairs, repeats: int = 5) -> float:
    measure(pairs[:10])
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        measure(pairs)
        seconds.append(time.perf_counter() - start)
    return len(pairs) / min(seconds)


def main() -> None:
    rng = np.random.default_rng(0)
    n = 200_000
    pairs = np.degrees(np.arcsin(rng.uniform(-1, 1, (n, 4))))
    pairs[:, 1::2] = rng.uniform(-180, 180, (n, 2))
    measures: list[tuple[str, Callable[[Pairs], object], int]] = [
        ("geodesic_km", lambda p: geodesic_km(*p.T), n),
        ("haversine_km", lambda p: haversine_km(*p.T), n),
        ("geographiclib", by_geographiclib, 5_000),
        ("scikit-learn haversine", by_sklearn, n),
    ]
    for name, measure, size in measures:
        print(f"{name:24s} {pairs_a_second(measure, pairs[:size]):>14,.0f} pairs/s")


if __name__ == "__main__":
    main()
