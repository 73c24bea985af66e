"""`--ask_localizable`: GLOBE's released yes/no question, put to a model that gives token probabilities.

The paper's R_loc is the probability of a "yes" to whether a photograph can be located, given it and the reasoning; its
reward model is not published, so any OpenAI-compatible endpoint with pictures and `top_logprobs` is asked. What it says
is kept in `localizable.jsonl` under the hash of all that it was asked.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from globe_eval.errors import InputError
from globe_eval.metrics.globe import GLOBE_LOCATABLE, globe_locatability
from globe_eval.runs.assemble import Heard

CACHE = "localizable.jsonl"


def ask(
    heard: Sequence[Heard], photographs: Sequence[Any], arguments: Mapping[str, Any], *, folder: Path, seed: int
) -> tuple[list[Heard], int]:
    """The answers with the probability of a "yes" for each photograph, and of how many none was given.

    Args:
        heard: what the evaluated model said, n of them; photographs of which nothing was heard are not asked about.
        photographs: n pictures as `images.Photograph`.
        arguments: of the model `endpoint`.
        folder: where the answers are kept.
        seed: sent with each request.

    Raises InputError where the endpoint cannot be used, and where no answer at all came with probabilities.
    """
    from lm_eval.api.instance import Instance

    from globe_eval.models.decoding import merged
    from globe_eval.models.endpoint import of_option
    from globe_eval.models.request import write_history

    model, given = of_option("--ask_localizable", arguments, seed)
    model.explicit |= {"logprobs", "top_logprobs"}  # without them there is no answer
    known = _read(folder / CACHE)
    found: list[float | None] = [None] * len(heard)
    asked, keys, requests = [], [], []
    for index, (one, picture) in enumerate(zip(heard, photographs, strict=True)):
        if one.answer is None:
            continue
        text = one.answer.reasoning or ""
        key = hashlib.sha256(f"{model.model}\0{GLOBE_LOCATABLE}\0{text}\0{one.image_sha256}".encode()).hexdigest()
        if key in known:
            found[index] = known[key]
            continue
        history = [{"role": "system", "content": GLOBE_LOCATABLE}, {"role": "user", "content": f"<image>{text}"}]
        decoding = merged({"temperature": 0, "max_gen_toks": 1, "logprobs": True, "top_logprobs": 5}, given)
        context = write_history(history)
        requests.append(Instance("generate_until", {}, (context, decoding, {"visual": [picture]}), 0))
        asked.append(index)
        keys.append(key)
    silent, reason = 0, ""
    for number, response in model.answers(requests):
        p = globe_locatability(response.first_token)
        if response.error is not None or math.isnan(p):
            silent += 1
            reason = response.error or f"no probability of yes or no beside {str(response)[:40]!r}"
            continue
        found[asked[number]] = p
        with (folder / CACHE).open("a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps({"key": keys[number], "p_yes": p}) + "\n")
    if requests and silent == len(requests):
        raise InputError(f"--ask_localizable: {model.model} answers no photograph with probabilities ({reason})")
    told = [
        one if p is None or one.answer is None else replace(one, answer=replace(one.answer, p_yes=p))
        for one, p in zip(heard, found, strict=True)
    ]
    return told, silent


def _read(path: Path) -> dict[str, float]:
    if not path.is_file():
        return {}
    known = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
            known[entry["key"]] = float(entry["p_yes"])
        except (ValueError, KeyError, TypeError):  # a line that a crash cut short: asked again
            continue
    return known
