"""Which visual cues does a text assert to be visible? Deterministic, without a model.

Reading is: tokens in one form (`inflection`), the longest phrases of the lexicon (`lexicon`), without parts of compounds and
names (`guards`), and of these the ones that no denial, hypothesis, question, heading or quotation takes back (`scope`).
GLOBE's released reward, substring matching, finds "tree" in "street" and credits "no palm trees".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from globe_eval.metrics.entities import Wanted, canonical, holds, wanted
from globe_eval.metrics.guards import is_part_of_compound, is_part_of_name, is_verb
from globe_eval.metrics.language import is_english
from globe_eval.metrics.lexicon import Lexicon, lexicon, with_hypernyms
from globe_eval.metrics.scope import unasserted
from globe_eval.metrics.tokens import Tokens, headings, quotations, tokenize

__all__ = ["Mention", "Reading", "asserts", "asserts_many", "canonical", "read", "with_hypernyms"]

_TOPICS = frozenset(
    [
        "sign",
        "street",
        "road",
        "building",
        "architecture",
        "vegetation",
        "vehicle",
        "car",
        "landmark",
        "climate",
        "sky",
        "weather",
        "person",
        "text",
        "infrastructure",
        "landscape",
        "license",
        "plate",
        "flag",
        "terrain",
        "clothing",
        "plant",
        "tree",
        "monument",
        "house",
        "water",
        "cloud",
        "shop",
        "road",
        "marking",
        "street",
        "sign",
        "road",
        "sign",
        "statue",
        "tower",
        "bridge",
        "mountain",
        "river",
    ]
)
_DENIED_TOPIC = frozenset(["no", "none", "not", "nothing", "n/a", "without", "absent", "lack", "unclear", "unknown"])


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
    `covered` is False where the lexicon does not know the text's language: such a text asserts nothing and is no evidence.
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
            if want.open and self.covered and self._words.issuperset(want.needed) and self._holds(want):
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
    tokens = tokenize(text)
    covered = is_english(text, tokens, known.starts)
    if not covered:
        return Reading((), frozenset(), False, frozenset(), frozenset(tokens.lemma), tokens, (), b"", text)
    found = _find(tokens, text, known)
    mask = unasserted(tokens) or bytearray(len(tokens.low))
    _mark_characters(mask, tokens, quotations(text))
    topics = headings(text)
    mentions, spans = [], []
    for start, end, cue in found:
        first, last = tokens.span[start][0], tokens.span[end - 1][1]
        asserted = mask.find(1, start, end) < 0 and not (topics and _is_topic(topics, first, cue, tokens, end))
        mentions.append(Mention(first, last, cue, asserted))
        if asserted:
            spans.append((start, end, cue))
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
    found, i, n = [], 0, len(lemmas)
    while i < n:
        entries = starts.get(lemmas[i])
        i += 1
        if entries is None:
            continue
        for length, rest, cue in entries:
            end = i - 1 + length
            if length == 1 or lemmas[i:end] == rest:
                start = i - 1
                if not (
                    is_part_of_compound(tokens, start, end, text)
                    or is_verb(tokens, start, end)
                    or is_part_of_name(tokens, start, end, lemmas[end - 1])
                ):
                    found.append((start, end, cue))
                i = end
                break
    return found


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
    for start, stop in topics:
        if start > at:
            return False
        if at < stop:
            if cue in _TOPICS:
                return True
            k = end
            while k < len(tokens.low) and tokens.span[k][0] < stop:
                k += 1
            return any(word in _DENIED_TOPIC for word in tokens.low[k : k + 3])
    return False
