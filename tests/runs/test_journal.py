"""The journal as a file: locked by one process, written as answers arrive, and refused where somebody edited it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from servers import ChatServer

from globe_eval.cli import main
from globe_eval.errors import InputError
from globe_eval.models.response import Response
from globe_eval.runs import identity, lock
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


LONDON = "country: United Kingdom\ncity: London"
N = 4
Lines = list[dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, int]]:
    """Runs a benchmark of four photographs: exit code, standard error, requests."""
    for i in range(N):
        Image.new("RGB", (16, 16), (60 * i, 9, 9)).save(tmp_path / f"{i}.png")
    rows = "".join(f"p{i},{i}.png,51.5,-0.1\n" for i in range(N))
    (tmp_path / "truth.csv").write_text("id,image,lat,lon\n" + rows)
    (tmp_path / "four.yaml").write_text(
        "task: four\nclass: !function globe_eval.GeoTask\n"
        f"dataset_kwargs: {{truth: {tmp_path / 'truth.csv'}, images: {tmp_path}}}\nmetadata: {{version: 1}}\n"
    )

    def go() -> tuple[int, str, int]:
        with ChatServer(lambda payload, number: LONDON) as server:
            given = f"base_url={server.base_url},num_concurrent=1"
            code = main(
                [
                    "--model",
                    "endpoint",
                    "--model_args",
                    given,
                    "--tasks",
                    str(tmp_path / "four.yaml"),
                    "-o",
                    str(tmp_path / "out"),
                ]
            )
            return code, capsys.readouterr().err, len(server.asked)

    return go


def journal(tmp_path: Path) -> Path:
    return tmp_path / "out" / "four" / "journal.jsonl"


def swap(name: str) -> Callable[[Lines], None]:
    def edit(lines: Lines) -> None:
        lines[2][name], lines[3][name] = f"{lines[3][name]}!", lines[2][name]

    return edit


def put(name: str, value: Any, line: int = 2) -> Callable[[Lines], None]:
    return lambda lines: lines[line].__setitem__(name, value)


def drop(name: str) -> Callable[[Lines], None]:
    return lambda lines: lines[2].__delitem__(name)


EDITS: dict[str, Callable[[Lines], None]] = {
    "a letter": put("response", LONDON.replace("London", "Londin")),
    "another answer": put("response", "country: France\ncity: Paris"),
    "responses swapped": swap("response"),
    "an empty response": put("response", ""),
    "no response": put("response", None),
    "an error put in": put("error", "HTTP 500"),
    "an id": put("id", "p9"),
    "a key": put("key", "0" * 64),
    "a picture's hash": put("image_sha256", "0" * 64),
    "finish reason": put("finish_reason", "length"),
    "tokens": put("prompt_tokens", 12),
    "tokens as text": put("prompt_tokens", "x"),
    "tokens below 0": put("completion_tokens", -1),
    "tokens a list": put("completion_tokens", [1]),
    "seconds as text": put("seconds", "1"),
    "seconds nothing": put("seconds", float("nan")),
    "a response that is a number": put("response", 7),
    "an id that is a list": put("id", []),
    "a field gone": drop("finish_reason"),
    "the checksum gone": drop("sum"),
    "another checksum": put("sum", "0" * 16),
    "a field more": put("score", 1.0),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_line_is_named_and_never_believed(run: Any, tmp_path: Path, edit: str) -> None:
    assert run()[0] == 0
    lines = [json.loads(line) for line in journal(tmp_path).read_text().splitlines()]
    EDITS[edit](lines)
    journal(tmp_path).write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    before = (tmp_path / "out" / "four" / "results.json").read_bytes()
    code, err, asked = run()
    assert code == 2 and asked == 0 and "journal.jsonl, line 3" in err and err.count("\n") == 1
    assert (tmp_path / "out" / "four" / "results.json").read_bytes() == before


@pytest.mark.parametrize("line", range(1, N + 1))
def test_a_flipped_bit_is_named(run: Any, tmp_path: Path, line: int) -> None:
    run()
    data = bytearray(journal(tmp_path).read_bytes())
    start = sum(len(one) + 1 for one in bytes(data).split(b"\n")[:line])
    at = bytes(data).index(b"London", start)
    data[at] ^= 1
    journal(tmp_path).write_bytes(data)
    code, err, _ = run()
    assert code == 2 and f"line {line + 1} (id 'p{line - 1}')" in err


def test_an_edited_identity_is_named(run: Any, tmp_path: Path) -> None:
    run()
    text = journal(tmp_path).read_text()
    journal(tmp_path).write_text(text.replace('"seed": 0', '"seed": 1', 1))
    code, err, _ = run()
    assert code == 2 and "journal.jsonl, line 1" in err


def old(lines: Lines) -> Lines:
    """As version 1 wrote them."""
    return [
        {**{k: v for k, v in one.items() if k not in ("sum", "served")}, **({"journal": 1} if "journal" in one else {})}
        for one in lines
    ]


def test_a_journal_of_version_1_goes_on(run: Any, tmp_path: Path) -> None:
    run()
    lines = old([json.loads(line) for line in journal(tmp_path).read_text().splitlines()][:3])
    lines[1] |= {"prompt_tokens": "900", "completion_tokens": 50.5, "finish_reason": {"type": "stop"}}
    journal(tmp_path).write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "out" / "four" / "results.json").unlink()
    code, _, asked = run()
    assert code == 0 and asked == N - 2, "what a server said then is read as far as it can be"
    assert run()[::2] == (0, 0), "with what was added"


@pytest.mark.parametrize(("name", "value"), [("prompt_tokens", "x"), ("seconds", "1"), ("response", 3), ("key", None)])
def test_wrong_types_in_a_journal_of_version_1_are_named(run: Any, tmp_path: Path, name: str, value: Any) -> None:
    run()
    lines = old([json.loads(line) for line in journal(tmp_path).read_text().splitlines()])
    lines[2][name] = value
    journal(tmp_path).write_text("".join(json.dumps(line) + "\n" for line in lines))
    code, err, asked = run()
    assert code == 2 and asked == 0 and f"journal.jsonl, line 3: {name}: found" in err and "allowed: a" in err


def locking(number: int, mode: int, n: int) -> None:
    """Windows' own, made of what is here: one byte, at where the file stands."""
    assert (mode, n) == (2, 1) and os.lseek(number, 0, os.SEEK_CUR) > 1_000_000, "what the file says can be read"
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(errno.EACCES, "Permission denied") from None


@pytest.fixture(params=["unix", "windows"])
def module(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    if request.param == "unix":
        return lock
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    monkeypatch.delattr(os, "register_at_fork")
    spec = importlib.util.spec_from_file_location("lock_on_windows", lock.__file__)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    assert found.fcntl is None
    return found


def test_a_second_holder_is_told_who_the_first_is(module: ModuleType, tmp_path: Path) -> None:
    first = module.Lock(tmp_path / "lock")
    with pytest.raises(InputError, match=rf"is being written by process {os.getpid()} on .* since "):
        module.Lock(tmp_path / "lock")
    first.free()
    assert not (tmp_path / "lock").exists()
    again = module.Lock(tmp_path / "lock")
    first.free()
    assert (tmp_path / "lock").exists(), "who has freed it cannot free another's"
    again.free()
    again.free()


def test_a_lock_that_a_dead_holder_left_is_taken(module: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("process 1 on nowhere since then\n")
    held = module.Lock(tmp_path / "lock")
    assert f"process {os.getpid()} on " in (tmp_path / "lock").read_text()
    assert "nowhere" not in (tmp_path / "lock").read_text()
    held.free()
