"""An entity as it is asked for: a cue of the lexicon, or words that it lacks ("red bus", "Golden Gate Bridge")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from globe_eval.cues.clauses import BREAKS, CONTRASTS, WORDS, words
from globe_eval.cues.guards import is_part_of_compound, is_part_of_name
from globe_eval.cues.lexicon import lexicon, normal
from globe_eval.cues.tokens import Tokens

_PARTS = re.compile(r"[,;/|]")
_REMARK = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_ARTICLES = words("a an the some many several this that these those any two three various multiple")
_PREPOSITIONS = words("with of in on at near by along behind above under from for to beside between")
_STOP_LEFT = _PREPOSITIONS | WORDS["entities.stop_left"] | {"\n"}
_BE = words("is are was were be being appears appear seems look looks isn't aren't")
_SPREAD = words("made built constructed written paved covered lined flanked dotted surrounded clad painted topped")
_MATERIAL_OF = words("of in from")
_STOP_RIGHT = WORDS["entities.stop_right"]
_LEFT, _RIGHT, _BESIDE = 6, 6, 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """One reading of an entity.

    `cue` is its name in the lexicon or None; `words` its words; `head` the cue or word that it is a kind of;
    `modifiers` what narrows it, each with its forms; `needed` are those of which the text must have one each;
    `beside` that it is one thing beside another ("man on motorcycle").
    """

    cue: str | None
    words: tuple[str, ...]
    head: str
    modifiers: tuple[frozenset[str], ...]
    needed: tuple[frozenset[str], ...]
    beside: bool = False


def canonical(entity: str) -> str:
    """The lexicon's name of an entity, or its words in one form where the lexicon lacks it.

    >>> canonical("Palms"), canonical("road, route"), canonical("the Eiffel Tower")
    ('palm tree', 'road', 'eiffel tower')
    """
    options = wanted(entity)
    for option in options:
        if option.cue is not None:
            return option.cue
    return " ".join(options[0].words) if options else ""


@lru_cache(maxsize=100_000)
def wanted(entity: str) -> tuple[Wanted, ...]:
    """The readings of an entity: its parts ("road, route"), or the whole where it has none."""
    whole = normal(entity)
    if lexicon().find(whole) is not None:
        return (_want(whole),)
    parts = [found for part in _PARTS.split(_REMARK.sub(" ", entity)) if (found := _bare(normal(part)))]
    return tuple(_want(part) for part in dict.fromkeys(parts))


def holds(want: Wanted, tokens: Tokens, spans: Sequence[tuple[int, int, str]], mask: bytes, text: str) -> bool:
    """Whether the text asserts the words themselves, or their head with every modifier."""
    words, lemmas = want.words, tokens.lemma
    size = len(words)
    for i in _positions(lemmas, words[0]):
        alone = tuple(lemmas[i : i + size]) == words and not any(
            start <= i and i + size < end for start, end, _ in spans
        )
        if alone and _free(tokens, i, i + size, mask, text):
            return True
    if not want.modifiers:
        return False
    above = lexicon().above
    if want.head in above:
        heads = [(start, end) for start, end, cue in spans if want.head in above[cue]]
    else:
        heads = [(i, i + 1) for i in _positions(lemmas, want.head) if _free(tokens, i, i + 1, mask, text)]
    taken = bytearray(len(lemmas))
    for start, end, _ in spans:
        taken[start:end] = b"\x01" * (end - start)
    return any(_modified(want, tokens, start, end, taken, mask) for start, end in heads) or (
        want.beside and any(_follows(want, tokens, end, mask) for _, end in heads)
    )


def _want(words: tuple[str, ...]) -> Wanted:
    known = lexicon()
    cue = known.find(words)
    if len(words) == 1:
        return Wanted(cue, words, words[0], (), () if cue else (frozenset(words),))
    cut = next((i for i in range(1, len(words)) if words[i] in _PREPOSITIONS), len(words))
    core, rest = words[:cut], words[cut:]
    head, size = core[-1], 1
    for length in range(len(core), 0, -1):
        if (length < len(words)) and (found := known.find(core[-length:])) is not None:
            head, size = found, length
            break
    narrowing = core[: len(core) - size] + tuple(word for word in rest if word not in _PREPOSITIONS | _ARTICLES)
    modifiers = tuple(_forms(word) for word in narrowing)
    return Wanted(cue, words, head, modifiers, modifiers or tuple(frozenset((word,)) for word in words), bool(rest))


def _bare(words: tuple[str, ...]) -> tuple[str, ...]:
    start = 0
    while start < len(words) and words[start] in _ARTICLES:
        start += 1
    return words[start:]


@lru_cache(maxsize=10_000)
def _forms(word: str) -> frozenset[str]:
    """A modifier's forms: "tile", "tiled"; "wood", "wooden"."""
    forms = {word, word + "ed", word + "d", word + "en"}
    if word.endswith("ed") and len(word) > 4:
        forms |= {word[:-2], word[:-1]}
    if word.endswith("en") and len(word) > 4:
        forms.add(word[:-2])
    return frozenset(forms)


def _positions(lemmas: list[str], word: str) -> list[int]:
    return [i for i, lemma in enumerate(lemmas) if lemma == word]


def _free(tokens: Tokens, start: int, end: int, mask: bytes, text: str) -> bool:
    """Whether words that the lexicon lacks stand for themselves there: asserted, no part of a compound or a name."""
    if end - start == 1 and end < len(tokens.low) and tokens.low[end] not in _STOP_LEFT:
        starts = lexicon().starts
        follower = starts.get(tokens.lemma[end])
        known = starts.get(tokens.lemma[start])
        if (known is None or known.alone is None) and follower is not None and follower.alone is not None:
            return False
    return (
        mask.find(1, start, end) < 0
        and not is_part_of_compound(tokens, start, end, text)
        and not is_part_of_name(tokens, start, end, tokens.lemma[end - 1])
    )


def _modified(want: Wanted, tokens: Tokens, start: int, end: int, taken: bytearray, mask: bytes) -> bool:
    beside = _left(tokens, start, end, taken, mask) | _right(tokens, end, taken, mask)
    return all(not forms.isdisjoint(beside) for forms in want.modifiers)


def _follows(want: Wanted, tokens: Tokens, end: int, mask: bytes) -> bool:
    """Whether all that narrows the thing stands behind it in its clause: "a man on a red motorcycle"."""
    found: set[str] = set()
    for k in range(end, min(len(tokens.low), end + _BESIDE)):
        if tokens.low[k] in BREAKS or tokens.low[k] in CONTRASTS:
            break
        if not mask[k]:
            found.add(tokens.lemma[k])
    return all(not forms.isdisjoint(found) for forms in want.modifiers)


def _left(tokens: Tokens, start: int, end: int, taken: bytearray, mask: bytes) -> set[str]:
    """Words before the thing that describe it, and its own."""
    found = set(tokens.lemma[start:end])
    for k in range(start - 1, max(-1, start - 1 - _LEFT), -1):
        word = tokens.low[k]
        if word in _STOP_LEFT or mask[k]:
            break
        if word in (",", "and", "or", "/"):
            if k and taken[k - 1]:
                break
            continue
        found.add(tokens.lemma[k])
    return found


def _right(tokens: Tokens, end: int, taken: bytearray, mask: bytes) -> set[str]:
    """Words after the thing that describe it: "is red", "made of wood", "a sign in Hebrew", "the tower's clock"."""
    low, lemmas = tokens.low, tokens.lemma
    found: set[str] = set()
    if low[end - 1].endswith(("'s", "s'")):
        found.update(lemmas[end : end + 1])
    k = end + 1 if low[end : end + 1] in (["that"], ["which"]) else end
    if k + 1 >= len(low):
        return found
    if low[k] == "with":
        alone = taken[k + 1] and not taken[k + 2 : k + 3].count(1)
        return found | ({lemmas[k + 1]} if alone and not mask[k + 1] else set())
    if low[k] not in _BE and low[k] not in _SPREAD and low[k] not in _MATERIAL_OF:
        return found
    if low[k] in _SPREAD:
        found.add(lemmas[k])
    first = k + 2 if low[k] == "of" and low[k + 1] in _ARTICLES else k + 1
    for j in range(first, min(len(low), first + _RIGHT)):
        word = low[j]
        if word in _STOP_RIGHT or (word == "with" and low[j - 1] not in _SPREAD):
            break
        if word == "," and low[k] in _MATERIAL_OF:
            break
        if not mask[j]:
            found.add(lemmas[j])
    return found
