"""What `globe-eval prepare` costs beside decoding the pictures once, and how well its perceptual hash tells them apart.

    python perf/prepare.py [PICTURES] [ROUNDS]

Makes JPEGs of 100 KB (640 x 480, detail as in photographs: amplitude 1/f), then takes turns, ROUNDS times: decode all
of them on every core (threads, then processes), prepare them from nothing, prepare them again (the journal knows them).
Prints medians, by the clock and in processor seconds (on a busy machine only these mean anything); the bound to hold
for 12,000 is 1.3 times the faster decoding. Then the peak memory of preparing a quarter and all of them, each in a
process of its own; then, for each Hamming distance, the share of pairs of different pictures (false alarms) and of
pictures changed a little (found) that the hash calls alike.
"""

from __future__ import annotations

import csv
import io
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from itertools import combinations
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from globe_eval.benchmarks.duplicates import perceptual_hash, shrink

YAML = "task: perf\nclass: !function globe_eval.GeoTask\ndataset_kwargs: {truth: truth.csv}\nmetadata: {version: 1}\n"


def detail(side: int, seed: int) -> np.ndarray:
    """(side, side, 3) uint8: coloured noise whose amplitude falls as that of photographs does."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    frequency[0, 0] = np.inf
    common = rng.normal(size=(side, side))
    layers = []
    for _ in range(3):
        spectrum = np.fft.rfft2(0.8 * common + 0.2 * rng.normal(size=(side, side))) / frequency**1.1
        layer = np.fft.irfft2(spectrum, s=(side, side))
        layers.append(120 + 50 * (layer - layer.mean()) / layer.std())
    return np.clip(np.stack(layers, -1), 0, 255).astype(np.uint8)


def make(folder: Path, n: int) -> Path:
    """n pictures in `folder`/images and their truth; cut from a few large ones, at random."""
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    large = [detail(2048, seed) for seed in range(4)]
    with (folder / "truth.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "lat", "lon"])
        for k in range(n):
            y, x = rng.integers(0, 2048 - 480), rng.integers(0, 2048 - 640)
            picture = Image.fromarray(large[k % 4][y : y + 480, x : x + 640])
            picture.save(folder / "images" / f"{k:05d}.jpg", quality=83)
            writer.writerow([f"{k:05d}", round(rng.uniform(-60, 70), 5), round(rng.uniform(-180, 180), 5)])
    (folder / "perf.yaml").write_text(YAML)
    return folder


def decode(paths: list[Path]) -> None:
    for path in paths:
        with Image.open(path) as image:
            image.load()


def decode_all(kind: type[Executor], paths: list[Path]) -> None:
    with kind(os.cpu_count()) as pool:
        list(pool.map(decode, [paths[k : k + 16] for k in range(0, len(paths), 16)]))


def prepare_in(folder: Path, out: Path, *, fresh: bool) -> None:
    from globe_eval.benchmarks.prepare import prepare  # not above: each worker of it imports this file

    if fresh:
        shutil.rmtree(out, ignore_errors=True)
    prepare(folder / "perf.yaml", images=folder / "images", truth=folder / "truth.csv", out=out)


def cpu_seconds() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def seconds(function: Callable[[], None]) -> tuple[float, float]:
    """Of the clock, and of all processors."""
    start, used = time.perf_counter(), cpu_seconds()
    function()
    return time.perf_counter() - start, cpu_seconds() - used


def peak_mib(folder: Path) -> str:
    done = subprocess.run([sys.executable, __file__, "--once", str(folder)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def changed(picture: Image.Image) -> list[Image.Image]:
    """What sites do to a photograph: encode it again, half its size, a little brighter."""
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=50)
    half = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)
    return [Image.open(jpeg), half, picture.point(lambda value: min(255, int(value * 1.1)))]


def hash_table(kind: str, pictures: list[Image.Image]) -> None:
    def look(picture: Image.Image) -> int:
        return perceptual_hash(shrink(picture.convert("L"))) or 0

    looks = [look(picture) for picture in pictures]
    false = np.array([(a ^ b).bit_count() for a, b in combinations(looks, 2)])
    found = np.array([(a ^ look(new)).bit_count() for a, p in zip(looks, pictures, strict=True) for new in changed(p)])
    for bits in (0, 2, 4, 6, 8, 10):
        print(f"{kind:24} {bits:2} bits: false {np.mean(false <= bits):.2e}, found {np.mean(found <= bits):.3f}")


def main() -> None:
    from globe_eval.miniworld import photographs, render

    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as name:
        folder, out = make(Path(name) / "all", n), Path(name) / "out"
        paths = sorted((folder / "images").iterdir())
        print(f"{n} JPEGs of {sum(path.stat().st_size for path in paths) / n / 1000:.0f} KB, {os.cpu_count()} cores")
        turns: dict[str, Callable[[], None]] = {
            "decode, threads": partial(decode_all, ThreadPoolExecutor, paths),
            "decode, processes": partial(decode_all, ProcessPoolExecutor, paths),
            "prepare": partial(prepare_in, folder, out, fresh=True),
            "prepare again": partial(prepare_in, folder, out, fresh=False),
        }
        for turn in turns.values():
            turn()
        rows = [[seconds(turn) for turn in turns.values()] for _ in range(rounds)]
        wall, cpu = ([median(row[k][which] for row in rows) for k in range(len(turns))] for which in (0, 1))
        for kind, clock, processors in zip(turns, wall, cpu, strict=True):
            print(
                f"{kind:18} {clock:7.2f} s, {clock / min(wall[:2]):.2f} times the faster decoding; "
                f"{processors:7.2f} processor seconds, {processors / min(cpu[:2]):.2f} times"
            )
        quarter = make(Path(name) / "quarter", n // 4)
        print(f"peak memory: {n // 4} pictures {peak_mib(quarter)} MiB, {n} pictures {peak_mib(folder)} MiB")
    hash_table("noise as in photographs", [Image.fromarray(detail(256, seed)) for seed in range(300)])
    hash_table("miniworld, 300", [render(row, 224) for row in photographs("test")])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--once"]:
        with tempfile.TemporaryDirectory() as name:
            prepare_in(Path(sys.argv[2]), Path(name) / "out", fresh=True)
        print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}")
    else:
        main()
