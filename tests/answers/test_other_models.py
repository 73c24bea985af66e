"""Answers written in the style of many models, each with its reading written down before it was first read.

Names are compared by the place that they resolve to: which words of a text a field keeps is another test's matter.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from globe_eval.answers import parse
from globe_eval.places import Place, resolve

CASES = json.loads((Path(__file__).parents[1] / "golden" / "other_models.json").read_text(encoding="utf-8"))


def place(fields: dict[str, Any]) -> Place | None:
    names = [fields.get(field) for field in ("city", "country", "admin")]
    return resolve(*names) if any(names) else None


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=case["description"],
            marks=[pytest.mark.xfail(strict=True, reason=case["limit"])] if "limit" in case else [],
        )
        for case in CASES
    ],
)
def test_golden(case: dict[str, Any]) -> None:
    answer, expected = parse(case["response"]), case["expected"]
    assert answer.status == expected["status"]
    assert [answer.lat, answer.lon] == pytest.approx([expected.get("lat"), expected.get("lon")], abs=1e-4)
    found, right = place({field: getattr(answer, field) for field in ("city", "country", "admin")}), place(expected)
    assert (found is None) == (right is None)
    if found is not None and right is not None:
        assert (found.level, found.country_code) == (right.level, right.country_code)
        assert (found.lat, found.lon) == pytest.approx((right.lat, right.lon), abs=0.05)
    if "venue" in expected:
        assert bool(answer.venue) == expected["venue"]
