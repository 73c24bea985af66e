"""Which visual cues does a text assert to be visible? Deterministic, without a model.

Reading is: tokens in one form (`inflection`), the longest phrases of the lexicon (`lexicon`), without parts of
compounds and names (`guards`), and of these the ones that no denial, hypothesis, question, heading or quotation takes
back (`scope`).
GLOBE's released reward, substring matching, finds "tree" in "street" and credits "no palm trees".
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from globe_eval.cues.entities import Wanted, canonical, holds, wanted
from globe_eval.cues.general import generalised
from globe_eval.cues.guards import is_inferred, is_no_noun, is_part_of_compound, is_part_of_name, names_a_kind
from globe_eval.cues.language import is_english
from globe_eval.cues.lexicon import Lexicon, Start, lexicon, with_hypernyms
from globe_eval.cues.pictured import pictured
from globe_eval.cues.scope import denied_items, unasserted, without_cells
from globe_eval.cues.tokens import Tokens, headings, quotations, tokenize

__all__ = ["Mention", "Reading", "asserts", "asserts_many", "canonical", "read", "with_hypernyms"]

_TOPICS = frozenset(
    {"sign", "road", "building", "vegetation", "vehicle", "car", "landmark", "sky", "weather", "person", "text", "flag",
     "license plate", "clothing", "plant", "tree", "monument", "house", "water", "cloud", "shop", "road marking",
     "street sign", "road sign", "statue", "tower", "bridge", "mountain", "river", "structure", "suburb", "city",
     "countryside", "town", "village", "street furniture", "shop sign", "traffic", "advertisement", "logo", "park",
     "warning sign", "phone number", "animal", "food", "sun", "shadow", "english text", "latin script"}
)  # fmt: skip
_SETTINGS = frozenset({"city", "town", "village", "suburb", "countryside"})
_DENIED_TOPIC = frozenset({"no", "none", "not", "nothing", "n", "without", "absent", "lack", "unclear", "unknown"})


@dataclass(frozen=True, slots=True)
class Mention:
    """A place in a text where a cue of the lexicon stands.

    `start` and `end` are character offsets; `cue` its name in the lexicon; `asserted` is False where the text denies or
    only imagines it ("no palm trees", "if there were palm trees").
    """

    start: int
    end: int
    cue: str
    asserted: bool


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A text that has been read: built once, asked many times.

    `mentions` stand in the order of the text and never overlap; `cues` are the asserted ones without their hypernyms;
    `covered` is False where the lexicon does not know the text's language: such a text asserts nothing, and is no
    evidence that nothing was seen.
    """

    mentions: tuple[Mention, ...]
    cues: frozenset[str]
    covered: bool
    _implied: frozenset[str] = field(repr=False)
    _words: frozenset[str] = field(repr=False)
    _tokens: Tokens = field(repr=False)
    _spans: tuple[tuple[int, int, str], ...] = field(repr=False)
    _mask: bytes = field(repr=False)
    _text: str = field(repr=False)

    def asserts(self, entity: str) -> bool:
        """Whether the text says that the entity, in the lexicon or not, is visible.

        A text that asserts palm trees asserts trees, not the other way round; "road, route" asks for either.

        >>> read("Palm trees line the road; there is no church.").asserts("tree")
        True
        """
        for want in wanted(entity):
            if want.cue in self._implied:
                return True
            if want.needed and self.covered:
                for forms in want.needed:
                    if forms.isdisjoint(self._words):
                        break
                else:
                    if self._holds(want):
                        return True
        return False

    def _holds(self, want: Wanted) -> bool:
        return holds(want, self._tokens, self._spans, self._mask, self._text)


def read(text: str) -> Reading:
    """Reads a text.

    >>> [(m.cue, m.asserted) for m in read("A church, but no palm trees.").mentions]
    [('church', True), ('palm tree', False)]
    >>> read("Links steht eine alte Kirche.").covered
    False
    """
    known = lexicon()
    tokens = tokenize(without_cells(text))
    covered = is_english(text, zip(tokens.surface, tokens.low, tokens.lemma, strict=True), known.starts)
    if not covered:
        return Reading((), frozenset(), False, frozenset(), frozenset(tokens.lemma), tokens, (), b"", text)
    found = _find(tokens, text, known)
    mask = unasserted(tokens, found)
    for start, end in (*pictured(tokens), *generalised(tokens, found)):
        mask[start:end] = b"\x01" * (end - start)
    _mark_characters(mask, tokens, quotations(text))
    _mark_characters(mask, tokens, denied_items(text))
    topics = headings(text)
    mentions, spans = [], []
    for start, end, cue in found:
        first, last = tokens.span[start][0], tokens.span[end - 1][1]
        asserted = mask.find(1, start, end) < 0 and not (topics and _is_topic(topics, first, cue, tokens, end))
        if asserted and cue in _SETTINGS:
            asserted = not is_inferred(tokens, start, end)
        mentions.append(Mention(first, last, cue, asserted))
        if asserted:
            spans.append((start, end, cue))
        else:
            mask[start:end] = b"\x01" * (end - start)
    cues = frozenset(cue for _, _, cue in spans)
    above = known.above
    implied = frozenset().union(*(above[cue] for cue in cues))
    words = frozenset(tokens.lemma)
    return Reading(tuple(mentions), cues, True, implied, words, tokens, tuple(spans), bytes(mask), text)


def asserts(text: str, entity: str) -> bool:
    """Whether the text says that the entity is visible.

    >>> asserts("The street is empty.", "tree"), asserts("There are no palm trees.", "palm tree")
    (False, False)
    """
    return _read_again(text).asserts(entity)


def asserts_many(texts: Sequence[str], entities: Sequence[str]) -> list[bool]:
    """`asserts` of each text and its entity, in order; equal texts are read once.

    Raises:
        ValueError: the two sequences differ in length.
    """
    readings: dict[str, Reading] = {}
    answers = []
    for text, entity in zip(texts, entities, strict=True):
        reading = readings.get(text)
        if reading is None:
            reading = readings[text] = read(text)
        answers.append(reading.asserts(entity))
    return answers


@lru_cache(maxsize=256)
def _read_again(text: str) -> Reading:
    return read(text)


def _find(tokens: Tokens, text: str, known: Lexicon) -> list[tuple[int, int, str]]:
    """Token spans of the lexicon's phrases, longest first, guarded."""
    lemmas, starts = tokens.lemma, known.starts
    hyphens = "-" in text
    found: list[tuple[int, int, str]] = []
    free = 0
    for i, lemma in enumerate(lemmas):
        if i < free:
            continue
        start = starts.get(lemma)
        match = _longest(start, lemmas, i) if start is not None else None
        if hyphens and i + 1 < len(lemmas) and text[tokens.span[i][1] : tokens.span[i + 1][0]] == "-":
            closed = known.find((lemma + lemmas[i + 1],))
            if closed is not None and (match is None or match[0] <= i + 2):
                match = i + 2, closed
        if match is None:
            continue
        end, cue = match
        if not (
            is_part_of_compound(tokens, i, end, text)
            or names_a_kind(tokens, i, end, known.cues[cue].topic)
            or is_no_noun(tokens, i, end)
            or is_part_of_name(tokens, i, end, lemmas[end - 1])
        ):
            found.append((i, end, cue))
            free = end
    return found


def _longest(start: Start, lemmas: list[str], i: int) -> tuple[int, str] | None:
    """The end and the cue of the longest phrase at token `i`."""
    if i + 1 < len(lemmas):
        for length, rest, cue in start.longer.get(lemmas[i + 1], ()):
            if lemmas[i + 2 : i + length] == rest:
                return i + length, cue
    return None if start.alone is None else (i + 1, start.alone)


def _mark_characters(mask: bytearray, tokens: Tokens, spans: list[tuple[int, int]]) -> None:
    """Sets the flags of the tokens within character spans; both are in order."""
    k = 0
    for start, end in spans:
        while k < len(mask) and tokens.span[k][0] < start:
            k += 1
        while k < len(mask) and tokens.span[k][1] <= end:
            mask[k] = 1
            k += 1


def _is_topic(topics: list[tuple[int, int]], at: int, cue: str, tokens: Tokens, end: int) -> bool:
    """Whether the cue stands in a heading that only names what will be looked at, or that is denied right after."""
    place = bisect_right(topics, (at, sys.maxsize)) - 1
    if place < 0 or at >= topics[place][1]:
        return False
    if cue in _TOPICS:
        return True
    k, stop = end, topics[place][1]
    while k < len(tokens.low) and tokens.span[k][0] < stop:
        k += 1
    return not _DENIED_TOPIC.isdisjoint(tokens.low[k : k + 3])
