"""`globe-eval leaderboard`: its arguments and what each of its verbs does; the exit code comes back."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from globe_eval.errors import InputError, nearest


def add_parser(subparsers: Any) -> None:
    """The verb's arguments."""
    leaderboard = subparsers.add_parser("leaderboard", help="add a run, check rows, write the boards")
    verbs_of_it = leaderboard.add_subparsers(metavar="{add,check,build}", required=True, parser_class=type(leaderboard))
    add = verbs_of_it.add_parser("add", help="check a run and write its row, leaderboards/runs/*.json")
    add.add_argument("run", type=Path, metavar="RUN", help="folder with samples.jsonl and results.json")
    add.add_argument("--name", metavar="TEXT", help="of the row (default: the model and its weights)")
    add.add_argument("--source", metavar="TEXT", help="where to read about the model: arXiv 2506.14674, an address")
    add.set_defaults(verb=_add)
    check = verbs_of_it.add_parser("check", help="say of each row why it cannot stand; exit code 2 if one cannot")
    check.add_argument(
        "paths", type=Path, nargs="*", metavar="FILE", help="rows or folders of runs (default: all rows)"
    )
    check.set_defaults(verb=_check)
    build = verbs_of_it.add_parser("build", help="write boards, site and READMEs from the rows")
    build.add_argument(
        "--format",
        type=lambda text: text.split(","),
        default=["md"],
        metavar="LIST",
        help="of the boards: some of md,csv,json,tex (default md)",
    )
    build.add_argument("--check", action="store_true", help="write nothing; exit code 2 if a file is stale")
    build.set_defaults(verb=_build)
    for verb in (add, check, build):
        verb.add_argument(
            "--leaderboards", type=Path, metavar="DIR", default=Path("leaderboards"), help="default leaderboards"
        )
        verb.add_argument(
            "--include_path", nargs="+", type=Path, metavar="DIR", default=[], help="folders of your YAMLs"
        )


def _add(options: argparse.Namespace) -> int:
    """Check a run and write its row."""
    from globe_eval.reports.board import leaderboard

    path = leaderboard.add(
        options.run,
        options.leaderboards,
        name=options.name,
        source=options.source,
        include_path=options.include_path,
    )
    print(f"written: {path}")
    print("now: globe-eval leaderboard build", file=sys.stderr)
    return 0


def _check(options: argparse.Namespace) -> int:
    """Say of each row, or folder of a run, why it cannot stand."""
    from globe_eval.reports.board import leaderboard

    refused = 0
    for path, wrong in leaderboard.check(options.paths, options.leaderboards, include_path=options.include_path):
        refused += bool(wrong)
        print(f"{path}: {'refused: ' + '; '.join(wrong) if wrong else 'ok'}", file=sys.stderr if wrong else sys.stdout)
    return InputError.exit_code if refused else 0


def _build(options: argparse.Namespace) -> int:
    """Write the boards, or say what is stale."""
    from globe_eval.reports.board import leaderboard

    for suffix in options.format:
        if suffix not in leaderboard.FORMATS:
            allowed = ", ".join(leaderboard.FORMATS)
            raise InputError(f"--format: found {suffix!r}{nearest(suffix, leaderboard.FORMATS)} (allowed: {allowed})")
    files = leaderboard.build(options.leaderboards, suffixes=options.format, include_path=options.include_path)
    if options.check:
        old = leaderboard.stale(files, options.leaderboards)
        for path in old:
            print(f"{path}: stale, run globe-eval leaderboard build", file=sys.stderr)
        return InputError.exit_code if old else 0
    changed = leaderboard.write(files, options.leaderboards)
    for path in changed:
        print(f"written: {path}" if path in files else f"removed: {path}")
    if not changed:
        print(f"{options.leaderboards}: {len(files)} files, all of them up to date")
    return 0
