"""Parses values of the command line: key=value pairs, counts, shares, prices. Pure functions of text."""

from __future__ import annotations

import argparse
import json
import math
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from globe_eval.errors import InputError, nearest

T = TypeVar("T", bound=str)


def key_values(option: str, parts: Sequence[str] | Mapping[str, Any]) -> dict[str, Any]:
    """`k=v,k=v` and `k=v k=v` as a dict, values as lm-eval casts them; a dict, as a file has it, as it is.

    A value of JSON brackets may hold commas, and so may a value that is a list of addresses. `null` and `None` are
    null; in quotes, like anything in quotes, they are text.

    >>> key_values("--gen_kwargs", ['temperature=null,a={"b": [1, 2]},effort=none,stop="null"'])
    {'temperature': None, 'a': {'b': [1, 2]}, 'effort': 'none', 'stop': 'null'}
    """
    if isinstance(parts, Mapping):
        return dict(parts)
    result: dict[str, Any] = {}
    for part in parts or ():
        for item in split(part):
            if result and item.strip().startswith(("http://", "https://")):
                last = next(reversed(result))
                result[last] = f"{result[last]},{item.strip()}"
                continue
            key, equals, value = item.partition("=")
            if not equals or not key:
                raise InputError(f"{option}: found {item!r}; each argument is key=value, with , between")
            result[key.strip()] = _cast(value)
    return result


def split(text: str) -> list[str]:
    """Items between commas, those inside brackets and those inside the quotes of a value left whole.

    >>> split('a=1,b={"c": "],"},d="x,y"')
    ['a=1', 'b={"c": "],"}', 'd="x,y"']
    """
    items, depth, quoted, before = [""], 0, False, ""
    for character in text:
        if character == '"' and before != "\\" and (quoted or depth or before == "="):
            quoted = not quoted
        depth += 0 if quoted else (character in "[{") - (character in "]}")
        before = character
        if character == "," and depth <= 0 and not quoted:
            items.append("")
        else:
            items[-1] += character
    return [item for item in items if item.strip()]


def choices(option: str, words: Sequence[str], allowed: Sequence[T]) -> tuple[T, ...]:
    """Names between commas or blanks, each one of `allowed`; raises InputError for another.

    >>> choices("--metrics", ["format,grounding", "format"], ["format", "grounding"])
    ('format', 'grounding')
    """
    found = dict.fromkeys(name.strip() for word in words for name in split(word))
    for name in found:
        if name not in allowed:
            near = nearest(name, map(str, allowed))
            raise InputError(f"{option}: found {name!r}{near}; allowed: {', '.join(map(str, allowed))}")
    return tuple(name for name in allowed if name in found)


def _cast(value: str) -> Any:
    if value[:1] in ("[", "{", '"'):
        try:
            return json.loads(value)
        except ValueError:
            return value
    if value in ("null", "None"):
        return None
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def count(text: str) -> int:
    """A count from 1."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}; allowed: a count from 1")
    return int(text)


def batch_size(text: str) -> int | str:
    """A count from 1, or lm-eval's `auto` or `auto:N`."""
    return text if text.partition(":")[0] == "auto" else count(text)


def shard(text: str | None) -> tuple[int, int] | None:
    """`"2/4"` -> (2, 4), the second of four parts."""
    if text is None:
        return None
    part, slash, parts = str(text).partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise InputError(f"--shard: found {text!r}; allowed: I/N, the I-th of N parts, such as 1/4")
    return int(part), int(parts)


def _number(text: str, allowed: str, *, zero: bool = False) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (0 < value < math.inf or (zero and value == 0)):
        raise argparse.ArgumentTypeError(f"found {text!r}; allowed: {allowed}")
    return value


price = partial(_number, allowed="a price from 0 a million tokens", zero=True)
cost = partial(_number, allowed="an amount above 0, in the currency of the prices")
distance_km = partial(_number, allowed="a distance in km above 0")
rate = partial(_number, allowed="photographs a second above 0")


def limit(text: str) -> float:
    """A count from 1, or a share between 0 and 1."""
    allowed = "a count from 1, or a share between 0 and 1"
    value = _number(text, allowed)
    if value > 1 and not value.is_integer():
        raise argparse.ArgumentTypeError(f"found {text!r}; allowed: {allowed}")
    return int(value) if value >= 1 else value


def command_line(words: Sequence[str]) -> str:
    """The command as it was given, without secrets."""
    from globe_eval.secrets import without_secrets

    def clean(item: str) -> str:
        name, equals, value = str(without_secrets({"": item})[""]).partition("=")
        if value[:1] == "{":
            try:
                value = json.dumps(without_secrets(json.loads(value)))
            except ValueError:
                value = "(removed)"
        return f"{name}={without_secrets({name: value})[name]}" if equals else name

    shown = []
    for word in words:
        option, equals, rest = word.partition("=") if word.startswith("--") else ("", "", word)
        shown.append(option + equals + ",".join(map(clean, split(rest))))
    return shlex.join(["globe-eval", *(shown[1:] if shown[:1] == ["run"] else shown)])


def resuming_command(given: Sequence[str]) -> str:
    """The command that resumes a run: the same without --fresh; a hint instead where it holds a secret."""
    from globe_eval.secrets import without_secrets

    kept = [part for part in given if not (len(part) > 2 and "--fresh".startswith(part))]
    pairs = [item.partition("=")[::2] for part in kept for item in split(part)] + [("", part) for part in kept]
    if any(without_secrets({name: value}) != {name: value} for name, value in pairs):
        return "start the same command again, without --fresh"
    return shlex.join(["globe-eval", *kept])
