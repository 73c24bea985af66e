"""A text as tokens: words in their one form with their places, marks that end a clause, quotations and headings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from globe_eval.cues.clauses import WORDS


def _pairs(name: str) -> dict[str, str]:
    return dict((first, second) for first, _, second in (pair.partition("=") for pair in WORDS[name]))


_SPELLINGS = _pairs("inflection.spellings")

_IRREGULAR = _pairs("inflection.irregular")

_MEN_STAY = frozenset(
    {"ramen", "bitumen", "stamen", "omen", "acumen", "cyclamen", "amen", "specimen", "regimen", "yemen", "abdomen"}
)


def fold(word: str) -> str:
    """Lower case, without accents; every script keeps its letters.

    >>> fold("Château"), fold("Straße")
    ('chateau', 'strasse')
    """
    if word.isascii():
        return word.lower()
    letters = unicodedata.normalize("NFKD", word.replace("\u2019", "'").casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


@lru_cache(maxsize=200_000)
def lemma(word: str) -> str:
    """A folded word's one form: singular, American spelling.

    >>> [lemma(word) for word in ("churches", "buses", "leaves", "cacti", "policemen", "harbours", "châteaux", "grass")]
    ['church', 'bus', 'leaf', 'cactus', 'policeman', 'harbor', 'châteaux', 'grass']
    >>> lemma(fold("châteaux")), lemma("tower's"), lemma("bus")
    ('chateau', 'tower', 'bus')
    """
    if word.endswith("'s"):
        word = word[:-2]
    elif word.endswith("s'"):
        word = word[:-1]
    word = _SPELLINGS.get(word, word)
    known = _IRREGULAR.get(word)
    if known is None:
        known = _singular(word)
    return _SPELLINGS.get(known, known)


def is_plural(word: str) -> bool:
    """Whether a folded word is a plural, by its one form.

    >>> is_plural("firemen"), is_plural("buses"), is_plural("harbour"), is_plural("tower's")
    (True, True, False, False)
    """
    return lemma(word) != word and word not in _SPELLINGS and not word.endswith(("'s", "s'"))


def _singular(word: str) -> str:
    if len(word) <= 3 or not word.isascii():
        return word
    if word.endswith("men") and word not in _MEN_STAY:
        return word[:-2] + "an"
    if word.endswith("eaux"):
        return word[:-1]
    if not word.endswith("s") or word.endswith(("ss", "us", "is", "'s")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zzes", "oes")):
        return word[:-2]
    return word[:-1]


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
