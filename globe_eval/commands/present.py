"""Prints a scored run as a table or as one JSON object, with its notes; decides the exit code."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from globe_eval.errors import IncompleteRun

if TYPE_CHECKING:
    from globe_eval.sample import Sample


def present(scored: Any, options: argparse.Namespace) -> int:
    """Write what was scored, where a folder is given, and show it. Raises IncompleteRun."""
    from globe_eval.reports import terminal
    from globe_eval.runs import record

    if options.output_path is not None:
        record.write_run(options.output_path, scored.samples, scored.results)
        scored.notes.append(f"written: {options.output_path}")
    for note in scored.notes:
        print(f"globe-eval: {note}", file=sys.stderr)
    if options.format == "json":
        print(json.dumps(flat(scored.results), ensure_ascii=False))
    else:
        print(terminal.result_table(scored.results, terminal.width()))
    refuse_incomplete([(scored.results, scored.samples)])
    refuse_unjudged([scored.results])
    return 0


def flat(results: Any) -> dict[str, Any]:
    """A result as one JSON object: metric -> value, and beside them intervals, status counts and identity."""
    from globe_eval.sample import to_dict

    whole = to_dict(results)
    metrics, valid = whole.pop("metrics"), whole.pop("valid_only")
    return {
        **whole,
        **{name: figure["value"] for name, figure in metrics.items()},
        "interval": {name: [figure["low"], figure["high"]] for name, figure in metrics.items()},
        "valid_only": {
            "n": valid["located"]["n"] if "located" in valid else 0,
            **{name: figure["value"] for name, figure in valid.items() if name != "located"},
        },
    }


def refuse_incomplete(many: Sequence[tuple[Any, Iterable[Sample]]], advice: str = "") -> None:
    """Raise IncompleteRun if photographs of a run, results and samples, have no answer; `advice` is how to go on."""
    lacking = [
        f"{results.task}: {results.status['error']:,} of {results.n:,} ({first_failure(samples)})"
        for results, samples in many
        if not results.complete
    ]
    if lacking:
        raise IncompleteRun(f"incomplete, photographs without an answer (status error): {'; '.join(lacking)}{advice}")


def first_failure(samples: Iterable[Sample]) -> str:
    """Which photograph is the first without an answer, and why it has none."""
    first = next(one for one in samples if one.status == "error")
    reason = (first.error or "unknown").removeprefix(f"{first.id}: ")
    return f"{first.id}: {shorten(reason, 200, placeholder=' …')}"


def refuse_unjudged(many: Sequence[Any]) -> None:
    """Raise IncompleteRun for a judge that answered no question: without an answer there is no verdict."""
    for results in many:
        if results.judge is not None and results.judge.reason is not None:
            raise IncompleteRun(
                f"{results.task}: the judge {results.judge.model} answered no question ({results.judge.reason}); start "
                "the same command again to ask it again"
            )
