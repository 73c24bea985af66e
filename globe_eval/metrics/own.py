"""Metrics that a benchmark brings itself: functions of what is known of one photograph."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from globe_eval.errors import InputError


@dataclass(frozen=True, slots=True)
class OwnMetric:
    """A metric of a benchmark's own, averaged over the photographs for which it has a value.

    `of` takes a dict with the keys of a line of samples.jsonl: id, status, truth, answer (None: never heard),
    prediction (None: no usable answer), distance_km and response. It returns a number, or None for no value.
    """

    name: str
    of: Callable[[Mapping[str, Any]], float | None]
    higher_is_better: bool


def own_values(metrics: Sequence[OwnMetric], sample: Mapping[str, Any]) -> dict[str, float | None]:
    """Each metric's value for one photograph; NaN is no value. Raises InputError where one fails or gives no number.

    >>> own_values([OwnMetric("far", lambda sample: sample["distance_km"] > 100, False)], {"id": "a", "distance_km": 3})
    {'far': 0.0}
    """
    return {metric.name: _value(metric, sample) for metric in metrics}


def _value(metric: OwnMetric, sample: Mapping[str, Any]) -> float | None:
    where = f"metric {metric.name!r}, photograph {sample['id']!r}"
    try:
        value = metric.of(sample)
    except Exception as error:  # whatever a user's function raises
        raise InputError(f"{where}: {type(error).__name__}: {error}") from error
    try:
        number = None if value is None else float(value)
    except (TypeError, ValueError):
        raise InputError(f"{where}: returned {value!r}; allowed: a number, or None for no value") from None
    return None if number is None or math.isnan(number) else number
