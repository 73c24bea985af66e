"""The errors that a user sees: one line each, and the exit code that goes with them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(Exception):
    """What the user gave cannot be used: a file, a field, an argument. Exit code 2, nothing written."""

    exit_code = 2


class IncompleteRun(Exception):
    """The run ended, but some photographs were never answered. Exit code 3, what was answered is kept."""

    exit_code = 3


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
