"""Grounding of 12,000 responses of 60 words, rotations included, on one core: `python perf/grounding.py [N]`.

The responses name what half of the photographs of the embedded benchmark show, in sentences around it. The target is
15 s for 12,000; what it takes is CPU time of this process.
"""

from __future__ import annotations

import random
import sys
import time

import numpy as np

from globe_eval import miniworld
from globe_eval.metrics.grounding import controls, ground

FRAMES = (
    "In the foreground there is {}, which is common in this part of the world.",
    "I also notice {} next to the road.",
    "The presence of {} suggests a temperate climate.",
    "There is no sign of {}, however.",
    "On the left stands {}.",
)


def main(n: int) -> None:
    draw = random.Random(0)
    rows = miniworld.photographs("test", n)
    texts = []
    for row in rows:
        words: list[str] = []
        while len(words) < 60:
            cue = draw.choice(row["entities"] if draw.random() < 0.5 else miniworld.VOCABULARY)
            words += draw.choice(FRAMES).format(cue).split()
        texts.append(" ".join(words[:60]))
    start = time.process_time()
    ids, seen = ([row[name] for row in rows] for name in ("id", "entities"))
    for text, entities in zip(texts, seen, strict=True):
        ground(text, entities, miniworld.VOCABULARY)
    read, start = time.process_time() - start, time.process_time()
    found = [
        ground(text, entities, miniworld.VOCABULARY, control=control)
        for text, entities, control in zip(texts, seen, controls(ids, seen), strict=True)
    ]
    lift, idf = (np.array([getattr(one, name) for one in found], dtype=float) for name in ("lift", "recall_idf"))
    whole = time.process_time() - start
    print(f"{n:,} responses of 60 words: {whole:.1f} s CPU ({n / whole:,.0f}/s)")
    print(f"  reading and per-photograph figures {read:.1f} s, rotations and idf {whole - read:.1f} s")
    print(f"  lift {lift.mean():.3f}, idf recall {idf[idf == idf].mean():.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12_000)
