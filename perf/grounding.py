"""Grounding of 12,000 responses of 60 words, rotations included, on one core: `python perf/grounding.py [N]`.

The responses name what half of the photographs of the embedded benchmark show, in sentences around it. The target is
15 s for 12,000; what it takes is CPU time of this process.
"""

from __future__ import annotations

import random
import sys
import time

from globe_eval import miniworld
from globe_eval.metrics.grounding import ground, idf_recalls, lifts

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
    found = [
        ground(row["id"], text, row["entities"], miniworld.VOCABULARY) for row, text in zip(rows, texts, strict=True)
    ]
    read = time.process_time() - start
    lift = lifts(found)
    idf = idf_recalls(found)
    whole = time.process_time() - start
    print(f"{n:,} responses of 60 words: {whole:.1f} s CPU ({n / whole:,.0f}/s)")
    print(f"  reading and per-photograph figures {read:.1f} s, rotations and idf {whole - read:.1f} s")
    print(f"  lift {lift.mean():.3f}, idf recall {idf[idf == idf].mean():.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12_000)
