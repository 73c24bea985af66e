"""A journal that somebody edited, or a disk damaged: the line is named and nothing of it is believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from servers import ChatServer

from globe_eval.cli import main

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
