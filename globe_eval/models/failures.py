"""Failures that no retry helps, and detecting that every request fails for the same reason."""

from __future__ import annotations

import re

REFUSALS, OF_ALL = 5, 3
"""Requests in a row that fail for one and the same reason, and before any answer: all would. Fewer are enough where the
reason is about the key, the address or the model, more where it may be about the first pictures."""


class Final(Exception):
    """A request that no further attempt will help.

    Args:
        reason: what the server says.
        of_all: it is about the key, the address or the model, and so most likely about every request.
        account: and about what may end in the middle of a run: the key's validity, money, a quota.

    """

    def __init__(self, reason: str, *, of_all: bool = False, account: bool = False) -> None:
        super().__init__(reason)
        self.of_all, self.account = of_all, account


class Failures:
    """How many requests in a row failed for one and the same reason.

    Args:
        count: of the requests.
        before: photographs of the run that were answered before.

    """

    def __init__(self, count: int, before: int) -> None:
        self.of_account: str | None = None
        """Why the rest need not be asked, though there were answers."""
        self._count, self._answered = count, before
        self._kind, self._row = "", 0

    def answered(self) -> None:
        """A request was answered."""
        self._answered += 1
        self._row = 0

    def hopeless_after(self, failure: Exception) -> bool:
        """Count a failure; whether nothing will ever be answered."""
        kind = re.sub(r"[0-9a-f-]{8,}|\d+", "#", str(failure))
        self._row = self._row + 1 if kind == self._kind else 1
        self._kind = kind
        account, of_all = getattr(failure, "account", False), getattr(failure, "of_all", False)
        if self._row < (min(OF_ALL, self._count) if of_all else OF_ALL if account else REFUSALS):
            return False
        if self._answered and account:
            self.of_account = str(failure)
        return not self._answered
