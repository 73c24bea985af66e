"""`--judge`: another model judges of each entity whether the reasoning uses it.

The judge is optional, and rankings never use it.

A judge reads the reasoning, never the picture, and says of each entity of the photograph: used as evidence, mentioned,
or absent (after EarthWhere's question on its key clues). It is asked at temperature 0 for JSON by a schema, with the
entities in an order that the seed and the photograph decide, and what it said is kept in `judge.jsonl` under the hash
of all that it was asked: the same question is asked once. Its agreement with the deterministic measure stands beside.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from globe_eval.answers import parse
from globe_eval.errors import InputError
from globe_eval.metrics.grounding import entity_set
from globe_eval.runs import second_model
from globe_eval.runs.second_model import SecondModel
from globe_eval.sample import JudgeAgreement, Judgement, Sample, Use
from globe_eval.secrets import redact

USES: tuple[Use, ...] = get_args(Use)

SYSTEM = (
    "You read how someone reasons about where a photograph was taken, and check which things the text says to be "
    "visible. You do not see the photograph. Answer with JSON only."
)
QUESTION = (
    "Text:\n<<<\n{reasoning}\n>>>\n\n"
    'For each numbered thing, answer "evidence" if the text says that it is visible and uses it to narrow down or '
    'support the place, "mentioned" if the text says that it is visible without using it, and "absent" if the text '
    "does not say that it is visible, denies it, or only imagines it.\n\n{things}\n\n"
    'Answer with one JSON object that maps each number to its answer, as in {{"1": "absent"}}.'
)
PROMPT_SHA256 = hashlib.sha256(f"{SYSTEM}\0{QUESTION}".encode()).hexdigest()

CACHE = "judge.jsonl"
_OBJECT = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Question:
    """One photograph's question: its entities in the order in which they are asked."""

    id: str
    entities: tuple[str, ...]
    text: str
    """The prompt; empty where there is no reasoning, so that every entity is absent without asking."""

    def key(self, model: str) -> str:
        """The hash of all that decides the answer."""
        return second_model.question_key(model, PROMPT_SHA256, self.text)


def question(sample: Sample, seed: int) -> Question | None:
    """The question about a photograph; None without entities or without a response.

    The order of the entities is shuffled by the seed and the id, since judges favour what stands first.
    """
    entities = list(entity_set(sample.truth.entities or ()))
    if not entities or sample.response is None:
        return None
    random.Random(f"{seed} {sample.id}").shuffle(entities)
    reasoning = parse(sample.response).reasoning
    things = "\n".join(f"{i}. {entity}" for i, entity in enumerate(entities, 1))
    text = QUESTION.format(reasoning=reasoning.strip(), things=things) if reasoning and reasoning.strip() else ""
    return Question(sample.id, tuple(entities), text)


def schema(n: int) -> dict[str, Any]:
    """The JSON Schema of an answer about n entities.

    >>> schema(1)["required"]
    ['1']
    """
    numbers = [str(i) for i in range(1, n + 1)]
    return {
        "type": "object",
        "properties": {number: {"type": "string", "enum": list(USES)} for number in numbers},
        "required": numbers,
        "additionalProperties": False,
    }


def read_verdict(text: str, entities: Sequence[str]) -> dict[str, Use]:
    """Entity -> the judge's verdict. Raises ValueError for an incomplete answer.

    >>> read_verdict('```json\\n{"1": "Evidence", "2": "absent"}\\n```', ["bus", "tree"])
    {'bus': 'evidence', 'tree': 'absent'}
    """
    found = _OBJECT.findall(text)
    if not found:
        raise ValueError(f"no JSON object in {text[:60]!r}")
    answers = {str(number): str(answer).strip().lower() for number, answer in json.loads(found[-1]).items()}
    verdict: dict[str, Use] = {}
    for i, entity in enumerate(entities, 1):
        answer = next((word for word in USES if word == answers.get(str(i))), None)
        if answer is None:
            raise ValueError(f"{i}: found {answers.get(str(i))!r}; allowed: {', '.join(USES)}")
        verdict[entity] = answer
    return verdict


def ask(
    samples: Sequence[Sample], model: SecondModel, *, folder: Path | None, seed: int
) -> tuple[list[Sample], JudgeAgreement]:
    """The samples of a run with the judge's verdicts, and how far these agree with the deterministic measure.

    `folder` keeps `judge.jsonl`, None nothing; `seed` is of the order of the entities. A photograph that the judge does
    not answer has an error; the agreement has the reason where it answers none.
    """
    questions = [one for sample in samples if (one := question(sample, seed)) is not None]
    answers = second_model.AnswerFile(None if folder is None else folder / CACHE, "entities")
    judged, asked, requests = {}, [], []
    for one in questions:
        known = answers.known.get(one.key(model.name))
        if not one.text:
            judged[one.id] = Judgement(entities=dict.fromkeys(one.entities, "absent"))
        elif known is not None:
            judged[one.id] = Judgement(entities={entity: known[entity] for entity in one.entities})
        else:
            form = {"name": "verdict", "strict": True, "schema": schema(len(one.entities))}
            decoding: dict[str, Any] = {"temperature": 0, "max_gen_toks": 64 + 16 * len(one.entities)}
            decoding["response_format"] = {"type": "json_schema", "json_schema": form}
            requests.append(model.request(SYSTEM, one.text, decoding))
            asked.append(one)
    errors: Counter[str] = Counter()
    try:
        for index, response in model.endpoint.answers(requests):
            one = asked[index]
            try:
                if response.error is not None:
                    raise ValueError(response.error)
                verdict = read_verdict(response, one.entities)
            except (ValueError, AttributeError) as error:
                judged[one.id] = Judgement(error=redact(str(error))[:300])
                errors[str(error)] += 1
                continue
            judged[one.id] = Judgement(entities=verdict)
            answers.add(one.key(model.name), verdict)
    except InputError as error:  # it refuses every question; the run itself is whole
        for one in asked:
            judged.setdefault(one.id, Judgement(error=str(error)[:300]))
        errors[str(error)] += len(asked)
    silent = bool(asked) and all(judged[one.id].error is not None for one in asked)
    reason = redact(errors.most_common(1)[0][0])[:300] if silent else None
    found = [replace(sample, judge=judged.get(sample.id)) for sample in samples]
    return found, agreement(found, model.endpoint.model, seed, reason)


def agreement(samples: Sequence[Sample], model: str, seed: int, reason: str | None = None) -> JudgeAgreement:
    """How far a judge's verdicts, which are in the samples, agree with the deterministic measure.

    agreement: the share of entities of which both say that they are asserted, or both that they are not; kappa is
    Cohen's, which chance alone makes 0. Photographs whose language the lexicon does not cover are left out of both.
    """
    both: Counter[tuple[bool, bool]] = Counter()
    counted: Counter[str] = Counter()
    errors: Counter[bool] = Counter()
    for sample in samples:
        if (one := sample.judge) is None:
            continue
        errors[one.error is not None] += 1
        counted.update(one.entities.values())
        if one.error is None and sample.grounding is not None and sample.grounding.covered:
            hits = set(sample.grounding.hits)
            both.update((entity in hits, word != "absent") for entity, word in one.entities.items())
    n, (agreed, kappa) = sum(counted.values()), agreement_of(both)
    return JudgeAgreement(
        model=model,
        prompt_sha256=PROMPT_SHA256,
        seed=seed,
        n=errors[False],
        n_entities=n,
        n_errors=errors[True],
        **{word: counted[word] / n if n else None for word in USES},
        agreement=agreed,
        kappa=kappa,
        reason=reason,
    )


def agreement_of(both: Mapping[tuple[bool, bool], int]) -> tuple[float | None, float | None]:
    """Raw agreement and Cohen's kappa of two yes/no judgements, from how often each pair of them came.

    kappa = (agreement - chance) / (1 - chance), in [-1, 1], higher is better; None where chance alone gives 1.

    >>> agreement_of({(True, True): 20, (True, False): 5, (False, True): 10, (False, False): 15})
    (0.7, 0.4)
    """
    n = sum(both.values())
    if not n:
        return None, None
    agreement = (both.get((True, True), 0) + both.get((False, False), 0)) / n
    first = sum(count for (one, _), count in both.items() if one) / n
    second = sum(count for (_, other), count in both.items() if other) / n
    chance = first * second + (1 - first) * (1 - second)
    return agreement, round((agreement - chance) / (1 - chance), 12) if chance < 1 else None
