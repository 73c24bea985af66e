"""What a run took: tokens, time and money. None of it changes a number, so it stands beside the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from globe_eval.sample import Usage


class Prices(NamedTuple):
    """What a million tokens cost, in any currency."""

    prompt: float
    completion: float


class Portion(NamedTuple):
    """What one process of a run knows of it."""

    resumed: int
    seconds: float
    seconds_to_first_answer: float | None
    answers: Mapping[str, str] = {}
    """Photograph's id -> its first answer."""


def usage(responses: Sequence[str], portions: Sequence[Portion], prices: Prices | None = None) -> Usage:
    """Put together what n answers took.

    Tokens are None unless the back end counted them for every answer: a sum over some would be taken for the whole.
    Processes that share a run work side by side, so the slowest one's time is the run's.

    >>> from globe_eval.models.response import Response
    >>> answers = [Response("a", prompt_tokens=900, completion_tokens=100), Response("", error="no answer")]
    >>> usage(answers, [Portion(0, 0.5, 0.2)], Prices(1.0, 5.0)).cost
    0.0014
    """
    answered = [response for response in responses if getattr(response, "error", None) is None]
    prompt, completion = (_sum(answered, name) for name in ("prompt_tokens", "completion_tokens"))
    seconds = max(portion.seconds for portion in portions)
    first = [portion.seconds_to_first_answer for portion in portions if portion.seconds_to_first_answer is not None]
    cost = None
    if prices is not None and prompt is not None and completion is not None:
        cost = round((prompt * prices.prompt + completion * prices.completion) / 1e6, 6)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        seconds=round(seconds, 3),
        images_per_second=round(len(answered) / seconds, 3) if seconds > 0 else None,
        seconds_to_first_answer=round(min(first), 3) if first else None,
        cost=cost,
        resumed=sum(portion.resumed for portion in portions),
    )


def _sum(responses: Sequence[str], name: str) -> int | None:
    counts: list[int | None] = [getattr(response, name, None) for response in responses]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None
