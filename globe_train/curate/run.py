"""Runs a curation from its recipe to its data set, stage by stage; finished stages are not repeated."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from globe_eval.errors import IncompleteRun
from globe_eval.runs.lock import Lock
from globe_train.curate import dataset
from globe_train.curate.assemble import Selection, assemble
from globe_train.curate.distil import Shard, distil, read_photographs
from globe_train.curate.evidence import source_of
from globe_train.curate.verify import CachedSource, verify, vocabulary_of
from globe_train.data import benchmarks_of
from globe_train.recipe import Recipe


def curate(
    recipe: Recipe, *, shard: Shard | None = None, only: str | None = None, fresh: bool = False
) -> Selection | None:
    """Curate by a recipe into OUTPUT/dataset; what earlier starts did is not done again.

    Args:
        recipe: read.
        shard: (i, n): only ask the teachers and look at the pictures, of every n-th photograph from the i-th on. When
            all shards are done, a start without one goes on from them.
        only: only ask this teacher.
        fresh: ask everything again.

    Returns what was made; None of a shard or of one teacher, which make no data set. Raises InputError for what cannot
    be used, before the teachers are asked, and IncompleteRun where a teacher never answered about some photographs and
    the recipe does not leave them out.
    """
    photographs = read_photographs(recipe)
    recipe.output.mkdir(parents=True, exist_ok=True)
    name = "all" if shard is None else "shard-{}-of-{}".format(*shard)
    if only is not None:  # teachers may be asked side by side; each run has a lock of its own
        refuse_incomplete(recipe, distil(recipe, photographs, shard=shard, only=only, fresh=fresh))
        return None
    lock = Lock(recipe.output / (".lock" if shard is None else f".lock-{name}"))
    try:
        vocabulary = vocabulary_of(recipe)
        benchmarks = {} if shard is not None else benchmarks_of(recipe["against"]["benchmarks"], recipe.output)
        source = source_of(recipe, photographs.images, photographs.entities)
        samples = distil(recipe, photographs, shard=shard, fresh=fresh)
        refuse_incomplete(recipe, samples)
        if fresh:
            (recipe.output / "evidence" / f"{name}.jsonl").unlink(missing_ok=True)
        cached = CachedSource(source, recipe.output / "evidence", name)
        verdicts = verify(recipe, photographs.of(shard), samples, cached, vocabulary)
        if shard is not None:
            return None
        made = assemble(recipe, photographs.rows, verdicts, photographs.images, benchmarks)
        dataset.write(recipe, made, verdicts, photographs.images)
        return made
    finally:
        lock.free()


def refuse_incomplete(recipe: Recipe, samples: Mapping[str, Sequence[Any]]) -> None:
    """Raise IncompleteRun where a teacher never answered about some photographs, unless these are to be left out."""
    lacking = []
    for name, its in samples.items():
        errors = [sample.error for sample in its if sample.status == "error"]
        if errors:
            lacking.append(f"{name}: {len(errors):,} of {len(its):,} photographs were never answered ({errors[0]})")
    if lacking and recipe["unanswered"] == "stop":
        raise IncompleteRun(
            "; ".join(lacking) + "; start the same command again to ask them again, or leave them out with "
            "unanswered=leave_out"
        )
    for line in lacking:
        print(f"globe-train: {line}; left out", file=sys.stderr)


def summary(recipe: Recipe, made: Selection) -> str:
    """What the command line shows at the end."""
    train, test = made.counts["train"], made.counts["test"]
    what = f"{train:,} train, {test:,} test"
    if not train + test:
        what = "no photograph was verified; checks.jsonl says of each why"
    return "\n".join([*dataset.fates(made), "", f"{recipe.output / 'dataset'}: {what}"])
