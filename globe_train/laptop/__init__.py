"""The proof on a laptop: a model that begins with nothing learns miniworld by the same code that trains 7B.

world, student -> learning to see -> SFT -> reward model -> GRPO, each evaluated. Nothing here is needed to train a
published model.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from globe_eval.commands.arguments import count
from globe_eval.commands.parser import Command, Parser

MAKES = {
    "out/train/imagined/manifest.jsonl": "globe-train world out/train/imagined --teacher imagined --n 14400",
    "out/train/world/manifest.jsonl": "globe-train world out/train/world --n 9600",
    "out/train/student": "globe-train student out/train/student",
    "out/train/base": "globe-train sft miniworld_see",
    "out/train/sft": "globe-train sft miniworld_sft",
    "out/train/reward_model": "globe-train reward-model miniworld_reward_model",
}
"""What the recipes of miniworld begin with -> the command that makes it."""


def missing_reason(name: str) -> str | None:
    """What to say of a file or folder that is not there; None where it is, and for what may be a name on the hub.

    >>> missing_reason("out/train/student"), missing_reason("Qwen/Qwen2.5-VL-7B-Instruct")
    ('no such folder; globe-train student out/train/student makes it', None)
    """
    if Path(name).expanduser().exists() or (name.count("/") < 2 and not name.startswith((".", "/", "~"))):
        return None
    made = f"; {MAKES[name]} makes it" if name in MAKES else ""
    return f"no such {'file' if Path(name).suffix else 'folder'}{made}"


def _add_world(parser: Parser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--n", type=count, default=8000, help="pictures (default 8000)")
    parser.add_argument("--seed", type=int, default=1, help="of the pictures (default 1; the benchmark's is 0)")
    parser.add_argument("--teacher", default="flawed", metavar="MANNER", help="flawed (default), careful or imagined")
    parser.add_argument("--size", type=count, default=112, help="pixels a side (default 112)")
    parser.add_argument("--fresh", action="store_true", help="over another split in the folder")


def _world(options: argparse.Namespace) -> int:
    from globe_train.laptop import world

    path = world.write(options.folder, options.n, options.seed, options.teacher, options.size, options.fresh)
    print(f"{path}: {options.n:,} pictures, seed {options.seed}, {options.teacher} teacher; none is the benchmark's")
    return 0


def _add_student(parser: Parser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=0)


def _student(options: argparse.Namespace) -> int:
    from globe_train.laptop import student

    folder = student.build(options.folder, options.seed)
    print(f"{folder}: Qwen2.5-VL with one and a half million random weights, seed {options.seed}")
    return 0


COMMANDS = {
    "world": Command(
        "Draw miniworld's training split.",
        "FOLDER [options]",
        "globe-train world out/train/world --n 9600",
        _add_world,
        _world,
    ),
    "student": Command(
        "Make a tiny Qwen2.5-VL, untrained, that can learn miniworld on a laptop.",
        "FOLDER [options]",
        "globe-train student out/train/student",
        _add_student,
        _student,
    ),
}
