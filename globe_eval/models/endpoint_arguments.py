"""Validates the arguments of the model `endpoint`, and registers which of them are secrets."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from yarl import URL

from globe_eval import secrets
from globe_eval.errors import InputError


def known_secret(key: str, variable: str) -> str:
    """A key from the environment, registered as a secret. Raises InputError for characters that no key has."""
    if not (key.isascii() and key.isprintable()):
        raise InputError(f"endpoint: the environment variable {variable} holds characters that no key has")
    secrets.keep(key)
    return key


def expand_headers(headers: Any) -> dict[str, str]:
    """Headers with `$NAME` replaced from the environment; the replaced values are registered as secrets.

    Raises InputError for headers that are no object of texts, or name a variable that is not set.

    >>> expand_headers({"HTTP-Referer": "https://example.org"})
    {'HTTP-Referer': 'https://example.org'}
    """
    if headers is None:
        return {}
    example = """such as headers={"api-key": "$AZURE_API_KEY"}"""
    if not isinstance(headers, Mapping):
        raise InputError(f"endpoint: headers={headers!r}; allowed: an object of names and values, {example}")
    result = {}
    for name, value in headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", str(name)) or isinstance(value, dict | list):
            raise InputError(f"endpoint: headers: found {name!r}; allowed: a header's name and its value, {example}")

        def held(found: re.Match[str], name: str = name) -> str:
            variable = found[1] or found[2]
            if variable not in os.environ:
                raise InputError(
                    f"endpoint: headers: {name} wants the environment variable {variable}, which is not set"
                )
            return known_secret(os.environ[variable].strip(), variable)

        result[str(name)] = re.sub(r"\$(?:\{(\w+)\}|(\w+))", held, str(value))
        if "\n" in result[str(name)] or "\r" in result[str(name)]:
            raise InputError(f"endpoint: headers: the value of {name} has a line break")
        if secrets.is_secret_name(str(name)):
            secrets.keep(result[str(name)])
            secrets.keep(result[str(name)].rpartition(" ")[2])
    return result


def base_address(base_url: str) -> URL:
    """An address without `/chat/completions`. Raises InputError for what is none."""
    try:
        url = URL(str(base_url).strip())
        if url.scheme not in ("http", "https") or not url.host or url.port is None:
            raise ValueError
    except ValueError:
        shown = secrets.without_secrets({"": str(base_url)})[""]
        raise InputError(f"endpoint: base_url {shown!r} is no address such as http://localhost:8000/v1") from None
    path = url.path.rstrip("/").removesuffix("/chat/completions").rstrip("/")
    return url.with_path(path or "/", keep_query=True)


def at_least(name: str, value: float, least: float) -> float:
    """The value of an argument. Raises InputError below `least`, or for a fraction where `least` is whole."""
    whole = isinstance(least, int)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not least <= value < math.inf:
        raise InputError(f"endpoint: {name}={value!r}; allowed: {'whole ' if whole else ''}numbers from {least}")
    return value


def one_of(name: str, value: Any, allowed: Sequence[Any]) -> Any:
    """The value of an argument. Raises InputError for any but the allowed ones."""
    if value not in allowed:
        raise InputError(f"endpoint: {name}={value!r}; allowed: {', '.join(map(str, allowed))}")
    return value
