"""Responses as long as a page can bear: models that repeat themselves must not make a report too big to open."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 8_000
"""Characters of a response that are shown at most."""

MOST_BYTES = 16_000_000
"""Of all responses of a report together, in UTF-8: with all else of 12,000 samples they stay below 25 MB."""

SHORTEST = 200


def limit(texts: Iterable[str | None], most_bytes: int = MOST_BYTES) -> int:
    """How many characters each response may have so that all together stay within `most_bytes`; LONGEST at most.

    >>> limit(["a" * 1000] * 10, 5_000), limit(["a" * 20_000], 10**9), limit([None, ""])
    (500, 8000, 8000)
    """
    sizes = [(len(text), len(text.encode("utf-8"))) for text in texts if text]
    low, high = SHORTEST, LONGEST
    while low < high:
        middle = (low + high + 1) // 2
        if sum(size * min(1.0, middle / length) for length, size in sizes) <= most_bytes:
            low = middle
        else:
            high = middle - 1
    return low


def shortened(text: str, longest: int) -> str:
    """A text with its middle left out where it is longer: what it begins with, and the end, where the answer stands.

    The number in its place is of characters; no noun beside it, which could be taken for a cue.

    >>> shortened("abcdefgh" * 100, 16).replace(chr(10), "|")
    'abcdefghab|[… 784 left out …]|cdefgh'
    >>> shortened("short", 16)
    'short'
    """
    if len(text) <= longest:
        return text
    head = longest * 5 // 8
    tail = longest - head
    return f"{text[:head]}\n[… {len(text) - longest:,} left out …]\n{text[-tail:]}"
