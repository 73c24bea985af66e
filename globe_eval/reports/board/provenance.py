"""What stands behind a row: `verified`, `recomputable` or `reported`, and what the benchmark's truth says against it.

verified      its responses are published in `responses/` beside the rows, and were read, located and measured again
recomputable  the places of its answers are in it, and its distances were computed again from them
reported      its distances are in it, and every figure was computed again from these; where they come from is a claim

The first two need the truth. They are given only to rows of benchmarks whose truth this package has itself, so that
every machine says the same. A truth that is on this machine is used to refuse rows all the same.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from globe_eval import scoring
from globe_eval.benchmarks.ceilings import ceilings
from globe_eval.benchmarks.definition import Definition
from globe_eval.benchmarks.manifest import find_truth
from globe_eval.errors import InputError
from globe_eval.files import json_lines
from globe_eval.metrics import statistics
from globe_eval.places import DISTANCES, gazetteer
from globe_eval.reports.board.submission import Submission, agree, ids_sha256, name_score, unpack, whole_metres
from globe_eval.sample import STATUSES, Sample, Truth

Level = Literal["verified", "recomputable", "reported"]
MOST_BYTES = 1 << 30
"""Of published responses, unpacked."""


@dataclass(frozen=True)
class Provenance:
    """How far a row was followed, and what contradicts it."""

    level: Level
    why: str
    wrong: tuple[str, ...] = ()


def responses_of(path: Path) -> Path:
    """Where the responses of a row's file are published."""
    return path.parent.parent / "responses" / f"{path.stem}.jsonl.gz"


def provenance_of(path: Path, one: Submission, definition: Definition) -> Provenance:
    """What stands behind the row in a file. Raises ValueError for a column that is not packed as it must be."""
    truths = _truths(definition, one.results.manifest_sha256)
    if truths is None:
        return Provenance("reported", "the truth is not here")
    wrong = list(_of_manifest(one, truths))
    published = responses_of(path)
    if published.is_symlink():
        wrong.append(f"responses/{published.name}: is a link; responses are a file of their own")
    if wrong:
        return Provenance("reported", "", tuple(wrong))
    if one.columns.lat and one.columns.lon:
        wrong += _of_places(one, truths)
    if published.is_file():
        wrong += _of_responses(one, truths, published)
    own = str(definition.values.get("custom_dataset", "")).startswith("!function globe_eval.")
    if wrong or not own:
        return Provenance("reported", "the truth is not part of this package", tuple(wrong))
    if published.is_file():
        return Provenance("verified", "its responses were read again")
    if one.results.gazetteer.sha256 != gazetteer.info()["sha256"] and one.results.ceiling is not None:
        return Provenance("reported", "its gazetteer is not the one here, which its ceiling follows from")
    if one.columns.lat and one.columns.lon:
        return Provenance("recomputable", "its distances follow from its places")
    return Provenance("reported", "its places are not in it")


@lru_cache(maxsize=8)
def _truth_of(values: str) -> tuple[str, tuple[tuple[str, Truth], ...]] | None:
    """SHA-256 of the manifest, ids and truths of a YAML's values, which are JSON; None where they are not here."""
    try:
        manifest = find_truth(json.loads(values))
    except InputError:
        return None
    if manifest is None:
        return None
    rows = sorted(manifest.rows, key=lambda row: str(row["id"]))
    return manifest.sha256, tuple((str(row["id"]), Truth.of(row)) for row in rows)


def _truths(definition: Definition, manifest_sha256: str) -> tuple[tuple[str, Truth], ...] | None:
    """Ids and truths in the order of sorted ids; None where they are not here, or are others."""
    found = _truth_of(json.dumps(definition.values, sort_keys=True, default=str))
    return found[1] if found is not None and found[0] == manifest_sha256 else None


@lru_cache(maxsize=32)
def _ceilings(truths: tuple[tuple[str, Truth], ...], form: Any, distance: Any, thresholds: Any) -> Any:
    lats, lons = ([getattr(truth, axis) for _, truth in truths] for axis in ("lat", "lon"))
    return ceilings(lats, lons, form, distance=distance, thresholds_km=thresholds)


def _of_manifest(one: Submission, truths: Sequence[tuple[str, Truth]]) -> Iterator[str]:
    """Photographs, photographers and ceilings against the manifest's."""
    results, ids = one.results, [name for name, _ in truths]
    if len(ids) != results.n:
        yield f"n: found {results.n:,}, the manifest has {len(ids):,} photographs"
        return
    if one.columns.ids_sha256 != ids_sha256(ids):
        yield "columns.ids_sha256: is not that of the manifest's photographs"
    labels = statistics.cluster_labels(ids, [truth.group for _, truth in truths])
    if not np.array_equal(np.unique(labels, return_inverse=True)[1], one.groups):
        yield "columns.group: the photographers are not those of the manifest"
    if results.gazetteer.sha256 != gazetteer.info()["sha256"]:
        return
    fresh = _ceilings(tuple(truths), results.answer_form, results.distance, results.thresholds_km)
    for name in ("ceiling", "attainable"):
        stored, again = getattr(results, name), getattr(fresh, name)
        if stored is not None and (
            set(stored) != set(again) or not all(agree(stored[metric], again[metric], 1e-9) for metric in again)
        ):
            yield f"{name}: is not that of the manifest"


def _of_places(one: Submission, truths: Sequence[tuple[str, Truth]]) -> Iterator[str]:
    """Each distance against that from the place to the truth: rounded up to the metre, the place to a millionth."""
    lat, lon = one.places()
    kilometres = one.distance_km()
    if not np.array_equal(np.isnan(lat), np.isnan(kilometres)) or not np.array_equal(np.isnan(lat), np.isnan(lon)):
        yield "columns: photographs have a place without a distance, or the other way round"
        return
    there = ~np.isnan(lat)
    at = np.array([(t.lat, t.lon) for _, t in truths], dtype=np.float64)[there]
    again = DISTANCES[one.results.distance](at[:, 0], at[:, 1], lat[there], lon[there])
    off = np.abs(kilometres[there] - again)
    if there.any() and off.max() > 0.0012:
        yield f"columns.distance_m: {int((off > 0.0012).sum()):,} distances are not those of the places"


def _of_responses(one: Submission, truths: Sequence[tuple[str, Truth]], path: Path) -> Iterator[str]:
    """The columns against the responses, read, located and measured again by what is here."""
    try:
        found = dict(_responses(path))
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error) as error:
        yield f"{path.name}: no responses ({error})"
        return
    if sorted(found) != [name for name, _ in truths]:
        yield f"{path.name}: its ids are not those of the manifest"
        return
    samples = [replace(Sample.of(name, truth, found[name][0]), finish_reason=found[name][1]) for name, truth in truths]
    results = one.results
    scored = scoring.score(samples, form=results.answer_form, distance=results.distance)
    status, names = one.statuses(), one.name_scores()
    stored = unpack(one.columns.distance_m, results.n, -1, 20_100_000)
    differing = sum(
        STATUSES[status[i]] != sample.status
        or abs(int(stored[i]) - whole_metres(sample.distance_km)) > 1
        or any(column[i] != name_score(sample, key) for key, column in names.items())
        for i, sample in enumerate(scored)
    )
    if differing:
        yield f"{path.name}: {differing:,} responses are read otherwise than the row says"


def _responses(path: Path) -> Iterator[tuple[str, tuple[str, str | None]]]:
    """Id -> response and why it ended, of JSON lines in gzip."""
    with gzip.open(path) as file:
        text = file.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise ValueError(f"holds more than {MOST_BYTES:,} bytes")
    for line in text.splitlines():  # of bytes: U+2028 in a response ends no line
        row: Mapping[str, Any] = json.loads(line)
        yield str(row["id"]), (str(row["response"]), row.get("finish_reason"))


def publishable(samples: Sequence[Sample]) -> bytes:
    """The responses of a run as `responses/` holds them; the same bytes every time.

    Raises InputError where a sample has no response (its answers came as names or coordinates).
    """
    if any(sample.response is None for sample in samples):
        raise InputError("--responses: this run has answers without responses; nothing could be read again")
    lines = (
        {"id": sample.id, "response": sample.response}
        | ({"finish_reason": sample.finish_reason} if sample.finish_reason else {})
        for sample in sorted(samples, key=lambda sample: sample.id)
    )
    return gzip.compress(json_lines(lines), mtime=0)
