"""What a row of a board opens to: everything that its numbers depend on, and why a published one is not ranked."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from globe_eval.metrics.accuracy import acc_name
from globe_eval.reports import notation
from globe_eval.reports.board.published import PublishedRow
from globe_eval.reports.board.submission import Submission
from globe_eval.sample import Figure, to_dict

Details = tuple[tuple[str, str], ...]
UNKNOWN = "unknown"


def details_of(one: Submission, columns: Collection[str]) -> Details:
    """Label and text of everything that a run's numbers depend on, and of its figures outside `columns`."""
    r = one.results
    valid = r.valid_only.get(acc_name(25.0))
    located = r.valid_only["located"].n if "located" in r.valid_only else 0
    found = {
        "command": r.command or "not recorded",
        "model": " ".join([r.model, *_pairs(r.model_args)]),
        "what the model says of itself": ", ".join(_pairs(r.model_info)),
        "task": f"{r.task}, version {r.task_version}",
        "answer form": r.answer_form,
        "prompt": f"{r.prompt}, SHA-256 {r.prompt_sha256}" if r.prompt else "none: scored from a file of answers",
        "decoding": ", ".join(_pairs(r.decoding or {})),
        "seed": str(r.seed),
        "distance": r.distance,
        "geocoder": f"{r.geocoder.name}, {r.geocoder.version}"
        + (" (coordinates need none)" if r.answer_form == "coordinates" else ""),
        "gazetteer": f"{r.gazetteer.version}, SHA-256 {r.gazetteer.sha256}",
        "parser": f"version {r.parser_version}",
        "other figures": "; ".join(_figure(name, figure) for name, figure in r.metrics.items() if name not in columns),
        "status": notation.status_counts(r),
        "located only, within 25 km": ""
        if valid is None or valid.value is None or located == r.n
        else f"{100 * valid.value:.1f} % of {located:,} located photographs, not of all {r.n:,}",
        "pictures": "" if r.images is None else ", ".join(_pairs(to_dict(r.images, exclude_none=True))),
        "tokens, time, cost": "" if r.usage is None else ", ".join(_pairs(to_dict(r.usage, exclude_none=True))),
        "started": f"{r.started}, took {r.duration_seconds:,.1f} s",
        "versions": ", ".join(f"{name} {version}" for name, version in r.packages.items()),
        "commit": r.git_commit or UNKNOWN,
        "SHA-256 of the manifest": r.manifest_sha256,
        "SHA-256 of samples.jsonl": one.columns.samples_sha256,
        "SHA-256 of this row": one.sha256,
        "file": f"runs/{one.file_name}",
    }
    return tuple((label, text) for label, text in found.items() if text)


def details_of_published(one: PublishedRow, caveats: Sequence[str]) -> Details:
    """Label and text of what is known of a published figure; unknown is written as unknown."""
    found = {
        "setting": f"{one.setting or UNKNOWN}: {one.detail}",
        "answer form": one.answer_form or UNKNOWN,
        "geocoder": one.geocoder or UNKNOWN,
        "photographs scored": UNKNOWN if one.n is None else f"{one.n:,}",
        "manifest, distance, prompt": "not recorded",
        "paper": one.paper,
        "confidence": one.confidence,
        "sources": "; ".join(one.sources),
        "also printed": "; ".join(
            f"{', '.join(f'{value} within {km:,} km' for km, value in also.accuracy.items())} ({also.source})"
            for also in one.also_printed
        ),
    }
    return (*((label, text) for label, text in found.items() if text), *(("caveat", text) for text in caveats))


def reasons(one: PublishedRow, n: int | None) -> tuple[str, ...]:
    """Why a published figure shares no ranking with runs: what differs, and what is not known."""
    why = ["no samples"]
    if one.answer_form is None:
        why.append("answer form unknown")
    if one.geocoder is None:
        why.append("geocoder unknown")
    elif one.geocoder != "none":
        why.append(f"geocoder {one.geocoder}, version unknown")
    if one.n is None:
        why.append("n unknown")
    elif n is not None and one.n != n:
        why.append(f"n is {one.n:,}, the benchmark has {n:,}")
    return (*why, "manifest and distance not recorded")


def _figure(name: str, figure: Figure) -> str:
    between = notation.interval(name, figure, "–")
    return f"{notation.label(name)} {notation.text(name, figure.value)}" + (f" ({between})" if between else "")


def _pairs(values: Mapping[str, Any]) -> list[str]:
    return [f"{name}={_text(value)}" for name, value in values.items()]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
