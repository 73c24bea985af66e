"""Tokens, time and cost of a run. They are recorded beside the figures and change none of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from globe_eval.errors import IncompleteRun
from globe_eval.models.response import Response
from globe_eval.sample import Usage

UNCOUNTED = 3
"""Answers of unknown cost that a run with a bound on it may ask for."""


class Prices(NamedTuple):
    """Prices of a million tokens, in any currency."""

    prompt: float
    completion: float

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        """What so many tokens cost."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


class Budget:
    """The budget of a run and its cost so far.

    Answers whose tokens the back end does not count cost what the others do on average.
    """

    def __init__(self, most: float, prices: Prices) -> None:
        self.most, self.prices = most, prices
        self.cost = 0.0
        self._counted = self._answered = 0

    def add(self, response: Response) -> None:
        """Count one answer. Raises IncompleteRun where no answer says how many tokens it took."""
        if response.error is not None:
            return
        self._answered += 1
        if response.prompt_tokens is not None and response.completion_tokens is not None:
            self._counted += 1
            self.cost += self.prices.cost(response.prompt_tokens, response.completion_tokens)
        elif not self._counted and self._answered >= UNCOUNTED:
            raise IncompleteRun("--max_cost: the replies do not say how many tokens they took, so no cost is known")

    def spent(self, in_flight: int) -> bool:
        """Whether one request more, beside those in flight, may cost more than is allowed."""
        each = self.cost / self._counted if self._counted else 0.0
        uncounted = self._answered - self._counted
        return self.cost + each * (uncounted + in_flight + 1) > self.most

    def shown(self) -> str:
        """What was spent and what is allowed, in words."""
        return f"they cost {self.cost:.6g} and one more may exceed --max_cost {self.most:g}; a higher one goes on"


class Portion(NamedTuple):
    """Answers and times of one process of a run."""

    resumed: int
    seconds: float
    seconds_to_first_answer: float | None
    answers: Mapping[str, Response] = {}
    """Photograph's id -> its first answer."""
    repeats: Mapping[str, Sequence[Response]] = {}
    """Photograph's id -> all of its answers, where it was asked several times."""


def usage(responses: Sequence[Response], portions: Sequence[Portion], prices: Prices | None = None) -> Usage:
    """Put together what n answers took.

    Tokens are None unless the back end counted them for every answer: a sum over some would be taken for the whole.
    Processes that share a run work side by side, so the slowest one's time is the run's.

    >>> answers = [Response("a", prompt_tokens=900, completion_tokens=100), Response("", error="no answer")]
    >>> usage(answers, [Portion(0, 0.5, 0.2)], Prices(1.0, 5.0)).cost
    0.0014
    """
    answered = [response for response in responses if response.error is None]
    prompt = _sum([response.prompt_tokens for response in answered])
    completion = _sum([response.completion_tokens for response in answered])
    seconds = max(portion.seconds for portion in portions)
    first = [portion.seconds_to_first_answer for portion in portions if portion.seconds_to_first_answer is not None]
    cost = None
    if prices is not None and prompt is not None and completion is not None:
        cost = round(prices.cost(prompt, completion), 6)
    rate = round(len(answered) / seconds, 3) if seconds > 0 else None
    begun = round(min(first), 3) if first else None
    resumed = sum(portion.resumed for portion in portions)
    return Usage(prompt, completion, round(seconds, 3), rate, begun, cost, resumed)


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None
