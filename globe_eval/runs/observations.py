"""Notes on answers beside their figures: another answer form would read more of them, placeholders recur."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from globe_eval.sample import AnswerForm, Sample

SENTINELS = ((0.0, 0.0), (-1.0, -1.0))
"""Points that programs write where they have none."""

SHARE = 0.2
"""Of the answers; where another form would read fewer, nothing is said."""


def other_form(samples: Sequence[Sample], form: AnswerForm, option: str) -> list[str]:
    """A note where a fifth of the answers or more is unread in this form and would be read in another one.

    Args:
        samples: scored.
        form: in which they were read.
        option: what the user would choose the other form with, as in `--prompt`.

    """
    other = {"coordinates": "names"}.get(form, "coordinates")
    if form == "any":
        return []
    unread = [
        one
        for one in samples
        if one.status == "unparsed" and one.response is not None
        if (one.answer.lat is not None if other == "coordinates" else one.answer.city or one.answer.country)
    ]
    asked = sum(one.error is None for one in samples)
    if not unread or len(unread) < SHARE * asked:
        return []
    first = unread[0].response or ""
    example = " ".join(first.split())
    example = example if len(example) <= 80 else f"…{example[-79:]}"
    return [
        f"{len(unread):,} of {asked:,} answers are {other}, and {form} are read, as of {unread[0].id!r}: {example!r}: "
        f"{option} {other}"
    ]


def placeholders(points: Sequence[tuple[float, float]], of: str) -> list[str]:
    """A note where (0, 0) or (-1, -1) recurs.

    >>> placeholders([(0.0, 0.0), (48.9, 2.3), (0.0, 0.0)], "answers")
    ['2 of 3 answers are at (0, 0): is that a placeholder? It is scored as the place that it is']
    """
    counts = Counter(points)
    return [
        f"{counts[point]:,} of {len(points):,} {of} are at ({point[0]:g}, {point[1]:g}): is that a placeholder? It is "
        "scored as the place that it is"
        for point in SENTINELS
        if counts[point] > 1
    ]
