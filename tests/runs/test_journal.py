"""The journal as a file, without a command line."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globe_eval.errors import InputError
from globe_eval.models.response import Response
from globe_eval.runs import identity
from globe_eval.runs.journal import Entry, Journal

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
    head = json.loads(lines[0])
    assert head.pop("sum") and head == {"journal": 2, "identity": IDENTITY}
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
        (b'{"key": "k"}\n', ["journal.jsonl, line 3", "is not as it was written (its checksum is another)"]),
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
        time.sleep(600)
        os._exit(0)
    os.read(told, 1)
print("held", flush=True)
time.sleep(600)
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
