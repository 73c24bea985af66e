"""What a run against an endpoint sends, reads, waits for, says and keeps, through the command line."""

from __future__ import annotations

import base64
import io
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from servers import ChatServer, Reply, completion

from globe_eval.cli import main

LONDON = "country: United Kingdom\ncity: London"
N = 12


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark of twelve photographs in London, half of them WebP."""
    folder = tmp_path_factory.mktemp("bench")
    for i in range(N):
        Image.effect_noise((96, 96), 60 + i).convert("RGB").save(folder / f"{i:02}.{'webp' if i % 2 else 'jpg'}")
    rows = "".join(f"{p.stem},{p.name},51.5074,-0.1278,London,United Kingdom\n" for p in sorted(folder.iterdir()))
    (folder / "truth.csv").write_text("id,image,lat,lon,city,country\n" + rows)
    return write_task(folder, folder / "truth.csv", "small")


def write_task(folder: Path, truth: Path, name: str) -> Path:
    (folder / f"{name}.yaml").write_text(
        f"task: {name}\nclass: !function globe_eval.GeoTask\n"
        f"dataset_kwargs: {{truth: {truth}, images: {folder}}}\nmetadata: {{version: 1}}\n"
    )
    return folder / f"{name}.yaml"


class Run:
    """The command line against a server, and what came of it."""

    def __init__(self, task: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.task, self.out, self.capsys = task, out, capsys
        self.code, self.err, self.stdout = -1, "", ""

    def __call__(self, base_url: str, *more: str, args: str = "", model: str | None = "tiny") -> Run:
        named = f",model={model}" if model else ""
        given = f"base_url={base_url},backoff=0.01{named}{',' + args if args else ''}"
        words = ["--model", "endpoint", "--model_args", given, "--tasks", str(self.task), "-o", str(self.out), *more]
        self.code = main(words)
        self.stdout, self.err = self.capsys.readouterr()
        return self

    @property
    def said(self) -> list[str]:
        """What the program itself says on standard error, line by line."""
        return [line for line in self.err.splitlines() if line.startswith("globe-eval: ")]

    @property
    def folder(self) -> Path:
        return next(path for path in self.out.iterdir() if path.is_dir())

    @property
    def results(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "results.json").read_text())
        return found

    @property
    def samples(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "samples.jsonl").read_text().splitlines()]

    @property
    def statuses(self) -> Counter[str]:
        return Counter(row["status"] for row in self.samples)


@pytest.fixture
def run(task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(task, tmp_path / "out", capsys)


def body_of(server: ChatServer) -> dict[str, Any]:
    return {name: value for name, value in server.asked[-1].payload.items() if name != "messages"}


# What is asked for is sent


@pytest.mark.parametrize(
    ("words", "sent", "not_sent"),
    [
        (["--gen_kwargs", "temperature=0.7,max_tokens=4096"], {"temperature": 0.7, "max_tokens": 4096}, ()),
        (["--gen_kwargs", "max_completion_tokens=99"], {"max_completion_tokens": 99}, ("max_tokens",)),
        (["--gen_kwargs", "max_completion_tokens=99,temperature=None"], {}, ("max_tokens", "temperature")),
        (["--gen_kwargs", "temperature=null,seed=null"], {"max_tokens": 1024}, ("temperature", "seed")),
        (["--gen_kwargs", "max_gen_toks=null"], {"temperature": 0}, ("max_tokens", "max_completion_tokens")),
        (["--gen_kwargs", "do_sample=true"], {"max_tokens": 1024}, ("temperature", "do_sample")),
        (["--gen_kwargs", "max_new_tokens=7"], {"max_tokens": 7}, ()),
        (["--gen_kwargs", "reasoning_effort=none"], {"reasoning_effort": "none"}, ()),
        (["--gen_kwargs", 'a={"b": [1, null], "c": {"d": true}}'], {"a": {"b": [1, None], "c": {"d": True}}}, ()),
        (["--gen_kwargs", 'stop_token_ids=[1,2],user="x, y"'], {"stop_token_ids": [1, 2], "user": "x, y"}, ()),
        (["--seed", "5"], {"seed": 5}, ()),
    ],
)
def test_what_the_user_gives_is_what_is_sent(run: Run, words: list[str], sent: Any, not_sent: Any) -> None:
    with ChatServer(lambda payload, number: LONDON) as server:
        assert run(server.base_url, "--limit", "1", *words).code == 0
        body = body_of(server)
    assert {name: body[name] for name in sent} == sent
    assert not set(not_sent) & set(body)


def test_a_file_of_options_keeps_its_types(run: Run, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "gen_kwargs:\n  chat_template_kwargs: {enable_thinking: false}\n  temperature: null\nlimit: 1\n"
    )
    with ChatServer(lambda payload, number: LONDON) as server:
        assert run(server.base_url, "-C", str(tmp_path / "c.yaml"), args="seed=null").code == 0
        body = body_of(server)
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert "seed" not in body and "temperature" not in body


@pytest.mark.parametrize(
    "words", ["temperature=0.7,do_sample=false", "max_tokens=5,max_gen_toks=6", "n=2", "do_sample=true,temperature=0"]
)
def test_what_contradicts_itself_is_refused_before_anything_is_asked(run: Run, words: str) -> None:
    with ChatServer(lambda payload, number: LONDON) as server:
        assert run(server.base_url, "--gen_kwargs", words).code == 2
        assert not server.asked and "gen_kwargs" in run.err and len(run.said) == 1


@pytest.mark.parametrize("words, meant", [("temprature=1", "temperature"), ("max_gen_tokens=99", "max_gen_toks")])
def test_a_misspelt_argument_is_not_sent_to_a_server_that_ignores_it(run: Run, words: str, meant: str) -> None:
    with ChatServer(lambda payload, number: LONDON) as server:
        assert run(server.base_url, "--gen_kwargs", words).code == 2
        assert not server.asked and f"did you mean '{meant}'?" in run.err
        assert run(server.base_url, "--gen_kwargs", "min_new_tokens=1,top_a=0.2").code == 0


def test_what_the_user_gave_is_never_left_out(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    refusal = Reply({"error": {"message": "Unsupported value: temperature", "param": "temperature"}}, 400)
    with ChatServer(lambda payload, number: refusal if "temperature" in payload else LONDON) as server:
        assert run(server.base_url, "--gen_kwargs", "temperature=0.3").code == 2
        assert "Unsupported value: temperature" in run.err
        assert run(server.base_url).code == 0, "the benchmark's own is left out, and that is said and recorded"
    assert caplog.text.count("requests without temperature, from now on (HTTP 400: Unsupported value") == 1
    assert run.results["served"]["adapted"] == {"no temperature": N}


def test_the_system_message_can_go_elsewhere(run: Run, tmp_path: Path) -> None:
    def no_system(payload: dict[str, Any], number: int) -> str | Reply:
        first = payload["messages"][0]
        said = Reply({"object": "error", "message": "System role not supported", "code": 400}, 400)
        return said if first["role"] == "system" else LONDON

    with ChatServer(no_system) as server:
        assert run(server.base_url).code == 0
        (message,) = server.asked[-1].payload["messages"]
        assert any("You are" in part.get("text", "") for part in message["content"])
        asked = len(server.asked)
        run.out = tmp_path / "other"
        assert run(server.base_url, args="system_role=user").code == 0
        assert len(server.asked) == asked + N, "said beforehand, nothing has to be learnt"
        assert (
            run(server.base_url, "--fresh", args="system_role=usr").code == 2 and "system, developer, user" in run.err
        )


def test_headers_are_sent_and_their_values_never_written(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_AZURE_KEY", "planted-azure-key-1")

    def answer(payload: dict[str, Any], number: int) -> Reply:
        heads = server.asked[number - 1].headers
        known = heads.get("api-key") == "planted-azure-key-1" and heads["HTTP-Referer"] == "https://example.org"
        return Reply(completion(LONDON + f"\n{heads.get('api-key')}")) if known else Reply({"error": "no key"}, 401)

    given = 'headers={"api-key": "$MY_AZURE_KEY", "HTTP-Referer": "https://example.org"}'
    with ChatServer(answer) as server:
        assert run(server.base_url, args=given).code == 0
        assert run(server.base_url, args='headers={"api-key": "$NOT_SET"}').code == 2
        assert "NOT_SET, which is not set" in run.err
    written = "".join(path.read_text() for path in run.folder.iterdir() if path.is_file()) + run.err + run.stdout
    assert "planted-azure" not in written and "$MY_AZURE_KEY" in written


def test_pictures_are_of_the_kind_and_size_that_is_taken(run: Run, tmp_path: Path) -> None:
    kinds: Counter[str] = Counter()
    sizes = []

    def answer(payload: dict[str, Any], number: int) -> str | Reply:
        url = payload["messages"][-1]["content"][0]["image_url"]["url"]
        data = base64.b64decode(url.partition(",")[2])
        kind = Image.open(io.BytesIO(data)).format
        if kind == "WEBP":
            return Reply({"error": {"message": "Failed to load image or audio file", "code": 400}}, 400)
        kinds[str(kind)] += 1
        sizes.append(len(data))
        return LONDON

    with ChatServer(answer) as server:
        assert run(server.base_url).code == 0 and kinds == {"JPEG": 6, "PNG": 6}
        assert run.results["served"]["adapted"] == {"WebP pictures as PNG": 6}
        for given, expected in (("jpeg", "JPEG"), ("png", "PNG")):
            kinds.clear()
            run.out = tmp_path / given
            assert run(server.base_url, args=f"picture_format={given}").code == 0
            assert kinds == {expected: N} and run.results["images"]["reencoded"] == {"jpeg": 6, "png": N}[given]
        sizes.clear()
        run.out = tmp_path / "bytes"
        assert run(server.base_url, args="picture_format=jpeg,max_bytes=2000").code == 0
        assert max(sizes) <= 2000 and run.results["images"]["reencoded"] == N
        assert run(server.base_url, args="picture_format=gif").code == 2 and "jpeg, png" in run.err


# What comes back


def events(*pieces: dict[str, Any], end: str = "data: [DONE]\n\n") -> Reply:
    text = ": comment\n\n" + "".join(f"data: {json.dumps(piece)}\n\n" for piece in pieces) + end
    return Reply(text.encode(), headers={"Content-Type": "text/event-stream"})


def delta(finish: str | None = None, **message: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": message, "finish_reason": finish}]}


STREAM = events(
    delta(role="assistant", content=""),
    delta(reasoning_content="A red"),
    delta(reasoning_content=" bus."),
    delta(content="country: United Kingdom\n"),
    delta("stop", content="city: London"),
    {"choices": [], "usage": {"prompt_tokens": 300, "completion_tokens": 9}},
)


def test_a_stream_of_parts_and_of_text_is_one_answer(run: Run) -> None:
    """Magistral thinks in lists of parts and answers in text."""
    thinks = [
        delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]) for text in ("A", "b")
    ]
    pieces = events(
        delta(content=""), *thinks, delta(content="country: United Kingdom\n"), delta("stop", content="city: London")
    )
    with ChatServer(lambda payload, number: pieces) as server:
        assert run(server.base_url).code == 0
    assert {row["response"] for row in run.samples} == {f"<think>Ab</think>{LONDON}"}


def test_a_server_that_only_streams_is_read(run: Run, tmp_path: Path) -> None:
    said = {"error": {"message": "parameter.enable_thinking must be set to false for non-streaming calls"}}
    with ChatServer(lambda payload, number: STREAM if payload.get("stream") else Reply(said, 400)) as server:
        assert run(server.base_url).code == 0
        assert {row["response"] for row in run.samples} == {f"<think>A red bus.</think>{LONDON}"}
        assert run.results["usage"]["prompt_tokens"] == 300 * N
        run.out = tmp_path / "asked"
        asked = len(server.asked)
        assert run(server.base_url, args="stream=true").code == 0 and len(server.asked) == asked + N
    with ChatServer(lambda payload, number: STREAM) as server:
        run.out = tmp_path / "unasked"
        assert run(server.base_url).code == 0 and len(server.asked) == N


@pytest.mark.parametrize(
    "body",
    [
        completion(LONDON) | {"usage": {"prompt_tokens": "900", "completion_tokens": 50.5}},
        completion(LONDON) | {"usage": [1]},
        completion(LONDON) | {"usage": {"prompt_tokens": 12.5, "completion_tokens": -1}},
        completion(LONDON) | {"model": {"name": "x"}, "system_fingerprint": 7, "id": 3},
        {"choices": [{"message": {"content": LONDON}, "finish_reason": {"type": "stop"}}]},
        {"choices": [{"message": {"content": [{"type": "output_text", "text": LONDON}]}, "finish_reason": "stop"}]},
        {"choices": [{"index": 1, "message": {"content": "no"}}, {"index": 0, "message": {"content": LONDON}}]},
        json.dumps(completion(LONDON)).encode("utf-16"),
        b"\xef\xbb\xbf" + json.dumps(completion(LONDON)).encode(),
    ],
)
def test_what_nobody_needs_does_no_harm(run: Run, body: Any) -> None:
    with ChatServer(lambda payload, number: Reply(body)) as server:
        assert run(server.base_url, "--limit", "3").code == 0
        assert run.statuses == {"city": 3} and len(server.asked) == 3
        assert run(server.base_url, "--limit", "3").code == 0 and len(server.asked) == 3, "it goes on as well"


def test_counts_that_are_none_are_missing_and_counted(run: Run) -> None:
    body = completion(LONDON) | {"usage": {"prompt_tokens": "900", "completion_tokens": 50}}
    with ChatServer(lambda payload, number: Reply(body)) as server:
        run(server.base_url)
    assert run.results["usage"]["prompt_tokens"] is None and run.results["usage"]["completion_tokens"] == 50 * N
    assert run.results["served"]["dropped"] == {"usage.prompt_tokens": N}
    assert f"fields of a wrong type, left out: usage.prompt_tokens ({N})" in run.err


@pytest.mark.parametrize(
    ("finish", "text", "status"),
    [
        ("length", "We are in", "truncated"),
        ("MAX_TOKENS", "We are in", "truncated"),
        ("max_output_tokens", "We are in", "truncated"),
        ("model_context_window_exceeded", "We are in", "truncated"),
        ("content_filter", None, "refused"),
        ("SAFETY", "", "refused"),
        ("sensitive", None, "refused"),
        ("content_filter", LONDON, "city"),
        ("end_turn", LONDON, "city"),
        ("eos_token", "A street.", "unparsed"),
    ],
)
def test_any_reason_to_end_is_kept_and_understood(run: Run, finish: str, text: str | None, status: str) -> None:
    with ChatServer(lambda payload, number: Reply(completion(text, finish))) as server:
        assert run(server.base_url, "--limit", "2").code == 0 and len(server.asked) == 2
    assert {(row["finish_reason"], row["status"]) for row in run.samples} == {(finish, status)}


@pytest.mark.parametrize(
    "broken",
    [
        Reply(completion("Lon", "abort")),
        Reply(completion("Lon", "network_error")),
        Reply({"error": {"code": 502, "message": "upstream"}}),
        Reply({"choices": [{"error": {"code": 503, "message": "no provider"}, "finish_reason": "error"}]}),
        Reply(b"[" * 100_000),
        events(delta(content="country: Fra"), end=""),
        events({"error": {"message": "overloaded", "code": 529}}),
        Reply(json.dumps(completion(LONDON)).encode(), headers={"Content-Encoding": "gzip"}),
    ],
)
def test_what_is_broken_off_is_asked_again(run: Run, broken: Reply) -> None:
    with ChatServer(lambda payload, number: broken if number == 1 else LONDON) as server:
        assert run(server.base_url, "--limit", "2").code == 0
        assert len(server.asked) == 3 and run.statuses == {"city": 2}


def test_a_redirection_on_the_same_host_is_followed_and_no_other(run: Run) -> None:
    with ChatServer(lambda payload, number: LONDON) as server:
        other = server.base_url.replace("127.0.0.1", "localhost")
        for target, code in ((server.base_url, 0), (other, 2)):
            moved = {"Location": f"{target}/chat/completions"}
            with ChatServer(lambda payload, number, moved=moved: Reply({}, 308, moved)) as first:  # type: ignore[misc]
                assert run(first.base_url, "--fresh").code == (code if "127" in target else 2)
                assert (code == 0) or ("localhost" in run.err and not server.asked[N:])
    circle = Reply({}, 307, {"Location": "/v1/chat/completions"})
    with ChatServer(lambda payload, number: circle) as server:
        assert run(server.base_url, "--fresh").code == 2 and "it redirects in a circle" in run.err


def test_a_filter_that_refuses_for_good_is_an_answer(run: Run) -> None:
    filtered = Reply({"error": {"code": "content_filter", "message": "filtered", "param": "prompt"}}, 400)
    with ChatServer(lambda payload, number: filtered if number % 3 == 0 else LONDON) as server:
        assert run(server.base_url).code == 0 and len(server.asked) == N
        assert run.results["complete"] and run.statuses == {"city": 8, "refused": 4}
        assert "4 of 12 photographs were refused by the provider's filter" in run.err
        assert run(server.base_url).code == 0 and len(server.asked) == N, "it is not asked for ever"


# Pace


class Limited:
    """At most `most` requests in `window` seconds, and a 429 for each further one."""

    def __init__(self, most: int, window: float, refusal: Reply) -> None:
        self.most, self.window, self.refusal = most, window, refusal
        self.times: list[float] = []
        self.refused = 0
        self.lock = threading.Lock()

    def __call__(self, payload: dict[str, Any], number: int) -> str | Reply:
        with self.lock:
            now = time.monotonic()
            self.times = [at for at in self.times if now - at < self.window]
            if len(self.times) >= self.most:
                self.refused += 1
                return self.refusal
            self.times.append(now)
        return LONDON


GOOGLE = [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "0.34s"}]}}]


@pytest.mark.parametrize("refusal", [Reply(GOOGLE, 429), Reply({"error": "slow down"}, 429)], ids=["said", "unsaid"])
@pytest.mark.parametrize("concurrency", [1, 16])
def test_90_photographs_through_15_requests_a_minute(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], refusal: Reply, concurrency: int
) -> None:
    """A hundred times as fast: 15 in 0.6 seconds."""
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png")
    (tmp_path / "truth.csv").write_text("id,image,lat,lon\n" + "".join(f"{i},a.png,51.5,-0.1\n" for i in range(90)))
    limited = Limited(15, 0.6, refusal)
    run = Run(write_task(tmp_path, tmp_path / "truth.csv", "many"), tmp_path / "out", capsys)
    with ChatServer(limited) as server:
        assert run(server.base_url, args=f"num_concurrent={concurrency},max_retries=0").code == 0
    assert run.statuses == {"city": 90}, "a 429 spends no attempt"
    assert limited.refused < 200


def test_requests_a_minute_are_spread(run: Run) -> None:
    with ChatServer(lambda payload, number: LONDON) as server:
        assert run(server.base_url, args="requests_per_minute=600").code == 0
        at = [one.at for one in server.asked]
    assert len(at) == N and at[-1] - at[0] >= 0.05 * (N - 1), "0.1 s each, but for how late the first was heard"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"message": "This model does not support image input.", "type": "invalid_request_error"}}),
        (402, {"error": {"message": "Insufficient credits."}}),
        (429, {"error": {"message": "You exceeded your current quota.", "code": "insufficient_quota"}}),
        (500, {"error": {"message": "image input is not supported - hint: you may need to provide the mmproj"}}),
        (403, {"message": "no access to this model"}),
        (400, {"error": {"message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT"}}),
        (400, {"error": {"message": "Please make sure your account is in good standing.", "code": "Arrearage"}}),
        (429, {"message": "Your team has used all available credits or reached its monthly spending limit."}),
        (429, {"error": {"message": "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000"}}),
        (429, {"error": {"message": "\u4f59\u989d\u4e0d\u8db3,\u8bf7\u5145\u503c", "code": "1113"}}),
    ],
)
def test_a_run_that_is_hopeless_ends_with_the_servers_sentence(run: Run, status: int, body: Any) -> None:
    with ChatServer(lambda payload, number: Reply(body, status)) as server:
        assert run(server.base_url, args="max_retries=1").code == 2
        assert len(server.asked) <= 16 and len(run.said) == 1
    said = body.get("error", body)["message"]
    assert f"HTTP {status}: {said}" in run.err and not (run.out / "small" / "results.json").exists()


@pytest.mark.parametrize("status", [200, 403, 413, 524])
def test_a_page_in_place_of_an_answer_is_named_by_its_title(run: Run, status: int) -> None:
    page = b"<!DOCTYPE html>\n<html><head><title>api.example.com | A &amp; B</title></head><body>Ray</body></html>"
    with ChatServer(lambda payload, number: Reply(page, status)) as server:
        assert run(server.base_url, args="max_retries=0").code == 2
    assert "api.example.com | A & B" in run.said[-1] and "<" not in run.said[-1]


def test_what_a_provider_said_to_a_router_is_heard(run: Run) -> None:
    def passed_on(**raw: str) -> Reply:
        return Reply({"error": {"message": "Provider returned error", "metadata": {"raw": json.dumps(raw)}}}, 400)

    def answer(payload: dict[str, Any], number: int) -> str | Reply:
        if "temperature" in payload:
            return passed_on(message="Unsupported value: 'temperature' does not support 0 with this model.")
        return passed_on(message="image exceeds 5 MB maximum")

    with ChatServer(answer) as server:
        assert run(server.base_url).code == 2
        assert "temperature" not in server.asked[-1].payload
    assert "image exceeds 5 MB maximum" in run.said[-1]


def test_money_that_runs_out_in_the_middle_loses_nothing(run: Run) -> None:
    broke = Reply({"error": {"message": "Insufficient credits."}}, 402)
    with ChatServer(lambda payload, number: LONDON if number <= 5 else broke) as server:
        assert run(server.base_url, args="num_concurrent=1").code == 3
        assert len(server.asked) <= 9 and "Insufficient credits" in run.err
    assert run.statuses == {"city": 5, "error": 7}
    with ChatServer(lambda payload, number: LONDON) as server:
        assert run(server.base_url).code == 0 and len(server.asked) == 7


# Money, who answered, repeats


def test_a_dry_run_asks_nothing_and_says_what_a_run_takes(run: Run) -> None:
    prices = ["--price_in", "1", "--price_out", "10"]
    assert run("http://127.0.0.1:9/v1", "--dry_run", *prices).code == 0
    assert "12 requests" in run.stdout and "96 x 96 pixels" in run.stdout and '"temperature": 0' in run.stdout
    assert "answer tokens, at most: 12,288" in run.stdout and "cost, at most about: 0.12" in run.stdout
    assert not run.out.exists()


def test_a_run_stops_before_it_costs_more(run: Run) -> None:
    each = (11 * 1 + 7 * 10) / 1e6
    with ChatServer(lambda payload, number: LONDON) as server:
        words = ["--price_in", "1", "--price_out", "10", "--max_cost"]
        assert run(server.base_url, *words, str(each * 6.5)).code == 3
        assert len(server.asked) == 6 and "stopped with 6 of 12 answers" in run.err
        assert run(server.base_url, *words, "1").code == 0 and len(server.asked) == N
        assert run.results["usage"]["cost"] == pytest.approx(N * each)
        assert run(server.base_url, "--max_cost", "1").code == 2 and "--price_in" in run.err


def named(model: str, **more: Any) -> Callable[[dict[str, Any], int], Reply]:
    return lambda payload, number: Reply({**completion(LONDON), "model": model, **more})


def test_who_answers_is_kept_and_another_model_is_refused(run: Run) -> None:
    with ChatServer(named("gemma-3-4b-it")) as server:
        assert run(server.base_url, model="Qwen2.5-VL-72B-Instruct").code == 2
        assert "'Qwen2.5-VL-72B-Instruct'" in run.err and "'gemma-3-4b-it' answers" in run.err
        assert run(server.base_url, args="served_model=gemma-3-4b-it", model="Qwen2.5-VL-72B-Instruct").code == 0
    with ChatServer(named("gpt-4o-2024-08-06", system_fingerprint="fp_1", provider="Azure")) as server:
        assert run(server.base_url, "--fresh", model="gpt-4o").code == 0
    served = run.results["served"]
    assert served["models"] == {"gpt-4o-2024-08-06": N} and served["providers"] == {"Azure": N}
    assert served["fingerprints"] == {"fp_1": N}


def test_a_model_that_changes_in_the_middle_is_refused(run: Run) -> None:
    def changing(payload: dict[str, Any], number: int) -> Reply:
        return Reply({**completion(LONDON), "model": f"gpt-4o-2024-0{5 if number <= 4 else 8}-06"})

    with ChatServer(changing) as server:
        assert run(server.base_url, args="num_concurrent=1", model="gpt-4o").code == 2
    assert "'gpt-4o-2024-05-06'" in run.err and "'gpt-4o-2024-08-06'" in run.err
    with ChatServer(named("gpt-4o-2024-05-06")) as server:
        assert run(server.base_url, model="gpt-4o").code == 0 and len(server.asked) == N - 4
    assert run.results["served"]["models"] == {"gpt-4o-2024-05-06": N}


def test_answers_that_are_all_alike_are_pointed_out(run: Run) -> None:
    text_alone = completion(LONDON) | {"usage": {"prompt_tokens": 130, "completion_tokens": 9}}
    with ChatServer(lambda payload, number: Reply(text_alone)) as server:
        assert run(server.base_url).code == 0
    assert "all 12 answers are the same: do the pictures reach the model?" in run.err
    assert "took 130 tokens: do the pictures reach the model?" in run.err


def test_several_answers_to_each_photograph(run: Run) -> None:
    """Seed 0 and 2 are right for half of the photographs, seed 1 for all, and nobody is right after that."""

    def answer(payload: dict[str, Any], number: int) -> str:
        even = "number" not in payload and len(json.dumps(payload["messages"])) % 2
        return LONDON if payload["seed"] == 1 or (even and payload["seed"] != 3) else "country: Japan\ncity: Kyoto"

    words = ["--gen_kwargs", "temperature=1", "--repeats"]
    with ChatServer(answer) as server:
        assert run(server.base_url, *words, "2").code == 0 and len(server.asked) == 2 * N
        assert {one.payload["seed"] for one in server.asked} == {0, 1}
        assert run(server.base_url, *words, "3").code == 0 and len(server.asked) == 3 * N
        found = run.results["repeats"]
        right = sum(row["distance_km"] < 25 for row in run.samples) / N
    near = found["accuracy"]["acc@25km"]
    assert found["n"] == 3 and near["mean"] == pytest.approx((1 + 2 * right) / 3)
    assert near["pass_at"]["3"] == 1.0 and near["pass_at"]["1"] == pytest.approx(near["mean"])
    assert near["majority"] == near["medoid"] == pytest.approx(right)
    assert near["low"] <= near["mean"] <= near["high"]


# Connections


@contextmanager
def raw_server(serve: Callable[[socket.socket, bytes, int], None]) -> Iterator[str]:
    """A server of sockets: `serve` is given each request's head and number, once its body is read."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    numbers = iter(range(1, 1 << 30))

    def work(client: socket.socket) -> None:
        with client, client.makefile("rb") as file, suppress(OSError):
            while line := file.readline():
                head, length = line, 0
                while (field := file.readline()) not in (b"\r\n", b""):
                    head += field
                    if field.lower().startswith(b"content-length:"):
                        length = int(field.split(b":")[1])
                file.read(length)
                if b"/models" in line:
                    client.sendall(http(b'{"data": [{"id": "tiny"}]}'))
                else:
                    serve(client, head, next(numbers))

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=work, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    listener.close()


def http(body: bytes, *fields: str, version: str = "1.1", length: bool = True) -> bytes:
    lines = [f"HTTP/{version} 200 OK", "Content-Type: application/json", *fields]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


ANSWER = json.dumps(completion(LONDON)).encode()


@pytest.mark.parametrize("late", [0.0, 0.02])
@pytest.mark.parametrize(
    ("fields", "version", "length"),
    [
        (["Connection: close"], "1.1", True),
        (["Connection: close"], "1.1", False),
        ([], "1.0", True),
        ([], "1.0", False),
        (["Connection: keep-alive"], "1.0", True),
    ],
)
def test_a_reply_on_a_closing_connection_is_read(
    run: Run, fields: list[str], version: str, length: bool, late: float
) -> None:
    def serve(client: socket.socket, head: bytes, number: int) -> None:
        reply = http(ANSWER, *fields, version=version, length=length)
        cut = len(reply) - len(ANSWER)
        client.sendall(reply[:cut])
        time.sleep(late)
        client.sendall(reply[cut:])
        if "keep-alive" not in " ".join(fields):
            client.shutdown(socket.SHUT_RDWR)

    with raw_server(serve) as base_url:
        assert run(base_url, args="max_retries=0").code == 0
    assert run.statuses == {"city": N}


@pytest.mark.parametrize("late", [0.0, 0.01])
def test_a_reply_that_comes_twice_is_nobodys_answer(run: Run, late: float) -> None:
    """Each reply names the photograph that it is about, and is sent again while the next request is on its way."""

    def serve(client: socket.socket, head: bytes, number: int) -> None:
        body = {**completion(f"city: London\nnumber {number}"), "id": f"chatcmpl-{number}"}
        reply = http(json.dumps(body).encode())
        client.sendall(reply)
        time.sleep(late)
        client.sendall(reply)

    with raw_server(serve) as base_url:
        assert run(base_url, args="num_concurrent=2").code == 0
    said = Counter(row["response"] for row in run.samples)
    assert set(said.values()) == {1}, "no answer is given twice"


def test_ids_that_are_all_the_same_say_nothing(run: Run) -> None:
    with ChatServer(lambda payload, number: Reply({**completion(LONDON), "id": "chatcmpl"})) as server:
        assert run(server.base_url, args="num_concurrent=2,max_retries=0").code == 0
        assert run.statuses == {"city": N} and len(server.asked) <= N + 2


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"\x00\x01\x02\x03",
        b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 999 What\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + ANSWER,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        http(b"null"),
        http(b"[]"),
        http(b"{}"),
        http(b'{"choices": null}'),
        http(b'{"choices": [null]}'),
        http(b'{"choices": [{"message": null}]}'),
        http(b'{"choices": [{"message": {"content": {}}}]}'),
        http(b'{"choices": "x"}'),
        http(b"\xff\xfe\xfa"),
        http(b"<html>OK</html>"),
    ],
)
def test_nonsense_on_the_wire_costs_an_attempt_and_no_answer(run: Run, nonsense: bytes) -> None:
    def serve(client: socket.socket, head: bytes, number: int) -> None:
        if number in (1, 3):
            client.sendall(nonsense)
            client.shutdown(socket.SHUT_RDWR)
        else:
            client.sendall(http(ANSWER))

    with raw_server(serve) as base_url:
        assert run(base_url, "--limit", "4", args="timeout=60,num_concurrent=2").code == 0, run.err
    assert run.statuses == {"city": 4}


def test_a_reply_without_end_is_not_kept(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("globe_eval.models.transport.MAX_BODY", 1 << 20)

    def serve(client: socket.socket, head: bytes, number: int) -> None:
        client.sendall(http(b"", "Transfer-Encoding: chunked", length=False))
        for _ in range(64):
            client.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")

    with raw_server(serve) as base_url:
        assert run(base_url, "--limit", "1", args="max_retries=0").code == 3
    assert "the reply is larger than 1 MB" in run.err


def test_a_proxy_that_hides_the_server_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with ChatServer(lambda payload, number: LONDON) as server:
        assert run(server.base_url).code == 2
    assert "http://127.0.0.1:9" in run.err and "no_proxy=127.0.0.1" in run.err


def test_authorities_of_ones_own(run: Run, tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("no certificate")
    assert run("https://127.0.0.1:9/v1", args=f"ca_bundle={tmp_path / 'none.pem'}").code == 2
    assert re.search(r"ca_bundle \S+none\.pem: ", run.err)
