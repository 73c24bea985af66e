"""How samples.jsonl and results.json record what was measured of the reasoning: grounding, consistency and so on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from globe_eval.metrics.catalogue import TARGETS, known, pairs
from globe_eval.metrics.consistency import Verdict
from globe_eval.metrics.grounding import Grounding
from globe_eval.metrics.localizability import SOURCES, Source, risk_coverage, thinned
from globe_eval.runs.fields import Finite, Sha256, Share, Strict
from globe_eval.scoring import Score


class GroundingRecord(Strict):
    """What the reasoning asserts to be visible, against the entities of the photograph (`metrics.grounding`).

    Null where it is undefined: no entities, no cue asserted, or a language that the lexicon does not cover.
    """

    covered: bool
    """Whether the lexicon covers the reasoning's language; where it does not, every figure is null."""
    cues: list[str] = Field(default=[])
    """Distinct cues that are asserted."""
    hits: list[str] = Field(default=[])
    """Entities of the truth that are asserted."""
    unsupported: list[str] = Field(default=[])
    """Cues that no entity supports."""
    hallucinated: list[str] | None = None
    """Classes asserted that the photograph does not have; null where the annotation is not declared exhaustive."""
    recall: Share = None
    precision: Share = None
    f1: Share = None
    lift: Annotated[float, Field(ge=-1, le=1)] | None = None
    recall_idf: Share = None
    unsupported_rate: Share = None
    hallucination_rate: Share = None
    hallucination_any: Share = None
    globe_visual_match: Share = None


class ConsistencyRecord(Strict):
    """Where the reasoning, without the answer, says that the photograph was taken (`metrics.consistency`)."""

    verdict: Verdict
    country: str | None = None
    """ISO 3166-1 alpha-2 of the country that the reasoning concludes."""
    city: str | None = None
    distance_km: Annotated[float, Field(ge=0)] | None = None
    """From the place that the reasoning concludes to the point that was scored; null where one of them is missing."""
    n_candidates: int = 0
    """Distinct countries that the reasoning names and does not reject."""
    quote: str | None = None
    """The words that the conclusion was read from."""


class LocalizabilityRecord(Strict):
    """What the model itself thinks of its chance to locate the photograph (`metrics.localizability`)."""

    confidence: Annotated[float, Field(ge=0, le=1)]
    localizable: bool
    source: Source


class FormatRecord(Strict):
    """The form of the response (`metrics.formats`)."""

    globe: float
    lenient: float
    truncated: bool
    n_words: int


Said = Literal["evidence", "mentioned", "absent"]
"""What a judge says of an entity: used as evidence, mentioned as visible, or not said to be visible."""


class JudgedRecord(Strict):
    """What a judge model says of each entity (`--judge`)."""

    entities: dict[str, Said] = Field(default={})
    error: str | None = None


class ReasoningRecord(Strict):
    """How many photographs each measure of the reasoning could and could not be taken of."""

    with_entities: int
    without_entities: int
    not_covered: int
    """With entities, but a reasoning in a language that the lexicon does not cover."""
    no_reasoning: int
    truncated: int
    confidence: dict[Source, int]
    """Where the confidences come from."""
    risk_coverage: dict[str, list[tuple[float, float]]] = Field(default={})
    """Target ("25km", "200km", "label") -> points (coverage, risk) of the curve, at most about a hundred."""


class JudgeRecord(Strict):
    """A judge model, and how far it agrees with the deterministic measure (both: an entity is asserted or not)."""

    model: str
    prompt_sha256: Sha256
    seed: int
    n: int
    """Photographs judged."""
    n_entities: int
    n_errors: int
    evidence: Finite
    mentioned: Finite
    absent: Finite
    """Shares of all entities judged."""
    agreement: Finite
    kappa: Finite
    """Cohen's."""
    reason: str | None = Field(default=None, exclude_if=lambda value: value is None)
    """Why none of the questions that were asked has an answer; left out where one has."""


def counts(scores: Sequence[Score]) -> ReasoningRecord | None:
    """How many photographs each measure could be taken of; None where there is no response at all."""
    measured = [one for one in scores if one.grounding is not None]
    if not measured:
        return None
    groundings = [one.grounding for one in measured if one.grounding is not None]
    sources = Counter(one.localizability.source for one in measured if one.localizability is not None)
    curves = {target: thinned(risk_coverage(*pairs(target, scores).T)) for target in TARGETS}
    return ReasoningRecord(
        with_entities=sum(bool(one.entities) for one in groundings),
        without_entities=sum(not one.entities for one in groundings),
        not_covered=sum(bool(one.entities) and not one.covered for one in groundings),
        no_reasoning=sum(one.format is not None and not one.format.n_words for one in measured),
        truncated=sum(one.format is not None and one.format.truncated for one in measured),
        confidence={source: sources[source] for source in SOURCES},
        risk_coverage={target: curve for target, curve in curves.items() if curve},
    )


def records(score: Score, lift: float, recall_idf: float) -> dict[str, Any]:
    """The parts of a sample that record what was measured of its reasoning."""
    return {
        "grounding": grounding_record(score.grounding, lift, recall_idf),
        "consistency": _plain(ConsistencyRecord, score.consistency),
        "localizability": _plain(LocalizabilityRecord, score.localizability),
        "format": _plain(FormatRecord, score.format),
    }


def grounding_record(one: Grounding | None, lift: float, recall_idf: float) -> GroundingRecord | None:
    """What samples.jsonl holds of a grounding; null where the photograph has no entities.

    Lift and idf-weighted recall depend on the other photographs, NaN where they are undefined.
    """
    if one is None or not one.entities:
        return None
    figures = ("recall", "precision", "f1", "unsupported_rate", "hallucination_rate", "hallucination_any")
    return GroundingRecord(
        covered=one.covered,
        cues=list(one.cues),
        hits=list(one.hits),
        unsupported=list(one.unsupported),
        hallucinated=None if one.hallucinated is None else list(one.hallucinated),
        lift=known(lift),
        recall_idf=known(recall_idf),
        globe_visual_match=one.globe_visual_match,
        **{name: getattr(one, name) for name in figures},
    )


def _plain(record: type[Any], one: Any) -> Any:
    """A record with the fields of what was measured; None where nothing was."""
    return None if one is None else record(**{name: getattr(one, name) for name in record.model_fields})
