"""English words to one form: plural to singular, British to American spelling, accents away.

Rules, and a list of what the rules get wrong; no dictionary. Both the text and the lexicon pass through it, so what
matters is that two forms of one word meet and that two words do not.
"""

from __future__ import annotations

import unicodedata
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
