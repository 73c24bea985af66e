"""Time, peak memory and size of a report on 12,000 photographs.

    python perf/report.py [--keep FOLDER] [--n 12000]

The photographs are miniworld's (drawn from a seed, no pictures shown), their responses about 60 words that name some of
what is there, some of what is not, and a place; a confidence stands behind them. Making the run is not measured. The
report is written by the command line in a process of its own, as a user's, and opened in Chromium where there is one.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from globe_eval import miniworld
from globe_eval.runs import record
from globe_eval.runs.assemble import assemble, unscored
from globe_eval.sample import Sample, Truth

FILLER = (
    "Looking at the light, the shape of the roofs and the way that the street is laid out, this seems to be a place "
    "that travellers know well, and the colours agree with that."
)


def make(folder: Path, n: int) -> None:
    """A run of n photographs with responses of about 60 words."""
    rows = miniworld.photographs("test", n)
    dice = random.Random(0)
    samples = []
    for row in rows:
        told = dice.choice(rows) if dice.random() < 0.5 else row
        seen = [entity for entity in row["entities"] if dice.random() < 0.7]
        text = (
            f"<think>The picture shows {', '.join(seen) or 'little'} and {dice.choice(miniworld.VOCABULARY)}. {FILLER} "
            f"There is no {dice.choice(miniworld.VOCABULARY)}. This is most likely {told['city']}, {told['country']}."
            f"</think><answer>country: {told['country']}\ncity: {told['city']}</answer>\n"
            f"confidence: {dice.random():.2f}"
        )
        if dice.random() < 0.02:
            text = "I'm sorry, but I cannot say where this is."
        samples.append(Sample.of(row["id"], Truth.of(row), text))
    setting = unscored("synthetic", "1", "names", "0" * 64, "made-up")
    record.write_run(folder, *assemble(setting, samples, started=datetime.now(UTC)))


def measured(run: Path, out: Path, *more: str) -> tuple[float, float]:
    """Seconds of wall time and MB of peak memory of `globe-eval report`."""
    command = [sys.executable, "-m", "globe_eval.cli", "report", str(run), "-o", str(out), *more]
    program = (
        "import json, resource, subprocess, sys, time; start = time.perf_counter();"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss;"
        "print(json.dumps([time.perf_counter() - start, peak]))"
    )
    done = subprocess.run([sys.executable, "-c", program, *command], check=True, capture_output=True, text=True)
    seconds, peak = json.loads(done.stdout)
    return seconds, peak / 1024


def opening(page: Path, profile: Path) -> None:
    """Print how long a browser takes from asking for the page to the end of its scripts, and to turn a page."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    import browser

    found = browser.programs()
    if found is None:
        print("no chromium here: opening is not measured")
        return
    with browser.started(profile, *found) as tab:
        for _ in range(2):  # the first start fills the disk cache of the browser itself
            tab.open(page)
            tab.wait(lambda: tab.script("return document.documentElement.dataset.ready") == "yes", "scripts have run")
        opened = tab.script("return performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000
        turned = tab.script(
            "const start = performance.now(); document.querySelector('#pager-top button:last-child').click();"
            "document.body.getBoundingClientRect(); return performance.now() - start"
        )
        print(f"opens in {opened:.2f} s in Chromium, turns a page in {turned:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=12_000)
    parser.add_argument("--keep", type=Path, help="make the run there, or take the one that is there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        run = options.keep or Path(temporary) / "run"
        if not (run / "results.json").exists():
            start = time.perf_counter()
            make(run, options.n)
            own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"run made in {time.perf_counter() - start:.0f} s ({own:,.0f} MB), not measured")
        words = [len((s.response or "").split()) for s in record.each_sample(run)]
        out = Path(temporary) / "report.html"
        seconds, peak = measured(run, out)
        print(
            f"{len(words):,} photographs, responses of {sum(words) / len(words):.0f} words: report in {seconds:.1f} s, "
            f"{peak:,.0f} MB at most, {out.stat().st_size / 1e6:.1f} MB"
        )
        opening(out, Path(temporary) / "profile")
        first = out.read_bytes()
        measured(run, out)
        print("the same bytes again" if out.read_bytes() == first else "OTHER BYTES the second time")


if __name__ == "__main__":
    main()
