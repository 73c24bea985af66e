"""Builds the body of a request in OpenAI's chat-completions protocol from what lm-eval asks."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from globe_eval.errors import InputError
from globe_eval.models.decoding import LENGTHS

IMAGE = "<image>"
MAX_STOPS = 4  # OpenAI's limit
_RESERVED = ("messages", "model", "n")

SystemRole = Literal["system", "developer", "user"]


def write_history(history: Sequence[Mapping[str, Any]], **_: Any) -> str:
    """A chat as the one string that lm-eval passes around. :func:`read_history` gives the chat back unchanged."""
    return json.dumps([dict(message) for message in history], ensure_ascii=False)


def read_history(context: str) -> list[dict[str, Any]]:
    """The chat in `context`; a plain prompt is one message of the user.

    >>> read_history("Where is this?")
    [{'role': 'user', 'content': 'Where is this?'}]
    """
    if context.startswith("[{"):
        try:
            history = json.loads(context)
        except ValueError:
            history = None
        if isinstance(history, list) and all(isinstance(m, dict) and {"role", "content"} <= m.keys() for m in history):
            return history
    return [{"role": "user", "content": context}]


def messages(context: str, pictures: Sequence[tuple[bytes, str]]) -> list[dict[str, Any]]:
    """The chat with each picture where its `<image>` stands; the text around it stays as it is.

    A picture without a placeholder comes first in the last message of the user, as in GLOBE's evaluation script; a
    placeholder without a picture disappears.

    `context` is from :func:`write_history`, or a plain prompt; of each picture there are the bytes and the MIME type.

    >>> messages("<image>Where?", [(b"png", "image/png")])[0]["content"][1]
    {'type': 'text', 'text': 'Where?'}
    """
    return _messages(read_history(context), [b"".join(_data_url(*picture)).decode("ascii") for picture in pictures])


def write_request(
    context: str, pictures: Sequence[tuple[bytes, str]], fields: Mapping[str, Any], system_role: SystemRole = "system"
) -> bytes:
    """A request's body: `fields`, and the chat as :func:`messages` gives it.

    A system message goes as a message of `system_role`; as "user", before the text of the user's first message, for
    chat templates that have no system. A last message of the assistant is one to be continued, which vLLM understands.

    The pictures go in between the pieces of the JSON that surround them: `json.dumps` would take longer to look for
    characters to escape in a picture than all the rest of a request takes.

    >>> body = write_request("<image>Where?", [(b"png", "image/png")], {"model": "tiny"})
    >>> json.loads(body) == {"model": "tiny", "messages": messages("<image>Where?", [(b"png", "image/png")])}
    True
    """
    before, *after = _pieces(context, json.dumps(fields), len(pictures), system_role)
    pieces = [before]
    for (data, mime), piece in zip(pictures, after, strict=True):
        pieces += [*_data_url(data, mime), piece]
    return b"".join(pieces)


@lru_cache(maxsize=64)
def _pieces(context: str, fields: str, pictures: int, system_role: SystemRole) -> list[bytes]:
    """A body without its pictures, cut where they go: mostly the same for all photographs of a run."""
    mark = "picture"
    while mark in context:
        mark += "_"
    asked = _messages(with_role(read_history(context), system_role), [mark] * pictures)
    goes_on = {"add_generation_prompt": False, "continue_final_message": True}
    more = goes_on if asked[-1]["role"] == "assistant" else {}
    body = json.dumps({**json.loads(fields), **more, "messages": asked})
    return [piece.encode("ascii") for piece in re.split(rf'(?<="url": "){mark}(?=")', body)]


def with_role(history: Sequence[Mapping[str, Any]], system_role: SystemRole) -> list[dict[str, Any]]:
    """The chat with its system messages under another role.

    >>> with_role([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where?"}], "user")
    [{'role': 'user', 'content': 'Be brief.\\n\\nWhere?'}]
    """
    if system_role != "user":
        return [{**one, "role": system_role if one["role"] == "system" else one["role"]} for one in history]
    before = [one["content"] for one in history if one["role"] == "system"]
    rest = [dict(one) for one in history if one["role"] != "system"]
    first = next((one for one in rest if one["role"] == "user" and isinstance(one["content"], str)), None)
    if before and first is None:
        rest.insert(0, {"role": "user", "content": "\n\n".join(before)})
    elif before and first is not None:
        first["content"] = "\n\n".join([*before, first["content"]])
    return rest


def _data_url(data: bytes, mime: str) -> tuple[bytes, bytes]:
    return b"data:%s;base64," % mime.encode("ascii"), base64.b64encode(data)


def _messages(history: Sequence[Mapping[str, Any]], images: Sequence[str]) -> list[dict[str, Any]]:
    urls = iter(images)
    parts = [list(_parts(message["content"], urls)) for message in history]
    users = [i for i, message in enumerate(history) if message["role"] == "user"]
    if surplus := [_image_part(url) for url in urls]:
        at = users[-1] if users else len(history) - 1
        parts[at] = surplus + parts[at]
    return [{**message, "content": _content(content)} for message, content in zip(history, parts, strict=True)]


def _parts(content: Any, urls: Iterator[str]) -> Iterator[Any]:
    if not isinstance(content, str):  # parts already
        yield from content or []
        return
    for i, text in enumerate(content.split(IMAGE)):
        if i and (url := next(urls, None)):
            yield _image_part(url)
        if text:
            yield {"type": "text", "text": text}


def _image_part(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def _content(parts: list[Any]) -> Any:
    """Text alone as a string, which every server and chat template takes."""
    if all(part.get("type") == "text" for part in parts):
        return "".join(part["text"] for part in parts)
    return parts


def decoding(gen_kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """lm-eval's generation arguments as fields of a request.

    - `max_gen_toks` (or one of its other names) -> `max_tokens`; given as `max_completion_tokens` it keeps that name,
      which OpenAI's reasoning models want. Without any, the server's limit holds.
    - greedy (`temperature` 0) unless `do_sample` or a temperature says otherwise; `do_sample: false` wins over a
      temperature, as in lm-eval.
    - `until` -> `stop`, at most four, none empty. See :func:`stops`.
    - a value of None leaves the field out: `temperature=null` for models that refuse one.
    - everything else (`top_p`, `seed`, penalties, a server's own fields) is passed on as it is: the server judges it.

    Raises InputError: an argument that would change what is asked, or how many answers come back (`n`).

    >>> decoding({"until": ["</s>", ""], "max_gen_toks": 64, "do_sample": False})
    {'max_tokens': 64, 'temperature': 0, 'stop': ['</s>']}
    """
    for name in _RESERVED:
        if name in gen_kwargs:
            raise InputError(f"gen_kwargs: {name!r} cannot be set for the model 'endpoint', which sets it itself")
    fields = {
        name: value
        for name, value in gen_kwargs.items()
        if value is not None and name not in (*LENGTHS, "do_sample", "until")
    }
    if limits := [name for name in LENGTHS if gen_kwargs.get(name) is not None]:
        name = "max_completion_tokens" if limits[0] == "max_completion_tokens" else "max_tokens"
        fields[name] = gen_kwargs[limits[0]]
    sampled = gen_kwargs.get("do_sample")
    unset = "temperature" not in gen_kwargs
    if (sampled is False and ("temperature" in fields or unset)) or (sampled is None and unset):
        fields["temperature"] = 0
    if ends := stops(gen_kwargs):
        fields["stop"] = ends[:MAX_STOPS]
    return fields


def stops(gen_kwargs: Mapping[str, Any]) -> list[str]:
    """The strings that end an answer. The server is given four of them; `reply.read_reply` cuts at all."""
    until = gen_kwargs.get("until") or []
    return [stop for stop in ([until] if isinstance(until, str) else until) if stop]
