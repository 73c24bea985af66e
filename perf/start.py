"""CPU seconds of short commands, whole: user and system of the process and all that it starts, medians.

    python perf/start.py [REPOSITORY …] [--repeats 7]

Each command runs in the code of each checkout (by default this one) in turn, so that what a busy machine does to one it
does to the other; with bytecode of all modules, as an installed package has it. To be held: `--help` 0.06, `ls tasks`
0.20, `ls tasks --details` 0.8, `validate` 0.6, `score` of ten rows 0.6.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parents[1]
ROWS = "".join(f'{i},48.8{i},2.35,"<answer>country: France\ncity: Paris</answer>"\n' for i in range(10))
COMMANDS = {
    "--help": ["--help"],
    "ls tasks": ["ls", "tasks"],
    "ls tasks --details": ["ls", "tasks", "--details"],
    "validate": ["validate", "tasks/im2gps3k/im2gps3k.yaml"],
    "score, 10 rows": ["score", "{answers}"],
}


def cpu_seconds(command: list[str], repository: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run(command, cwd=repository, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repositories", nargs="*", type=Path, default=[HERE])
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        answers = Path(folder) / "answers.csv"
        answers.write_text(f"id,lat,lon,response\n{ROWS}")
        for name, words in COMMANDS.items():
            call = [sys.executable, "-m", "globe_eval.cli", *(word.format(answers=answers) for word in words)]
            taken: dict[Path, list[float]] = {one: [] for one in options.repositories}
            for _ in range(options.repeats):
                for one in options.repositories:
                    taken[one].append(cpu_seconds(call, one.resolve()))
            print(f"{name:20}", *(f"{statistics.median(taken[one]):.3f} s" for one in options.repositories), flush=True)


if __name__ == "__main__":
    main()
