"""The errors that a user sees: one line each, and the exit code that goes with them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from globe_eval import lazy_re as re

_OPTION = re.compile(r"(?<![\w-])--([a-z]+(?:-[a-z]+)*)( (?='))?")


class InputError(Exception):
    """What the user gave cannot be used: a file, a field, an argument. Exit code 2, nothing written."""

    exit_code = 2


class IncompleteRun(Exception):
    """The run ended, but some photographs were never answered. Exit code 3, what was answered is kept."""

    exit_code = 3


def without_dashes(message: str, column: str, equals: str) -> str:
    """A message for people who give no options: the name of an argument for `--name`, `equals` before its quoted value.

    `column` is the pattern of what stands for `--ROLE-column`.

    >>> without_dashes("choose --read 'names', or name it with --lat-column", "columns[{!r}]", "=")
    "choose read='names', or name it with columns['lat']"
    """

    def argument(option: re.Match[str]) -> str:
        name = option[1].replace("-", "_")
        role = name.removesuffix("_column")
        return (name if role == name else column.format(role)) + (equals if option[2] else "")

    return _OPTION.sub(argument, message)


def reason_of(error: BaseException, longest: int = 300) -> str:
    """What an exception says, in one line of at most `longest` characters; its type's name where it says nothing.

    >>> reason_of(ValueError("no\\n  such thing")), reason_of(KeyboardInterrupt())
    ('no such thing', 'KeyboardInterrupt')
    """
    return (" ".join(str(error).split()) or type(error).__name__)[:longest]


def nearest(value: str, allowed: Iterable[str]) -> str:
    """`"; did you mean 'x'?"` for the closest allowed value, or an empty string.

    >>> nearest("im2gps3", ["im2gps3k", "yfcc4k"])
    "; did you mean 'im2gps3k'?"
    >>> nearest("zzz", ["im2gps3k"])
    ''
    """
    close = get_close_matches(value, list(allowed), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def nearest_beside(path: Path) -> str:
    """`nearest` of what lies beside a path that is not there."""
    return nearest(path.name, [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else [])
