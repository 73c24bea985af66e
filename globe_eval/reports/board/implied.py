"""The interval of a published figure: what its n and the clustering of its benchmark imply, for want of samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from globe_eval.metrics import statistics
from globe_eval.metrics.accuracy import THRESHOLDS_KM, acc_name
from globe_eval.reports.board.submission import Submission
from globe_eval.sample import Figure


def design_effects(submissions: Sequence[Submission]) -> dict[str, float]:
    """Accuracy -> how many times the variance of independent photographs it has, for the runs of one benchmark.

    The median over runs of other models than the floors (over these where there is none else), each counted once
    however often it is there under another answer form. Empty where no run has more than one photograph a group.
    """
    found: dict[str, list[float]] = {}
    real = [one for one in submissions if not one.is_floor] or list(submissions)
    for one in real:
        for km in THRESHOLDS_KM.values():
            figure = one.results.metrics[acc_name(km)]
            if (effect := design_effect(figure)) is not None:
                found.setdefault(acc_name(km), []).append(effect)
    return {name: median(effects) for name, effects in found.items()}


def design_effect(figure: Figure) -> float | None:
    """Width of an accuracy's interval, squared, over that of as many independent photographs; None without clusters.

    >>> round(design_effect(Figure(value=0.28, low=0.243, high=0.319, n=2997, n_groups=198)), 1)
    5.6
    """
    if figure.value is None or figure.low is None or figure.high is None or not 0 < figure.value < 1:
        return None
    if not 1 < figure.n_groups < figure.n:
        return None
    independent = 2 * statistics.Z * math.sqrt(figure.value * (1 - figure.value) / figure.n)
    return max(1.0, ((figure.high - figure.low) / independent) ** 2)
