"""`--dry_run`: shows the first request and estimates what the run takes, without asking anything."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from globe_eval.benchmarks.images import ImageError, Photograph, picture_bytes
from globe_eval.models import request as chat
from globe_eval.models.decoding import LENGTHS
from globe_eval.runs.run import Request, photograph_positions, set_up
from globe_eval.secrets import without_secrets

LOOKED_AT = 100
"""Pictures whose size is read; the others are taken to be alike on average."""
CHARACTERS_A_TOKEN = 4
PIXELS_A_TOKEN = 28 * 28
"""Of Qwen2-VL and its kin; Anthropic's documentation says 750."""


def describe(request: Request) -> str:
    """The first request of a run, and estimates of its requests, tokens and cost.

    Tokens are estimates: of text by its characters, of pictures by their pixels, of answers by their limit.

    Raises InputError as a run would before it loads its model.
    """
    tasks, _ = set_up(request)
    return "\n\n".join(_describe(request, name, task) for name, task in tasks.items())


def _describe(request: Request, name: str, task: Any) -> str:
    positions = photograph_positions(request, task)
    docs = [task.eval_docs[at] for at in positions[:: max(1, len(positions) // LOOKED_AT)]]
    pictures = [task.doc_to_image(doc)[0] for doc in docs]
    how = {"system_instruction": request.system_instruction, "chat_template": chat.write_history}
    context = task.fewshot_context(docs[0], num_fewshot=0, apply_chat_template=True, **how)
    given = task.config.generation_kwargs
    limit = next((given[length] for length in LENGTHS if length in given), None)
    asked = len(positions) * request.repeats
    text = sum(len(str(message["content"])) for message in chat.read_history(context)) / CHARACTERS_A_TOKEN
    picture = _tokens(pictures)
    prompt = round(asked * (text + picture))
    lines = [
        f"{name}: {asked:,} requests, nothing is asked yet; what the journal has will not be asked again",
        f"first request: {_first(request, task, context)}",
        f"picture: {pictures[0].name}, {_size(pictures[0])}",
        f"prompt tokens, about: {prompt:,} ({text:,.0f} of text and {picture:,.0f} of picture each)",
        f"answer tokens, at most: {f'{asked * int(limit):,}' if limit else 'no limit is set'}",
    ]
    if request.prices is not None:
        most = request.prices.cost(prompt, asked * int(limit or 0))
        lines.append(f"cost, at most about: {most:,.4g}" + ("" if limit else " and the answers"))
    return "\n".join(lines)


def _first(request: Request, task: Any, context: str) -> str:
    """The body of an endpoint's request, or the prompt of another model, with the picture's place marked."""
    mark = "(the picture)"
    if request.model != "endpoint":
        return json.dumps(chat.messages(context, [(b"", mark)]), ensure_ascii=False)
    fields = {"model": request.model_args.get("model"), **chat.decoding(task.config.generation_kwargs)}
    body = json.loads(chat.write_request(context, [(b"", mark)], without_secrets(fields)))
    return json.dumps(body, ensure_ascii=False)


def _size(picture: Photograph) -> str:
    try:
        width, height = picture.size
        data, mime = picture_bytes(picture)
    except ImageError as error:
        return str(error)
    return f"{width} x {height} pixels, {len(data):,} bytes as {mime}"


def _tokens(pictures: Sequence[Photograph]) -> float:
    """The mean number of tokens of pictures; unreadable ones are left out."""
    found = []
    for picture in pictures:
        with suppress(ImageError):
            found.append(math.prod(picture.size) / PIXELS_A_TOKEN)
    return sum(found) / len(found) if found else 0.0
