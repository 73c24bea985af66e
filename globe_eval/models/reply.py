"""Parses a server's reply into a `Response`: required fields are checked, malformed optional ones dropped."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from globe_eval import finish
from globe_eval.models.response import Response, Served
from globe_eval.models.transport import Reply

_REASONING = ("reasoning", "reasoning_content")  # vLLM since 0.12 and OpenRouter; DeepSeek and older vLLM
_THOUGHTS = ("thinking", "reasoning.text", "reasoning.summary", "reasoning", "summary_text", "reasoning_text")
_FILTER_CODES = re.compile(
    r"content.?(filter|policy|management|moderat)|responsible.?ai|moderation|data_inspection_failed|flagged"
    r"|policy.?violation|usage polic|safety (system|polic|check|filter|guard|reason|setting)|inappropriate content"
    r"|prohibited.?content|blockreason|guardrail|harm_category|sensitive (content|information)|content exists risk"
    r"|\u654f\u611f|\u4e0d\u5b89\u5168",  # "sensitive" and "unsafe" in Chinese
    re.IGNORECASE,
)


class MalformedReply(ValueError):
    """The server said 200 and sent something that is no chat completion, or broke its answer off."""


class FailureInside(Exception):
    """The server said 200 and sent an error with a code of its own, which means the HTTP status `status`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def read(reply: Reply, ends: Sequence[str] = ()) -> tuple[Response, str | None]:
    """The response in a reply of status 200, whole or streamed, and the reply's id.

    Raises MalformedReply, FailureInside.
    """
    text = reply.text
    streamed = "event-stream" in reply.headers.get("Content-Type", "").lower()
    if streamed or re.match(r"\s*(data|event|id|retry)?:", text):
        body: Any = from_events(text)
    else:
        try:
            body = reply.json()
        except ValueError:
            raise MalformedReply(f"no chat completion but {without_markup(text)[:200] or 'an empty reply'}") from None
    identifier = body.get("id") if isinstance(body, dict) else None
    return read_reply(body, ends), identifier if isinstance(identifier, str) and identifier else None


def read_reply(body: Any, ends: Sequence[str] = ()) -> Response:
    """The answer in a chat completion.

    A null content is an empty answer, a refusal its text. Where the server has taken the reasoning out of the text, it
    is put back as `<think>…</think>`, so that one model gives one text whatever its server's settings; the tag stays
    open where nothing follows. Counts that are none and names that are no text are None, and `served.dropped` names
    them. A refusal that the server calls a stop has the finish reason "refusal".

    `ends` are strings before which the answer stops, should the server not have stopped there.

    Raises MalformedReply: no choice, no message, content that is no text, or an answer that the server broke off.
    Raises FailureInside: an error with a code, in the place of an answer.
    """
    if not isinstance(body, dict):
        raise MalformedReply(f"no chat completion but {json.dumps(body)[:200]}")
    choice = _first_choice(body)
    dropped: list[str] = []
    finish_reason = _text(choice, "finish_reason", dropped, "finish_reason")
    _refuse_failure(choice.get("error") if not isinstance(choice.get("message"), dict) else None)
    if finish.broken_off(finish_reason):
        _refuse_failure(choice.get("error"))
        raise MalformedReply(f"the server broke off its answer (finish_reason {finish_reason!r})")
    message = choice.get("message")
    if message is None and finish.filtered(finish_reason):
        message = {}
    if not isinstance(message, dict):
        raise MalformedReply(f"no chat completion but {json.dumps(body)[:200]}")
    content, thought, declined = _parts(message.get("content"))
    refusal = message.get("refusal") or declined
    if not content and isinstance(refusal, str) and refusal:
        content = refusal
        finish_reason = finish_reason if finish.filtered(finish_reason) else "refusal"
    answer = content
    for end in ends:
        answer = answer.partition(end)[0]
    if answer != content:
        finish_reason = "stop"
    reasoning = next((message[name] for name in _REASONING if message.get(name)), None)
    if not isinstance(reasoning, str):
        reasoning = thought or _parts(message.get("reasoning_details"))[1]
    if reasoning and "<think>" not in answer:
        answer = f"<think>{reasoning}</think>{answer}" if answer else f"<think>{reasoning}"
    usage = body.get("usage")
    if usage is not None and not isinstance(usage, dict):
        dropped.append("usage")
    usage = usage if isinstance(usage, dict) else {}
    served = Served(
        model=_text(body, "model", dropped),
        fingerprint=_text(body, "system_fingerprint", dropped),
        provider=_text(body, "provider", dropped),
    )
    prompt_tokens, completion_tokens = (_count(usage, f"{which}_tokens", dropped) for which in ("prompt", "completion"))
    return Response(
        answer,
        finish_reason=finish_reason,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        first_token=_first_token(choice),
        served=served._replace(dropped=tuple(dropped)) if served != Served() or dropped else None,
    )


def from_events(text: str) -> dict[str, Any]:
    """The chat completion that server-sent events bring in pieces.

    Raises MalformedReply where they end before the answer does, FailureInside for an error among them.

    >>> events = 'data: {"choices": [{"delta": {"content": "Par"}}]}\\n\\n'
    >>> events += 'data: {"choices": [{"delta": {"content": "is"}, "finish_reason": "stop"}]}\\n\\ndata: [DONE]\\n\\n'
    >>> from_events(events)["choices"][0]["message"]["content"]
    'Paris'
    """
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {}
    choice: dict[str, Any] = {}
    done = False
    for data in _data(text):
        if data.strip() == "[DONE]":
            done = True
            break
        try:
            piece = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise MalformedReply(f"a streamed event is no JSON ({type(error).__name__})") from None
        if not isinstance(piece, dict):
            raise MalformedReply(f"a streamed event is no object but {data[:60]}")
        _refuse_failure(piece.get("error"))
        whole |= {name: value for name, value in piece.items() if name != "choices" and value is not None}
        for one in piece.get("choices") or []:
            if not isinstance(one, dict) or one.get("index", 0) != 0:
                continue
            choice |= {
                name: value for name, value in one.items() if name not in ("delta", "message") and value is not None
            }
            delta = one.get("delta") or one.get("message") or {}
            for name, value in delta.items() if isinstance(delta, dict) else ():
                message[name] = value if name == "role" else _joined(message.get(name), value)
    if not done and choice.get("finish_reason") is None:
        raise MalformedReply("the stream ended before the answer did")
    return {**whole, "choices": [{**choice, "message": message}]}


def _joined(before: Any, value: Any) -> Any:
    """Two pieces of one field: texts and lists end to end, a text as one more part of a list; else the later one."""
    if value is None or before is None:
        return before if value is None else value
    if isinstance(before, str) and isinstance(value, str):
        return before + value
    if isinstance(before, str | list) and isinstance(value, str | list):
        return [part for piece in (before, value) for part in (piece if isinstance(piece, list) else [piece])]
    return value


def refused(status: int, body: Any) -> bool:
    """Whether an error says that a filter of the provider refuses this photograph or this question for good.

    >>> refused(400, {"error": {"code": "content_filter", "message": "The prompt was filtered."}})
    True
    """
    if status not in (400, 403, 422, 451):
        return False
    error = body.get("error", body) if isinstance(body, dict) else body
    if (
        isinstance(error, dict)
        and {"param", "code"} <= error.keys()
        and error["param"] not in (None, "", "prompt", "messages")
    ):
        return False
    return _FILTER_CODES.search(json.dumps(error, ensure_ascii=False)) is not None


def message_of(reply: Reply) -> str:
    """The error message in a reply, in the format of OpenAI, Google or FastAPI, or as plain text."""
    try:
        said = reply.json()
    except ValueError:
        return without_markup(reply.text)
    said = said[0] if isinstance(said, list) and said else said
    return _message(said.get("error") or said if isinstance(said, dict) else said)


def _message(error: Any) -> str:
    """What an error's JSON says, and behind it what a provider said to the router that passes it on."""
    if not isinstance(error, dict):
        return error if isinstance(error, str) else json.dumps(error)
    said = error.get("message") or error.get("detail") or error
    passed_on = error.get("metadata")
    raw = passed_on.get("raw") if isinstance(passed_on, dict) else None
    return " ".join(one if isinstance(one, str) else json.dumps(one) for one in (said, raw) if one)


def without_markup(text: str) -> str:
    """A page's title, or else its text; what is no page as it is.

    >>> without_markup("<html><head><title>502 Bad &amp; Gateway</title></head></html>"), without_markup("a < b")
    ('502 Bad & Gateway', 'a < b')
    """
    if not re.match(r"\s*<[!?a-z]", text, re.IGNORECASE):
        return text
    title = re.search(r"<title[^>]*>([^<]+)", text, re.IGNORECASE)
    return html.unescape(title[1] if title else re.sub(r"<[^>]*>", " ", text)).strip()


def _first_choice(body: Mapping[str, Any]) -> dict[str, Any]:
    """The choice of index 0; an empty one with its reason where a filter left none."""
    choices = body.get("choices")
    if isinstance(choices, list) and choices and all(isinstance(one, dict) for one in choices):
        found: dict[str, Any] = next((one for one in choices if one.get("index") == 0), choices[0])
        return found
    _refuse_failure(body.get("error"))
    feedback = body.get("promptFeedback") or body.get("prompt_feedback")
    if isinstance(feedback, dict) and (reason := feedback.get("blockReason") or feedback.get("block_reason")):
        return {"finish_reason": f"content_filter: {reason}"}
    raise MalformedReply(f"no chat completion but {json.dumps(body.get('error') or body)[:200]}")


def _refuse_failure(error: Any) -> None:
    if not error:
        return
    code = error.get("code", error.get("status")) if isinstance(error, dict) else None
    said = _message(error)
    if isinstance(code, str) and code.isdigit():
        code = int(code)
    if isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600:
        raise FailureInside(code, said)
    if _FILTER_CODES.search(json.dumps(error, ensure_ascii=False)):
        raise FailureInside(400, said)
    raise MalformedReply(f"no chat completion but {json.dumps(error)[:200]}")


def _parts(content: Any) -> tuple[str, str, str]:
    """Content as its text, the thought in it and the refusal in it. Raises MalformedReply for what is neither."""
    if content is None:
        return "", "", ""
    if isinstance(content, str):
        return content, "", ""
    if not isinstance(content, list):
        raise MalformedReply(f"content that is no text but {json.dumps(content)[:200]}")
    text, thought, refusal = "", "", ""
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in ("text", "output_text") and isinstance(part.get("text"), str):
            text += part["text"]
        elif kind in _THOUGHTS:
            inner = part.get("thinking") or part.get("text") or part.get("summary") or ""
            thought += inner if isinstance(inner, str) else "".join(_parts(inner)[:2])
        elif kind == "refusal" and isinstance(part.get("refusal"), str):
            refusal += part["refusal"]
        elif isinstance(part, str):
            text += part
        elif kind in (None, "text", "output_text"):
            raise MalformedReply(f"content that is no text but {json.dumps(part)[:200]}")
    return text, thought, refusal


def _data(text: str) -> Iterator[str]:
    """The data of each event: its `data:` lines, joined. Comments and other fields are left out."""
    lines: list[str] = []
    for line in [*re.split(r"\r\n|\r|\n", text), ""]:
        if line.startswith("data:"):
            lines.append(line[5:].removeprefix(" "))
        elif not line and lines:
            yield "\n".join(lines)
            lines = []


def _text(values: Mapping[str, Any], name: str, dropped: list[str], label: str | None = None) -> str | None:
    value = values.get(name)
    if value is None or isinstance(value, str):
        return value or None
    dropped.append(label or name)
    return None


def count_of(value: Any) -> int | None:
    """A count of tokens, None for what is none.

    >>> [count_of(value) for value in (900, 12.0, "900", 50.5, "x", -1, True, None)]
    [900, 12, None, None, None, None, None, None]
    """
    whole = (
        isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53 and value == int(value)
    )
    return int(value) if whole else None


def _count(usage: Mapping[str, Any], name: str, dropped: list[str]) -> int | None:
    count = count_of(usage.get(name))
    if count is None and usage.get(name) is not None:
        dropped.append(f"usage.{name}")
    return count


def _first_token(choice: Any) -> dict[str, float] | None:
    """Token -> log-probability of the likeliest first tokens, where the server gives them (`top_logprobs`)."""
    try:
        return {str(one["token"]): float(one["logprob"]) for one in choice["logprobs"]["content"][0]["top_logprobs"]}
    except (KeyError, IndexError, TypeError, ValueError):
        return None
