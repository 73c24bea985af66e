"""A run the size of OpenStreetView-5M's test set: journalled, read back, scored with clustered intervals, written.

    python perf/scale.py [PHOTOGRAPHS] [--profile]

Two kinds of synthetic responses (coordinates; country and city) for 210,000 photographs by 5,000 people, then
`globe-eval rescore` of that run, and the same coordinates as a CSV for `globe-eval score`. Each case runs in a process
of its own, so that its peak of memory is its own; inputs are made before the clock starts. Printed: seconds on the
clock, and of the processor, which other work on the machine does not lengthen as much. To be held by a run: 60 s and
1.5 GB in all.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import csv
import io
import multiprocessing
import os
import pstats
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from globe_eval import cli
from globe_eval.models.response import Response
from globe_eval.places import gazetteer
from globe_eval.runs import record
from globe_eval.runs.assemble import assemble, unscored
from globe_eval.runs.journal import Entry, Journal
from globe_eval.sample import Sample, Truth

N_PEOPLE = 5_000
_taken: dict[str, tuple[float, float]] = {}


@contextlib.contextmanager
def stage(name: str) -> Iterator[None]:
    """Take down how long the block takes."""
    start, cpu = time.perf_counter(), processor_seconds()
    yield
    _taken[name] = time.perf_counter() - start, processor_seconds() - cpu


def processor_seconds() -> float:
    """Of this process and of the helpers that it has ended."""
    helpers = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + helpers.ru_utime + helpers.ru_stime


def truths_and_answers(n: int) -> tuple[list[Truth], list[gazetteer.Place]]:
    """Photographs close to towns of the whole world, and towns as answers: every second one within about 100 km."""
    rng = np.random.default_rng(0)
    towns = list(gazetteer.cities())
    taken = rng.integers(0, len(towns), n)
    offset = rng.normal(0, 0.3, (n, 2))
    people = rng.integers(0, N_PEOPLE, n)
    truths = [
        Truth(
            float(np.clip(towns[row].lat + north, -90, 90)),
            float(np.clip(towns[row].lon + east, -180, 180)),
            towns[row].country_code,
            towns[row].name,
            f"person {people[i]}",
        )
        for i, (row, (north, east)) in enumerate(zip(taken.tolist(), offset.tolist(), strict=True))
    ]
    elsewhere = rng.integers(0, len(towns), n)
    right = rng.random(n) < 0.5
    return truths, [towns[row] for row in np.where(right, taken, elsewhere).tolist()]


def response(form: str, place: gazetteer.Place, i: int) -> str:
    """What a model writes; every hundredth one refuses."""
    if i % 100 == 99:
        return "I'm sorry, but I cannot determine where this was taken."
    thought = "The road markings, the vegetation and the script on the signs point here. " * 3
    if form == "coordinates":
        return f"<think>{thought}</think>\n<answer>latitude: {place.lat:.4f}\nlongitude: {place.lon:.4f}</answer>"
    return f"<think>{thought}</think>\n<answer>country: {place.country_code}\ncity: {place.name}</answer>"


def run(form: str, n: int, folder: Path) -> None:
    """What `globe-eval run` does with answers: one journal record each, and all that follows the last one."""
    truths, places = truths_and_answers(n)
    responses = [response(form, place, i) for i, place in enumerate(places)]
    ids = [f"photograph-{i:07}" for i in range(n)]
    del places
    setting = unscored("scale", "1", form, "0" * 64, "none")
    run_is = {"task": "scale", "model": "none"}
    with stage("all"):
        with stage("journal"), Journal(folder, run_is) as journal:
            journal.start()
            for name, text in zip(ids, responses, strict=True):
                key = journal.key(name, "0" * 64, "Where is this?")
                journal.append([Entry(key, name, "0" * 64, Response(text), 0.01)])
        del responses
        with stage("read back"), Journal(folder, run_is) as journal:
            journal.start()
            keys = [journal.key(name, "0" * 64, "Where is this?") for name in ids]
            entries = [journal.answered.pop(key) for key in keys]
        samples = [
            Sample.of(name, truth, one.response, image_sha256=one.image_sha256)
            for name, truth, one in zip(ids, truths, entries, strict=True)
        ]
        del entries
        with stage("assemble"):
            samples, results = assemble(setting, samples, started=datetime.now(UTC))
        with stage("write"):
            record.write_run(folder, samples, results)


def rescore(form: str, n: int, folder: Path) -> None:
    """`globe-eval rescore RUN -o DIR` of a run of the same answers."""
    run(form, n, folder)
    _taken.clear()
    with stage("all"), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = cli.main(["rescore", str(folder), "-o", str(folder / "again")])
    assert code == 0, code


def score(_: str, n: int, folder: Path) -> None:
    """`globe-eval score FILE.csv -o DIR`."""
    truths, places = truths_and_answers(n)
    table = folder / "answers.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "true_lat", "true_lon", "author", "predicted_lat", "predicted_lon"))
        for truth, place in zip(truths, places, strict=True):
            writer.writerow((truth.id, truth.lat, truth.lon, truth.group, place.lat, place.lon))
    del truths, places
    with stage("all"), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = cli.main(["score", str(table), "-o", str(folder / "scored")])
    assert code == 0, code


def watch(together: list[float]) -> None:
    """Note now and then how many MB this process and its helpers have together (what `exec` inherits is no use)."""
    me = str(os.getpid())
    while True:
        resident = 0
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError):
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                if me in (folder.name, parent):
                    resident += int((folder / "statm").read_text().split()[1])
        together.append(resident * resource.getpagesize() / 1e6)
        time.sleep(0.5)


def measured(case: Callable[[str, int, Path], None], form: str, n: int, profile: bool) -> None:
    profiler = cProfile.Profile()
    together: list[float] = []
    threading.Thread(target=watch, args=(together,), daemon=True).start()
    with tempfile.TemporaryDirectory() as folder, profiler if profile else contextlib.nullcontext():
        case(form, n, Path(folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{case.__name__} {form}: peak {peak:,.0f} MB, with its helpers {max(together):,.0f} MB")
    for name, (clock, processor) in _taken.items():
        print(f"    {name:12} {clock:6.1f} s  {processor:6.1f} s of a processor")
    if profile:
        pstats.Stats(profiler, stream=sys.stdout).sort_stats("tottime").print_stats(25)
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=int, nargs="?", default=210_000)
    parser.add_argument("--profile", action="store_true", help="with where the time goes, each about twice as slow")
    options = parser.parse_args()
    print(f"{options.photographs:,} photographs by {N_PEOPLE:,} people")
    for case, form in ((run, "coordinates"), (run, "names"), (rescore, "coordinates"), (score, "coordinates")):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            pool.apply(measured, (case, form, options.photographs, options.profile))


if __name__ == "__main__":
    main()
