"""Finish reasons: OpenAI's protocol has four names for why an answer ended, providers have dozens.

Each is kept as it came; these patterns say which mean cut off, filtered, broken off or refused.
"""

from __future__ import annotations

from globe_eval import lazy_re as re

_CUT_OFF = re.compile(
    r"^length|max_?(\w+_)?(tokens?|length)|(token|length)_?limit|limit_?(length|tokens?)|_length$|context_?(window|length)"
)
_FILTERED = re.compile(
    r"filter|safety|prohibited|blocklist|spii|recitation|sensitive|^refus|moderat|guardrail|blocked|censor|policy|flagged"
)
_BROKEN_OFF = re.compile(
    r"^(abort|error|fail|cancel|timeout|timed_out|interrupt|disconnect|overload|network|engine|malformed|internal)"
    r"|_error$|insufficient_system"
)


def cut_off(reason: str | None) -> bool:
    """Whether the answer was cut off for its length.

    >>> [cut_off(reason) for reason in ("length", "MAX_TOKENS", "model_length", "stop", None)]
    [True, True, True, False, False]
    """
    return reason is not None and _CUT_OFF.search(_name(reason)) is not None


def filtered(reason: str | None) -> bool:
    """Whether the provider refused it for good: a content filter, a safety rule.

    >>> [filtered(reason) for reason in ("content_filter", "SAFETY", "sensitive", "refusal", "stop")]
    [True, True, True, True, False]
    """
    return reason is not None and _FILTERED.search(_name(reason)) is not None


def broken_off(reason: str | None) -> bool:
    """Whether the back end failed in the middle of it: another attempt may end otherwise.

    >>> [broken_off(reason) for reason in ("abort", "error", "insufficient_system_resource", "stop")]
    [True, True, True, False]
    """
    return reason is not None and _BROKEN_OFF.search(_name(reason)) is not None


def _name(reason: str) -> str:
    return re.sub(r"[^a-z]+", "_", reason.lower()).strip("_")
