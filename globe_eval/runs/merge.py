"""`globe-eval merge`: combines the shards of a run, with the result that one process would have had."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from globe_eval.errors import InputError
from globe_eval.metrics.grounding import in_context
from globe_eval.runs import identity, judge, record
from globe_eval.runs.assemble import describe
from globe_eval.runs.rescore import CLEAN_LEFT_OUT, OF_THE_RUN
from globe_eval.runs.score import Scored
from globe_eval.sample import DistanceModel, Images, Results, Sample, Usage, to_dict

MADE_ANEW = (
    *("n", "n_groups", "n_unattributed", "effective_groups", "complete", "status", "metrics", "valid_only"),
    *("accuracy_by_distance", "ceiling", "attainable", "breakdowns", "clean", "reasoning", "lexicon_sha256", "judge"),
)
"""Fields of a result that follow from all samples together."""
MAY_DIFFER = {*MADE_ANEW, *OF_THE_RUN, "packages", "git_commit"}
"""Fields of a result in which two shards of one run may differ; in all others they must agree."""


def merge(folders: Sequence[Path]) -> Scored:
    """Put the shards of one run together: the samples in the order of the unsharded run, the figures made from them.

    Raises InputError for a folder that is no shard, for shards of different runs, and for one that is there twice, is
    not there, or does not hold the photographs that it should.
    """
    shards = _in_order([(folder, record.read_results(folder)) for folder in folders])
    (_, first), *_ = shards
    for folder, results in shards[1:]:
        if different := identity.differences(_identity(first), _identity(results)):
            raise InputError(f"{folder}: of another run than {shards[0][0]}: {'; '.join(different)}")
    samples = in_context(_round_robin(shards))
    every = [results for _, results in shards]
    packages = dict.fromkeys(name for one in every for name in one.packages)
    merged = replace(
        first,
        **{
            **describe(first, samples),
            "accuracy_by_distance": _pooled(every),  # an online geocoder's points may not be in the samples
            "shard": None,
            "started": min(one.started for one in every),
            "duration_seconds": round(sum(one.duration_seconds for one in every), 3),
            "usage": _usage(every),
            "images": _images(every),
            "packages": {name: _joined(one.packages.get(name, "none") for one in every) or "" for name in packages},
            "git_commit": _joined(one.git_commit for one in every),
        },
    )
    if first.judge is not None:
        merged = replace(merged, judge=judge.agreement(samples, first.judge.model, first.judge.seed))
    apart = [name for name in ("packages", "git_commit") if getattr(merged, name) != getattr(first, name)]
    notes = [f"the shards have different {name}; the result names all of them" for name in apart]
    if first.clean is not None:
        notes.append(CLEAN_LEFT_OUT)
    return Scored(samples, merged, notes)


Shard = tuple[Path, Results]


def _in_order(shards: Sequence[Shard]) -> list[Shard]:
    """The shards by number. Raises InputError unless all n of them are there once."""
    found: dict[int, Shard] = {}
    counts: dict[int, Path] = {}
    for folder, results in shards:
        if results.shard is None:
            raise InputError(f"{folder}: is no shard but a whole run (results.json, shard: null)")
        number, count = map(int, results.shard.split("/"))
        if number > count:
            raise InputError(f"{folder}: shard {results.shard!r}; allowed: 1/{count} to {count}/{count}")
        if number in found:
            raise InputError(f"{folder}: overlap, shard {results.shard} is also in {found[number][0]}")
        counts.setdefault(count, folder)
        if len(counts) > 1:
            (one, its), (other, theirs) = counts.items()
            raise InputError(f"{theirs}: shards of {other}, but {its} is one of {one}; they are of different splits")
        found[number] = folder, results
    (count,) = counts
    missing = [f"{number}/{count}" for number in range(1, count + 1) if number not in found]
    if missing:
        raise InputError(f"gap, shards are missing: {', '.join(missing[:5])}{', …' if len(missing) > 5 else ''}")
    return [found[number] for number in sorted(found)]


def _identity(results: Results) -> dict[str, Any]:
    """The settings that must agree; the model's address is not one of them."""
    fields = to_dict(results, exclude=MAY_DIFFER)
    return fields | {name: identity.relevant(fields[name]) for name in ("model_args", "model_info")}


def _round_robin(shards: Sequence[Shard]) -> list[Sample]:
    """The samples of all shards in the order of the unsharded run: shard i of n holds every n-th from the i-th."""
    parts = [record.read_samples(folder) for folder, _ in shards]
    n = sum(map(len, parts))
    for number, ((folder, results), part) in enumerate(zip(shards, parts, strict=True)):
        expected = len(range(number, n, len(shards)))
        if len(part) != expected or results.n != len(part):
            wanted = f"shard {results.shard} of {n:,} has {expected:,} (results.json: {results.n:,})"
            raise InputError(f"{folder}: gap or overlap, holds {len(part):,} photographs where {wanted}")
    samples = [parts[i % len(parts)][i // len(parts)] for i in range(n)]
    seen: dict[str, int] = {}
    for i, sample in enumerate(samples):
        if sample.id in seen:
            both = " and ".join(str(shards[j % len(shards)][0]) for j in (seen[sample.id], i))
            raise InputError(f"overlap, photograph {sample.id!r} is in {both}")
        seen[sample.id] = i
    for (folder, results), part in zip(shards, parts, strict=True):
        record.refuse_results_of_others(folder, results, part)
    return samples


def _pooled(every: Sequence[Results]) -> dict[DistanceModel, dict[str, float]]:
    """The accuracies of all shards together: as counts of photographs they add up without rounding."""
    n = sum(one.n for one in every)
    pooled: dict[DistanceModel, dict[str, float]] = {}
    for model, names in every[0].accuracy_by_distance.items():
        parts = [(one.n, one.accuracy_by_distance[model]) for one in every]
        pooled[model] = {name: sum(round(its[name] * of) for of, its in parts) / n for name in names}
    return pooled


_ADDED = ("prompt_tokens", "completion_tokens", "cost", "resumed")


def _usage(every: Sequence[Results]) -> Usage | None:
    """The usage of all shards, their seconds added up; None where one of them has none."""
    usages = [one.usage for one in every if one.usage is not None]
    if len(usages) < len(every):
        return None
    seconds = sum(one.seconds for one in usages)
    answered = sum(one.n - one.status["error"] for one in every)
    first = [one.seconds_to_first_answer for one in usages if one.seconds_to_first_answer is not None]
    sums = {name: _sum([getattr(one, name) for one in usages]) for name in _ADDED}
    rate = round(answered / seconds, 3) if seconds > 0 else None
    begun = min(first, default=None)
    return Usage(**sums, seconds=round(seconds, 3), images_per_second=rate, seconds_to_first_answer=begun)


def _sum(values: Sequence[Any]) -> Any:
    return None if None in values else round(sum(values), 6)


def _images(every: Sequence[Results]) -> Images | None:
    images = [one.images for one in every if one.images is not None]
    if len(images) < len(every):
        return None
    counts = ("with_coordinates", "reencoded")
    return replace(images[0], **{name: sum(getattr(one, name) for one in images) for name in counts})


def _joined(values: Iterable[str | None]) -> str | None:
    """The value that all shards have, else their values with " and " between."""
    different = list(dict.fromkeys(values))
    return different[0] if len(different) == 1 else " and ".join(map(str, different))
