from __future__ import annotations

import argparse
import sys
from pathlib import Path

from globe_eval.commands.parser import Parser, add_include_path, add_run
from globe_eval.errors import InputError, nearest

SENTENCE = "Add a run to the leaderboards, check their rows, write them."
WORDS = "add|check|build [options]"
EXAMPLE = "globe-eval leaderboard check"


def add_arguments(parser: Parser) -> None:
    parser.add_commands({"add": _Add, "check": _Check, "build": _Build})


def _add_folders(parser: Parser) -> None:
    parser.add_argument(
        "--leaderboards", type=Path, metavar="DIR", default=Path("leaderboards"), help="default leaderboards"
    )
    add_include_path(parser)


class _Add:
    SENTENCE = "Check a run and write its row, leaderboards/runs/*.json."
    WORDS = "RUN [options]"
    EXAMPLE = "globe-eval leaderboard add globe_eval_runs/knn/miniworld"

    @staticmethod
    def add_arguments(parser: Parser) -> None:
        add_run(parser)
        parser.add_argument("--name", metavar="TEXT", help="of the row (default: the model and its weights)")
        parser.add_argument("--source", metavar="TEXT", help="where to read about it: arXiv 2506.14674, an address")
        parser.add_argument("--responses", action="store_true", help="publish the responses too: the row is verified")
        _add_folders(parser)

    @staticmethod
    def run(options: argparse.Namespace) -> int:
        from globe_eval.benchmarks.definition import known_tasks
        from globe_eval.reports.board import leaderboard

        path = leaderboard.add(
            options.run,
            options.leaderboards,
            name=options.name,
            source=options.source,
            include_path=options.include_path,
            responses=options.responses,
        )
        found = leaderboard.level(path, known_tasks(options.include_path))
        more = "" if found.level == "verified" or options.responses else "; with --responses its responses go along"
        print(f"written: {path}")
        print(f"this row is {found.level}: {found.why}{more}", file=sys.stderr)
        print(f"now: git add {path}, and a pull request; boards are built after the merge", file=sys.stderr)
        return 0


class _Check:
    SENTENCE = "Say of each row why it cannot stand; exit code 2 if one cannot."
    WORDS = "[FILE …] [options]"
    EXAMPLE = "globe-eval leaderboard check globe_eval_runs/knn/miniworld"

    @staticmethod
    def add_arguments(parser: Parser) -> None:
        parser.add_argument(
            "paths", type=Path, nargs="*", default=[], metavar="FILE", help="rows or runs (default: all rows)"
        )
        _add_folders(parser)

    @staticmethod
    def run(options: argparse.Namespace) -> int:
        from globe_eval.benchmarks.definition import known_tasks
        from globe_eval.reports.board import leaderboard

        refused, known = 0, known_tasks(options.include_path)
        checked = leaderboard.check(options.paths, options.leaderboards, include_path=options.include_path)
        alike = leaderboard.lookalikes(
            [path for path, wrong in checked if not wrong and path.is_file()], options.leaderboards
        )
        for path, wrong in checked:
            refused += bool(wrong)
            found = leaderboard.level(path, known) if not wrong and path.is_file() else None
            level = f", {found.level} ({found.why})" if found else ""
            level += f"; {alike[path]}" if path in alike else ""
            print(
                f"{path}: {'refused: ' + '; '.join(wrong) if wrong else 'ok' + level}",
                file=sys.stderr if wrong else sys.stdout,
            )
        return InputError.exit_code if refused else 0


class _Build:
    SENTENCE = "Write boards.md, site and READMEs from the rows."
    WORDS = "[options]"
    EXAMPLE = "globe-eval leaderboard build --check"

    @staticmethod
    def add_arguments(parser: Parser) -> None:
        parser.add_argument(
            "--format",
            type=lambda text: text.split(","),
            default=[],
            metavar="LIST",
            help="also each board as a file: some of md,csv,json,tex (default none)",
        )
        parser.add_argument("--check", action="store_true", help="write nothing; exit code 2 if a file is stale")
        _add_folders(parser)

    @staticmethod
    def run(options: argparse.Namespace) -> int:
        from globe_eval.reports.board import leaderboard

        for suffix in options.format:
            if suffix not in leaderboard.FORMATS:
                allowed = ", ".join(leaderboard.FORMATS)
                raise InputError(
                    f"--format: found {suffix!r}{nearest(suffix, leaderboard.FORMATS)} (allowed: {allowed})"
                )
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
