"""A text as tokens: words in their one form with their places, marks that end a clause, quotations and headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from globe_eval.cues.inflection import fold, lemma

# Words with inner apostrophes, abbreviations with dots as one word ("U.S."), or one mark. No nested repetition: linear.
_TOKEN = re.compile(r"(?:[A-Za-z]\.){2,}|[^\W_]+(?:['\u2019][^\W_]+)*|[.;:!?,()\n\u3002\uff0c\uff1b/]")
_TOKEN_MARKS = re.compile(
    r"(?:[A-Za-z]\.){2,}|(?:[^\W_]|[\u0300-\u036f])+(?:['\u2019](?:[^\W_]|[\u0300-\u036f])+)*|[.;:!?,()\n\u3002\uff0c\uff1b/]"
)
_COMBINING = re.compile("[\u0300-\u036f]")
_QUOTED = re.compile(
    r"\"(?=\w)([^\"\n]{1,80})(?<=[\w.!?),])\"|\u201c([^\u201c\u201d\n]{1,80})\u201d|\u2018([^\u2018\u2019\n]{1,80})\u2019"
    r"|(?<!\w)'(?=\w)([^'\n]{1,60})(?<=[\w.!?)])'(?!\w)|\u00ab([^\u00ab\u00bb\n]{1,80})\u00bb|\u201e([^\u201e\u201c\n]{1,80})\u201c"
)
_HEADING = re.compile(
    r"\*\*([^*\n]{1,80})(?::\*\*|\*\*\s?:)"
    r"|^[ \t]{0,12}#{1,6}[ \t]+([^\n]{1,120})$"
    r"|^[ \t]{0,12}(?:[-*\u2022][ \t]+|\d{1,2}[.)][ \t]+)?\**([A-Z][^\n:*.,;!?\"]{0,50})\**:",
    re.MULTILINE,
)
_STEP = re.compile(r"\*\*\s?((?:Step|STEP)\s\d{1,2}[^*\n]{0,100})\*\*")

_words: dict[str, tuple[str, str]] = {}
_MOST_WORDS = 200_000
_LONGEST_WORD = 40


@dataclass(frozen=True, slots=True)
class Tokens:
    """Words and marks of a text, in order; lists of one length."""

    surface: list[str]
    low: list[str]
    lemma: list[str]
    span: list[tuple[int, int]]


def tokenize(text: str) -> Tokens:
    """Words and marks; hyphens and all other characters only part them.

    >>> tokenize("Palm-lined streets, no U.S. flags.").lemma
    ['palm', 'lined', 'street', ',', 'no', 'u.s.', 'flag', '.']
    """
    surface: list[str] = []
    span: list[tuple[int, int]] = []
    for match in _pattern(text).finditer(text):
        surface.append(match.group())
        span.append(match.span())
    pairs = [_words.get(word) or _word(word) for word in surface]
    return Tokens(surface, [pair[0] for pair in pairs], [pair[1] for pair in pairs], span)


def forms(text: str) -> Iterator[tuple[str, str, str]]:
    """Of each word and mark in turn what `tokenize` gives: as written, folded, in its one form."""
    for match in _pattern(text).finditer(text):
        word = match[0]
        yield (word, *(_words.get(word) or _word(word)))


def _pattern(text: str) -> re.Pattern[str]:
    return _TOKEN if text.isascii() or not _COMBINING.search(text) else _TOKEN_MARKS


def quotations(text: str) -> list[tuple[int, int]]:
    """Character spans in quotation marks: what a sign says is not what is seen. JSON's own marks are none."""
    if text.lstrip()[:1] in ("{", "["):
        return []
    return [match.span() for match in _QUOTED.finditer(text)]


def headings(text: str) -> list[tuple[int, int]]:
    """Character spans of headings ("**Road signs**:", "Step 2: Look for landmarks"): topics, said before looking."""
    if ":" not in text and "#" not in text and "**" not in text:
        return []
    spans = [match.span() for match in _HEADING.finditer(text)]
    return sorted(spans + [match.span() for match in _STEP.finditer(text)])


def _word(surface: str) -> tuple[str, str]:
    low = fold(surface)
    if len(surface) > _LONGEST_WORD:
        return low, low
    pair = low, lemma(low)
    if len(_words) >= _MOST_WORDS:
        _words.clear()
    _words[surface] = pair
    return pair
