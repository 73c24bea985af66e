"""Answers in other languages than English, and in scripts without capitals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from globe_eval.answers import parse
from globe_eval.answers.scripts import EXONYMS
from globe_eval.places import resolve

CASES = json.loads((Path(__file__).parents[1] / "golden" / "languages.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["description"] for case in CASES])
def test_golden(case: dict[str, Any]) -> None:
    answer = parse(case["response"])
    assert {field: getattr(answer, field) for field in case["expected"]} == case["expected"]
    if answer.status == "answered":
        assert resolve(answer.city, answer.country, answer.admin) is not None


def test_every_language_has_statements_comparisons_and_refusals() -> None:
    kinds = {tuple(case["description"].rstrip("0123456789 ").split(", ")) for case in CASES}
    for language in ("Chinese", "Japanese", "Korean", "Arabic", "Russian", "Spanish", "French", "German", "Portuguese"):
        assert {(language, kind) for kind in ("stated", "final", "denied", "compared", "refused")} <= kinds


@pytest.mark.parametrize(("name", "known"), EXONYMS.items())
def test_what_an_exonym_stands_for_is_in_the_gazetteer(name: str, known: str) -> None:
    assert resolve(known, None) or resolve(None, known), name


def test_a_foreign_sign_in_an_english_text_is_no_answer() -> None:
    answer = parse('The sign reads "東京 駅" and "القاهرة", so the shop may be owned by travellers.')
    assert answer.status == "unparsed"
