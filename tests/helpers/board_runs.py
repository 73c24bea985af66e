"""Runs on miniworld's own truths, made without a model and without lm-eval, for tests of leaderboards."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from globe_eval import miniworld
from globe_eval.benchmarks.definition import known_tasks
from globe_eval.benchmarks.prompts import PROMPTS, SYSTEM
from globe_eval.runs import record
from globe_eval.runs.assemble import assemble, empty_results
from globe_eval.sample import Sample, Truth

known = cache(known_tasks)
VERSION = str(miniworld.VERSION)
PROMPT_SHA256 = hashlib.sha256(f"{SYSTEM}\0<image>{PROMPTS['globe_readme'].text}".encode()).hexdigest()
MANIFEST = known()["miniworld"].values["metadata"]["manifest_sha256"][VERSION]
Answer = Callable[[int, Truth], str]


@cache
def truths() -> dict[str, Truth]:
    return {row["id"]: Truth.of(row) for row in miniworld.photographs()}


def right(share: int) -> Answer:
    """Of every ten photographs `share` are named rightly, one is refused, the others are in Paris."""

    def answer(index: int, truth: Truth) -> str:
        if index % 10 < share:
            return f"country: {truth.country}\ncity: {truth.city}"
        return "I cannot tell." if index % 10 == 9 else "country: France\ncity: Paris"

    return answer


def write(folder: Path, answer: Answer, *, photographs: int = 300, **fields: Any) -> Path:
    """A run in a folder; `fields` of its setting differ from those of a good run."""
    setting = empty_results(
        **{
            "task": "miniworld",
            "task_version": VERSION,
            "answer_form": "names",
            "manifest_sha256": MANIFEST,
            "model": "a-model",
            "prompt": "globe_readme",
            "prompt_sha256": PROMPT_SHA256,
            "command": f"globe-eval --model {fields.get('model', 'a-model')} --tasks miniworld",
        }
        | fields
    )
    some = list(truths().items())[:photographs]
    samples = [Sample.of(name, truth, answer(i, truth)) for i, (name, truth) in enumerate(some)]
    record.write_run(folder, *assemble(setting, samples, started=datetime(2026, 1, 2, tzinfo=UTC)))
    return folder
