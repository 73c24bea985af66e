"""How good the curation is where the truth is known: precision and recall of each check and of the whole.

`python -m globe_train.laptop.curation FOLDER [--n 1500]` (`make curate-demo`): photographs of miniworld, three teachers
and a predictor of known error -> globe-train curate miniworld -> the figures, in FOLDER/report.md.

The truth is a table beside the manifest (id, country, city, entities, localizable) that the pipeline never reads.
Shares come with 95 % intervals by photographer.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from globe_eval.benchmarks.table import read_table
from globe_eval.commands.arguments import count
from globe_eval.cues.mentions import canonical
from globe_eval.errors import InputError
from globe_eval.files import read_json_lines, write_whole
from globe_eval.metrics.grounding import supported_by
from globe_eval.metrics.intervals import mean_interval, wilson
from globe_train import cli
from globe_train.card import table
from globe_train.laptop import simulation

Row = Mapping[str, Any]
TARGETS = {"places": 0.98, "entities": 0.95, "recall": 0.70}


@dataclass(frozen=True)
class Share:
    """A share of n things with its interval, all in [0, 1]; None where n is 0."""

    name: str
    of: str
    value: float | None
    low: float | None
    high: float | None
    n: int

    def cells(self) -> list[str]:
        """As a row of a table."""
        if self.value is None or self.low is None or self.high is None:
            return [self.name, self.of, "–", "0"]
        low, high = 100 * self.low, 100 * self.high
        return [self.name, self.of, f"{100 * self.value:.1f} % ({low:.1f} – {high:.1f})", f"{self.n:,}"]


def share_of(name: str, of: str, hits: Sequence[tuple[bool, str]]) -> Share:
    """The share of hits; each comes with its photographer.

    >>> share_of("precision", "of all", [(True, "a"), (True, "b")]).low.__round__(3)
    0.012
    """
    n = len(hits)
    if not n:
        return Share(name, of, None, None, None, 0)
    right = np.array([hit for hit, _ in hits], dtype=float)
    value = float(right.mean())
    groups = [group for _, group in hits]
    low, high = mean_interval(right, groups) if len(set(groups)) > 1 else wilson(value, n)
    return Share(name, of, value, low, high, n)


FIGURES = {
    ("before", "labels"): "photographs: the manifest's place is right",
    ("before", "places"): "answers: place right",
    ("before", "entities"): "what they name: visible",
    ("localizability", "precision"): "photographs that pass: localizable",
    ("localizability", "recall"): "photographs that are localizable: pass",
    ("correctness", "precision"): "answers that pass: in the right place",
    ("correctness", "recall"): "answers that are in the right place: pass",
    ("agreement", "precision"): "answers that pass: in the right place",
    ("agreement", "recall"): "answers that are in the right place: pass",
    ("evidence", "precision"): "entities that pass: visible",
    ("evidence", "recall"): "entities that are visible: pass",
    ("whole", "places"): "verified photographs: place right",
    ("whole", "localizable"): "verified photographs: localizable",
    ("whole", "entities"): "their entities: visible",
    ("whole", "reasoning"): "what their reasoning names: visible",
    ("whole", "recall"): "photographs with a fully right answer (place, and nothing invented): verified",
    ("whole", "recall of places"): "photographs with an answer in the right place: verified",
}
"""(check, or what is right before any and of what passed all; name of a figure) -> what it is the share of."""


def judge(checks: Sequence[Row], truth: Mapping[str, Row], labels: Mapping[str, Row]) -> dict[str, list[Share]]:
    """Check (or "before", "whole") -> its figures.

    `checks` is what the pipeline wrote into `checks.jsonl`; `truth` is id -> the row as it is, `labels` id -> the row
    of the manifest, whose place may be wrong.
    """
    hits: dict[tuple[str, str], list[tuple[bool, str]]] = {figure: [] for figure in FIGURES}
    for one in checks:
        if "teachers" in one:
            row = truth[one["id"]]
            who = str(row.get("group") or one["id"])
            for check, name, hit in verdicts_of(one, row, labels[one["id"]]):
                hits[check, name].append((hit, who))
    found: dict[str, list[Share]] = {}
    for (check, name), of in FIGURES.items():
        found.setdefault(check, []).append(share_of(name, of, hits[check, name]))
    return found


def verdicts_of(one: Row, row: Row, label: Row) -> Iterator[tuple[str, str, bool]]:
    """What one photograph adds to each of FIGURES."""
    answers, kept = list(one["teachers"].values()), one.get("kept")
    there, right_label = supported_by(row["entities"]), same_place(label, row)
    right = [same_place(answer, row) for answer in answers]

    def both(check: str, passed: bool, true: bool) -> Iterator[tuple[str, str, bool]]:
        if passed:
            yield check, "precision", true
        if true:
            yield check, "recall", passed

    yield "before", "labels", right_label
    yield from both("localizability", one["localizability"]["passed"], bool(row["localizable"]))
    seen: dict[str, bool] = {}
    for answer, is_right in zip(answers, right, strict=True):
        yield "before", "places", is_right
        yield from (("before", "entities", canonical(name) in there) for name in answer["cues"])
        for check in ("correctness", "agreement"):
            yield from both(check, answer[check]["passed"], is_right)
        for verdict in ("confirmed", "refuted"):
            seen |= dict.fromkeys(answer.get("evidence", {}).get(verdict, ()), verdict == "confirmed")
    for name, passed in seen.items():
        yield from both("evidence", passed, canonical(name) in there)
    if right_label and any(right):
        yield "whole", "recall of places", kept is not None
        cues = [answer["cues"] for answer, is_right in zip(answers, right, strict=True) if is_right]
        if any(all(canonical(name) in there for name in its) for its in cues):
            yield "whole", "recall", kept is not None
    if kept is not None:
        yield "whole", "places", right_label and same_place(kept, row)
        yield "whole", "localizable", bool(row["localizable"])
        yield from (("whole", "entities", canonical(entity["text"]) in there) for entity in kept["entities"])
        yield from (("whole", "reasoning", canonical(name) in there) for name in kept["cues"])


def same_place(answer: Row, row: Row) -> bool:
    """Whether country and city are the row's."""
    return all(str(answer[name]).casefold() == str(row[name]).casefold() for name in ("country", "city"))


def read(curated: Path, truth: Path, labels: Path) -> dict[str, list[Share]]:
    """`judge` of files: a curation's OUTPUT/dataset, the table of the truth and the manifest."""
    path = curated / "checks.jsonl"
    if not path.is_file():
        raise InputError(f"{path}: no such file; curate first")
    tables = [{str(row["id"]): row for row in read_table(file).rows} for file in (truth, labels)]
    return judge(read_json_lines(path), *tables)


def targets_met(figures: Mapping[str, list[Share]]) -> dict[str, bool]:
    """Target -> whether the value reaches it."""
    values = {figure.name: figure.value or 0.0 for figure in figures["whole"]}
    return {name: values[name] >= least for name, least in TARGETS.items()}


def report(figures: Mapping[str, list[Share]]) -> str:
    """The figures as a table in Markdown, then the targets."""
    rows = [[check, *figure.cells()] for check, its in figures.items() for figure in its]
    reached = targets_met(figures)
    targets = [f"{name} at least {100 * TARGETS[name]:g} %: {'yes' if yes else 'NO'}" for name, yes in reached.items()]
    lines = [*table(("check", "", "of", "95 % interval", "n"), rows), "", "Targets: " + "; ".join(targets) + "."]
    return "\n".join(lines) + "\n"


def main(words: Sequence[str] | None = None) -> int:
    """Run what is missing, print the figures, return an exit code."""
    parser = argparse.ArgumentParser(prog="python -m globe_train.laptop.curation", description="The pipeline judged.")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--n", type=count, default=1500, help="photographs (default 1500)")
    parser.add_argument("--seed", type=int, default=11, help="of photographs and errors (default 11)")
    options = parser.parse_args(words)
    started = time.monotonic()
    try:
        labels = simulation.write(options.folder, options.n, options.seed)
        command = ["curate", "miniworld", *simulation.overrides(options.folder)]
        print("+", shlex.join(["globe-train", *command]), flush=True)
        if code := cli.main(command):
            return code
        figures = read(options.folder / "curated" / "dataset", options.folder / "truth.jsonl", labels)
    except InputError as error:
        print(f"curate-demo: {error}", file=sys.stderr)
        return error.exit_code
    text = report(figures)
    write_whole(options.folder / "report.md", text.encode())
    print(f"\n{text}\n{time.monotonic() - started:.0f} seconds; {options.folder / 'report.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
