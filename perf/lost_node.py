"""`ray-vllm` on two Ray nodes of this machine, one of which is killed: complete, and what one process would have said?

    python perf/lost_node.py [--photographs 20000] [--batch 32]

A stand-in takes vLLM's place, a stage of Ray's processor whose answers follow from the pixels; all else is what a real
run goes through: pictures read, streamed and decoded, batches handed out and back, answers journalled, scored, written.
When a third of the answers is there, the second node is killed with all that runs on it. Printed are both runs'
seconds on the clock and of the processor, the driver's peak memory, and whether the samples are the same to the byte.
To be held: identical, and the driver under 2 GB.

Needs Ray and torch, of which Ray's processor makes use (pip install 'ray[data]').
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
HELPERS = str(ROOT / "tests" / "helpers")
sys.path.insert(0, HELPERS)
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), HELPERS, *filter(None, [os.environ.get("PYTHONPATH")])])

from ray_engine import two_nodes  # noqa: E402  of the tests


def photographs(folder: Path, n: int) -> Path:
    """A benchmark of `n` JPEGs of 320 x 240 pixels, all of them different; the YAML's path."""
    rng = np.random.default_rng(0)
    for i in range(n):
        blocks = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        blocks.resize((320, 240)).save(folder / f"{i:06}.jpg", quality=90)
    rows = "".join(f"{i:06},{i:06}.jpg,48.8566,2.3522,Paris,France\n" for i in range(n))
    (folder / "truth.csv").write_text("id,image,lat,lon,city,country\n" + rows)
    (folder / "many.yaml").write_text(
        f"task: many\nclass: !function globe_eval.GeoTask\n"
        f"dataset_kwargs: {{truth: {folder / 'truth.csv'}, images: {folder}}}\nmetadata: {{version: 1}}\n"
    )
    return folder / "many.yaml"


def run(words: list[str], meanwhile: Callable[[], Any] = lambda: None) -> tuple[float, float, float]:
    """Seconds on the clock and of the processor, and peak memory in MB, of one `globe-eval` process."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "globe_eval.cli", *words], stdout=subprocess.DEVNULL)
    meanwhile()
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, f"{' '.join(words)}: exit code {os.waitstatus_to_exitcode(status)}"
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=32)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, two_nodes() as (address, kill_one):
        folder = Path(scratch)
        (folder / "pictures").mkdir()
        on = ["--tasks", str(photographs(folder / "pictures", options.photographs)), "-o"]
        alone = run(["--model", "ray_stub:Alone", "--batch_size", "64", *on, str(folder / "alone")])
        journal, killed_at = folder / "ray" / "many" / "journal.jsonl", []

        def kill() -> None:
            while not journal.exists() or (there := journal.read_bytes().count(b"\n") - 1) < options.photographs / 3:
                time.sleep(0.2)
            kill_one()
            killed_at.append(there)

        arguments = f"pretrained={folder},address={address},concurrency=2,batch_size={options.batch}"
        words = ["--model", "ray_stub:Stub", "--model_args", arguments, "--device", "cpu"]
        ray = run([*words, *on, str(folder / "ray")], kill)
        for name, (seconds, processor, peak) in (("one process", alone), ("driver of two nodes", ray)):
            print(f"{name:20}{seconds:8.1f} s  {processor:8.1f} CPU-s  {peak:7.0f} MB")
        one, two = ((folder / name / "many" / "samples.jsonl").read_bytes() for name in ("alone", "ray"))
        asked = journal.read_bytes().count(b"\n") - 1
        print(f"{options.photographs:,} photographs, a node killed at {killed_at[0]:,} answers, {asked:,} journalled")
        print(f"samples identical to those of one process: {one == two}")


if __name__ == "__main__":
    main()
