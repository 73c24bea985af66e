"""Notes on answers beside their figures: another answer form would read more of them, codes, placeholders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from globe_eval import lazy_re as re
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
    return [
        f"{len(unread):,} of {asked:,} answers are {other}, and {form} are read, as of {_example(unread[0])}: "
        f"{option} {other}"
    ]


_CODE = re.compile(
    r"(?<![\w+])(?=\d{0,7}[A-Z])[2-9CFGHJMPQRVWX]{4,8}\+[2-9CFGHJMPQRVWX]{2,3}(?![\w+])"  # plus codes
    r"|\b\d{1,2}[C-X]\s?[A-HJ-Z]{2}\s?(?:\d{5}\s?\d{5}|\d{4}\s?\d{4}|\d{3}\s?\d{3})\b"  # MGRS
    r"|///\w+\.\w+\.\w+"  # what3words
)


def codes(samples: Sequence[Sample]) -> list[str]:
    """A note where unread answers give the place as a code: a plus code, a grid reference, three words."""
    unread = [
        one for one in samples if one.status == "unparsed" and one.response and _CODE.search(one.response[-2_000:])
    ]
    if not unread:
        return []
    return [
        f"{len(unread):,} of {len(samples):,} answers give a plus code, a grid reference or what3words, as of "
        f"{_example(unread[0])}: no such code is read as a position; ask for latitude and longitude in decimal degrees"
    ]


def unread(samples: Sequence[Sample], form: AnswerForm) -> list[str]:
    """A note where half of the responses or more could not be read, with the first of them."""
    asked = [one for one in samples if one.error is None]
    lost = [one for one in asked if one.status == "unparsed" and one.response]
    if not lost or 2 * len(lost) < len(asked):
        return []
    what = "places" if form == "any" else form
    return [f"{len(lost):,} of {len(asked):,} responses are unparsed, no {what} found, as of {_example(lost[0])}"]


def _example(sample: Sample) -> str:
    """A sample's id and the end of its response on one line."""
    text = " ".join((sample.response or "").split())
    return f"{sample.id!r}: {text if len(text) <= 80 else f'…{text[-79:]}'!r}"


def same_as_truth(samples: Sequence[Sample]) -> list[str]:
    """A note where half of the positions, and three or more, are the truth to the last digit."""
    found = [(one.prediction, one.truth) for one in samples if one.prediction and one.prediction.level == "coordinates"]
    same = sum((here.lat, here.lon) == (there.lat, there.lon) for here, there in found)
    if same < 3 or 2 * same < len(found):
        return []
    return [f"{same:,} of {len(found):,} positions are the truth to the last digit: are their columns the truth's?"]


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
