"""Whether a text is in the language of the lexicon, English, by its letters and its small words."""

from __future__ import annotations

from collections.abc import Container, Iterable

from globe_eval.cues.clauses import WORDS

_ENGLISH = WORDS["language.english"]
_FOREIGN = WORDS["language.foreign"]
_ENOUGH, _TOO_FEW, _SHORTEST = 12, 8, 2
_COMMON_SCRIPT = 0x24F  # the last letter of Latin Extended-B
_SHARE_FOREIGN_SCRIPT = 0.3


def is_english(text: str, forms: Iterable[tuple[str, str, str]], words: Container[str]) -> bool:
    """Whether the text can be read with English cues; True for a text without words.

    Most texts are known by their first words, and no more are taken of `forms`.

    Args:
        text: the text itself.
        forms: `tokens.forms` of the text.
        words: words that begin an English cue, evidence where small words are lacking ("Palm trees, red soil").
    """
    if not text.isascii() and _foreign_script(text):
        return False
    english = foreign = count = 0
    for surface, low, lemma in forms:
        if not low[:1].isalpha():
            continue
        count += 1
        if low in _FOREIGN:
            foreign += 1
        elif low in _ENGLISH:
            english += 1
        elif not surface.isascii() and surface[:1].islower() and lemma not in words:
            foreign += 1
        elif lemma in words and len(lemma) > _SHORTEST:
            english += 1
        if english >= _ENOUGH and english > 3 * foreign:
            return True
    return english > foreign if english or foreign else count < _TOO_FEW


def is_plainly_english(text: str) -> bool:
    """Whether the small words of an ASCII text alone say that it is English, names left aside; a quick look.

    `is_english` says so too of such a text, with or without its names, whose words are counted here as foreign alone.

    >>> is_plainly_english("There are signs with names of the Rue de la Paix."), is_plainly_english("Ein Bus in Paris.")
    (True, False)
    """
    if not text.isascii():
        return False
    written = text.translate(_PARTED)
    pieces = written.lower().replace("'", " ").split()
    foreign = sum(map(_FOREIGN.__contains__, pieces)) + text.count("'")
    return sum(map(_ENGLISH.__contains__, written.split())) > foreign


_PARTED = {code: " " for code in range(128) if not (chr(code).isalnum() or chr(code) == "'")}
"""What parts the words of ASCII text; a mark within an abbreviation too, whose letters count as foreign at most."""


def _foreign_script(text: str) -> bool:
    letters = [letter for letter in text[:4_000] if letter.isalpha()]
    other = sum(ord(letter) > _COMMON_SCRIPT and not 0x1E00 <= ord(letter) < 0x1F00 for letter in letters)
    return other > _SHARE_FOREIGN_SCRIPT * len(letters)
