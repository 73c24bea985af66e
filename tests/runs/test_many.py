"""Work in parts on several processes gives what it gives at once."""

from __future__ import annotations

import gc
import os
from functools import partial
from pathlib import Path
from typing import Any

import parted
import pytest

from globe_eval import scoring
from globe_eval.answers import Answer
from globe_eval.errors import InputError
from globe_eval.runs import many

CITIES = ["Paris", "Lima", "Oslo", "Springfield", "Nowhere at all"]


def _rows(n: int) -> tuple[list[str], list[scoring.Truth]]:
    texts = [
        f"<think>A church, a bus, signs in French: this is most likely {CITIES[i % 5]}, not Rome. ({i})</think>"
        f"<answer>country: {['France', 'Peru'][i % 2]}\ncity: {CITIES[i % 5]}</answer>"
        for i in range(n)
    ]
    seen = [None, ("bus",), ("church", "palm tree")]
    truths = [scoring.Truth(f"p{i}", i % 80, i % 170, "France", "Paris", None, None, seen[i % 3]) for i in range(n)]
    return texts, truths


def test_scores_of_several_processes_are_those_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "_PART", 7)
    monkeypatch.setattr(many, "_cores", lambda: 2)
    monkeypatch.setattr(many, "WORTH_PROCESSES", 1)
    texts, truths = _rows(60)
    nothing: list[Any] = [None] * 60
    answers = many.in_parts(many._read, texts, nothing, nothing, least=1)
    assert answers == [scoring.read(text) for text in texts]
    score = partial(scoring.score, form="names")
    ours, plain = many.in_parts(score, answers, truths, texts, least=1), score(answers, truths, texts)
    assert ours == plain
    for one, other in zip(ours, plain, strict=True):
        assert one.grounding is not None and other.grounding is not None
        if other.grounding.reading is not None:  # a reading is not compared by `==`, and must still answer
            assert one.grounding.reading is not None
            assert one.grounding.reading.cues == other.grounding.reading.cues
            assert one.grounding.reading.asserts("vehicle") and not one.grounding.reading.asserts("zebra")


def test_helpers_take_part_and_the_order_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(many, "_PART", 2)
    monkeypatch.setattr(many, "_cores", lambda: 2)
    found = many.in_parts(
        partial(parted.where, parent=os.getpid(), mode="plain", met=tmp_path / "met"), range(100), least=1
    )
    assert [number for number, _ in found] == list(range(100))
    assert {process for _, process in found} > {os.getpid()}


@pytest.mark.parametrize("mode", ["die", "plain"])
def test_what_a_helper_cannot_do_is_done_here(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setattr(many, "_PART", 2)
    monkeypatch.setattr(many, "_cores", lambda: 3)
    found = many.in_parts(partial(parted.where, parent=os.getpid(), mode=mode), range(21), least=1)
    assert [number for number, _ in found] == list(range(21))


def test_an_error_of_the_work_is_raised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "_PART", 2)
    monkeypatch.setattr(many, "_cores", lambda: 2)
    with pytest.raises(InputError, match="no good"):
        many.in_parts(partial(parted.where, parent=os.getpid(), mode="raise"), range(9), least=1)


def test_few_rows_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many.subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    assert many.in_parts(list, range(5)) == [0, 1, 2, 3, 4]
    assert many.in_parts(list, []) == []


def test_a_response_that_was_never_heard_has_no_answer() -> None:
    assert many.read([None, "", "city: Rome"], [None, "length", None], ["no network", None, None]) == [
        None,
        Answer(status="truncated"),
        scoring.read("city: Rome"),
    ]


def test_the_collector_is_as_it_was() -> None:
    for was in (gc.enable, gc.disable):
        was()
        before = gc.isenabled()
        with pytest.raises(KeyError), many.without_collector():
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled() == before
    gc.enable()
