"""Patterns for text in any case that are fast on ASCII: `re.IGNORECASE` tries every alternative at every letter."""

from __future__ import annotations

import re


class AnyCase:
    """A pattern written in lower case and verbosely, which text in any case matches.

    ASCII, nearly all of English, is lower-cased and searched as it is, in a third of the time; other text is searched
    with `re.IGNORECASE`. Both find the same places; the groups of a match are in lower case or as they were written.

    >>> AnyCase("[a-c]+|é").search("Xabc").span(), AnyCase("[a-c]+|é").search("XÉ").span()
    ((1, 4), (1, 2))
    """

    def __init__(self, pattern: str) -> None:
        self._lower = re.compile(pattern, re.VERBOSE)
        self._any = re.compile(pattern, re.VERBOSE | re.IGNORECASE)

    def search(self, text: str, start: int = 0) -> re.Match[str] | None:
        """The first match that begins at `start`, 0 where negative, or after it."""
        return self._lower.search(text.lower(), start) if text.isascii() else self._any.search(text, start)

    def match(self, text: str) -> re.Match[str] | None:
        """The match at the beginning."""
        return self._lower.match(text.lower()) if text.isascii() else self._any.match(text)

    def sub(self, replacement: str, text: str) -> str:
        """The text with every match replaced, in lower case where it is ASCII."""
        return self._lower.sub(replacement, text.lower()) if text.isascii() else self._any.sub(replacement, text)
