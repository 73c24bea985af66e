"""What a row of a board opens to: everything that its numbers depend on, and why a published one is not ranked."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from globe_eval.metrics.accuracy import acc_name
from globe_eval.reports import notation
from globe_eval.reports.board.published import PublishedRow
from globe_eval.reports.board.submission import Submission
from globe_eval.reports.signature import facts, pairs
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
        **facts(r),
        "other figures": "; ".join(_figure(name, figure) for name, figure in r.metrics.items() if name not in columns),
        "located only, within 25 km": ""
        if valid is None or valid.value is None or located == r.n
        else f"{100 * valid.value:.1f} % of {located:,} located photographs, not of all {r.n:,}",
        "seed": str(r.seed),
        "parser": f"version {r.parser_version}",
        "pictures": "" if r.images is None else pairs(to_dict(r.images, exclude_none=True)),
        "tokens, time, cost": "" if r.usage is None else pairs(to_dict(r.usage, exclude_none=True)),
        "SHA-256 of the prompt": r.prompt_sha256 or "",
        "SHA-256 of the manifest": r.manifest_sha256,
        "SHA-256 of the gazetteer": r.gazetteer.sha256,
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
