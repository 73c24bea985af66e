"""Secrets that are planted wherever a user may put one: none is left in anything that is written or printed."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image
from servers import ChatServer, Reply, completion

from globe_eval import secrets
from globe_eval.cli import main

KEY = "sk-proj-planted/+key-0123456789abcdef"
BASE64 = base64.b64encode(KEY.encode()).decode()
LONDON = "country: United Kingdom\ncity: London"


@pytest.fixture
def task(tmp_path: Path) -> Path:
    for i in range(3):
        Image.new("RGB", (16, 16), (60 * i, 9, 9)).save(tmp_path / f"{i}.png")
    (tmp_path / "truth.csv").write_text("id,image,lat,lon\n" + "".join(f"{i},{i}.png,51.5,-0.1\n" for i in range(3)))
    (tmp_path / "three.yaml").write_text(
        "task: three\nclass: !function globe_eval.GeoTask\n"
        f"dataset_kwargs: {{truth: {tmp_path / 'truth.csv'}, images: {tmp_path}}}\nmetadata: {{version: 1}}\n"
    )
    return tmp_path / "three.yaml"


def everything(folder: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> str:
    out, err = capsys.readouterr()
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []
    return out + err + caplog.text + "".join(path.read_text(errors="replace") for path in files)


ECHOES: dict[str, Callable[[dict[str, Any], str], str]] = {
    "key": lambda heads, path: heads.get("Authorization", ""),
    "part of the key": lambda heads, path: f"Incorrect API key provided: {heads.get('Authorization', '')[7:29]}…",
    "base64 of the key": lambda heads, path: BASE64,
    "key in an address": lambda heads, path: f"https://x/?k={quote(KEY, safe='')}",
    "every header": lambda heads, path: str(heads),
    "the request's target": lambda heads, path: path,
}


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("echo", ECHOES)
def test_what_a_server_quotes_is_removed(
    task: Path,
    tmp_path: Path,
    echo: str,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    monkeypatch.setenv("OTHER_KEY", "planted-other-header")

    def answer(payload: dict[str, Any], number: int) -> Reply:
        said = ECHOES[echo](server.asked[number - 1].headers, "/v1/chat?sig=planted-query-value&user=planted-password")
        quoting = {
            **completion(f"{LONDON}\n{said}", f"stop {said}"),
            "system_fingerprint": said,
            "model": "tiny-2024-05-13",
        }
        return Reply(quoting if status == 200 else {"error": {"message": said}}, status)

    with ChatServer(answer) as server:
        address = (
            server.base_url.replace("http://", "HTTP://me:planted-password@")
            + "?sig=planted-query-value#planted-fragment"
        )
        words = [
            f'base_url={address},model=tiny,api_key_env=MY_KEY,max_retries=0,headers={{"x-api-key": "$OTHER_KEY"}}'
        ]
        main(["--model", "endpoint", "--model_args", *words, "--tasks", str(task), "-o", str(tmp_path / "out")])
    written = everything(tmp_path / "out", capsys, caplog)
    assert written
    for secret in (
        "planted",
        KEY,
        KEY[8:],
        BASE64,
        quote(KEY, safe=""),
        base64.b64encode(b"me:planted-password").decode(),
    ):
        assert secret not in written, f"{secret}: {written[max(0, written.find(secret) - 200) :][:400]}"


@pytest.mark.parametrize(
    "words",
    [
        ["--gen_kwargs", "api_key=planted-0123456789"],
        ["--gen_kwargs", 'extra={"authorization": "Bearer planted-0123456789"}'],
        ["--model_args", 'headers={"Authorization": "Bearer planted-0123456789"}'],
        ["--model_args", 'headers={"X-Auth-Token": "planted-0123456789"}'],
        ["--system_instruction", "use sk-planted0123456789abcdefghij"],
        ["--judge", "base_url=http://me:planted-0123@127.0.0.1:9/v1"],
        ["--ask_localizable", "base_url=ftp://me:planted-0123@127.0.0.1:9/v1#planted"],
        ["--model_args", "api_key=planted-0123456789"],
        ["--model_args", "base_url=ftp://me:planted-0123456789@host/v1"],
    ],
    ids=lambda words: words[1][:24],
)
def test_what_a_user_plants_is_not_written(
    task: Path,
    tmp_path: Path,
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with ChatServer(lambda payload, number: LONDON) as server:
        given = [f"base_url={server.base_url}", *(words[1:] if words[0] == "--model_args" else [])]
        more = [] if words[0] == "--model_args" else words
        command = [
            "--model",
            "endpoint",
            "--model_args",
            *given,
            *more,
            "--tasks",
            str(task),
            "-o",
            str(tmp_path / "out"),
        ]
        main(command)
    assert "planted" not in everything(tmp_path / "out", capsys, caplog)


def test_secrets_that_begin_alike_leave_no_end_of_each_other() -> None:
    for secret in ("shared-start-one-4711", "shared-start-two-0815", "shared-start-one-4711-longer"):
        secrets.keep(secret)
    said = "a shared-start-one-4711-longer b shared-start-two-0815 c shared-start-one-4711 d shared-start-o"
    assert secrets.redact(said) == "a (removed) b (removed) c (removed) d (removed)"
