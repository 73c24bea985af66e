"""The proof on a laptop: a model that begins with nothing learns miniworld by the same code that trains 7B.

world, student -> learning to see -> SFT -> reward model -> GRPO, each evaluated. Nothing here is needed to train a
published model.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from globe_eval.commands.arguments import count


def add_verbs(verbs: Any) -> None:
    """Add `world` and `student` to the verbs of the command line."""
    world = verbs.add_parser("world", help="draw miniworld's training split")
    world.add_argument("folder", type=Path, metavar="FOLDER")
    world.add_argument("--n", type=count, default=8000, help="pictures (default 8000)")
    world.add_argument("--seed", type=int, default=1, help="of the pictures (default 1; the benchmark's is 0)")
    world.add_argument("--teacher", default="flawed", metavar="MANNER", help="flawed (default) or careful")
    world.add_argument("--size", type=count, default=112, help="pixels a side (default 112)")
    world.add_argument("--fresh", action="store_true", help="over another split in the folder")
    world.set_defaults(verb=_world)
    student = verbs.add_parser(
        "student", help="make a tiny Qwen2.5-VL, untrained, that can learn miniworld on a laptop"
    )
    student.add_argument("folder", type=Path, metavar="FOLDER")
    student.add_argument("--seed", type=int, default=0)
    student.set_defaults(verb=_student)


def _world(options: argparse.Namespace) -> int:
    from globe_train.laptop import world

    path = world.write(options.folder, options.n, options.seed, options.teacher, options.size, options.fresh)
    print(f"{path}: {options.n:,} pictures, seed {options.seed}, {options.teacher} teacher; none is the benchmark's")
    return 0


def _student(options: argparse.Namespace) -> int:
    from globe_train.laptop import student

    folder = student.build(options.folder, options.seed)
    print(f"{folder}: Qwen2.5-VL with one and a half million random weights, seed {options.seed}")
    return 0
