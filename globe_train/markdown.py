"""Tables in Markdown, as cards and pages have them."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table.

    >>> table(("a", "b"), [("1", "2")])
    ['| a | b |', '| --- | --- |', '| 1 | 2 |']
    """
    return ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]
