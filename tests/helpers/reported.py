"""Small runs for tests of reports and leaderboards, made without a model and scored as a run would."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from globe_eval import miniworld
from globe_eval.benchmarks.prompts import PROMPTS, SYSTEM
from globe_eval.reports.board import leaderboard
from globe_eval.runs import record
from globe_eval.runs.assemble import assemble, unscored
from globe_eval.sample import Sample, Truth

SETTING = unscored("mine", "1", "coordinates", "0" * 64, "made-up")
STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    """A photograph, and what a model says of it; a response of None was never heard."""

    id: str
    lat: float
    lon: float
    response: str | None
    city: str | None = None
    country: str | None = None
    group: str | None = None
    entities: tuple[str, ...] | None = None
    sha256: str | None = None


def write_run(folder: Path, rows: Sequence[Row], **changes: object) -> Path:
    """Score the rows and write a run; `changes` are of the setting. Returns the folder."""
    samples = [
        Sample.of(
            row.id,
            Truth(row.lat, row.lon, row.country, row.city, row.group, entities=row.entities),
            row.response,
            error="no connection" if row.response is None else None,
            image_sha256=row.sha256,
        )
        for row in rows
    ]
    samples, results = assemble(replace(SETTING, **changes), samples, started=STARTED)
    record.write_run(folder, samples, replace(results, duration_seconds=1.0))
    return folder


known = cache(leaderboard.known_tasks)
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
    setting = unscored(
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
