"""A model that remembers, without a command line: what the journal knows is not asked again."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lm_eval.api.instance import Instance
from PIL import Image

from globe_eval.benchmarks.images import Photograph
from globe_eval.errors import InputError
from globe_eval.models.response import Response
from globe_eval.models.simple import SimpleModel
from globe_eval.runs.journal import Journal
from globe_eval.runs.journaled import JournaledModel, chunk_size
from globe_eval.runs.run import Request, load_model


def opened(folder: Path) -> Journal:
    journal = Journal(folder, {"task": "t", "seed": 0})
    journal.start()
    return journal


def photographs(folder: Path, n: int) -> list[Instance]:
    folder.mkdir(exist_ok=True)
    made = []
    for number in range(n):
        path = folder / f"{number}.png"
        if not path.exists():
            Image.new("RGB", (4, 4), (number, 0, 0)).save(path)
        arguments = ("Where is this?", {"temperature": 0}, {"visual": [Photograph(path)]})
        doc = {"id": str(number), "lat": 0.0, "lon": 0.0}
        made.append(Instance("generate_until", doc, arguments, 0, metadata=("t", number, 1)))
    return made


class Batches:
    """A model that answers in batches, as lm-eval's do: it decodes, it fails, and it remembers what it was asked."""

    batch_size = 2

    def __init__(self, fails_on: Callable[[str], bool] = lambda name: False) -> None:
        self.fails_on = fails_on
        self.asked: list[list[str]] = []

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        names = [request.doc["id"] for request in requests]
        self.asked.append(names)
        for name in names:
            if self.fails_on(name):
                raise RuntimeError(f"out of memory\nat {name}")
        colours = [np.asarray(request.args[2]["visual"][0])[0, 0, 0] for request in requests]
        return [f"{colour} {random.random()} with {names[0]}" for colour in colours]


def answered(model: Any, folder: Path, requests: list[Instance], **more: Any) -> list[Response]:
    with opened(folder) as journal:
        return JournaledModel(model, journal, **more).generate_until(requests)


def test_chunks_are_four_batches_and_an_engine_has_its_own() -> None:
    cases = ((8, 1, 32), ("16", 1, 64), (1, 16, 64), (100, 1, 256), (512, 1, 512), ("auto", 1, 256), (None, 1, 256))
    for batch, concurrent, expected in cases:
        model = type("Model", (), {"batch_size": batch, "_concurrent": concurrent})()
        assert chunk_size(model) == expected
    assert chunk_size(object()) == 256


def test_vllm_is_never_asked_for_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """lm-eval asks for it with "auto", and where tqdm is off vLLM divides by the time of a bar that never began."""
    asked: list[dict[str, Any]] = []

    class Vllm:
        MULTIMODAL = True

        @classmethod
        def create_from_arg_obj(cls, arguments: dict[str, Any], more: dict[str, Any]) -> Vllm:
            asked.append(more)
            return cls()

    monkeypatch.setattr("lm_eval.api.registry.get_model", lambda name: Vllm)
    for batch_size in (None, "auto", 64):
        load_model(Request("vllm-vlm", [], {"pretrained": "x"}, batch_size=batch_size))
    assert [more["batch_size"] for more in asked] == [256, 256, 64]


def test_every_chunk_is_journalled_before_the_next_is_asked(tmp_path: Path) -> None:
    counts = []

    class Counting(Batches):
        def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
            assert disable_tqdm
            counts.append((tmp_path / "run" / "journal.jsonl").read_bytes().count(b"\n") - 1)
            return super().generate_until(requests)

    requests = photographs(tmp_path / "pictures", 20)
    responses = answered(Counting(), tmp_path / "run", requests)
    assert counts == [0, 8, 16]
    assert [response.split()[0] for response in responses] == [str(number) for number in range(20)]
    again = Batches()
    assert answered(again, tmp_path / "run", requests) == responses and again.asked == []


def test_a_chunk_that_was_cut_off_is_asked_again_as_it_was(tmp_path: Path) -> None:
    """Batches of the same photographs and seeds: sampled answers, too, are those of the run without the cut."""
    requests = photographs(tmp_path / "pictures", 20)
    whole = answered(Batches(), tmp_path / "whole", requests, seed=5)
    path = tmp_path / "whole" / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: 1 + 8 + 3]) + lines[12][:40])
    model = Batches()
    random.seed(99)
    assert answered(model, tmp_path / "whole", requests, seed=5) == whole
    assert model.asked == [[str(n) for n in range(8, 16)], [str(n) for n in range(16, 20)]]
    kept = [json.loads(line)["key"] for line in path.read_bytes().splitlines()[1:]]
    assert len(kept) == len(set(kept)) == 20
    other = answered(Batches(), tmp_path / "other", requests, seed=6)
    assert not {str(one) for one in other} & {str(one) for one in whole}


def test_a_sample_that_fails_costs_itself_alone(tmp_path: Path) -> None:
    requests = photographs(tmp_path / "pictures", 16)
    model = Batches(lambda name: name == "5")
    responses = answered(model, tmp_path / "run", requests)
    assert [response.error for response in responses] == [
        "RuntimeError: out of memory" if number == 5 else None for number in range(16)
    ]
    assert len(model.asked) == 1 + 2 * 3 + 1, "halves, not one by one"
    again = Batches()
    assert answered(again, tmp_path / "run", requests)[5].startswith("5 ")
    assert again.asked == [["5"]]


def test_a_model_that_fails_on_everything_ends_the_run(tmp_path: Path) -> None:
    requests = photographs(tmp_path / "pictures", 16)
    with pytest.raises(InputError, match="fails on every photograph: RuntimeError: out of memory"):
        answered(Batches(lambda name: True), tmp_path / "run", requests)
    assert answered(Batches(), tmp_path / "run", requests)[0].error is None


def test_a_picture_that_cannot_be_shown_is_its_own_error(tmp_path: Path) -> None:
    requests = photographs(tmp_path / "pictures", 9)
    (tmp_path / "pictures" / "2.png").write_bytes(b"")
    (tmp_path / "pictures" / "3.png").write_bytes((tmp_path / "pictures" / "3.png").read_bytes()[:50])
    (tmp_path / "pictures" / "8.png").unlink()
    model = Batches()
    responses = answered(model, tmp_path / "run", requests)
    assert {number for number, response in enumerate(responses) if response.error} == {2, 3, 8}
    assert all("png" in response.error for response in responses if response.error)
    assert model.asked == [["0", "1", "4", "5", "6", "7"]]
    again = Batches()
    assert answered(again, tmp_path / "run", requests) == responses and again.asked == []
    photographs(tmp_path / "pictures", 9)  # the one that was missing is there
    third = Batches()
    assert answered(third, tmp_path / "run", requests)[8].startswith("8 ")


def test_a_picture_or_a_prompt_that_changed_is_asked_anew_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    requests = photographs(tmp_path / "pictures", 6)
    first = answered(Batches(), tmp_path / "run", requests)
    Image.new("RGB", (4, 4), (99, 0, 0)).save(tmp_path / "pictures" / "1.png")
    requests[4].arguments = ("Where was this?", *requests[4].arguments[1:])
    second = answered(Batches(), tmp_path / "run", requests)
    assert second[1].startswith("99 ") and [second[n] for n in (0, 2, 3, 5)] == [first[n] for n in (0, 2, 3, 5)]
    assert "asking again: 1 whose picture has changed and 1 whose prompt has changed" in caplog.text


class Stream(SimpleModel):
    """A model that answers in any order, and numbers the repetitions of a request."""

    name = "stream"

    def __init__(self, stop_after: int = 99) -> None:
        super().__init__()
        self.stop_after = stop_after
        self.asked: list[str] = []

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[Response]:
        raise AssertionError("everything is asked through answers()")

    def answers(
        self, requests: Sequence[Instance], *, repeats: Sequence[int], answered: int = 0, budget: object = None
    ) -> Iterator[tuple[int, Response]]:
        numbered = [f"{request.doc['id']}/{repeat}" for request, repeat in zip(requests, repeats, strict=True)]
        for count, index in enumerate(random.Random(1).sample(range(len(requests)), len(requests))):
            if count == self.stop_after:
                raise KeyboardInterrupt
            self.asked.append(numbered[index])
            yield index, Response(f"{numbered[index]} \ud83d\ude00", finish_reason="stop")


def test_repetitions_are_kept_apart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    requests = photographs(tmp_path / "pictures", 5)
    for request in requests:
        request.repeats = 3
    every = [request for request in requests for _ in range(3)]
    expected = [f"{number}/{repeat} \\ud83d\\ude00" for number in range(5) for repeat in range(3)]
    stopped = Stream(stop_after=12)
    with pytest.raises(KeyboardInterrupt):
        answered(stopped, tmp_path / "run", every)
    model = Stream()
    assert answered(model, tmp_path / "run", every) == expected
    lines = (tmp_path / "run" / "journal.jsonl").read_text().splitlines()[1:]
    assert len(lines) == len({json.loads(line)["key"] for line in lines}) == 15
    assert len(model.asked) == 3, "what is there is not asked again"
    assert "has changed" not in caplog.text


def test_a_request_that_only_fills_up_another_process_is_asked_once(tmp_path: Path) -> None:
    requests = photographs(tmp_path / "pictures", 3)
    model = Stream()
    responses = answered(model, tmp_path / "run", [*requests, requests[-1]])
    assert responses[3] is responses[2] and len(model.asked) == 3


def test_everything_else_is_the_models_own(tmp_path: Path) -> None:
    model = Stream()
    with opened(tmp_path) as journal:
        wrapped = JournaledModel(model, journal)
        assert (wrapped.rank, wrapped.world_size, wrapped.tokenizer_name) == (0, 1, "stream")
        assert wrapped.apply_chat_template([{"role": "user", "content": "Hm"}]) == "Hm"
        with pytest.raises(AttributeError, match="nothing_like_it"):
            wrapped.nothing_like_it()
