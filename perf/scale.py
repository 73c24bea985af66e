"""What scoring costs: beside pandas with geopy, and from 1,000 photographs to the 210,000 of OpenStreetView-5M.

    python perf/scale.py                             two rounds: 12,000 answers of 60 words, 2,997 and 12,000 positions
    python perf/scale.py --curve [N …]               journal, score, report, board of N photographs, names and 40 words

Each command runs as a user's, in a process of its own, and inputs are made before the clock starts. Beside `score` of
positions stand two programs that give its five accuracies and nothing else, no intervals and no file: pandas with
geopy's geodesic, and with a plain haversine. They are held to the figures that `score` writes. Printed are medians of
the rounds: seconds by the clock, seconds of a processor (which other work on the machine lengthens less), and the most
memory that a command and its helpers had together. Bytecode of all modules is written, as an installed package has it.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from globe_eval import miniworld
from globe_eval.models.response import Response
from globe_eval.places import gazetteer
from globe_eval.places.resolve import country_name
from globe_eval.runs.journal import Entry, Journal

CURVE = (1_000, 3_000, 10_000, 30_000, 100_000, 210_000)
PEOPLE = 40
"""Photographs by one photographer, on average."""

SENTENCES = (
    "In the foreground there is {cue}, which is common in this part of the world.",
    "I also notice {cue} next to the road.",
    "The presence of {cue} suggests a temperate climate.",
    "There is no sign of {cue}, however.",
    "The signs are in a script that I know from {country}.",
    "Cars drive on the right, as in {country}.",
    "It could be {country}, but the vegetation does not fit.",
)
HEADER = ("id", "true_lat", "true_lon", "country", "city", "author")
TASK = """task: scale
class: !function globe_eval.GeoTask
dataset_kwargs: {{truth: truth.csv, images: images}}
metadata:
  version: 1
  description: made-up answers to photographs near towns of the whole world
  license: CC0-1.0
  citation: none
  source: perf/scale.py
  n: {n}
  manifest_sha256: {{1: {sha256}}}
"""


class Cost(NamedTuple):
    """Of a command: seconds by the clock, seconds of a processor, MB at most."""

    clock: float
    processor: float
    peak: float


def write_answers(path: Path, n: int, *, words: int = 0) -> None:
    """n photographs near towns of the whole world, every second answer of the right town: with a reasoning of so many
    words and the names of the town, or without words its position. Every hundredth answer in words refuses.
    """
    rng, draw = np.random.default_rng(0), random.Random(0)
    towns = list(gazetteer.cities())
    names = sorted({country_name(town.country_code) for town in towns})
    taken, offset = rng.integers(0, len(towns), n).tolist(), rng.normal(0, 0.3, (n, 2)).tolist()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((*HEADER, *(("response",) if words else ("predicted_lat", "predicted_lon"))))
        for i, (row, (north, east)) in enumerate(zip(taken, offset, strict=True)):
            town = towns[row]
            answer = town if draw.random() < 0.5 else draw.choice(towns)
            lat, lon = np.clip((town.lat + north, town.lon + east), (-90, -180), (90, 180)).round(5).tolist()
            photograph = f"p{i:06}", lat, lon, country_name(town.country_code), town.name, f"by {i % (n // PEOPLE + 1)}"
            said = (response(answer, words, names, draw, i),) if words else (answer.lat, answer.lon)
            writer.writerow((*photograph, *said))


def response(place: gazetteer.Place, words: int, names: Sequence[str], draw: random.Random, i: int) -> str:
    """What a model writes that thinks in so many words before it answers."""
    if i % 100 == 99:
        return "I'm sorry, but I cannot determine where this was taken."
    country = country_name(place.country_code)
    conclusion = f"This is most likely {place.name}, {country}."
    thought: list[str] = []
    while len(thought) < words:
        sentence = draw.choice(SENTENCES)
        thought += sentence.format(cue=draw.choice(miniworld.VOCABULARY), country=draw.choice(names)).split()
    said = " ".join([*thought[: words - len(conclusion.split())], conclusion])
    return f"<think>{said}</think>\n<answer>country: {country}\ncity: {place.name}</answer>"


def cost(*command: str) -> Cost:
    """Run a command and measure it with its helpers. Raises RuntimeError with its last words where it fails."""
    before, begun, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), [0.0]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)

    def watch() -> None:
        while process.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):  # of pages that they share, each has its share
                together = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
                peak[0] = max(peak[0], sum(one.memory_full_info().pss for one in together) / 2**20)
            time.sleep(0.5)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    output, _ = process.communicate()
    clock, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    watcher.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {output[-2_000:]}")
    return Cost(clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak[0])


def globe_eval(*words: object) -> Cost:
    return cost(sys.executable, "-m", "globe_eval.cli", *map(str, words))


def this_file(stage: str, *words: object) -> Cost:
    return cost(sys.executable, __file__, "--stage", stage, *map(str, words))


def by_pandas(model: str, path: Path, out: Path) -> None:
    """The five accuracies of a table of positions, as a user's own script computes them."""
    import pandas as pd

    table = pd.read_csv(path)
    ends = table[["true_lat", "true_lon", "predicted_lat", "predicted_lon"]]
    if model == "geopy":
        from geopy.distance import geodesic

        km = np.array([geodesic(row[:2], row[2:]).km for row in ends.itertuples(index=False)])
    else:
        lat1, lon1, lat2, lon2 = np.radians(ends.to_numpy()).T
        h = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
        km = 2 * 6371.0 * np.arcsin(np.sqrt(np.minimum(h, 1)))
    out.write_text(json.dumps({f"acc@{limit}km": float((km <= limit).mean()) for limit in (1, 25, 200, 750, 2500)}))


def journal(path: Path, out: Path) -> None:
    """The answers of a table into a run's journal, and read back from it, as a run that is started again does."""
    with path.open(encoding="utf-8", newline="") as file:
        answers = [(row["id"], row["response"]) for row in csv.DictReader(file)]
    for again in (False, True):
        with Journal(out, {"task": "scale", "model": "none"}) as kept:
            kept.start()
            for name, text in answers:
                key = kept.key(name, "0" * 64, "Where is this?")
                if again:
                    assert kept.answered.pop(key).response == text
                else:
                    kept.append([Entry(key, name, "0" * 64, Response(text), 0.01)])


def beside_others(folder: Path, rounds: int) -> None:
    """`score` and the two scripts, in turn; and that the figures are the same."""
    answers = {
        "12,000 answers of 60 words": (12_000, 60),
        "2,997 positions": (2_997, 0),
        "12,000 positions": (12_000, 0),
    }
    taken: dict[str, list[Cost]] = {}
    for name, (n, words) in answers.items():
        write_answers(folder / f"{name}.csv", n, words=words)
    for _ in range(rounds):
        for name, (_, words) in answers.items():
            table, out, other = folder / f"{name}.csv", folder / name, folder / "other.json"
            read = "response" if words else "coordinates"
            taken.setdefault(f"{name}: score", []).append(globe_eval("score", table, "--read", read, "-o", out))
            figures = json.loads((out / "results.json").read_text())["accuracy_by_distance"]
            for model, distance in (("geopy", "geodesic"), ("haversine", "haversine")) if not words else ():
                taken.setdefault(f"{name}: pandas, {model}", []).append(this_file("pandas", model, table, other))
                assert json.loads(other.read_text()) == figures[distance], (name, model)
    show([(name, costs) for name, costs in taken.items()])


def curve(sizes: Sequence[int], folder: Path, rounds: int) -> None:
    """Each stage of a run of n photographs, and how much a photograph costs more or less than at the size before."""
    for n in sizes:
        taken: dict[str, list[Cost]] = {}
        table, task = folder / f"{n}.csv", folder / "scale.yaml"
        write_answers(table, n, words=40)
        for number in range(rounds):
            run = folder / f"{n}-{number}"
            taken.setdefault("journal", []).append(this_file("journal", table, folder / f"{n}-{number}-journal"))
            words = ("--read", "response", "--answer-form", "names")
            taken.setdefault("score", []).append(globe_eval("score", table, *words, "-o", run))
            results = json.loads((run / "results.json").read_text())
            task.write_text(TASK.format(n=n, sha256=results["manifest_sha256"]))
            (run / "results.json").write_text(json.dumps({**results, "task": "scale", "task_version": "1"}))
            taken.setdefault("report", []).append(globe_eval("report", run, "-o", folder / "report.html"))
            rows = ("--leaderboards", folder / f"{n}-{number}-board", "--include_path", folder)
            taken.setdefault("board", []).append(globe_eval("leaderboard", "add", run, *rows))
        size = (folder / "report.html").stat().st_size / 1e6
        print(f"{n:,} photographs, a report of {size:,.1f} MB")
        show([(f"  {name}", costs) for name, costs in taken.items()], n)


def show(rows: Sequence[tuple[str, Sequence[Cost]]], n: int | None = None) -> None:
    for name, costs in rows:
        clock, processor, peak = map(statistics.median, zip(*costs, strict=True))
        each = f"  {1e6 * processor / n:8,.0f} µs a photograph" if n else ""
        print(f"{name:42} {clock:7.2f} s  {processor:7.2f} s of a processor  {peak:7,.0f} MB{each}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curve", type=int, nargs="*", metavar="N", help=f"default {' '.join(map(str, CURVE))}")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--stage", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        name, *words = options.stage
        if name == "pandas":
            by_pandas(words[0], *map(Path, words[1:]))
        else:
            journal(*map(Path, words))
        return
    print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as temporary:
        if options.curve is None:
            beside_others(Path(temporary), options.rounds)
        else:
            curve(options.curve or CURVE, Path(temporary), options.rounds)


if __name__ == "__main__":
    main()
