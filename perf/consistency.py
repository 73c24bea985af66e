"""Consistency of real responses with their answers: a table per model, and cases to check by hand.

python perf/consistency.py FOLDER [--cases 50] [--seed 1]

FOLDER holds a table of responses a model (`model_response`), such as those of njspyx/location-inference. Where the
answer lies is scored as its coordinates, and its names decide the country and city that are compared.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from pathlib import Path

from tabulate import tabulate

from globe_eval import scoring
from globe_eval.answers import Answer, parse
from globe_eval.benchmarks.table import read_table
from globe_eval.metrics.consistency import Consistency, Point, consistency


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cases", type=int, default=0, help="how many cases to print, a third of each verdict")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows, cases = [], []
    for path in sorted(options.folder.glob("*.csv")):
        responses = [str(row["model_response"] or "") for row in read_table(path).rows]
        answers = [parse(text) for text in responses]
        predictions = scoring.locate(answers, form="names")
        start = time.process_time()
        found = [a and consistency(a, p) for a, p in zip(answers, predictions, strict=True)]
        seconds = time.process_time() - start
        judged = [one for one in found if one is not None]
        counts = Counter(one.verdict for one in judged)
        shares = [f"{100 * counts[v] / max(len(judged), 1):.1f}" for v in ("consistent", "contradicts", "silent")]
        without = sum(a is not None and not a.reasoning for a, f in zip(answers, found, strict=True) if f)
        mean = sum(one.n_candidates for one in judged) / max(len(judged), 1)
        rows.append(
            [path.stem, len(responses), len(judged), *shares, without, f"{mean:.2f}", f"{len(judged) / seconds:,.0f}"]
        )
        cases += [(path.stem, a, p, f) for a, p, f in zip(answers, predictions, found, strict=True) if f and a and p]
    head = [
        "model",
        "n",
        "with an answer",
        "consistent %",
        "contradicts %",
        "silent %",
        "no reasoning",
        "candidates",
        "/s",
    ]
    print(tabulate(rows, headers=head, disable_numparse=True))
    show(cases, options.cases, options.seed)


def show(cases: list[tuple[str, Answer, Point, Consistency]], n: int, seed: int) -> None:
    """Cases of each verdict, a third each as far as there are so many."""
    draw = random.Random(seed)
    number = 0
    for verdict in ("contradicts", "consistent", "silent"):
        known = [case for case in cases if case[3].verdict == verdict and case[1].reasoning]
        for model, answer, point, found in draw.sample(known, min(n // 3 + 1, len(known))):
            number += 1
            print(f"\n#{number} {model}: {found.verdict}; answer {answer.city}, {answer.country} ({point.name})")
            print(f"   concluded {found.country} {found.city}, {found.n_candidates} candidates: {found.quote!r}")
            print("   " + " ".join((answer.reasoning or "").split()))


if __name__ == "__main__":
    main()
