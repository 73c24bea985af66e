"""What is only pictured or named: "a billboard shows a beach", "the logo is a horse", "a cafe called The Blue Mill"."""

from __future__ import annotations

from globe_eval.cues.clauses import BE, BREAKS, WORDS, clause_end, phrase_end, words
from globe_eval.cues.tokens import Tokens

_PICTURES = WORDS["pictured.pictures"]
_PHOTOGRAPHS = words("picture image photo photograph depiction illustration")
"""Words for the photograph itself, but where it hangs or is printed on something."""
_SHOWING = WORDS["pictured.showing"]
_BEARING = words("has with of")
_TEXTS = words("text word name message brand letter script writing") | _PICTURES
_BEARERS = words("logo emblem coat crest mural tattoo poster painting sticker stamp postcard")
_BEING = words("logo emblem motif symbol icon crest")
_NAMING = WORDS["pictured.naming"]
_BOUND = words("bound way headed heading goes going destination belongs belonging")
_SKIPPED = words("the is a of to for as : , it on")
_JOINING = words("of and or with ,")
_PARTED = 4
_LONGEST_NAME = 12


def pictured(tokens: Tokens) -> list[tuple[int, int]]:
    """The token spans of what pictures in the photograph show and of what is a name by the words before it."""
    low, lemmas, surface = tokens.low, tokens.lemma, tokens.surface
    spans = []
    for i, word in enumerate(low):
        if word in _NAMING:
            spans.append(_name(low, surface, i + 1))
        elif lemmas[i] in _PICTURES or (lemmas[i] in _PHOTOGRAPHS and _hangs(low, i)):
            start = _shown(low, lemmas, i)
            if start is not None:
                broad = low[start - 1] in _SHOWING or low[start - 1] in BE
                spans.append((start, clause_end(low, start) if broad else _object_end(low, surface, start)))
        elif word == "painted" and low[i + 1 : i + 2] == ["with"]:
            spans.append((i + 2, phrase_end(low, surface, i + 2)))
    return spans


def _shown(low: list[str], lemmas: list[str], i: int) -> int | None:
    """Where that begins which the picture at token `i` shows; None where nothing is said of it."""
    lemma = lemmas[i]
    for k in range(i + 1, min(len(low), i + 1 + _PARTED)):
        word = low[k]
        if word in _SHOWING or (word in _BEARING and k == i + 1 and (word != "with" or lemma in _BEARERS)):
            if not _TEXTS.isdisjoint(lemmas[k + 1 : k + 4]) or (word == "has" and lemma not in _BEARERS | {"flag"}):
                return None
            if lemma == "sign" and low[k + 1 : k + 2] not in (["a"], ["an"]):
                return None
            if word == "of" and lemma in ("sign", "flag", "coat"):
                return k + 3 if low[k + 1 : k + 2] == ["arms"] and not _SHOWING.isdisjoint(low[k + 2 : k + 3]) else None
            return k + 1
        if word == "there" and low[k + 1 : k + 2] and low[k + 1] in BE and low[max(0, i - 2)] == "on":
            return k + 2
        if word == "is" and lemma in _BEING and low[k + 1 : k + 2] in (["a"], ["an"]):
            return k + 1
        if word in BREAKS or word in ("and", ",") or (word in ("is", "are") and lemma not in _BEING):
            return None
    return None


def _object_end(low: list[str], surface: list[str], start: int) -> int:
    """The end of what a picture is of: before a verb with an object ("a mural of a whale | covers the wall")."""
    end = phrase_end(low, surface, start)
    return next((k - 1 for k in range(start + 2, end) if low[k] == "the" and low[k - 1] not in _JOINING), end)


def _hangs(low: list[str], i: int) -> bool:
    """Whether the word for a photograph is one of a picture in it: "with an image of", "the photo on the wall"."""
    if low[i + 1 : i + 2] == ["on"]:
        return True
    for k in range(i - 1, max(-1, i - 8), -1):
        if low[k] in BREAKS or low[k] == ",":
            return False
        if low[k] in ("with", "on", "bears", "has"):
            return True
    return False


def _name(low: list[str], surface: list[str], start: int) -> tuple[int, int]:
    """The words with capitals that follow a word of naming."""
    k = start
    while k < len(low) and k < start + 3 and low[k] in _SKIPPED:
        k += 1
    end = k
    while end < min(len(low), k + _LONGEST_NAME) and surface[end][0].isupper():
        end += 1
    return k, end
