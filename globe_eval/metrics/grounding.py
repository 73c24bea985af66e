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
from dataclasses import replace
from functools import cache, lru_cache
from hashlib import sha256
from importlib import resources
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from globe_eval.answers import parse
from globe_eval.cues.mentions import Reading, canonical, read, with_hypernyms
from globe_eval.metrics.globe import globe_visual_match
from globe_eval.sample import Grounding, Sample

Floats = npt.NDArray[np.float64]

N_ROTATIONS = 20

THE_PHOTOGRAPH = frozenset(["picture", "image", "photo", "photograph"])
"""What a reasoning calls the photograph itself: cues only where the annotation has them, as pictures on a wall."""


class Control(NamedTuple):
    """What a reasoning is held against besides its own photograph: the other photographs of the run."""

    others: tuple[tuple[str, ...], ...]
    """The entities of the photographs that are `rotations` away."""
    weights: tuple[float, ...]
    """How much each of the own entities weighs in `recall_idf`, in the order of `entity_set`."""


def read_reasoning(reasoning: str | None) -> Reading | None:
    """A reasoning, read for its cues; None where there is none."""
    return read(reasoning) if reasoning and reasoning.strip() else None


def ground(
    reasoning: str | Reading | None,
    entities: Sequence[str] | None,
    classes: Sequence[str] | None = None,
    response: str | None = None,
    control: Control | None = None,
) -> Grounding | None:
    """Measure one reasoning; None where the photograph has no entities.

    Args:
        reasoning: the text that is scored, or what `read_reasoning` makes of it; None or blank where the response has
            none.
        entities: what can be seen, as texts; None or empty where it is not known.
        classes: all classes that are annotated exhaustively over the benchmark; None where the annotation is not
            declared exhaustive.
        response: the whole text, which only `globe_visual_match` reads.
        control: the other photographs of the run (`controls`); None leaves `lift` and `recall_idf` out.

    recall = |E asserted| / |E|, in [0, 1], higher is better; 0 without a reasoning.
    precision = |M in up(E)| / |M|, in [0, 1], higher is better; None where nothing is asserted.
    f1 = their harmonic mean, in [0, 1], higher is better; 0 where nothing is asserted or nothing right.
    lift: see `lifts`; recall_idf: see `_recall_idf`.
    hallucination_rate = the share of the asserted classes that are not in up(E) (CHAIR_i, of one photograph); in
    [0, 1], lower is better; None without `classes`, and where no class is asserted.

    >>> one = ground("A red bus passes a church; there are no palm trees.", ["bus", "palm tree"])
    >>> one.recall, one.precision, one.f1, one.unsupported
    (0.5, 0.5, 0.5, ('church',))
    """
    distinct = entity_set(entities or ())
    if not distinct:  # and nothing is read: a benchmark may have 210,000 photographs without entities
        return None
    reading = reasoning if isinstance(reasoning, Reading) else read_reasoning(reasoning)
    released = globe_visual_match(response, entities) if response is not None else None
    if reading is not None and not reading.covered:
        return Grounding(covered=False, globe_visual_match=released)
    if reading is None:
        return Grounding(
            covered=True,
            recall=0.0,
            f1=0.0,
            lift=_lift(None, 0.0, control),
            recall_idf=_recall_idf((), distinct, control),
            globe_visual_match=released,
        )
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
        covered=True,
        cues=cues,
        hits=hits,
        unsupported=unsupported,
        hallucinated=None if classes is None else hallucinated,
        recall=recall,
        precision=precision,
        f1=harmonic_mean(recall, precision or 0.0),
        lift=_lift(reading, recall, control),
        recall_idf=_recall_idf(hits, distinct, control),
        unsupported_rate=None if precision is None else 1 - precision,
        hallucination_rate=len(hallucinated) / len(said) if said else None,
        hallucination_any=float(bool(hallucinated)) if said else None,
        globe_visual_match=released,
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
    """SHA-256 over the lexicon and the rules that read with it, which is part of every result that they decide."""
    cues = resources.files("globe_eval.cues")
    files = sorted((*cues.joinpath("data").iterdir(), *cues.iterdir()), key=lambda file: file.name)
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


def controls(
    ids: Sequence[str], entities: Sequence[Sequence[str] | None], *, k: int = N_ROTATIONS, seed: int = 0
) -> list[Control | None]:
    """What each of n reasonings is held against, its own photograph left out; None where that has no entities.

    Args:
        ids: of the photographs, by which they are ordered before they are rotated.
        entities: of each photograph; None or empty where they are not known, or where no response came.
        k, seed: of `rotations`.
    """
    own = [entity_set(one or ()) for one in entities]
    rows = sorted((i for i, one in enumerate(own) if one), key=lambda i: (ids[i], i))
    frequency = Counter(canonical(entity) for i in rows for entity in own[i])
    weight = {name: math.log((len(rows) + 1) / (df + 1)) for name, df in frequency.items()}
    away = rotations(len(rows), k, seed)
    found: list[Control | None] = [None] * len(own)
    for position, i in enumerate(rows):
        others = tuple(own[rows[(position + distance) % len(rows)]] for distance in away)
        found[i] = Control(others, tuple(weight[canonical(entity)] for entity in own[i]))
    return found


def lifts(
    ids: Sequence[str],
    reasonings: Sequence[str | Reading | None],
    entities: Sequence[Sequence[str] | None],
    *,
    k: int = N_ROTATIONS,
    seed: int = 0,
) -> Floats:
    """The headline: how much better each reasoning fits its own photograph than others; shape (n,).

    lift = recall on the own entities - mean recall of the same reasoning on the entities of k other photographs, those
    `rotations` away in the order of their ids. In [-1, 1], higher is better; 0 for a text that fits all photographs
    alike, as a dump of the vocabulary, and without a reasoning. NaN where recall is undefined, and where no other
    photograph has entities.

    >>> lifts(["a", "b"], ["a bus", "a bus"], [["bus"], ["church"]]).tolist()
    [1.0, -1.0]
    """
    held = zip(reasonings, entities, controls(ids, entities, k=k, seed=seed), strict=True)
    found = [ground(reasoning, seen, control=control) for reasoning, seen, control in held]
    return np.array([None if one is None else one.lift for one in found], dtype=np.float64)


def in_context(samples: Sequence[Sample]) -> list[Sample]:
    """Samples that were scored apart (shards, lm-eval's own loop) with the lift and the weighted recall of all of them.

    Only the reasonings of photographs with entities are read again.
    """
    return [
        sample
        if sample.grounding is None or not sample.grounding.covered
        else replace(sample, grounding=_in_context(sample, sample.grounding, control))
        for sample, control in zip(samples, controls_of(samples), strict=True)
    ]


def _in_context(sample: Sample, one: Grounding, control: Control | None) -> Grounding:
    reading = read_reasoning(parse(sample.response).reasoning)
    weighted = _recall_idf(one.hits, entity_set(sample.truth.entities or ()), control)
    return replace(one, lift=_lift(reading, one.recall or 0.0, control), recall_idf=weighted)


def controls_of(samples: Sequence[Sample]) -> list[Control | None]:
    """`controls` of samples, scored or not: of those photographs of which there is a response."""
    entities = [None if one.response is None or one.error is not None else one.truth.entities for one in samples]
    return controls([one.id for one in samples], entities)


def _lift(reading: Reading | None, recall: float, control: Control | None) -> float | None:
    if control is None or not control.others:
        return None
    if reading is None:
        return 0.0
    asserted: dict[str, bool] = {}
    total = 0.0
    for other in control.others:
        for entity in other:
            if entity not in asserted:
                asserted[entity] = reading.asserts(entity)
        total += sum(asserted[entity] for entity in other) / len(other)
    return recall - total / len(control.others)


def _recall_idf(hits: Sequence[str], entities: Sequence[str], control: Control | None) -> float | None:
    """Recall in which a rare entity counts more than one that most photographs have.

    sum of w over the entities asserted / sum of w over all, with w = ln((N + 1) / (df + 1)) for an entity that df of
    the N photographs with entities have (the smoothed inverse document frequency of scikit-learn, without its + 1, so
    that what every photograph has is worth nothing). In [0, 1], higher is better; None where all entities of a
    photograph are in every other.
    """
    if control is None:
        return None
    total = math.fsum(control.weights)
    found = set(hits)
    hit = math.fsum(weight for entity, weight in zip(entities, control.weights, strict=True) if entity in found)
    return hit / total if total > 0 else None
