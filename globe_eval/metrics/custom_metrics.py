"""What a benchmark measures besides the metrics that all have: thresholds and functions of its own, as its YAML says.

thresholds_km: [0.5, 10]
metrics:
  - {metric: within_the_walls, function: !function my_city.within_the_walls, higher_is_better: true}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from globe_eval import lazy_re as re
from globe_eval.errors import InputError, nearest
from globe_eval.metrics.catalogue import METRICS

KEYS = ("thresholds_km", "metrics")
METRIC_KEYS = ("metric", "function", "higher_is_better")


@dataclass(frozen=True, slots=True)
class OwnMetric:
    """A metric of a benchmark's own, averaged over the photographs for which it has a value.

    `of` takes a dict with the keys of a line of samples.jsonl: id, status, truth, answer (None: no response),
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


def thresholds_km(values: Mapping[str, Any]) -> tuple[float, ...]:
    """The thresholds of a YAML's values, in km. Raises InputError for what is no distance."""
    _refuse(values)
    return tuple(float(km) for km in values.get("thresholds_km") or ())


def own_metrics(values: Mapping[str, Any]) -> tuple[OwnMetric, ...]:
    """The metric functions of a YAML's values. Raises InputError for an entry that cannot be computed or compared."""
    _refuse(values)
    return tuple(
        OwnMetric(entry["metric"], entry["function"], entry["higher_is_better"])
        for entry in values.get("metrics") or ()
    )


def problems(values: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with these two keys: the path of the key, and a sentence. Functions may stand there as their text.

    >>> [message for _, message in problems({"thresholds_km": [0.5, -1]})]
    ['thresholds_km: found -1; allowed: distances above 0, in km']
    """
    thresholds = values.get("thresholds_km") or []
    if not isinstance(thresholds, list | tuple):
        yield ("thresholds_km",), f"thresholds_km: found {thresholds!r}; allowed: a list, as [0.5, 10]"
        thresholds = []
    for index, km in enumerate(thresholds):
        if isinstance(km, bool) or not isinstance(km, int | float) or not 0 < km < math.inf:
            yield ("thresholds_km", str(index)), f"thresholds_km: found {km!r}; allowed: distances above 0, in km"
    entries = values.get("metrics") or []
    if not isinstance(entries, list | tuple):
        yield ("metrics",), f"metrics: found {entries!r}; allowed: a list of {{{', '.join(METRIC_KEYS)}}}"
        entries = []
    taken = [metric.name for metric in METRICS]
    for index, entry in enumerate(entries):
        at = ("metrics", str(index))
        if not isinstance(entry, Mapping):
            yield at, f"metrics: found {entry!r}; allowed: a mapping of {', '.join(METRIC_KEYS)}"
            continue
        name = entry.get("metric")
        for key in entry:
            if key not in METRIC_KEYS:
                yield (*at, str(key)), f"metrics: unknown key {key!r}{nearest(str(key), METRIC_KEYS)}"
        for key in METRIC_KEYS:
            if key not in entry:
                yield at, f"metrics: {name!r} has no {key!r}"
        if "metric" in entry and not re.fullmatch(r"[A-Za-z]\w*", str(name)):
            yield (*at, "metric"), f"metrics: found {name!r}; a metric has a name of letters, digits and '_'"
        elif name in taken:
            yield (*at, "metric"), f"metrics: {name!r} is there already; choose another name"
        taken.append(str(name))
        if "higher_is_better" in entry and not isinstance(entry["higher_is_better"], bool):
            found = entry["higher_is_better"]
            yield (*at, "higher_is_better"), f"metrics: higher_is_better: found {found!r}; allowed: true or false"
        function = entry.get("function")
        if "function" in entry and not callable(function) and not str(function).startswith("!function "):
            yield (*at, "function"), f"metrics: function: found {function!r}; allowed: !function module.name"


def _refuse(values: Mapping[str, Any]) -> None:
    for _, message in problems(values):
        raise InputError(f"task {values.get('task')!r}: {message}")
