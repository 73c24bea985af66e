"""The journal as a file, and the model in front of it, without a command line."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lm_eval.api.instance import Instance
from PIL import Image

from globe_eval.benchmarks.images import Photograph
from globe_eval.errors import InputError
from globe_eval.models.response import Response
from globe_eval.models.simple import SimpleModel
from globe_eval.runs import identity
from globe_eval.runs.journal import Entry, Journal
from globe_eval.runs.journaled import Journaled, chunk_size
from globe_eval.runs.run import Request, load_model

IDENTITY = {"task": "t", "seed": 0, "model_args": {"dtype": "half"}}
TEXTS = ["country: Japan\ncity: Kyoto", "", "Zażółć 🍁 \u2028 \x85 \x00", '{"key": 1}', "\r\n\r"]


def entries(journal: Journal, texts: Sequence[str] = TEXTS) -> list[Entry]:
    made = []
    for number, text in enumerate(texts):
        response = Response(text, finish_reason="length", prompt_tokens=number, completion_tokens=7)
        made.append(Entry(journal.key(f"{number}", "0" * 64, "Where?"), f"{number}", "0" * 64, response, 0.25))
    return made


def said(response: Response) -> tuple[object, ...]:
    return str(response), *(getattr(response, name) for name in Response.__annotations__)


def opened(folder: Path, **more: Any) -> Journal:
    journal = Journal(folder, IDENTITY, **more)
    journal.start()
    return journal


def filled(folder: Path) -> list[Entry]:
    with opened(folder) as journal:
        made = entries(journal)
        for entry in made:
            journal.append([entry])
    return made


def test_what_is_written_is_read(tmp_path: Path) -> None:
    made = filled(tmp_path)
    with opened(tmp_path) as journal:
        assert list(journal.answered) == [entry.key for entry in made]
        assert [said(entry.response) for entry in journal.answered.values()] == [said(one.response) for one in made]
        assert [entry[:3] + entry[4:] for entry in journal.answered.values()] == [one[:3] + one[4:] for one in made]
        assert journal.images == {str(number): "0" * 64 for number in range(len(TEXTS))}
    lines = (tmp_path / "journal.jsonl").read_bytes().splitlines(keepends=False)
    assert json.loads(lines[0]) == {"journal": 1, "identity": IDENTITY}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal.jsonl"]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_torn_anywhere_it_gives_the_whole_records_before(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    made = filled(folder)
    path = folder / "journal.jsonl"
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    complete = max(whole[:cut].count(b"\n") - 1, 0)
    with opened(folder) as journal:
        assert list(journal.answered) == [entry.key for entry in made[:complete]]
        journal.append(made[complete:])
    assert path.read_bytes() == whole


@pytest.mark.parametrize("tail", [b"\n", b'{"key": "a\n', b"\x00\x00\n", b"[]\n", b"\xff\xfe", b"123"])
def test_a_last_line_that_makes_no_sense_is_cut_off(tmp_path: Path, tail: bytes) -> None:
    filled(tmp_path)
    path = tmp_path / "journal.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    with opened(tmp_path) as journal:
        assert len(journal.answered) == len(TEXTS)
        assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "line, words",
    [
        (b"half a li\n", ["journal.jsonl, line 3", "'half a li'", "--fresh"]),
        (b'{"key": "k"}\n', ["journal.jsonl, line 3", "'response' is missing"]),
    ],
)
def test_a_line_in_the_middle_that_makes_no_sense_is_named(tmp_path: Path, line: bytes, words: list[str]) -> None:
    filled(tmp_path)
    path = tmp_path / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], line, *lines[3:]]))
    with pytest.raises(InputError) as error:
        Journal(tmp_path, IDENTITY)
    assert all(word in str(error.value) for word in words)
    with opened(tmp_path, fresh=True) as journal:
        assert not journal.answered
    assert path.read_bytes() == lines[0]


def test_another_file_in_its_place_is_no_journal(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text('{"id": "a"}\n{"id": "b"}\n')
    with pytest.raises(InputError, match=r"line 1: found no journal of version 1"):
        Journal(tmp_path, IDENTITY)
    assert not (tmp_path / "lock").exists()


def test_results_without_a_journal_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(InputError, match="holds results without a journal"):
        Journal(tmp_path, IDENTITY)
    with Journal(tmp_path, IDENTITY, fresh=True) as journal:
        assert (tmp_path / "results.json").exists(), "nothing is lost before the model is there"
        journal.start()
        assert not (tmp_path / "results.json").exists()


def test_an_error_is_asked_again_and_an_answer_takes_its_place(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        good, bad = entries(journal, ["a", "b"])
        journal.append([good, bad._replace(response=Response("", error="HTTP 500"))])
    with opened(tmp_path) as journal:
        assert list(journal.answered) == [good.key] and journal.failed == {bad.key}
        journal.append([bad])
    with opened(tmp_path) as journal:
        assert list(journal.answered) == [good.key, bad.key] and not journal.failed


def test_errors_alone_bind_nobody(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        (bad,) = entries(journal, ["b"])
        journal.append([bad._replace(response=Response("", error="HTTP 404: no such model"))])
    with Journal(tmp_path, {**IDENTITY, "seed": 1}) as journal:
        journal.start()
        assert not journal.failed
    assert len((tmp_path / "journal.jsonl").read_bytes().splitlines()) == 1


RUN: dict[str, Any] = {
    "task": "t",
    "task_version": "1",
    "manifest_sha256": "a" * 64,
    "prompt_sha256": "b" * 64,
    "system_instruction": None,
    "decoding": {"temperature": 0.0, "until": []},
    "seed": 0,
    "model": "endpoint",
    "model_args": {"model": "m", "dtype": "half"},
}


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"task": "u"}, "task was 't', is 'u'"),
        ({"task_version": "2"}, "task_version was '1', is '2'"),
        ({"manifest_sha256": "c" * 64}, "manifest_sha256 was 'aaaaaaaaaaaa…', is 'cccccccccccc…'"),
        ({"prompt_sha256": "c" * 64}, "prompt_sha256 was 'bbbbbbbbbbbb…', is 'cccccccccccc…'"),
        ({"system_instruction": "Be brief."}, "system_instruction was None, is 'Be brief.'"),
        ({"decoding": {"temperature": 0.7, "until": []}}, "decoding.temperature was 0.0, is 0.7"),
        ({"decoding": {"temperature": 0.0, "until": ["\n"]}}, "decoding.until was [], is ['\\n']"),
        ({"seed": 1}, "seed was 0, is 1"),
        ({"model": "vllm-vlm"}, "model was 'endpoint', is 'vllm-vlm'"),
        ({"model_args": {"model": "n", "dtype": "half"}}, "model_args.model was 'm', is 'n'"),
        ({"model_args": {"model": "m"}}, "model_args.dtype was 'half', is None"),
        ({"model_args": {"model": "m", "dtype": "half", "top": 1}}, "model_args.top was None, is 1"),
        ({"max_pixels": 100}, "max_pixels was None, is 100"),
        ({"max_side": 10}, "max_side was None, is 10"),
        ({"seed": 1, "task_version": "2"}, "task_version was '1', is '2'; seed was 0, is 1"),
    ],
)
def test_another_run_is_refused_with_each_part_that_changed(
    tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    with Journal(tmp_path, identity.identity(**RUN)) as journal:
        journal.start(model_info={})
        journal.append(entries(journal))
    with pytest.raises(InputError) as error:
        Journal(tmp_path, identity.identity(**{**RUN, **changed}))
    assert f"holds answers of another run: {words}. --fresh starts over" in str(error.value)
    assert "\n" not in str(error.value)
    with Journal(tmp_path, identity.identity(**RUN)) as journal:
        assert len(journal.answered) == len(TEXTS)


def test_what_cannot_change_an_answer_may_change(tmp_path: Path) -> None:
    here = {name: 1 for name in identity.CANNOT_CHANGE_AN_ANSWER} | {"api_key": "sk-planted", "auth_token": "t-planted"}
    there = {name: 2 for name in identity.CANNOT_CHANGE_AN_ANSWER} | {"api_key": "sk-other", "auth_token": "t-other"}
    one, other = (identity.identity(**{**RUN, "model_args": RUN["model_args"] | more}) for more in (here, there))
    assert one == other and "planted" not in json.dumps(one)


def test_what_only_the_loaded_model_knows_counts_where_both_know_it(tmp_path: Path) -> None:
    with Journal(tmp_path, IDENTITY) as journal:
        journal.start(model_info={"model_name": "a", "model_sha": "1"})
        journal.append(entries(journal))
    with Journal(tmp_path, IDENTITY) as journal:
        journal.start(model_info={"model_name": "a"})
        assert journal.key("0", "0" * 64, "Where?") in journal.answered, "an offline start knows no commit"
    with Journal(tmp_path, IDENTITY) as journal, pytest.raises(InputError, match=r"model_info\.model_name was 'a'"):
        journal.start(model_info={"model_name": "b"})


def test_a_file_counts_with_its_content(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    big = folder / "model.safetensors"
    values = np.random.default_rng(0).integers(0, 256, 3 << 20, dtype=np.uint8)
    big.write_bytes(values.tobytes())
    (folder / "config.json").write_text("{}")
    digests = {None, identity.fingerprint(str(folder)), identity.fingerprint(str(big))}
    big.write_bytes((values + (np.arange(len(values)) % 50 == 0)).astype(np.uint8).tobytes())
    digests |= {identity.fingerprint(str(folder)), identity.fingerprint(str(big))}
    (folder / "config.json").write_text("{ }")
    digests |= {identity.fingerprint(folder)}
    assert len(digests) == 6
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert identity.fingerprint(copy) == identity.fingerprint(folder)
    for value in ("", "no/such/path", "x" * 5000, "a\0b", 3, None, True, ["a"]):
        assert identity.fingerprint(value) is None


HOLD = """
import os, sys, time
from pathlib import Path
from globe_eval.runs.journal import Journal
journal = Journal(Path(sys.argv[1]), {})
if sys.argv[2] == "and a child":
    told, tell = os.pipe()
    if os.fork() == 0:
        os.write(tell, b".")
        time.sleep(60)
        os._exit(0)
    os.read(told, 1)
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("who", ["alone", "and a child"])
def test_one_process_at_a_time_and_a_dead_one_holds_nothing(tmp_path: Path, who: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    call = [sys.executable, "-c", HOLD, str(tmp_path), who]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True) as holder:
        try:
            assert holder.stdout is not None and holder.stdout.readline() == "held\n"
            with pytest.raises(InputError) as error:
                Journal(tmp_path, {})
            assert f"{tmp_path}: is being written by process {holder.pid} on {socket.gethostname()} since " in str(
                error.value
            )
            with pytest.raises(InputError, match="is being written by"):
                Journal(tmp_path, {}, fresh=True)
            holder.kill()
            holder.wait()
            Journal(tmp_path, {}).close()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(holder.pid, signal.SIGKILL)


def test_processes_that_share_a_run_write_apart_and_read_together(tmp_path: Path) -> None:
    with opened(tmp_path, rank=0, ranks=2) as first, opened(tmp_path, rank=1, ranks=2) as second:
        made = entries(first)
        first.append(made[:2])
        second.append(made[2:4])
    with opened(tmp_path) as alone:
        assert set(alone.answered) == {entry.key for entry in made[:4]}
        alone.append(made[4:])
    with opened(tmp_path, rank=2, ranks=3) as third:
        assert len(third.answered) == 5
        third.append(made[:1])
    with opened(tmp_path, fresh=True, rank=1, ranks=2), opened(tmp_path, fresh=True, rank=0, ranks=2) as journal:
        assert not journal.answered
        assert sorted(path.name for path in tmp_path.glob("j*")) == ["journal.jsonl", "journal.rank1.jsonl"]


# The model in front of the journal.


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
        return Journaled(model, journal, **more).generate_until(requests)


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

    def answers(self, requests: Sequence[Instance]) -> Iterator[tuple[int, Response]]:
        seen: dict[str, int] = {}
        numbered = []
        for request in requests:
            name = request.doc["id"]
            numbered.append(f"{name}/{seen.setdefault(name, 0)}")
            seen[name] += 1
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
    assert 3 <= len(model.asked) < 15, "all repetitions of a photograph are asked, or none"
    assert "has changed" not in caplog.text


def test_a_request_that_only_fills_up_another_process_is_asked_once(tmp_path: Path) -> None:
    requests = photographs(tmp_path / "pictures", 3)
    model = Stream()
    responses = answered(model, tmp_path / "run", [*requests, requests[-1]])
    assert responses[3] is responses[2] and len(model.asked) == 3


def test_everything_else_is_the_models_own(tmp_path: Path) -> None:
    model = Stream()
    with opened(tmp_path) as journal:
        wrapped = Journaled(model, journal)
        assert (wrapped.rank, wrapped.world_size, wrapped.tokenizer_name) == (0, 1, "stream")
        assert wrapped.apply_chat_template([{"role": "user", "content": "Hm"}]) == "Hm"
        with pytest.raises(AttributeError, match="nothing_like_it"):
            wrapped.nothing_like_it()
