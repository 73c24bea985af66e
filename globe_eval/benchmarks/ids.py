"""Matches the ids of two tables: exactly, by file name, or by its stem; and explains why none match."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial
from os.path import commonprefix
from urllib.parse import unquote

from globe_eval import lazy_re as re

EXTENSION = re.compile(r"\.(?:jpe?g|png|webp|gif|tiff?|bmp)$", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d+\.0+")
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE)


def match_ids(answers: Sequence[str], truths: Sequence[str]) -> Callable[[str], str]:
    """How ids of the answers meet ids of the truth: as they are, by file name, by its stem, or by path and stem.

    A path begins below the folder that all of one side lie in. Of these the first that is unique on both sides and
    leaves no answer without truth, else the one that leaves fewest.
    """
    common = (commonprefix([_slashes(name) for name in names]) for names in (answers, truths))  # noqa: RUF071
    shared = [folder for path in common if (folder := re.sub(r"[^/]*$", "", path))]
    forms: tuple[Callable[[str], str], ...] = (str, _file, stem, partial(_below, shared))
    best, fewest = forms[0], len(answers) + 1
    for form in forms:
        known = {form(name) for name in truths}
        if len(known) < len(truths) or len({form(name) for name in answers}) < len(answers):
            continue
        unknown = sum(form(name) not in known for name in answers)
        if not unknown:
            return form
        if unknown < fewest:
            best, fewest = form, unknown
    return best


def why_apart(answers: Collection[str], truths: Collection[str]) -> str:
    """The likely cause, as the end of a sentence, why no id of the one is one of the other; empty where none is found.

    >>> why_apart(["17", "18"], ["yfcc-17", "yfcc-18"]), why_apart(["007"], ["7"]), why_apart(["x"], ["y"])
    ("; those of the truth begin with 'yfcc-'", '; the zeros in front differ', '')
    """
    causes: dict[str, Callable[[str], str]] = {
        "upper and lower case differ": str.casefold,
        "the zeros in front differ": lambda name: re.sub(r"(?<!\d)0+(?=\d)", "", name),
        "the extensions differ": lambda name: re.sub(r"\.\w{1,5}$", "", name),
        "one side is percent-encoded": unquote,
        "one side is in quotation marks": lambda name: stem(name.strip("=\"'")),
        "spaces, hyphens and underscores differ": lambda name: re.sub(r"[\s_-]+", "", name),
    }
    if any(map(_ROUNDED.fullmatch, answers)) or any(map(_ROUNDED.fullmatch, truths)):
        return "; a spreadsheet has rounded long numbers, write the file without it"
    here, there = [stem(name) for name in answers], [stem(name) for name in truths]
    for cause, form in causes.items():
        if {form(name) for name in here} & {form(name) for name in there}:
            return f"; {cause}"
    for longer, shorter, side in ((there, here, "the truth"), (here, there, "the answers")):
        some = shorter[:30]
        for where, rest in (("begin", str.removesuffix), ("end", str.removeprefix)):
            found = Counter(
                more
                for short in some
                for more in {rest(long, short) for long in longer[:10_000] if rest(long, short) not in ("", long)}
            )
            more, count = next(iter(found.most_common(1)), ("", 0))
            if 2 * count > len(some) and count > 1:
                return f"; those of {side} {where} with {more!r}"
    return ""


def _below(folders: Sequence[str], name: str) -> str:
    """A path below one of the folders, without the extension of a picture."""
    name = _slashes(name)
    return EXTENSION.sub("", next((name[len(one) :] for one in folders if name.startswith(one)), name))


def _slashes(name: str) -> str:
    return unicodedata.normalize("NFC", name).replace("\\", "/")


def _file(name: str) -> str:
    """The last part of a path or of an address; 17 where a spreadsheet made 17.0 of it."""
    if "://" in name:
        name = name.partition("?")[0]
    name = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1] or name
    return name.partition(".")[0] if _WHOLE.fullmatch(name) else name


def stem(name: str) -> str:
    """An id without folders, without the extension of a picture and without an address around it."""
    return EXTENSION.sub("", _file(name))
