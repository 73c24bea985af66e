"""What a server's refusal of a request means: the sentences of servers and providers, as they are met in the wild."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from globe_eval.models.providers import Rules, rules_after
from globe_eval.models.reply import refused

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "refusals.json").read_text(encoding="utf-8"))
SENT = {"model": "m", "messages": [], "max_tokens": 1024, "temperature": 0, "seed": 0, "stop": ["</x>"]}
SENT |= {"repetition_penalty": 1.0, "top_k": 1}


@pytest.mark.parametrize("case", GOLDEN["fields"], ids=lambda case: case["message"][:60])
def test_a_refused_field_is_adapted_as_its_sentence_says(case: dict[str, Any]) -> None:
    error = {"error": {"message": case["message"], "type": "invalid_request_error"}}
    rules = rules_after(
        Rules(),
        error,
        case["message"],
        SENT | case.get("sent", {}),
        case.get("explicit", ()),
        has_system=True,
        has_webp=case.get("webp", False),
    )
    expected = case["taught"]
    if expected is None:
        assert rules is None
        return
    assert rules == Rules(
        expected.get("rename", {}),
        frozenset(expected.get("omit", ())),
        expected.get("system"),
        expected.get("stream", False),
        expected.get("nowebp", False),
    )


@pytest.mark.parametrize("case", GOLDEN["filters"], ids=lambda case: json.dumps(case["body"])[:60])
def test_a_filter_is_told_from_an_error(case: dict[str, Any]) -> None:
    assert refused(case["status"], case["body"]) is case["refused"]
