"""What the journal costs: appending each of 210,000 answers (OSV-5M's test) as it arrives, and reading them back.

    python perf/journal.py [folder]

Each answer is written and handed to the operating system by itself, as in a run against an endpoint. The peak of memory
is that of a process which does nothing else; while it writes it must not grow.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

from globe_eval.models.response import Response
from globe_eval.runs.journal import Entry, Journal

N = 210_000
TEXT = "<think>" + "The signs, the plants and the road markings say where this is. " * 12 + "</think>"


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write(folder: Path, n: int) -> None:
    with Journal(folder, {"seed": 0}, fresh=True) as journal:
        journal.start()
        start, before = time.perf_counter(), peak_mb()
        for number in range(n):
            name, digest = f"photograph-{number:06d}", f"{number:064x}"
            response = Response(f"{TEXT}{number}", finish_reason="stop", prompt_tokens=900, completion_tokens=200)
            journal.append([Entry(journal.key(name, digest, "Where is this?"), name, digest, response, 0.01)])
        seconds = time.perf_counter() - start
    size = (folder / "journal.jsonl").stat().st_size / 1e6
    print(f"written    {seconds:6.1f} s  {seconds / n * 1e6:5.0f} us an answer  {size:5.0f} MB", end="  ")
    print(f"peak {before:.0f} -> {peak_mb():.0f} MB")


def read(folder: Path, n: int) -> None:
    start, before = time.perf_counter(), peak_mb()
    with Journal(folder, {"seed": 0}) as journal:
        seconds = time.perf_counter() - start
        assert len(journal.answered) == n
    print(f"read back  {seconds:6.1f} s  {seconds / n * 1e6:5.0f} us an answer", end="  ")
    print(f"peak {before:.0f} -> {peak_mb():.0f} MB")


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        for n in (N // 10, N):
            print(f"{n:,} answers of {len(TEXT) + 6} characters")
            for work in (write, read):
                # A process of its own: the peak of memory is then that of this step.
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    pool.apply(work, (Path(folder), n))


if __name__ == "__main__":
    main()
