"""OpenAI's chat-completions protocol as data: what lm-eval asks -> a request's fields, a reply's JSON -> a response."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from globe_eval.errors import InputError
from globe_eval.models.response import Response

IMAGE = "<image>"
MAX_STOPS = 4  # OpenAI's limit

_LENGTHS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")  # lm-eval's order of precedence
_RESERVED = ("messages", "model", "n", "stream")
_BROKEN_OFF = ("abort", "error")  # vLLM, when it is stopped; OpenRouter, when its provider fails
_REASONING = ("reasoning", "reasoning_content")  # vLLM since 0.12 and OpenRouter; DeepSeek and older vLLM


class MalformedReply(ValueError):
    """The server said 200 and sent something that is no chat completion."""


def write_history(history: Sequence[Mapping[str, Any]]) -> str:
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

    Args:
        context: from :func:`write_history`, or a plain prompt.
        pictures: the bytes and MIME type of each.

    >>> messages("<image>Where?", [(b"png", "image/png")])[0]["content"][1]
    {'type': 'text', 'text': 'Where?'}
    """
    return _messages(context, [_data_url(*picture).decode("ascii") for picture in pictures])


def write_request(context: str, pictures: Sequence[tuple[bytes, str]], fields: Mapping[str, Any]) -> bytes:
    """A request's body: `fields`, and the chat as :func:`messages` gives it.

    A last message of the assistant is one to be continued, which vLLM understands.

    The pictures go in between the pieces of the JSON that surround them: `json.dumps` would take longer to look for
    characters to escape in a picture than all the rest of a request takes.

    >>> body = write_request("<image>Where?", [(b"png", "image/png")], {"model": "tiny"})
    >>> json.loads(body) == {"model": "tiny", "messages": messages("<image>Where?", [(b"png", "image/png")])}
    True
    """
    mark = "picture"
    while mark in context:
        mark += "_"
    asked = _messages(context, [mark] * len(pictures))
    goes_on = {"add_generation_prompt": False, "continue_final_message": True}
    more = goes_on if asked[-1]["role"] == "assistant" else {}
    body = json.dumps({**fields, **more, "messages": asked}).encode("ascii")
    before, *after = body.split(f'"url": "{mark}"'.encode())
    pieces = [before]
    for picture, piece in zip(pictures, after, strict=True):
        pieces += [b'"url": "', _data_url(*picture), b'"', piece]
    return b"".join(pieces)


def _data_url(data: bytes, mime: str) -> bytes:
    return b"data:%s;base64,%s" % (mime.encode("ascii"), base64.b64encode(data))


def _messages(context: str, images: Sequence[str]) -> list[dict[str, Any]]:
    history = read_history(context)
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
    - a value of None leaves the field out: `temperature=None` for models that refuse one.
    - everything else (`top_p`, `seed`, penalties, a server's own fields) is passed on as it is: the server judges it.

    Raises:
        InputError: an argument that would change how the reply reads (`n`, `stream`) or what is asked.

    >>> decoding({"until": ["</s>", ""], "max_gen_toks": 64, "do_sample": False})
    {'max_tokens': 64, 'temperature': 0, 'stop': ['</s>']}
    """
    for name in _RESERVED:
        if name in gen_kwargs:
            raise InputError(f"gen_kwargs: {name!r} cannot be set for the model 'endpoint', which sets it itself")
    fields = {
        name: value
        for name, value in gen_kwargs.items()
        if value is not None and name not in (*_LENGTHS, "do_sample", "until")
    }
    if limits := [name for name in _LENGTHS if gen_kwargs.get(name) is not None]:
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
    """The strings that end an answer. The server is given four of them; :func:`read_reply` cuts at all."""
    until = gen_kwargs.get("until") or []
    return [stop for stop in ([until] if isinstance(until, str) else until) if stop]


def read_reply(body: Any, ends: Sequence[str] = ()) -> Response:
    """The answer in a chat completion.

    A null content is an empty answer, a refusal its text. Where the server has taken the reasoning out of the text, it
    is put back as `<think>…</think>`, so that one model gives one text whatever its server's settings; the tag stays
    open where nothing follows.

    Args:
        body: the reply's JSON.
        ends: strings before which the answer stops, should the server not have stopped there.

    Raises:
        MalformedReply: no choice, no message, content that is no text, or an answer that the server broke off.

    """
    try:
        choice = body["choices"][0]
        message = choice["message"]
        content = message.get("content") or message.get("refusal") or ""
        if not isinstance(content, str):
            content = "".join(part["text"] for part in content if part.get("type") == "text")
    except (TypeError, KeyError, IndexError, AttributeError):
        error = body.get("error") if isinstance(body, dict) else None
        raise MalformedReply(f"no chat completion but {json.dumps(error or body)}") from None
    finish_reason = choice.get("finish_reason")
    if finish_reason in _BROKEN_OFF:
        raise MalformedReply(f"the server broke off its answer (finish_reason {finish_reason!r})")
    answer = content
    for end in ends:
        answer = answer.partition(end)[0]
    if answer != content:
        finish_reason = "stop"
    reasoning = next((message[name] for name in _REASONING if message.get(name)), None)
    if isinstance(reasoning, str) and "<think>" not in answer:
        answer = f"<think>{reasoning}</think>{answer}" if answer else f"<think>{reasoning}"
    usage = body.get("usage") or {}
    return Response(
        answer,
        finish_reason=finish_reason,
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
        first_token=_first_token(choice),
    )


def _first_token(choice: Any) -> dict[str, float] | None:
    """Token -> log-probability of the likeliest first tokens, where the server gives them (`top_logprobs`)."""
    try:
        return {str(one["token"]): float(one["logprob"]) for one in choice["logprobs"]["content"][0]["top_logprobs"]}
    except (KeyError, IndexError, TypeError, ValueError):
        return None
