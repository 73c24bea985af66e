"""Rate limiting of one address: requests in flight, requests and tokens a minute, waits that a server asks for.

All requests of an address go through one :class:`Pace`. A 429 halves the requests in flight and closes the way for as
long as the server asks, or for a pause that doubles; answers open it again, one request at a time.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

MAX_PAUSE_S = 60.0
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)(?![a-z])")
_IN_WORDS = re.compile(
    r"(?:try again|retry|wait|available)\D{0,30}?((?:\d+(?:\.\d+)?\s*(?:sec\w*|min\w*|ms|s|m|h|d)(?![a-z])\s*)+)",
    re.IGNORECASE,
)


class Enough(Exception):
    """Nothing more is to be sent."""


class Pace:
    """A place among the requests in flight at an address, held while one is sent and answered; for many threads.

    Args:
        concurrency: most requests in flight.
        requests_per_minute, tokens_per_minute: spread evenly; None leaves it to the server to complain.
        pause: seconds to pause after the server's n-th complaint in a row (n from 0) that names no time.
    """

    def __init__(
        self,
        concurrency: int,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        pause: Callable[[int], float] = lambda complaints: min(2.0**complaints, MAX_PAUSE_S),
    ) -> None:
        self.concurrency = concurrency
        self.in_flight = 0
        self.limit = float(concurrency)
        self.tokens = 1000.0
        """Of a request and its answer, on average; a guess until the first is answered."""
        self.answered_at = math.inf
        """When the server last said anything but that it is asked too fast; the first request, before that."""
        self._requests, self._tokens = requests_per_minute, tokens_per_minute
        self._pause = pause
        self._complaints = 0
        self._slowed_at = -math.inf
        self._opens_at = 0.0
        self._next_at = 0.0
        self._ended = False
        self._changed = threading.Condition()

    def __enter__(self) -> float:
        """Wait for a place and for the time; when the request is sent. Raises Enough after `end`."""
        with self._changed:
            while not self._ended:
                now = time.monotonic()
                full = self.in_flight >= int(self.limit)
                wait = None if full else max(self._opens_at, self._next_at) - now
                if wait is not None and wait <= 0:
                    break
                self._changed.wait(wait)
            if self._ended:
                raise Enough
            spacing = (60 / self._requests if self._requests else 0.0, 60 * self.tokens / (self._tokens or math.inf))
            self._next_at = max(self._next_at, now) + max(spacing)
            self.answered_at = min(self.answered_at, now)
            self.in_flight += 1
            if self.in_flight < int(self.limit):
                self._changed.notify()
        return now

    def __exit__(self, *exception: object) -> None:
        """Release the place."""
        with self._changed:
            self.in_flight -= 1
            self._changed.notify()

    def end(self) -> None:
        """Refuse every further request."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def good(self, tokens: int | None = None) -> None:
        """A request was answered, with so many tokens in all."""
        with self._changed:
            self.answered_at = time.monotonic()
            before, self.limit = self.limit, min(self.concurrency, self.limit + 1 / self.limit)
            self._complaints = 0
            if tokens:
                self.tokens += (tokens - self.tokens) / 8
            if int(before) < int(self.limit):
                self._changed.notify()

    def slow_down(self, sent_at: float, asked_to_wait: float | None) -> None:
        """The server said that it is asked too fast, to a request sent at `sent_at`; how long it asks to wait."""
        with self._changed:
            now = time.monotonic()
            if sent_at > self._slowed_at:  # else the complaint is about what was sent before the last one
                self.limit = max(1.0, min(self.limit, self.in_flight) / 2)
                if asked_to_wait is None:
                    asked_to_wait = self._pause(self._complaints)
                self._complaints += 1
                self._slowed_at = now
            self._opens_at = max(self._opens_at, now + (asked_to_wait or 0.0))

    def spent(self, headers: Mapping[str, str]) -> None:
        """Wait where headers say that nothing is left until a time (`x-ratelimit-remaining-…`, `-reset-…`)."""
        for name, value in headers.items():
            low = name.lower()
            if "ratelimit" in low and "remaining" in low and value.strip() == "0":
                wait = seconds(headers.get(re.sub("remaining", "reset", low), ""))
                if wait is not None and wait <= MAX_PAUSE_S:
                    with self._changed:
                        self._opens_at = max(self._opens_at, time.monotonic() + wait)


def asked_to_wait(headers: Mapping[str, str], body: Any, message: str) -> float | None:
    """Seconds that a server asks to wait: Retry-After (a number or a date), `retryDelay` in the body, or in words.

    >>> asked_to_wait({}, [{"error": {"details": [{"retryDelay": "34s"}]}}], "")
    34.0
    >>> asked_to_wait({}, None, "Rate limit reached. Please try again in 1m2.5s.")
    62.5
    """
    if (milliseconds := seconds(headers.get("retry-after-ms", ""))) is not None:
        return milliseconds / 1000
    found = [seconds(headers.get("Retry-After", "")), *(seconds(str(delay)) for delay in _delays(body))]
    if (words := _IN_WORDS.search(message)) is not None:
        found.append(seconds(re.sub(r"\s*(s|m)(?:ec|in)\w*", r"\1", words[1])))
    return next((one for one in found if one is not None), None)


def seconds(text: str) -> float | None:
    """A span of time, or the time until a date, in seconds from 0; None for what is neither.

    >>> [seconds(text) for text in ("20", "1m2.5s", "250ms", "soon")]
    [20.0, 62.5, 0.25, None]
    """
    text = text.strip()
    with suppress(ValueError):
        number = float(text)
        for epoch in (1e12, 1e9):  # a time in milliseconds, or in seconds
            if number > epoch:
                number = number / (epoch / 1e9) - time.time()
        return max(0.0, number) if math.isfinite(number) else None
    if spans := _SPAN.findall(text.lower()):
        return sum(float(count) * _UNITS[unit] for count, unit in spans)
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, TypeError, IndexError, OverflowError):
            return max(0.0, parse(text).timestamp() - time.time())
    return None


def _delays(body: Any, depth: int = 6) -> Iterator[Any]:
    """Each `retryDelay` in an error's JSON, Google's form of Retry-After."""
    if depth and isinstance(body, dict):
        for name, value in body.items():
            if name in ("retryDelay", "retry_delay", "retry_after"):
                yield value if not isinstance(value, dict) else f"{value.get('seconds', 0)}s"
            else:
                yield from _delays(value, depth - 1)
    elif depth and isinstance(body, list):
        for value in body:
            yield from _delays(value, depth - 1)
