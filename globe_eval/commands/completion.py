from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from globe_eval.commands.parser import Parser
from globe_eval.errors import InputError

SENTENCE = "Write a script by which a shell completes commands, flags and files."
WORDS = "bash|zsh|tcsh"
EXAMPLE = "globe-eval completion bash"


def add_arguments(parser: Parser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="which")


def run(options: argparse.Namespace) -> int:
    try:
        import shtab
    except ModuleNotFoundError:
        raise InputError("completion needs shtab: pip install 'globe-eval[completion]'") from None
    for one in _parsers(options.parser):
        for action in one._actions:
            if action.type is Path:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(options.parser, shell=options.shell))
    return 0


def _parsers(parser: Parser) -> Iterator[Parser]:
    """A parser and those of its commands."""
    parser.fill()
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield from _parsers(one)
