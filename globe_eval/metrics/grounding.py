"""Whether a reasoning is true of its photograph: the cues that it asserts, against what can be seen.

E is the set of a photograph's entities, M the set of distinct cues that the reasoning asserts (`cues.mentions`),
up(E) is E with its hypernyms (a verified palm tree supports "tree"). What is scored is the reasoning alone, as
`answers.parse` reads it: the thought, a cut-off thought as far as it goes, or what precedes an answer without tags.
Without a reasoning nothing is asserted; cues behind the answer do not count.

Undefined is None, never 0: every figure where there are no entities or the lexicon does not cover the language.
No single figure can be trusted alone. Recall is had for nothing by a dump of the vocabulary, precision by silence, and
precision falls with the annotation's gaps; the lift cannot be had so (a text that fits every photograph has none), but
it does not punish padding: it stands always beside F1.

Sources: recall is the quantity of GLOBE's released reward, precision that of its paper's Eq. 2 (Li et al., NeurIPS
2025), both as in GeoRC's and ALCE's evaluation; the lift is measured against an image-blind control as in GeoRC;
hallucination is CHAIR (Rohrbach et al., EMNLP 2018) over classes that are annotated exhaustively.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from hashlib import sha256
from importlib import resources

import numpy as np
import numpy.typing as npt

from globe_eval.cues.mentions import Reading, canonical, read, with_hypernyms
from globe_eval.metrics.globe import globe_visual_match

Floats = npt.NDArray[np.float64]

N_ROTATIONS = 20

THE_PHOTOGRAPH = frozenset(["picture", "image", "photo", "photograph"])
"""What a reasoning calls the photograph itself: cues only where the annotation has them, as pictures on a wall."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """What one reasoning asserts, against the entities of its photograph. Does not depend on other photographs."""

    id: str
    entities: tuple[str, ...]
    """Distinct, as the annotation writes them; empty where nothing was annotated."""
    reading: Reading | None = field(repr=False, compare=False)
    """None where the response has no reasoning, or there are no entities to read it for."""
    hits: tuple[str, ...]
    cues: tuple[str, ...]
    unsupported: tuple[str, ...]
    hallucinated: tuple[str, ...] | None
    recall: float | None
    precision: float | None
    f1: float | None
    hallucination_rate: float | None
    globe_visual_match: float | None = None
    """GLOBE's released reward (`metrics.globe.globe_visual_match`), for comparison."""

    @property
    def covered(self) -> bool:
        """Whether the lexicon covers the language; nothing said is covered."""
        return self.reading is None or self.reading.covered

    @property
    def defined(self) -> bool:
        """Whether there is anything to measure against, in a language that can be measured."""
        return bool(self.entities) and self.covered

    @property
    def unsupported_rate(self) -> float | None:
        """1 - precision: the share of the asserted cues that no entity supports; in [0, 1], lower is better.

        No hallucination, for the annotation may have gaps: a model without any error gets 0.69 where 30 % of the
        visible things are annotated. None where nothing is asserted.
        """
        return None if self.precision is None else 1 - self.precision

    @property
    def hallucination_any(self) -> float | None:
        """1.0 where any asserted class is not there, else 0.0 (CHAIR_s); lower is better, None as the rate."""
        return None if self.hallucination_rate is None else float(self.hallucination_rate > 0)


def ground(
    id: str,
    reasoning: str | None,
    entities: Sequence[str] | None,
    classes: Sequence[str] | None = None,
    response: str | None = None,
) -> Grounding:
    """Measure one reasoning.

    Args:
        id: of the photograph, by which the rotations of `lifts` are ordered.
        reasoning: the text that is scored; None or blank where the response has none.
        entities: what can be seen, as texts; None or empty where it is not known.
        classes: all classes that are annotated exhaustively over the benchmark; None where the annotation is not
            declared exhaustive.
        response: the whole text, which only `globe_visual_match` reads.

    recall = |E asserted| / |E|, in [0, 1], higher is better; 0 without a reasoning.
    precision = |M in up(E)| / |M|, in [0, 1], higher is better; None where nothing is asserted.
    f1 = their harmonic mean, in [0, 1], higher is better; 0 where nothing is asserted or nothing right.
    hallucination_rate = the share of the asserted classes that are not in up(E) (CHAIR_i, of one photograph); in
    [0, 1], lower is better; None without `classes`, and where no class is asserted.

    >>> one = ground("a", "A red bus passes a church; there are no palm trees.", ["bus", "palm tree"])
    >>> one.recall, one.precision, one.f1, one.unsupported
    (0.5, 0.5, 0.5, ('church',))
    """
    distinct = entity_set(entities or ())
    if not distinct:  # and nothing is read: a benchmark may have 210,000 photographs without entities
        return Grounding(id, (), None, (), (), (), None, None, None, None, None)
    reading = read(reasoning) if reasoning and reasoning.strip() else None
    released = globe_visual_match(response, entities) if response is not None else None
    if reading is not None and not reading.covered:
        return Grounding(id, distinct, reading, (), (), (), None, None, None, None, None, released)
    if reading is None:
        return Grounding(id, distinct, None, (), (), (), None, 0.0, None, 0.0, None, released)
    hits = tuple(entity for entity in distinct if reading.asserts(entity))
    upward = supported_by(distinct)
    said_cues = sorted(reading.cues - (THE_PHOTOGRAPH - upward))
    cues = (*said_cues, *(canonical(entity) for entity in hits if not _cues_of(entity)))
    unsupported = tuple(cue for cue in said_cues if cue not in upward)
    recall = len(hits) / len(distinct)
    precision = 1 - len(unsupported) / len(cues) if cues else None
    said = [name for name in entity_set(classes or ()) if reading.asserts(name)]
    hallucinated = tuple(name for name in said if canonical(name) not in upward)
    return Grounding(
        id,
        distinct,
        reading,
        hits,
        cues,
        unsupported,
        None if classes is None else hallucinated,
        recall,
        precision,
        harmonic_mean(recall, precision or 0.0),
        len(hallucinated) / len(said) if said else None,
        released,
    )


def entity_set(entities: Iterable[str]) -> tuple[str, ...]:
    """The distinct things that a list of annotations names, each under the first spelling, in order of their names.

    "road, route" is one thing of two names, as ADE20K's labels are written.

    >>> entity_set(["Palm trees", "palm tree", "castle, fortress", " "])
    ('castle, fortress', 'Palm trees')
    """
    return _entity_set(tuple(entities))


@lru_cache(maxsize=4096)
def _entity_set(entities: tuple[str, ...]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for entity in entities:
        found.setdefault(canonical(entity), entity)
    return tuple(found[name] for name in sorted(found) if name)


def supported_by(entities: Iterable[str]) -> frozenset[str]:
    """up(E): the canonical names of E, the cues that they are made of ("red bus": bus), and all their hypernyms."""
    return frozenset().union(*map(_upward, entities))


@lru_cache(maxsize=65_536)
def _upward(entity: str) -> frozenset[str]:
    name = canonical(entity)
    return with_hypernyms({name, *_cues_of(entity)}) | {name}


@lru_cache(maxsize=65_536)
def _cues_of(entity: str) -> frozenset[str]:
    """The lexicon's cues in an entity's own name; none in an entity that the lexicon does not know at all."""
    return read(entity).cues


@cache
def lexicon_sha256() -> str:
    """SHA-256 over the lexicon's files, which is part of every result that they decide."""
    files = sorted(resources.files("globe_eval.cues").joinpath("data").iterdir(), key=lambda file: file.name)
    return sha256(b"".join(file.read_bytes() for file in files if file.is_file())).hexdigest()


def harmonic_mean(recall: float, precision: float) -> float:
    """F1 of two shares; 0 where both are.

    >>> harmonic_mean(0.5, 1.0).__round__(3), harmonic_mean(0.0, 0.0)
    (0.667, 0.0)
    """
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def rotations(n: int, k: int = N_ROTATIONS, seed: int = 0) -> list[int]:
    """The distances by which n photographs are rotated: k distinct numbers from 1 to n - 1, or all of these.

    Drawn from the raw output of PCG64, which numpy guarantees.

    >>> rotations(4), rotations(1), len(rotations(1000)), rotations(1000) == rotations(1000)
    ([1, 2, 3], [], 20, True)
    """
    if n - 1 <= k:
        return list(range(1, n))
    generator = np.random.PCG64(seed)
    chosen: dict[int, None] = {}
    while len(chosen) < k:
        chosen[1 + int(generator.random_raw()) * (n - 1) // 2**64] = None
    return list(chosen)


def lifts(groundings: Sequence[Grounding | None], *, k: int = N_ROTATIONS, seed: int = 0) -> Floats:
    """The headline: how much better each reasoning fits its own photograph than others; shape (n,).

    lift = recall on the own entities - mean recall of the same reasoning on the entities of k other photographs, those
    `rotations` away in the order of their ids. In [-1, 1], higher is better; 0 for a text that fits all photographs
    alike, as a dump of the vocabulary, and without a reasoning. NaN where recall is undefined, and where no other
    photograph has entities.

    >>> lifts([ground("a", "a bus", ["bus"]), ground("b", "a bus", ["church"])]).tolist()
    [1.0, -1.0]
    """
    result = np.full(len(groundings), np.nan)
    rows = [(one.id, i, one) for i, one in enumerate(groundings) if one is not None and one.entities]
    rows.sort(key=lambda row: row[:2])
    away = rotations(len(rows), k, seed)
    if not away:
        return result
    own = [one.entities for _, _, one in rows]
    for position, (_, i, one) in enumerate(rows):
        if not one.defined or one.recall is None:
            continue
        if one.reading is None:
            result[i] = 0.0
            continue
        said: dict[str, bool] = {}
        total = 0.0
        for distance in away:
            other = own[(position + distance) % len(own)]
            for entity in other:
                if entity not in said:
                    said[entity] = one.reading.asserts(entity)
            total += sum(said[entity] for entity in other) / len(other)
        result[i] = one.recall - total / len(away)
    return result


def idf_recalls(groundings: Sequence[Grounding | None]) -> Floats:
    """Recall in which a rare entity counts more than one that most photographs have; shape (n,).

    sum of w over the entities asserted / sum of w over all, with w = ln((N + 1) / (df + 1)) for an entity that df of
    the N photographs with entities have (the smoothed inverse document frequency of scikit-learn, without its + 1, so
    that what every photograph has is worth nothing). In [0, 1], higher is better; NaN where recall is undefined, and
    where all entities of a photograph are in every other.

    >>> groundings = [ground("a", "a bus on a road", ["bus", "road"]), ground("b", "a road", ["church", "road"])]
    >>> idf_recalls(groundings).tolist()
    [1.0, 0.0]
    """
    known = [one for one in groundings if one is not None and one.entities]
    frequency = Counter(canonical(entity) for one in known for entity in one.entities)
    weight = {name: math.log((len(known) + 1) / (df + 1)) for name, df in frequency.items()}
    result = np.full(len(groundings), np.nan)
    for i, one in enumerate(groundings):
        if one is None or one.recall is None:
            continue
        total = math.fsum(weight[canonical(entity)] for entity in one.entities)
        if total > 0:
            result[i] = math.fsum(weight[canonical(entity)] for entity in one.hits) / total
    return result
