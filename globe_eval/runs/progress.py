"""The progress line of a run on standard error: 25 km accuracy so far, parse rate, done, time left, rate."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from globe_eval import scoring
from globe_eval.metrics.accuracy import THRESHOLDS_KM
from globe_eval.models.response import Response
from globe_eval.sample import LOCATED, AnswerForm, Sample, Truth

SCORE_EVERY_S = 1.0
BAR = "{desc}: {n_fmt}/{total_fmt} [{elapsed}<{remaining}] {percentage:3.0f}%|{bar}| {rate_fmt}"
"""What matters most stands first: a narrow terminal cuts a line at its end."""
LINE_EVERY_S = 60.0
"""Between two lines of a run whose standard error is no terminal."""


class Progress:
    """The progress line; without a terminal on standard error, a line a minute.

    Args:
        name: the task's.
        form: its answer form; without one, no accuracy is shown.
        quiet: show nothing. None: a line a minute where standard error is no terminal.
    """

    def __init__(self, name: str = "", form: AnswerForm | None = None, quiet: bool | None = None) -> None:
        self.name, self.form, self.quiet = name, form, quiet
        self._bar: tqdm[Any] | None = None
        self._waiting: list[tuple[Mapping[str, Any], Response]] = []
        self._n = self._parsed = self._near = self._total = self._done = self._resumed = 0
        self._scored = self._began = self._line_at = 0.0
        self._lines = False

    @contextmanager
    def of(self, total: int) -> Iterator[None]:
        """Show the line for as long as the context lasts."""
        with tqdm(
            total=total, desc=self.name, disable=self.quiet, unit=" photographs", dynamic_ncols=True, bar_format=BAR
        ) as bar:
            self._bar = None if bar.disable else bar
            self._lines = bool(bar.disable) and self.quiet is None
            self._total, self._began = total, time.monotonic()
            self._line_at = self._began
            try:
                yield
            finally:
                self._show()
                self._bar, self._lines = None, False

    def add(self, answers: Sequence[tuple[Mapping[str, Any], Response]], *, resumed: bool = False) -> None:
        """Count answers, each with its manifest row; `resumed` ones say nothing about the rate."""
        if self._bar is None and not self._lines:
            return
        self._waiting += answers
        self._done += len(answers)
        self._resumed += len(answers) if resumed else 0
        if self._bar is None:
            if time.monotonic() - self._line_at >= LINE_EVERY_S:
                self._line()
            return
        if resumed:
            self._bar.initial = len(answers)
        self._bar.update(len(answers))
        if time.monotonic() - self._scored >= SCORE_EVERY_S:
            self._show()

    def summary(self) -> str:
        """25 km accuracy (geodesic, embedded gazetteer) and parse rate so far.

        >>> Progress().summary()
        ''
        """
        if not self._n:
            return ""
        return f"{100 * self._near / self._n:.1f} % within 25 km, {100 * self._parsed / self._n:.1f} % read"

    def _line(self) -> None:
        self._score()
        self._line_at = time.monotonic()
        rate = (self._done - self._resumed) / (self._line_at - self._began)
        left = f", {(self._total - self._done) / rate / 60:.0f} min left" if rate else ""
        shown = f": {self.summary()}" if self.summary() else ""
        done = f"{self._done:,} of {self._total:,} photographs, {rate:.3g} a second{left}{shown}"
        print(f"globe-eval: {self.name}: {done}", file=sys.stderr, flush=True)

    def _show(self) -> None:
        if self._bar is not None:
            self._score()
            self._bar.set_description_str(": ".join(filter(None, [self.name, self.summary()])))
            self._scored = time.monotonic()

    def _score(self) -> None:
        if self.form is None or not self._waiting:
            return
        samples = [Sample.of(str(row["id"]), Truth.of(row), response) for row, response in self._waiting]
        self._waiting = []
        scored = scoring.score(samples, form=self.form)
        self._n += len(scored)
        self._parsed += sum(one.status in LOCATED or one.status == "unresolved" for one in scored)
        self._near += sum(one.distance_km is not None and one.distance_km <= THRESHOLDS_KM["city"] for one in scored)
