"""The checks of a curation, each a pure function with thresholds that returns a verdict with its evidence.

GLOBE's Figure 3 in its order: is the photograph localizable, is the answer right, do the teachers agree, can the
entities be seen. The first is of the photograph, the others of each teacher's answer. What is not known passes none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from globe_eval.cues.mentions import canonical
from globe_eval.metrics.grounding import harmonic_mean
from globe_train.curate.annotation import Annotation

CHECKS = ("localizability", "correctness", "agreement", "evidence")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a check was passed, and what it was judged by."""

    passed: bool
    why: dict[str, Any] = field(default_factory=dict)


def localizability(
    teachers: Sequence[Annotation],
    predictors: Sequence[Annotation] = (),
    *,
    votes: str,
    min_score: float,
    min_predictor_confidence: float = 0.0,
) -> Verdict:
    """Whether the photograph can be located, by what the teachers think of it.

    A teacher votes yes with a confidence of at least one half (`metrics.localizability`), no with less or where it said
    nothing that can be read. The score is the mean confidence of the teachers, in [0, 1]; one that says nothing counts
    as 0 there. Each predictor must be at least as confident as `min_predictor_confidence`.

    >>> two = [Annotation("a", "city", confidence=0.9), Annotation("b", "city", confidence=0.4)]
    >>> localizability(two, votes="all", min_score=0.5)
    Verdict(passed=False, why={'score': 0.65, 'yes': 1, 'of': 2})
    """
    sure = [one.confidence or 0.0 for one in teachers]
    yes, score = sum(p >= 0.5 for p in sure), sum(sure) / len(sure)
    needed = {"all": len(sure), "majority": len(sure) // 2 + 1, "any": 1}[votes]
    why: dict[str, Any] = {"score": round(score, 6), "yes": yes, "of": len(sure)}
    if predictors:
        why["predictors"] = {one.teacher: one.confidence for one in predictors}
    unsure = [one for one in predictors if (one.confidence or 0.0) < min_predictor_confidence]
    return Verdict(yes >= needed and round(score, 6) >= min_score and not unsure, why)


def correctness(one: Annotation, *, within_km: float | None = None, level: str | None = None) -> Verdict:
    """Whether the answer names the place where the photograph was taken, and the reasoning does not deny it.

    Args:
        one: the answer; it passes only with both a country and a city, which is what a model will learn to say.
        within_km: at most so far from the truth.
        level: "city" or "country": the right one (see `metrics.name_accuracy`), instead of a distance.

    >>> correctness(Annotation("a", "city", "France", "Lyon", distance_km=12.0), within_km=25).passed
    True
    """
    known = one.distance_km if level is None else getattr(one, f"{level}_correct")
    right = known is not None and (known <= within_km if level is None and within_km is not None else known == 1.0)
    measured = "km" if level is None else level
    why = {measured: None if known is None else round(known, 3), "contradicts": one.contradicts}
    return Verdict(right and not one.contradicts and bool(one.country and one.city), why)


def agreement(
    one: Annotation,
    others: Sequence[Annotation],
    predictors: Sequence[Annotation] = (),
    *,
    teachers: int,
    predictors_needed: int = 0,
    within_km: float,
    min_similarity: float,
    refuted: Collection[str] = (),
) -> Verdict:
    """Whether enough of the teachers say the same: the same place, and for the same reasons.

    Args:
        one: the answer.
        others: of the other teachers.
        predictors: answers without a reasoning; they agree by place.
        teachers: how many must say the same, `one` included.
        predictors_needed: how many predictors must agree besides.
        within_km: of the same place.
        min_similarity: of two reasonings, see `similarity`.
        refuted: cues that cannot be seen, which count for neither.

    """
    places = {other.teacher: near(one, other, within_km) for other in [*others, *predictors]}
    alike = {other.teacher: round(similarity(one.cues, other.cues, refuted), 6) for other in others}
    same = [other.teacher for other in others if places[other.teacher] and alike[other.teacher] >= min_similarity]
    also = [other.teacher for other in predictors if places[other.teacher]]
    why = {"same_place": [name for name, is_near in places.items() if is_near], "similarity": alike, "with": same}
    return Verdict(len(same) + 1 >= teachers and len(also) >= predictors_needed and one.lat is not None, why)


def near(one: Annotation, other: Annotation, within_km: float) -> bool:
    """Whether two answers are the same place; not where either is none."""
    from globe_eval.places import geodesic_km

    if one.lat is None or one.lon is None or other.lat is None or other.lon is None:
        return False
    return float(geodesic_km(one.lat, one.lon, other.lat, other.lon)) <= within_km


def similarity(one: Collection[str], other: Collection[str], refuted: Collection[str] = ()) -> float:
    """Jaccard index of the cues that two reasonings share, those left out that cannot be seen; in [0, 1].

    0 where neither names any.

    >>> similarity(["bus", "road", "church"], ["bus", "road", "tram"], refuted=["tram"]).__round__(3)
    0.667
    """
    wrong = {canonical(name) for name in refuted}
    a, b = ({canonical(name) for name in names} - wrong for names in (one, other))
    return len(a & b) / len(a | b) if a | b else 0.0


def evidence(
    one: Annotation,
    seen: Mapping[str, bool | None],
    *,
    min_entities: int,
    min_share: float,
    unconfirmed: str,
) -> Verdict:
    """Whether what the reasoning names can be seen.

    Args:
        one: the answer.
        seen: entity -> confirmed, refuted (False), or None where the source cannot tell.
        min_entities: at least so many must be confirmed.
        min_share: and at least this share of those that the source can tell.
        unconfirmed: "reject" refuses any refuted entity, "remove" leaves them to be removed.

    """
    cues = sorted(one.cues)
    confirmed = [name for name in cues if seen.get(name) is True]
    refuted = [name for name in cues if seen.get(name) is False]
    known = len(confirmed) + len(refuted)
    share = len(confirmed) / known if known else None
    enough = len(confirmed) >= min_entities and (share is None or share >= min_share)
    why = {
        "confirmed": confirmed,
        "refuted": refuted,
        "unknown": [name for name in cues if seen.get(name) is None],
        "share": None if share is None else round(share, 6),
    }
    return Verdict(enough and not (refuted and unconfirmed == "reject"), why)


def groundedness(one: Annotation, seen: Mapping[str, bool | None]) -> float:
    """How well a reasoning is grounded: the F1 of its confirmed cues, in [0, 1]; the best one is chosen.

    precision = confirmed / all its cues that the source can tell; recall = confirmed / all that were confirmed of any
    teacher's cues.
    """
    confirmed = sum(seen.get(name) is True for name in one.cues)
    known = sum(seen.get(name) is not None for name in one.cues)
    every = sum(value is True for value in seen.values())
    return harmonic_mean(confirmed / every, confirmed / known) if confirmed else 0.0
