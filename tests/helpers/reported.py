"""Small runs for tests of reports: a photograph a row, answered and scored as a run would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from globe_eval.runs import record
from globe_eval.runs.assemble import assemble, empty_results
from globe_eval.sample import Sample, Truth

SETTING = empty_results("mine", "1", "coordinates", "0" * 64, "made-up")
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
