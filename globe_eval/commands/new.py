from __future__ import annotations

import argparse
import os
import re
from collections import Counter
from pathlib import Path

from globe_eval.commands.parser import Parser, add_columns, add_output
from globe_eval.errors import InputError

SENTENCE = "Make a benchmark of your own photographs."
WORDS = "NAME --images DIR [--truth FILE] [options]"
EXAMPLE = "globe-eval new my_trip --images photos"
ROLES = ("id", "image", "lat", "lon", "country", "city", "group", "scene", "entities", "localizable")


def add_arguments(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the task: letters, digits, '_' and '-'")
    parser.add_argument(
        "--truth", type=Path, metavar="FILE", help="table of the truth (default: made of the pictures' own metadata)"
    )
    parser.add_argument("--images", type=Path, metavar="DIR", required=True, help="folder of the pictures")
    add_output(parser, help="where YAML and table are written (default: here)")
    parser.add_argument("--folder", dest="output_path", type=Path, help=argparse.SUPPRESS)  # its name in 0.1
    add_columns(parser, ROLES)


def run(options: argparse.Namespace) -> int:
    from globe_eval.benchmarks.definition import known_tasks, task_text
    from globe_eval.benchmarks.manifest import read_manifest

    name, truth, images = options.name, options.truth, options.images.expanduser()
    columns = {role: column for role in ROLES if (column := getattr(options, f"{role}_column"))}
    if columns and truth is None:
        raise InputError(f"--{next(iter(columns))}-column: is of a table; give it with --truth")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise InputError(f"task {name!r}: allowed: letters, digits, '_' and '-'")
    if name in known_tasks():
        raise InputError(f"task {name!r}: there is a benchmark of this name already (globe-eval ls); choose another")
    path = (options.output_path or Path()) / f"{name}.yaml"
    table, listed = path.with_suffix(".csv"), path.with_name(f"{name}_left_out.csv")
    for there in (path,) if truth is not None else (path, table, listed):
        if there.exists():
            raise InputError(f"{there}: the file is there already; choose another name, or remove it")
    if path.parent.exists() and not path.parent.is_dir():
        raise InputError(f"{path.parent}: is no folder")
    if truth is None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_truth(images, table, listed)
    truth = table if truth is None else truth.expanduser()
    manifest = read_manifest(truth, images=images, columns=columns)
    values = {
        "dataset_kwargs": {
            "truth": _way(path.parent, truth),
            "images": _way(path.parent, images),
            **({"columns": columns} if columns else {}),
        },
        "metadata": {"version": 1, "n": len(manifest.rows), "manifest_sha256": {1: manifest.sha256}},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(task_text(name, values))
    print(f"written: {path}")
    print(f"now: globe-eval --model constant --tasks {name} --include_path {path.absolute().parent}")
    return 0


def _write_truth(images: Path, table: Path, listed: Path) -> None:
    """Write the truth that the pictures' own metadata have, and which pictures were left out, and say so."""
    from globe_eval.benchmarks.photographs import HEADER, describe_folder
    from globe_eval.benchmarks.table import write_csv

    rows, left_out = describe_folder(images)
    write_csv(table, HEADER, [[row[column] for column in HEADER] for row in rows])
    for reason, n in Counter(reason for _, reason in left_out).most_common():
        first = next(file for file, why in left_out if why == reason)
        print(f"left out: {n:,} ({first}{', …' if n > 1 else ''}): {reason}")
    print(f"written: {table}")
    if left_out:
        write_csv(listed, ("file", "reason"), left_out)
        print(f"written: {listed}")


def _way(folder: Path, path: Path) -> str:
    """The way from the YAML's folder to a file, so that the whole can be moved; absolute on another drive."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return str(path.resolve())
