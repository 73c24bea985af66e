"""Every provider in every situation, through the command line; and the table of docs/providers.md, cell by cell."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from provider_shapes import SHAPES, SITUATIONS, TEXT, Shape, chat
from servers import ChatServer, Reply

from globe_eval.cli import main

OF_ONE = ("refusal", "filter", "cut off", "too large a picture")
N = 4


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark of four photographs in London, each of one colour."""
    folder = tmp_path_factory.mktemp("bench")
    for i in range(N):
        Image.new("RGB", (32, 32), (60 * i, 60 * i, 60 * i)).save(folder / f"{i}.png")
    rows = "".join(f"{i},{i}.png,51.5074,-0.1278,London,United Kingdom\n" for i in range(N))
    (folder / "truth.csv").write_text("id,image,lat,lon,city,country\n" + rows)
    (folder / "four.yaml").write_text(
        "task: four\nclass: !function globe_eval.GeoTask\n"
        f"dataset_kwargs: {{truth: {folder / 'truth.csv'}, images: {folder}}}\nmetadata: {{version: 1}}\n"
    )
    return folder / "four.yaml"


def run(task: Path, out: Path, arguments: dict[str, Any], *more: str) -> int:
    given = ",".join(f"{name}={value}" for name, value in {"backoff": 0.02, **arguments}.items())
    return main(["--model", "endpoint", "--model_args", given, "--tasks", str(task), "-o", str(out), *more])


def results(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "four" / "results.json").read_text())
    return found


def samples(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "four" / "samples.jsonl").read_text().splitlines()]


def brightness(payload: dict[str, Any]) -> int:
    """Which photograph a request shows: 0 to 3."""
    import base64
    import io

    url = next(part for part in payload["messages"][-1]["content"] if part["type"] == "image_url")["image_url"]["url"]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("L"))
    return round(float(pixels.mean()) / 60)


class Provider:
    """Answers as a provider does in one situation, and refuses what it refuses."""

    def __init__(self, shape: Shape, situation: str) -> None:
        self.shape, self.situation = shape, situation
        self.attempts: Counter[int] = Counter()
        self.lock = threading.Lock()

    def __call__(self, payload: dict[str, Any], number: int) -> Reply:
        shape = self.shape
        for name, refusal in shape.refuses.items():
            if name in payload:
                return refusal
        which = brightness(payload)
        with self.lock:
            self.attempts[which] += 1
            first = self.attempts[which] == 1
        content, more, finish = TEXT, {}, "stop"
        if self.situation == "reasoning apart":
            content, more = shape.reasoning
        elif self.situation == "rate limit" and first:
            assert shape.rate_limit is not None
            return shape.rate_limit
        elif self.situation == "quota gone":
            assert shape.quota is not None
            return shape.quota
        elif self.situation in OF_ONE and which == 1:
            if self.situation == "refusal":
                content, more = shape.refusal
            elif self.situation == "cut off":
                content, finish = "The street signs say that we are in", shape.cut_off
            else:
                said = shape.filter if self.situation == "filter" else shape.too_large
                return said if isinstance(said, Reply) else Reply(said)
        return Reply(chat(shape.served, content, finish, more, id=f"chatcmpl-{number}", provider="Somebody"))


EXPECTED = {
    "text": "answered",
    "reasoning apart": "answered, with its reasoning",
    "refusal": "`refused`, a counted miss",
    "filter": "`refused`, a counted miss",
    "cut off": "`truncated`, a counted miss",
    "rate limit": "waits, all answered",
    "quota gone": "ends (2), says its sentence",
    "too large a picture": "that one's error (3), says its sentence",
}


def cell(shape: Shape, situation: str) -> str:
    """What docs/providers.md says of it."""
    lacks = {
        "reasoning apart": shape.reasoning is None,
        "filter": shape.filter is None,
        "rate limit": shape.rate_limit is None,
        "quota gone": shape.quota is None,
    }
    return "–" if lacks.get(situation) else EXPECTED[situation]


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_every_provider_in_every_situation(
    shape: Shape,
    situation: str,
    photographs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    expected = cell(shape, situation)
    if expected == "–":
        pytest.skip("the provider has no such thing")
    monkeypatch.setenv("OPENAI_API_KEY", "planted-key-0123456789")
    listed = Reply({"data": [{"id": shape.model, "owned_by": shape.owner}]})
    prefix = urlsplit(shape.base_url).path
    with ChatServer(Provider(shape, situation), models=listed, prefix=prefix) as server:
        here = server.base_url.removesuffix("/v1")
        local = "127.0.0.1" in shape.base_url
        if not local:
            monkeypatch.setenv("http_proxy", here)
        base_url = here + prefix if local else shape.base_url
        code = run(photographs, tmp_path, {"base_url": base_url, "model": shape.model})
        asked = server.asked
    err = capsys.readouterr().err
    header, value = shape.key_header
    assert {one.headers.get(header) for one in asked} == {value}
    if situation == "quota gone":
        assert code == 2 and re.search("quota|credit", err.lower()), err
        assert not (tmp_path / "four" / "results.json").exists() and len(asked) <= 2 * N
        return
    rows = samples(tmp_path)
    other = {"refusal": "refused", "filter": "refused", "cut off": "truncated", "too large a picture": "error"}
    assert [row["status"] for row in rows] == ["city", other.get(situation, "city"), "city", "city"], rows
    if situation == "too large a picture":
        assert code == 3 and rows[1]["error"].startswith("HTTP 4") and rows[1]["error"] in err
    else:
        assert code == 0, err
    if situation == "reasoning apart":
        assert {row["response"] for row in rows} == {f"<think>A red bus.</think>{TEXT}"}
    for name, sent in shape.sends.items():
        assert asked[-1].payload.get(name) == sent
    assert not set(shape.refuses) & set(asked[-1].payload)
    served = results(tmp_path)["served"]
    assert set(served["models"]) == {shape.served} and served["models"][shape.served] >= N - 1
    if shape.refuses:
        assert served["adapted"], "what was changed is recorded"
    assert (
        "planted-key" not in "".join(path.read_text() for path in (tmp_path / "four").iterdir() if path.is_file()) + err
    )


def test_the_table_in_the_documentation_is_what_is_tested() -> None:
    text = (Path(__file__).parents[2] / "docs" / "providers.md").read_text(encoding="utf-8")
    rows = [[one.strip() for one in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")]
    table = {row[0]: row[1:] for row in rows}
    assert table["provider"] == list(SITUATIONS)
    for shape in SHAPES:
        assert table[shape.name] == [cell(shape, situation) for situation in SITUATIONS]
