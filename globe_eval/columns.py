"""Samples as a table: a column a field, by its dotted name, an array with an entry for each photograph.

Numbers and truth values are arrays of floats in which NaN is missing; everything else is an array of objects in which
None is. Metrics are computed from these columns, breakdowns group them, comparisons and reports read them, and they are
what CSV, Parquet and notebooks get.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from globe_eval.metrics.grounding import idf_recalls, lifts

Column = npt.NDArray[Any]

_FIELDS: dict[str, tuple[str, str]] = {
    "": (
        "distance_km country_correct city_correct globe_country_match globe_city_match",
        "id status response finish_reason error image_sha256",
    ),
    "truth": ("lat lon localizable", "country city group scene entities"),
    "answer": ("lat lon stated_confidence stated_localizable p_yes", "country city admin"),
    "prediction": ("lat lon", "level country_code geonameid name"),
    "grounding": (
        "covered recall precision f1 lift recall_idf unsupported_rate hallucination_rate hallucination_any "
        "globe_visual_match",
        "cues hits unsupported hallucinated",
    ),
    "consistency": ("distance_km n_candidates", "verdict country city quote"),
    "localizability": ("confidence localizable", "source"),
    "format": ("globe lenient truncated n_words", ""),
    "judge": ("", "entities error"),
}
"""Part of a sample -> its fields that are numbers, and those that are not."""

_NUMBERS = {f"{part}.{name}".lstrip(".") for part, (numbers, _) in _FIELDS.items() for name in numbers.split()}
_OF_ALL = {"grounding.lift": lifts, "grounding.recall_idf": idf_recalls}
"""Fields that depend on all photographs; of samples that no run has recorded yet they are computed here."""


class Columns(Mapping[str, Column]):
    """The table of n samples. A column is made when it is first asked for: of 210,000 samples few are needed at once.

    Columns are those of the schema of samples.jsonl, whether any sample has a value or not, and `own.NAME` for each
    metric that the benchmark brings itself.
    """

    def __init__(self, samples: Sequence[Any], truths: Sequence[Any] | None = None) -> None:
        self._samples = samples
        self._truths = truths
        own = dict.fromkeys(name for sample in samples for name in sample.own)
        groups = (
            (f"{part}.{name}".lstrip(".") for fields in both for name in fields.split())
            for part, both in _FIELDS.items()
        )
        self._names = dict.fromkeys([*(name for group in groups for name in group), *(f"own.{name}" for name in own)])
        self._made: dict[str, Column] = {}

    def __getitem__(self, name: str) -> Column:
        if name not in self._made:
            if name not in self._names and not name.startswith("own."):
                raise KeyError(name)
            self._made[name] = self._column(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @property
    def n(self) -> int:
        """How many photographs."""
        return len(self._samples)

    def _column(self, name: str) -> Column:
        part, _, field = name.rpartition(".")
        if part == "own":
            return np.array([one.own.get(field) for one in self._samples], dtype=np.float64)
        whole: Sequence[Any] = self._samples
        if self._truths is not None and (part == "truth" or name == "id"):
            whole = self._truths
        elif part:
            whole = [getattr(one, part, None) for one in self._samples]
        if name in _OF_ALL and not any(hasattr(one, field) for one in whole):
            return _OF_ALL[name](whole)
        values = [None if one is None else getattr(one, field, None) for one in whole]
        if name in _NUMBERS:
            return np.array(values, dtype=np.float64)
        column = np.empty(len(values), dtype=object)
        column[:] = values
        return column


def columns(samples: Sequence[Any], truths: Sequence[Any] | None = None) -> Columns:
    """The columns of samples, in the order of these; of scores, with their truths."""
    return Columns(samples, truths)
