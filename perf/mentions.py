"""How fast, and how right, `globe_eval.cues.asserts` is, beside substring matching and another matcher.

    python perf/mentions.py [CASES.jsonl] [--against MATCHER.py] [--characters N]

CASES has a text, an entity and whether it is mentioned (or asserted) a line; without it the repository's own held-out
cases stand in. MATCHER.py defines `mentioned(text, entity)`. Every text is made a new one by a number behind it, so
that nothing is remembered. Prints precision, recall, F1 and cases/s of each matcher on one core, the cost of reading
12,000 texts of 60 words and of asking them 2 million questions, and processor seconds for hostile texts.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from globe_eval.cues import asserts_many, read
from globe_eval.cues.lexicon import lexicon

OWN = Path(__file__).parents[1] / "tests" / "golden" / "cues.json"
HOSTILE = [
    *("no ", "a, ", "Palm ", '"a" ', '"', "**a** ", "**Road**: ", "palm-", "if palm, ", "trees and ", "A.B.", "would "),
    *("trees and are absent ", "a not visible ", "é", "\n", "# a\n", "in spanish ", "( ", "?", "a"),
]
ENTITIES = ["palm tree", "church", "red soil", "road, route", "sign", "license plate", "Golden Gate Bridge", "tree"]
Many = Callable[[list[str], list[str]], list[bool]]


def substring(texts: list[str], entities: list[str]) -> list[bool]:
    """GLOBE's released reward."""
    return [entity.lower() in text.lower() for text, entity in zip(texts, entities, strict=True)]


def other(path: Path) -> Many:
    spec = importlib.util.spec_from_file_location("matcher", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda texts, entities: [module.mentioned(t, e) for t, e in zip(texts, entities, strict=True)]


def figures(said: list[bool], true: list[bool]) -> str:
    hits = sum(s and t for s, t in zip(said, true, strict=True))
    precision, recall = hits / max(1, sum(said)), hits / max(1, sum(true))
    f1 = 2 * hits / max(1, sum(said) + sum(true))
    return f"precision {precision:.3f}  recall {recall:.3f}  F1 {f1:.3f}"


def seconds(function: Callable[[], Any]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def compare(cases: list[dict[str, Any]], matchers: dict[str, Many], rounds: int) -> None:
    texts, entities = [case["text"] for case in cases], [case["entity"] for case in cases]
    true = [bool(case.get("mentioned", case.get("asserted"))) for case in cases]
    fresh = [f"{text} {i}" for i in range(rounds) for text in texts]
    for name, matcher in matchers.items():
        said = matcher(texts, entities)
        taken = seconds(lambda matcher=matcher: matcher(fresh, entities * rounds))  # type: ignore[misc]
        print(f"{name:10} {figures(said, true)}  {len(fresh) / taken:12,.0f} cases/s")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("cases", nargs="?", type=Path)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--characters", type=int, default=5_000_000)
    given = parser.parse_args()
    own = json.loads(OWN.read_text(encoding="utf-8"))
    print(f"lexicon read in {seconds(lexicon) * 1e3:.0f} ms")
    if given.cases:
        cases = [json.loads(line) for line in given.cases.read_text(encoding="utf-8").splitlines()]
    else:
        cases = [case for case in own if case["part"] == "held-out"]
    matchers = {"substring": substring, "ours": asserts_many}
    if given.against:
        matchers["against"] = other(given.against)
    compare(cases, matchers, rounds=max(1, 10_000 // len(cases)))

    words = cycle(word for case in own for word in case["text"].split())
    texts = [" ".join(islice(words, 60)) for _ in range(12_000)]
    print(f"12,000 texts of 60 words read in {seconds(lambda: [read(text) for text in texts]):.1f} s")
    readings = [read(text) for text in texts[:1_000]]
    asked = [(reading, entity) for reading in readings for entity in ENTITIES]
    taken = seconds(lambda: [reading.asserts(entity) for reading, entity in asked])
    print(f"a question {taken / len(asked) * 1e6:.1f} µs, 2 million {taken / len(asked) * 2e6:.1f} s")

    for piece in HOSTILE:
        text = (piece * (given.characters // len(piece) + 1))[: given.characters]
        print(f"{seconds(lambda text=text: read(text)):7.2f} s  {piece!r}")  # type: ignore[misc]


if __name__ == "__main__":
    main()
