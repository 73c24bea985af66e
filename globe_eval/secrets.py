"""Removes keys, passwords and tokens from what is written or printed: known ones by value, others by their name.

Whoever learns a secret (a key of the environment, a password in an address, a header) gives it to :func:`keep`;
whatever writes or prints goes through :func:`redact`. Arguments with a secret's name or look are masked by
:func:`without_secrets` even where nobody has kept them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from globe_eval import lazy_re as re

MASK = "(removed)"
LEAST = 6
"""Characters of a secret from which on it is looked for: a shorter one would be found in any text."""
PREFIX = 10
"""Characters of a secret's beginning that give it away; servers like to quote a part."""

_NAME = re.compile(
    r"(^|[_\W])(api_?key|key|token|secret|password|passwd|authorization|auth|bearer|credential|cookie|signature)s?($|[_\W])",
    re.IGNORECASE,
)
_NO_SECRET = re.compile(r"^(max_|min_|api_key_env$|\w*tokens?_per_|pad_|eos_|bos_|stop_token|skip_special|image_token)")
_LOOK = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|ghp|gho|glpat|AIza|AKIA|pplx|r8|nvapi)[-_]?(?=[\w-]*\d)[A-Za-z0-9_-]{20,}"
    r"|\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{12,}",
)
_ADDRESS = re.compile(r"\b([a-z][a-z0-9+.-]*://)([^/?#\s'\"<>]*@)?([^?#\s'\"<>,]*)([?#][^\s'\"<>]*)?", re.IGNORECASE)

_forms: set[str] = set()


def keep(secret: str | None) -> None:
    """Know a secret, in the forms in which it may turn up: as it is, in base64, in an address."""
    if not secret or len(secret) < LEAST:
        return
    from base64 import b64encode, urlsafe_b64encode  # a program that knows no secret does not pay for them
    from urllib.parse import quote, quote_plus

    data = secret.encode()
    forms = {secret, quote(secret, safe=""), quote_plus(secret), quote(secret)}
    forms |= {encode(data).decode().rstrip("=") for encode in (b64encode, urlsafe_b64encode)}
    _forms.update(sys.intern(form) for form in forms)


def redact(text: str) -> str:
    """A text without the secrets that are known, and without the long beginnings of them.

    >>> keep("planted-0123456789"); redact("the key planted-0123… and cGxhbnRlZC0wMTIzNDU2Nzg5")
    'the key (removed)… and (removed)'
    """
    if not _forms:
        return text
    forms = sorted(_forms, key=lambda form: (-len(form), form))
    for form in forms:  # whole ones first: the beginning of another must not leave their end
        if form in text:
            text = re.sub(re.escape(form) + "=*", MASK, text)
    for form in forms:
        start = form[: max(PREFIX, len(form) // 3)]
        at = text.find(start)
        while at >= 0:
            end = at + len(start)
            while end - at < len(form) and end < len(text) and text[end] == form[end - at]:
                end += 1
            text = text[:at] + MASK + text[end:]
            at = text.find(start, at + len(MASK))
    return text


def is_secret_name(name: str) -> bool:
    """Whether an argument or header of that name holds a secret.

    >>> [is_secret_name(name) for name in ("api-key", "X-Api-Key", "max_tokens", "api_key_env", "HTTP-Referer")]
    [True, True, False, False, False]
    """
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return _NAME.search(split) is not None and not _NO_SECRET.search(name)


def without_secrets(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as they may be published: keys, tokens and passwords replaced, in addresses and deeper inside too.

    A value that names a variable of the environment (`$NAME`) is no secret.

    >>> without_secrets({"api_key": "sk-1", "base_url": "HTTP://me:pw@host/v1?key=1#x", "max_tokens": 5})
    {'api_key': '(removed)', 'base_url': 'HTTP://host/v1', 'max_tokens': 5}
    """
    return {name: _masked(str(name), value) for name, value in arguments.items()}


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_secrets(value)
    if isinstance(value, list | tuple):
        return [_masked(name, one) for one in value]
    if isinstance(value, int | float | None):
        return value
    if is_secret_name(name):
        return value if re.fullmatch(r"(Bearer )?\$\{?\w+\}?", str(value)) else MASK
    text = str(value)
    return redact(_LOOK.sub(MASK, _ADDRESS.sub(r"\1\3", text) if "://" in text else text))
