"""`globe-eval compare`: runs on the same photographs, each against the first, photograph by photograph. The numbers.

What is compared twice: over all photographs, where a missing answer is a miss, and without the missing, because leaving
them out reverses rankings. "Valid only" has two readings, which are both given: each run over its own located
photographs, as papers print it, and both over the photographs that both located.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from globe_eval import scoring
from globe_eval.errors import InputError
from globe_eval.metrics.accuracy import median_km, valid_only
from globe_eval.metrics.breakdowns import By, labels, parts
from globe_eval.metrics.paired import Paired, differences_of_own_means, holm, paired_differences
from globe_eval.metrics.statistics import cluster_labels
from globe_eval.runs import record

Floats = npt.NDArray[np.float64]
Values = dict[str, Floats]

BY: tuple[By, ...] = ("continent", "scene", "city_size")
AT_LEAST = 10
"""From how many photographs a part of a breakdown is compared on its own."""
MOST = 26
"""Runs at once: each has a letter."""
MEDIANS = ("median_km",)
OF_THE_POINT = ("acc@", "geoscore", "median_km", "mean_km", "country_acc", "city_acc", "globe_country", "globe_city")
"""How the names of metrics begin in which an answer that was not located counts as a miss."""
NOT_A_SETTING = frozenset(
    {"started", "duration_seconds", "usage", "n", "n_groups", "complete", "status", "metrics", "valid_only", "clean"}
    | {"accuracy_by_distance", "ceiling", "attainable", "breakdowns", "schema_version", "own_directions", "reasoning"}
)
"""Fields of a result that tell what came out, or when; all others are settings."""


@dataclass(frozen=True)
class Run:
    """A run as it is compared: its photographs by id, and each metric's value for each of them."""

    folder: Path
    results: record.Results
    samples: list[record.Sample]
    values: Values
    """Metric -> (n,) values in the order of `samples`, NaN where a photograph has none or is infinitely far."""

    @property
    def located(self) -> npt.NDArray[np.bool_]:
        """Whether each photograph has a usable answer, shape (n,)."""
        return np.array([sample.status in scoring.LOCATED for sample in self.samples], dtype=np.bool_)

    @property
    def directions(self) -> dict[str, bool]:
        """Metric -> whether more is better."""
        return {metric.name: metric.higher_is_better for metric in _metrics(self.results)}


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of two runs over the same photographs: the values of A and B, and B - A with its interval.

    `wins` counts the photographs on which B is better, `losses` those on which A is.
    """

    a: float
    b: float
    difference: Paired
    higher_is_better: bool
    wins: int
    losses: int

    @property
    def order(self) -> int:
        """1 where B's value is better, -1 where A's is, 0 where they are equal or unknown."""
        return _order(self.b, self.a, self.higher_is_better)


@dataclass(frozen=True, slots=True)
class Part:
    """The photographs with one label."""

    n: int
    n_groups: int
    rows: dict[str, Row]


@dataclass(frozen=True, slots=True)
class Flip:
    """A photograph that one run has within a distance and the other has not; None is no usable answer."""

    id: str
    better: str
    """"a" or "b"."""
    distance_a_km: float | None
    distance_b_km: float | None
    answer_a: str
    answer_b: str
    country: str | None


@dataclass(frozen=True)
class Comparison:
    """B against A."""

    a: Run
    b: Run
    n: int
    n_groups: int
    rows: dict[str, Row]
    """Over all photographs; a missing answer is a miss."""
    own: dict[str, Row]
    """Each over the photographs that it located; wins and losses are those of `both`."""
    both: dict[str, Row]
    """Over the photographs that both located."""
    n_located: tuple[int, int, int]
    """By A, by B, by both."""
    breakdowns: dict[By, dict[str, Part]]
    settings: dict[str, tuple[Any, Any]]
    """What differs, A's and B's."""

    @property
    def disputed(self) -> list[str]:
        """Metrics in which the order of the two depends on whether missing answers count."""
        return [name for name, row in self.rows.items() if name in self.own and row.order * self.own[name].order < 0]

    def flips(self, km: float) -> list[Flip]:
        """The photographs that one has within `km` and the other has not, by id; those that only B has come first."""
        found = []
        for one, other in zip(self.a.samples, self.b.samples, strict=True):
            has_a, has_b = (s.distance_km is not None and s.distance_km <= km for s in (one, other))
            if has_a != has_b:
                better = "b" if has_b else "a"
                distances = one.distance_km, other.distance_km
                found.append(Flip(one.id, better, *distances, said(one), said(other), one.truth.country))
        return sorted(found, key=lambda flip: (flip.better != "b", flip.id))


def compare(folders: Sequence[Path], *, seed: int = 0) -> list[Comparison]:
    """Each later run against the first. Raises InputError for what is no run, and for runs that cannot be compared."""
    if not 2 <= len(folders) <= MOST:
        raise InputError(f"compare: found {len(folders)} runs; allowed: 2 to {MOST}")
    reference, *others = [read_run(folder) for folder in folders]
    for other in others:
        refuse_incomparable(reference, other)
    return [_compared(reference, other, seed) for other in others]


def read_run(folder: Path) -> Run:
    """A run's samples, sorted by id, with the value of each metric. Raises InputError for what is no run."""
    results = record.read_results(folder)
    samples = sorted(record.each_sample(folder), key=lambda sample: sample.id)
    if not samples:
        raise InputError(f"{folder / 'samples.jsonl'}: holds no photograph")
    for one, following in pairwise(samples):
        if one.id == following.id:
            raise InputError(f"{folder / 'samples.jsonl'}: photograph {one.id!r} stands there twice")
    return Run(folder, results, samples, _values(results, samples))


def refuse_incomparable(a: Run, b: Run) -> None:
    """Raise InputError where two runs are not of the same photographs, truths and distance."""
    ids_a, ids_b = ([sample.id for sample in run.samples] for run in (a, b))
    if ids_a != ids_b:
        only_a, only_b = sorted(set(ids_a) - set(ids_b)), sorted(set(ids_b) - set(ids_a))
        first, where = (only_a[0], a.folder) if only_a else (only_b[0], b.folder)
        raise InputError(
            f"{a.folder} and {b.folder} are not of the same photographs: {len(ids_a):,} and {len(ids_b):,}, "
            f"{len(ids_a) - len(only_a):,} of them in both; only {where} has {first!r}"
        )
    for one, other in zip(a.samples, b.samples, strict=True):
        if (one.truth.lat, one.truth.lon) != (other.truth.lat, other.truth.lon):
            raise InputError(
                f"{a.folder} and {b.folder} have different truths: photograph {one.id!r} lies at "
                f"{one.truth.lat}, {one.truth.lon} and at {other.truth.lat}, {other.truth.lon}"
            )
    if a.results.distance != b.results.distance:
        raise InputError(
            f"{a.folder} has {a.results.distance} distances and {b.folder} {b.results.distance}; "
            f"globe-eval rescore {b.folder} --distance {a.results.distance} -o DIR makes them alike"
        )


def said(sample: record.Sample) -> str:
    """An answer in a few words: names where it has them, else coordinates, else its status."""
    names = [name for name in (sample.answer.city, sample.answer.admin, sample.answer.country) if name]
    if names:
        return ", ".join(names)
    if sample.answer.lat is not None and sample.answer.lon is not None:
        return f"{sample.answer.lat:.4f}, {sample.answer.lon:.4f}"
    return sample.status


def holm_of(many: Sequence[Comparison]) -> list[dict[str, float]]:
    """For each comparison, metric -> p-value adjusted for how many runs are compared with the first."""
    adjusted: list[dict[str, float]] = [{} for _ in many]
    for name in many[0].rows if many else ():
        having = [index for index, one in enumerate(many) if name in one.rows]
        for index, p in zip(having, holm([many[index].rows[name].difference.p for index in having]), strict=True):
            adjusted[index][name] = p
    return adjusted


_AS_RECORDED = {"grounding_lift": ("grounding", "lift"), "grounding_recall_idf": ("grounding", "recall_idf")}
"""Metrics whose value of one photograph depends on all photographs of the run: taken as the run recorded it."""


def _values(results: record.Results, samples: Sequence[record.Sample]) -> Values:
    """Each metric that has a value for a photograph. A sample has the fields of a score that metrics read.

    Left out are the metrics of pairs of confidence and outcome, which have none, and those of the benchmark's own label
    of localizability, which a sample keeps with its truth.
    """
    scores: Any = samples
    values: Values = {}
    for metric in _metrics(results):
        if metric.name in _AS_RECORDED:
            part, field = _AS_RECORDED[metric.name]
            found = [getattr(getattr(sample, part, None), field, None) for sample in samples]
            values[metric.name] = np.array(found, dtype=np.float64)
        elif not metric.name.endswith("@label") and (column := metric.of(scores)).ndim == 1:
            values[metric.name] = column
    return values


def _metrics(results: record.Results) -> tuple[scoring.Metric, ...]:
    return scoring.metrics_with(results.thresholds_km, results.own_directions)


def _compared(a: Run, b: Run, seed: int) -> Comparison:
    groups = cluster_labels([s.id for s in a.samples], [s.truth.group for s in a.samples])
    directions = b.directions | a.directions
    names = [name for name in directions if name in a.values and name in b.values]
    everything = np.arange(len(a.samples))
    located = a.located, b.located
    both = np.flatnonzero(located[0] & located[1])
    rows = _rows(a, b, names, everything, groups, directions, seed)
    by = labels(*([getattr(s.truth, name) for s in a.samples] for name in ("lat", "lon", "country", "scene")))
    of_the_point = [name for name in rows if name.startswith(OF_THE_POINT)]
    return Comparison(
        a,
        b,
        n=len(a.samples),
        n_groups=len(np.unique(groups)),
        rows=rows,
        own=_own_rows(
            a, b, [name for name in rows if name.startswith(OF_THE_POINT)], located, groups, directions, seed
        ),
        both=_rows(a, b, [*(n for n in names if n != "located")], both, groups, directions, seed),
        n_located=(int(located[0].sum()), int(located[1].sum()), len(both)),
        breakdowns={
            dimension: {
                label: Part(
                    len(members),
                    len(np.unique(groups[members])),
                    _rows(a, b, list(rows), members, groups, directions, seed),
                )
                for label, members in found.items()
            }
            for dimension in BY
            if (found := parts(by[dimension], at_least=AT_LEAST))
        },
        settings=different_settings(a, b),
    )


def _rows(
    a: Run,
    b: Run,
    names: Sequence[str],
    rows: npt.NDArray[np.intp],
    groups: npt.NDArray[Any],
    directions: dict[str, bool],
    seed: int,
) -> dict[str, Row]:
    """The metrics that both have a value of, on some of the photographs; no mean of distances where one is missing."""
    sides: list[dict[str, Floats]] = []
    for run in (a, b):
        sides.append({name: run.values[name][rows] for name in names})
    kept = [name for name in names if _comparable(name, sides[0][name], sides[1][name])]
    left, right = ({name: side[name] for name in kept} for side in sides)
    found = paired_differences(right, left, groups[rows], medians=MEDIANS, seed=seed)
    return {
        name: Row(
            *_pair_values(name, left[name], right[name]),
            found[name],
            directions[name],
            *_wins_and_losses(name, left[name], right[name], directions[name]),
        )
        for name in kept
    }


def _comparable(name: str, left: Floats, right: Floats) -> bool:
    if not len(left):
        return False
    if name in MEDIANS:
        return True
    if name == "mean_km":  # NaN is a missing answer here, and the mean infinite
        return not (np.isnan(left) | np.isnan(right)).any()
    return bool((~np.isnan(left) & ~np.isnan(right)).any())


def _pair_values(name: str, left: Floats, right: Floats) -> tuple[float, float]:
    """The value of each over the photographs that count: all for a median, else those that both have a value of."""
    if name in MEDIANS:
        return median_km(left), median_km(right)
    known = ~np.isnan(left) & ~np.isnan(right)
    return (math.fsum(left[known]) / int(known.sum()), math.fsum(right[known]) / int(known.sum()))


def _wins_and_losses(name: str, left: Floats, right: Floats, higher_is_better: bool) -> tuple[int, int]:
    if name in MEDIANS:
        left, right = (np.where(np.isnan(side), np.inf, side) for side in (left, right))
    more, less = int((right > left).sum()), int((right < left).sum())
    return (more, less) if higher_is_better else (less, more)


def _own_rows(
    a: Run,
    b: Run,
    names: Sequence[str],
    located: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    groups: npt.NDArray[Any],
    directions: dict[str, bool],
    seed: int,
) -> dict[str, Row]:
    """Each over its own located photographs. Medians have a value and no interval."""
    if not (located[0].any() and located[1].any()):
        return {}
    left, right = (
        {name: np.where(mask, run.values[name], np.nan) for name in names}
        for run, mask in zip((a, b), located, strict=True)
    )
    means = [name for name in left if name not in MEDIANS and not (_empty(left[name]) or _empty(right[name]))]
    found = differences_of_own_means(
        {name: right[name] for name in means}, {name: left[name] for name in means}, groups, seed=seed
    )
    result = {}
    for name in left:
        if name in MEDIANS:
            values = median_km(valid_only(left[name])), median_km(valid_only(right[name]))
            n = int((located[0] | located[1]).sum())
            found[name] = Paired(values[1] - values[0], math.nan, math.nan, math.nan, n, len(np.unique(groups)))
        elif name in found:
            values = _mean(left[name]), _mean(right[name])
        else:
            continue
        wins = _wins_and_losses("", left[name], right[name], directions[name])
        result[name] = Row(*values, found[name], directions[name], *wins)
    return result


def _empty(column: Floats) -> bool:
    return bool(np.isnan(column).all())


def _mean(column: Floats) -> float:
    known = column[~np.isnan(column)]
    return math.fsum(known) / len(known)


def _order(value: float, other: float, higher_is_better: bool) -> int:
    if value == other or math.isnan(value) or math.isnan(other):
        return 0
    return 1 if (value > other) == higher_is_better else -1


def different_settings(a: Run, b: Run) -> dict[str, tuple[Any, Any]]:
    """Every setting of which the two runs differ, `packages.torch` for one inside another; A's and B's value.

    Truths that name other countries, cities, groups or scenes count photographs.
    """
    left, right = (_flat(json.loads(run.results.model_dump_json(exclude=set(NOT_A_SETTING)))) for run in (a, b))
    found = {
        name: (left.get(name), right.get(name))
        for name in dict.fromkeys([*left, *right])
        if left.get(name) != right.get(name)
    }
    pairs = list(zip(a.samples, b.samples, strict=True))
    for name in ("country", "city", "group", "scene"):
        known = [(getattr(one.truth, name), getattr(other.truth, name)) for one, other in pairs]
        if any(one != other for one, other in known):
            counts = (sum(value is not None for value in side) for side in zip(*known, strict=True))
            found[f"truth.{name}"] = tuple(f"known of {count:,}" for count in counts)  # type: ignore[assignment]
    return found


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
