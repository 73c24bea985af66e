"""What a row keeps of a run is what its figures need, and nothing gets lost on the way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globe_eval.metrics.accuracy import THRESHOLDS_KM, within
from globe_eval.reports.board.submission import metres, pack, unpack


@given(st.lists(st.integers(-1, 20_100_000), max_size=50))
@settings(derandomize=True)
def test_packed_numbers_come_back(values: list[int]) -> None:
    assert unpack(pack(values), len(values), -1, 20_100_000).tolist() == values


@given(st.floats(0, 20_100), st.sampled_from([0.5, *THRESHOLDS_KM.values()]), st.integers(-3, 3))
@settings(derandomize=True, max_examples=300)
def test_rounding_up_to_the_metre_moves_no_accuracy(km: float, threshold: float, steps: int) -> None:
    """Also on either side of a threshold, as near as floating point gets."""
    near = threshold
    for _ in range(abs(steps)):
        near = float(np.nextafter(near, np.inf if steps > 0 else 0))
    for distance in (km, near):
        kept = metres(distance) / 1000
        assert distance <= kept + 1e-9 and kept - distance <= 0.001 + 1e-9
        assert within([kept], threshold)[0] == within([distance], threshold)[0]


@pytest.mark.parametrize(
    "text, n, reason",
    [
        (pack([1, 2, 3]), 2, "holds more than n"),
        (pack([1, 2]), 3, "holds 2 photographs, n is 3"),
        (pack([1, 99]), 2, "holds 1 to 99; allowed: 0 to 10"),
        ("no base64!", 2, "no packed column"),
        ("AAAA", 2, "no packed column"),
        (pack([0] * 10**6), 2, "holds more than n"),
    ],
)
def test_a_column_that_is_none_is_refused(text: str, n: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        unpack(text, n, 0, 10)
