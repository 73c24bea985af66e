"""Verification: applies the checks to every photograph; a line of verdicts a photograph.

An answer stays in as long as it passes; the photograph is rejected by the check that leaves no answer. Evidence is
looked at only for photographs that are still in, and kept in `OUTPUT/evidence/` the moment it is known.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from globe_eval.cues.mentions import canonical
from globe_eval.metrics.grounding import harmonic_mean
from globe_eval.runs.second_model import AnswerFile, question_key
from globe_train.curate.annotation import Annotation, annotation, cues_of, without
from globe_train.curate.evidence import Seen, Source
from globe_train.recipe import Recipe

CHECKS = ("localizability", "correctness", "agreement", "evidence")


Verdict = dict[str, Any]
"""Whether a check was passed ("passed"), and what it was judged by."""


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
    {'passed': False, 'score': 0.65, 'yes': 1, 'of': 2}
    """
    sure = [one.confidence or 0.0 for one in teachers]
    yes, score = sum(p >= 0.5 for p in sure), sum(sure) / len(sure)
    needed = {"all": len(sure), "majority": len(sure) // 2 + 1, "any": 1}[votes]
    unsure = [one for one in predictors if (one.confidence or 0.0) < min_predictor_confidence]
    passed = yes >= needed and round(score, 6) >= min_score and not unsure
    of_predictors = {"predictors": {one.teacher: one.confidence for one in predictors}} if predictors else {}
    return {"passed": passed, "score": round(score, 6), "yes": yes, "of": len(sure), **of_predictors}


def correctness(one: Annotation, *, within_km: float | None = None, level: str | None = None) -> Verdict:
    """Whether the answer names the place where the photograph was taken, and the reasoning does not deny it.

    Args:
        one: the answer; it passes only with both a country and a city, which is what a model will learn to say.
        within_km: at most so far from the truth.
        level: "city" or "country": the right one (see `metrics.name_accuracy`), instead of a distance.

    >>> correctness(Annotation("a", "city", "France", "Lyon", distance_km=12.0), within_km=25)["passed"]
    True
    """
    known = one.distance_km if level is None else getattr(one, f"{level}_correct")
    right = known is not None and (known <= within_km if level is None and within_km is not None else known == 1.0)
    measured = {"km" if level is None else level: None if known is None else round(known, 3)}
    passed = right and not one.contradicts and bool(one.country and one.city)
    return {"passed": passed, **measured, "contradicts": one.contradicts}


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
    passed = len(same) + 1 >= teachers and len(also) >= predictors_needed and one.lat is not None
    in_place = [name for name, is_near in places.items() if is_near]
    return {"passed": passed, "same_place": in_place, "similarity": alike, "with": same}


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
    one: Annotation, seen: Mapping[str, bool | None], *, min_entities: int, min_share: float, unconfirmed: str
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
    return {
        "passed": enough and not (refuted and unconfirmed == "reject"),
        "confirmed": confirmed,
        "refuted": refuted,
        "unknown": [name for name in cues if seen.get(name) is None],
        "share": None if share is None else round(share, 6),
    }


def groundedness(one: Annotation, seen: Mapping[str, bool | None]) -> float:
    """How well a reasoning is grounded: the F1 of its confirmed cues, in [0, 1]; the best one is chosen.

    precision = confirmed / all its cues that the source can tell; recall = confirmed / all that were confirmed of any
    teacher's cues.
    """
    confirmed = sum(seen.get(name) is True for name in one.cues)
    known = sum(seen.get(name) is not None for name in one.cues)
    every = sum(value is True for value in seen.values())
    return harmonic_mean(confirmed / every, confirmed / known) if confirmed else 0.0


Row = Mapping[str, Any]


class CachedSource:
    """What a source saw, remembered in a file: a line a photograph, on the disk before the next one is looked at.

    A folder has a file for each shard. All of them are read, the one of this name is written.
    """

    def __init__(self, source: Source, folder: Path, name: str = "all") -> None:
        self.source = source
        self._answers = AnswerFile(folder / f"{name}.jsonl", "seen")
        for path in sorted(folder.glob("*.jsonl")):
            self._answers.known |= AnswerFile(path, "seen").known

    def look(self, row: Row, image_sha256: str | None, names: Sequence[str]) -> Seen:
        """As the source's; what was seen before is not looked at again."""
        key = question_key(json.dumps([self.source.identity, row["id"], image_sha256, list(names)], sort_keys=True))
        if key not in self._answers.known:
            self._answers.add(key, self.source.look(row, names), id=row["id"])
        return {name: (confirmed, score) for name, (confirmed, score) in self._answers.known[key].items()}


def vocabulary_of(recipe: Recipe) -> tuple[str, ...]:
    """The entities of the recipe's vocabulary, in the file's order."""
    if recipe["vocabulary"] is None:
        return ()
    path = Path(recipe["vocabulary"]).expanduser()
    if not path.is_file():
        raise recipe.error(f"vocabulary: {path}: no such file", "vocabulary")
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


def verify(
    recipe: Recipe,
    rows: Sequence[Row],
    samples: Mapping[str, Sequence[Any]],
    source: CachedSource,
    vocabulary: tuple[str, ...] = (),
) -> list[dict[str, Any]]:
    """The verdict on each of n photographs with all that it was judged by, in the order of `rows`.

    `samples` are n of each teacher and predictor, `source` gives the visual evidence, `vocabulary` is `vocabulary_of`.
    """
    found = []
    for index, row in enumerate(rows):
        here = {name: its[index] for name, its in samples.items()}
        silent = [name for name, sample in here.items() if sample.status == "error"]
        if silent:
            found.append({"id": row["id"], "verdict": "unanswered", "unanswered": silent})
            continue
        teachers = [annotation(name, here[name], vocabulary) for name in recipe["teachers"]]
        predictors = [annotation(name, here[name]) for name in recipe["predictors"]]
        image_sha256 = next(iter(here.values())).image_sha256
        found.append(verify_one(recipe, row, teachers, predictors, vocabulary, image_sha256, source))
    return found


def verify_one(
    recipe: Recipe,
    row: Row,
    teachers: Sequence[Annotation],
    predictors: Sequence[Annotation],
    vocabulary: tuple[str, ...],
    image_sha256: str | None,
    source: CachedSource,
) -> dict[str, Any]:
    """One photograph through all checks."""
    wanted = dict(recipe["agreement"])
    wanted["predictors_needed"] = wanted.pop("predictors")

    def agree(refuted: Sequence[str], **less: Any) -> dict[str, Verdict]:
        verdicts = {}
        for one in teachers:
            others = [other for other in teachers if other is not one]
            verdicts[one.teacher] = agreement(one, others, predictors, **wanted | less, refuted=refuted)
        return verdicts

    local = localizability(teachers, predictors, **recipe["localizability"])
    right = {one.teacher: correctness(one, **recipe["correctness"]) for one in teachers}
    in_place = agree((), min_similarity=0.0)
    seen: Seen = {}
    if local["passed"] and any(right[name]["passed"] and in_place[name]["passed"] for name in right):
        names = sorted(frozenset().union(*(one.cues for one in teachers)))
        seen = source.look(row, image_sha256, names)
    confirmed_cues = {name: value for name, (value, _) in seen.items()}
    agreeing = agree([name for name, value in confirmed_cues.items() if value is False])
    needed = {key: recipe["evidence"][key] for key in ("min_entities", "min_share", "unconfirmed")}
    visible = {one.teacher: evidence(one, confirmed_cues, **needed) for one in teachers}
    steps = {"correctness": right, "agreement": agreeing, "evidence": visible}
    left = [one.teacher for one in teachers if local["passed"]]
    verdict = None if local["passed"] else "localizability"
    for check, verdicts in steps.items():
        left = [name for name in left if verdicts[name]["passed"]]
        verdict = verdict or (None if left else check)
    kept = _choose(recipe, [one for one in teachers if one.teacher in left], confirmed_cues, vocabulary)
    if left and kept is None:
        verdict = "evidence"
    return {
        "id": row["id"],
        "verdict": verdict or "verified",
        "localizability": local,
        "teachers": {
            one.teacher: {
                **{name: getattr(one, name) for name in ("status", "country", "city", "confidence")},
                "cues": sorted(one.cues),
                **{check: its[one.teacher] for check, its in steps.items() if check != "evidence" or seen},
            }
            for one in teachers
        },
        **({"kept": {**kept, "entities": _entities(recipe, teachers, seen)}} if kept and not verdict else {}),
    }


def _choose(
    recipe: Recipe, left: Sequence[Annotation], confirmed_cues: Mapping[str, bool | None], vocabulary: tuple[str, ...]
) -> dict[str, Any] | None:
    """The best grounded reasoning, cleaned; the recipe's order decides between equals. None where none is left."""
    given = recipe["evidence"]
    unwanted = (False, None) if given["unknown"] == "remove" else (False,)
    refused = [name for name, value in confirmed_cues.items() if value in unwanted]
    for one in sorted(left, key=lambda one: -groundedness(one, confirmed_cues)):  # stable
        places = [name for name in (one.country, one.city) if name]
        text = without(one.reasoning or "", refused, vocabulary, places, given["empty_line"])
        cues = sorted(cues_of(text, vocabulary, places))
        if text and sum(confirmed_cues.get(name) is True for name in cues) >= given["min_entities"]:
            return {
                **{name: getattr(one, name) for name in ("teacher", "country", "city", "distance_km")},
                "grounded": round(groundedness(one, confirmed_cues), 6),
                "cues": cues,
                "reasoning": text,
            }
    return None


def _entities(recipe: Recipe, teachers: Sequence[Annotation], seen: Seen) -> list[dict[str, Any]]:
    """What was confirmed, with who named it and who saw it, sorted by name."""
    found = []
    for name in sorted(seen):
        by = [one.teacher for one in teachers if canonical(name) in {canonical(cue) for cue in one.cues}]
        if seen[name][0] and len(by) >= recipe["evidence"]["named_by"]:
            found.append({"text": name, "source": recipe["evidence"]["source"], "score": seen[name][1], "teachers": by})
    return found
