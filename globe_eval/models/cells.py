"""The response in a cell of a table: a text, a reply as APIs write it, or either as a program printed it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

from globe_eval import lazy_re as re
from globe_eval.benchmarks.formats import REPLY_KEYS, is_reply, load_value, without_types
from globe_eval.benchmarks.table import MISSING, Table, as_number, cell_value, quoted
from globe_eval.errors import InputError
from globe_eval.models.response import Response


def response_of(cells: Mapping[str, Any], column: str | None, *, printed: bool = True) -> Response | None:
    """The response in a cell; None where there is none. An object or a list is a reply of an API, or read as JSON.

    It knows how the reply ended, by itself or by a column `finish_reason`. An API's error in its place, or in a column
    `error` beside nothing, is its error. `printed`: of a cell that a program may have printed (`before_printing`).
    """
    cell = before_printing(cell_value(cells, column)) if printed else cell_value(cells, column)
    if isinstance(cell, Response):
        return cell
    failed = None if cell else cell_value(cells, "error")
    if failed and as_number(failed) is None and str(failed).strip().lower() not in _NO_ERROR:
        return Response("", error=_message(failed))
    ended = cell_value(cells, "finish_reason")
    if isinstance(cell, dict | list | tuple):
        numbers = isinstance(cell, list) and all(isinstance(one, str) and as_number(one) is not None for one in cell)
        text = ", ".join(cell) if numbers else reply_text(cell)
        done = _stated(cell, ("type",), str)  # of a request in a batch
        if text is None and (failed := _stated(cell, ("error",), dict) or (done if done in _UNDONE else None)):
            return Response("", error=_message(failed))
        cut = _stated(cell, ("incomplete_details",), dict)
        ended = _stated(cell, _ENDED, str) or _stated(cut, ("reason",), str) or ended
        cell = json.dumps(cell, ensure_ascii=False) if text is None else text
    ended = ended if isinstance(ended, str) else None
    return None if cell is None and ended is None else Response("" if cell is None else cell, finish_reason=ended)


def before_printing(cell: Any) -> Any:
    """A cell before a program printed it: the texts or the reply that a list or an object holds, line ends as such.

    >>> before_printing("['Paris, France']"), before_printing(r"Trams.\\nCity: Rome"), before_printing("[48.9, 2.3]")
    (['Paris, France'], 'Trams.\\nCity: Rome', '[48.9, 2.3]')
    """
    if not isinstance(cell, str):
        return cell
    text = cell.strip()
    if text[-1:] in ("]", "}", ")"):
        cell = without_types(cell)
    if text[:1] == "[" or (text[:1] == "{" and any(key in text for key in REPLY_KEYS)):
        with suppress(ValueError):
            value = load_value(text)
            first = value[0] if isinstance(value, list) and value else None
            if is_reply(value) or isinstance(first, str) or (isinstance(first, dict) and "generated_text" in first):
                return value
    if "\\u" in text and "{" not in text:
        cell = re.sub(r"\\u([\da-fA-F]{4})", lambda code: chr(int(code[1], 16)), cell)
    # JSON writes line ends like this too, but within its texts.
    if "\n" not in text and "\\n" in text and ("{" not in text or re.search(r"\{\s*\\n", text)):
        return re.sub(r"\\([\"'])", r"\1", re.sub(r"(?:\\r)?\\n", "\n", cell))
    return cell


def refuse_no_single_text(table: Table, column: str | None) -> None:
    """Raise InputError where a cell is a list of several responses, or an object of Python's without a text."""
    for index, row in enumerate(table.rows):
        cell, path = cell_value(row, column), column
        if not isinstance(cell, str | int | float | dict | list | tuple | None):
            raise InputError(f"{table.where(index, column)}: found {quoted(cell)}; allowed: a text")
        if isinstance(cell, str) and cell.lstrip()[:1] == "[":
            cell = before_printing(cell)
        while (inner := _only_inner(cell)) is not None:
            cell, path = inner[1], f"{path}.{inner[0]}"
        texts = [one for one in cell if isinstance(one, str)] if isinstance(cell, list) else []
        sampled = isinstance(cell, list) and str(path).endswith((".choices", ".candidates"))
        if sampled or (len(texts) > 1 and any(re.search(r"[,;\n]|.{60}", one) for one in texts)):
            raise InputError(
                f"{table.where(index, column)}: found {len(cell)} responses; allowed: one a photograph "
                f"(--response-column '{path}.0' takes the first)"
            )


def _only_inner(cell: Any) -> tuple[int | str, Any] | None:
    """Where in a list of one, or in what APIs wrap around replies, the response or a list of several is, and it."""
    if isinstance(cell, list):
        return (0, cell[0]) if len(cell) == 1 else None
    wrapped = cell if isinstance(cell, dict) else {}
    return next(((key, wrapped[key]) for key in _WRAPPINGS if isinstance(wrapped.get(key), list | dict)), None)


def reply_text(reply: Any) -> str | None:
    """The text in a reply as APIs write it; None where it is none.

    >>> reply_text({"choices": [{"message": {"role": "assistant", "content": "Rome"}}]})
    'Rome'
    >>> reply_text({"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Rome"}]})
    'Rome'
    >>> reply_text([["Rome"]]), reply_text([{"city": "Rome"}])
    ('Rome', None)
    """
    if isinstance(reply, str):
        return reply
    if isinstance(reply, list) and len(reply) == 1 and isinstance(reply[0], str | list):
        return reply_text(reply[0])
    if isinstance(reply, list):
        parts = [part for part in reply if isinstance(part, dict) and not any(part.get(key) in _ASKED for key in _BY)]
        parts = next(([part] for part in reversed(parts) if "role" in part or "from" in part), parts)  # the last reply
        texts = [reply_text(part) for part in parts if part.get("type", "text") in _SPOKEN and not part.get("thought")]
        return "".join(text for text in texts if text is not None) if any(text is not None for text in texts) else None
    if not isinstance(reply, dict) or _PLACE & {key.lower() for key in reply}:
        return None
    for key in ("choices", "candidates"):
        if isinstance(reply.get(key), list) and reply[key]:
            return reply_text(reply[key][0])
    for key in _HOLDS_TEXT:
        if (text := reply_text(reply.get(key))) is not None:
            return text
    return None


def _stated(reply: Any, keys: Sequence[str], kind: type) -> Any:
    """The first value of these keys that is of a type, in a reply or in what it wraps; None where there is none."""
    if isinstance(reply, list):
        reply = next(iter(reply), None)
    if not isinstance(reply, dict):
        return None
    own = (reply[key] for key in keys if isinstance(reply.get(key), kind))
    return next(chain(own, filter(None, (_stated(reply.get(key), keys, kind) for key in _WRAPPINGS))), None)


def _message(error: Any) -> str:
    """What an error of an API says, in one line."""
    said = (error.get("message") or error.get("type") or error) if isinstance(error, dict) else error
    return " ".join(str(said).split())


_ENDED = ("finish_reason", "finishReason", "stop_reason", "done_reason")
_NO_ERROR = {*MISSING, "false", "no", "ok", "success"}
_UNDONE = ("expired", "canceled", "errored")
_WRAPPINGS = ("choices", "candidates", "body", "response", "result", "message", "details")
_HOLDS_TEXT = ("body", "response", "result", "message", "output", "content", "parts", "text", "generated_text", "value")
_BY = ("role", "from", "type")
_ASKED = ("user", "human", "system", "developer", "tool")
_SPOKEN = ("text", "output_text", "message", "ai")
_PLACE = {"lat", "latitude", "lon", "lng", "longitude", "city", "country"}
