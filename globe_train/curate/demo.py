"""The pipeline judged: `python -m globe_train.curate.demo FOLDER [--n 1500]` (`make curate-demo`).

photographs of miniworld, three teachers and a predictor of known error -> globe-train curate miniworld
-> precision and recall of each check and of the whole, in FOLDER/report.md
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from globe_eval.commands.arguments import count
from globe_eval.errors import InputError
from globe_eval.files import write_whole
from globe_train import cli
from globe_train.curate import judge, simulated


def main(words: Sequence[str] | None = None) -> int:
    """Run what is missing, print the figures, return an exit code."""
    parser = argparse.ArgumentParser(prog="python -m globe_train.curate.demo", description="The pipeline judged.")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--n", type=count, default=1500, help="photographs (default 1500)")
    parser.add_argument("--seed", type=int, default=11, help="of photographs and errors (default 11)")
    options = parser.parse_args(words)
    started = time.monotonic()
    try:
        labels = simulated.write(options.folder, options.n, options.seed)
        command = ["curate", "miniworld", *simulated.overrides(options.folder)]
        print("+", shlex.join(["globe-train", *command]), flush=True)
        if code := cli.main(command):
            return code
        figures = judge.read(options.folder / "curated" / "dataset", options.folder / "truth.jsonl", labels)
    except InputError as error:
        print(f"curate-demo: {error}", file=sys.stderr)
        return error.exit_code
    text = judge.report(figures)
    write_whole(options.folder / "report.md", text.encode())
    print(f"\n{text}\n{time.monotonic() - started:.0f} seconds; {options.folder / 'report.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
