"""Extracts JSON objects from a text, well-formed or broken, and the answer that each states.

JSON as Python or JavaScript writes it (single quotes, commas at the end, bare keys, comments) is put right where
objects lie in it; other broken JSON is read as labels: that repairs nothing, so it cannot repair wrongly.
"""

from __future__ import annotations

import json
from ast import literal_eval
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any
from warnings import catch_warnings

from globe_eval import lazy_re as re
from globe_eval.answers.fields import MANY, MANY_LABELS, NAMES, POSITION, Found, found_of, key_of, labels

_MANY_BROKEN = 500

_OPENING = re.compile(r"(?:\[\s{0,40})?\{(?=\s{0,400}(?:[\"'“”\\]|/[/*]|[^\W\d]\w{0,40}\s{0,3}[:=]))")
_BRACE = re.compile(r"[{}]")
_BRACKET = re.compile(r"[{}\[\]]")
_LONGEST_MENDED, _DEEPEST = 20_000, 100
_MENDED = (
    (re.compile("[“”]"), '"'),
    (re.compile(r"(?<![:\w\"])//[^\n\"]*$|/\*[^*\"]*\*/", re.MULTILINE), ""),
    (re.compile(r"([{,]\s*)([^\W\d]\w*)(?=\s*:)"), r'\1"\2"'),
    (re.compile(r",(?=\s*[}\]])"), ""),
)
"""What is put right in JSON, one after the other: quotes, comments, keys without quotes, commas at the end."""
_DECODER = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=lambda _: None)
_THINKING_KEY = re.compile(r"(?:chain_of_)?(?:reason(?:ing)?|thoughts?|thinking|explanation|rationale|analysis)", re.I)
_CALLED_WITH = frozenset(["arguments", "parameters", "args"])
_FINAL_KEY = re.compile(r"final|answer|prediction", re.I)


def objects(text: str) -> list[Found]:
    """What each JSON object of a text states, in their order; objects without a location are left out.

    An object that the end of the text cuts off stands before the whole ones.

    >>> [found.position for found in objects('{"a": 1} {"lat": 48.85, "lng": "2.35° E",} {"lat": null, "lon": null}')]
    [(48.85, 2.35), None]
    """
    if "{" not in text:
        return []
    found: deque[Found] = deque(maxlen=MANY)
    cut: list[Found] = []
    position, broken = 0, 0
    while broken < _MANY_BROKEN and (opening := _OPENING.search(text, position)):
        start = opening.start()
        try:
            tree, position = _DECODER.raw_decode(text, start)
            read = _of_tree(tree, start)
        except (ValueError, RecursionError):
            position = _closing(text, start)
            broken += 1
            span = text[start:position].replace('\\"', '"')
            tree = _mended(span)
            read = labels(span, strict=False).at(start) if tree is None else _of_tree(tree, start)
            if position == len(text) and not text.rstrip().endswith("}"):
                cut = [read] if read else []
                break
        if read or read.settles_names or read.settles_position:
            found.append(read)
    return cut + list(found)


def without_calls(text: str) -> str:
    """The text without the JSON objects that call a tool."""
    if '"name"' not in text or not any(f'"{key}"' in text for key in _CALLED_WITH):
        return text
    pieces, position, broken = [], 0, 0
    while broken < _MANY_BROKEN and (opening := _OPENING.search(text, position)):
        pieces.append(text[position : opening.start()])
        try:
            tree, position = _DECODER.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            broken, tree, position = broken + 1, None, opening.end()
        if not (isinstance(tree, dict) and _is_call(tree)):
            pieces.append(text[opening.start() : position])
    return "".join([*pieces, text[position:]])


def _closing(text: str, start: int) -> int:
    """Where the list or the brace at `start` is closed; the end of the text where it never is, as in a response cut
    short.
    """
    for signs, stop in ((_BRACKET, start + _LONGEST_MENDED), (_BRACE, len(text))):
        if signs is _BRACKET and text[start] != "[":
            continue
        depth = 0
        for sign in signs.finditer(text, start, stop):
            depth += 1 if sign[0] in "{[" else -1
            if depth == 0:
                return sign.end()
            if depth > _DEEPEST and signs is _BRACKET:
                break
    return len(text)


def _mended(span: str) -> Any:
    """The value of JSON in which objects lie, as Python or JavaScript writes it; None where it is flat or broken."""
    if len(span) > _LONGEST_MENDED or not ("{" in span[2:] or "[" in span[2:]):
        return None
    with suppress(ValueError, SyntaxError, RecursionError, MemoryError, TypeError), catch_warnings(action="ignore"):
        return _DECODER.decode(json.dumps(literal_eval(span)))
    for pattern, plain in _MENDED:
        span = pattern.sub(plain, span)
    with suppress(ValueError, RecursionError):
        return _DECODER.decode(span)
    return None


def _of_tree(tree: Any, start: int) -> Found:
    """One `Found` from all levels of a JSON value, the outermost first; of a list of candidates the first counts.

    A deeper level adds the names that are missing only where it agrees with those that are there.
    """
    row: dict[str, str] = {}
    reasoning: str | None = None
    queue: deque[Any] = deque([tree])
    for _ in range(MANY_LABELS):
        if not queue:
            break
        node = queue.popleft()
        if isinstance(node, list):
            queue.extend(_ranked(node[:MANY]))
        if not isinstance(node, dict) or _is_call(node):
            continue
        here: dict[str, str] = {}
        for key, value in sorted(node.items(), key=lambda item: not _FINAL_KEY.search(item[0])):
            if _THINKING_KEY.fullmatch(key):
                reasoning = reasoning or _strings(value)
                continue
            named = key_of(key)
            judged = named == "localizable" and isinstance(value, bool)
            text = str(value) if judged else _scalar(value) if named else None
            if named and text is not None:
                here.setdefault(_point_order(node) if named == "latlon" else named, text)
            elif isinstance(value, dict | list):
                queue.append(value)
        names = {key: text for key, text in here.items() if key in NAMES}
        if all(row.get(key, text) == text for key, text in names.items()):
            row |= names
        position = {key: text for key, text in here.items() if key in POSITION}
        if not row.keys() & POSITION and (len(position) > 1 or position.keys() & {"latlon", "lonlat"}):
            row |= position
        for key in ("confidence", "localizable"):
            if key in here:
                row.setdefault(key, here[key])
    return replace(found_of(row, start, whole=True), reasoning=reasoning)


def _is_call(node: Mapping[str, Any]) -> bool:
    """Whether an object calls a tool; what it is called with is no answer."""
    return "name" in node and not _CALLED_WITH.isdisjoint(node)


def _ranked(candidates: list[Any]) -> list[Any]:
    """A list of candidates by their rank or their probability, where all have one."""
    for key in ("rank", "probability", "confidence", "score", "likelihood", "prob", "p"):
        sign = 1 if key == "rank" else -1
        values = [_number(one.get(key)) if isinstance(one, dict) else None for one in candidates]
        if values and None not in values:
            order = sorted(range(len(values)), key=lambda i: sign * (values[i] or 0))
            return [candidates[i] for i in order]
    return candidates


def _number(value: Any) -> float | None:
    match = re.match(r"\s?(\d{1,3}(?:\.\d{1,9})?)", value) if isinstance(value, str) else None
    return float(match[1]) if match else None


def _point_order(node: Mapping[str, Any]) -> str:
    """GeoJSON puts the longitude first and says so by its type; a plain array is read as latitude, longitude."""
    return "lonlat" if str(node.get("type", "")).lower() == "point" else "latlon"


def _scalar(value: Any) -> str | None:
    """The text of a JSON value that can be a field: a string, a number, null, `{"name": …}` or an array of numbers."""
    if isinstance(value, dict):
        named = next((value[key] for key in ("name", "value") if isinstance(value.get(key), str)), False)
        country = value.get("country")
        value = f"{named}, {country}" if named and isinstance(country, str) else named
    if isinstance(value, list) and len(value) in (2, 3) and all(isinstance(part, str) for part in value):
        value = ", ".join(value[:2])
    if value is None:
        return "null"
    return value if isinstance(value, str) else None


def _strings(value: Any) -> str | None:
    """All the text under a key such as "reasoning", a line each."""
    lines: list[str] = []
    queue: deque[Any] = deque([value])
    while queue and len(lines) < MANY_LABELS:
        node = queue.popleft()
        if isinstance(node, str):
            lines.append(node.strip())
        elif isinstance(node, dict | list):
            queue.extend(node.values() if isinstance(node, dict) else node)
    return "\n".join(line for line in lines if line) or None
