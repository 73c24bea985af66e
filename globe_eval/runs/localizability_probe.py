"""`--ask_localizable`: asks GLOBE's released yes/no question of a model that returns token probabilities.

The paper's R_loc is the probability of a "yes" to whether a photograph can be located, given it and the reasoning; its
reward model is not published, so any OpenAI-compatible endpoint with pictures and `top_logprobs` is asked. What it says
is kept in `localizable.jsonl` under the hash of all that it was asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from globe_eval import scoring
from globe_eval.errors import InputError
from globe_eval.metrics.globe import GLOBE_LOCATABLE, globe_locatability
from globe_eval.runs import second_model
from globe_eval.sample import Sample

CACHE = "localizable.jsonl"


def ask(
    samples: Sequence[Sample], photographs: Sequence[Any], arguments: Mapping[str, Any], *, folder: Path, seed: int
) -> list[Sample]:
    """The samples with the probability of a "yes" for each photograph; without one where none was given.

    The n samples have what the evaluated model said, and are not scored yet; photographs without a response are not
    asked about. `arguments` are of the model `endpoint`, `folder` keeps the answers, the seed goes with each request.

    Raises InputError where the endpoint cannot be used, and where no answer at all came with probabilities.
    """
    model = second_model.second_model("--ask_localizable", arguments, seed)
    model.endpoint.explicit |= {"logprobs", "top_logprobs"}  # without them there is no answer
    answers = second_model.AnswerFile(folder / CACHE, "p_yes")
    found: list[float | None] = [None] * len(samples)
    asked, requests = [], []
    for index, (one, picture) in enumerate(zip(samples, photographs, strict=True)):
        answer = scoring.read(one)
        if answer is None:
            continue
        text = answer.reasoning or ""
        key = second_model.question_key(model.name, GLOBE_LOCATABLE, text, one.image_sha256)
        if key in answers.known:
            found[index] = float(answers.known[key])
            continue
        greedy = {"temperature": 0, "max_gen_toks": 1, "logprobs": True, "top_logprobs": 5}
        requests.append(model.request(GLOBE_LOCATABLE, f"<image>{text}", greedy, picture))
        asked.append((index, key))
    silent, reason = 0, ""
    for number, response in model.endpoint.answers(requests):
        p = globe_locatability(response.first_token)
        if response.error is not None or math.isnan(p):
            silent += 1
            reason = response.error or f"no probability of yes or no beside {str(response)[:40]!r}"
            continue
        index, key = asked[number]
        found[index] = p
        answers.add(key, p)
    if requests and silent == len(requests):
        said = f"{model.endpoint.model} answers no photograph with probabilities"
        raise InputError(f"--ask_localizable: {said} ({reason})")
    with_p = zip(samples, found, strict=True)
    return [one if p is None else replace(one, answer=replace(one.answer, p_yes=p)) for one, p in with_p]
