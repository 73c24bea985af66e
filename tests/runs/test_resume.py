"""Runs that are killed, interrupted, refused and gone on with, through the real command line and real processes."""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from servers import ChatServer, Reply, completion
from starts import start

from globe_eval.cli import main
from globe_eval.runs.process import interruptible

KILLS = 20
CITIES = [("France", "Paris"), ("Japan", "Kyoto"), ("Kenya", "Nairobi"), ("Peru", "Lima"), ("Canada", "Montréal 🍁")]


def told(payload: dict[str, Any], number: int) -> Reply:
    """An answer that depends on the picture alone, some of them odd; after a while."""
    digest = hashlib.sha256(json.dumps(payload["messages"]).encode()).digest()
    country, city = CITIES[digest[0] % len(CITIES)]
    text = [f"country: {country}\ncity: {city}", "I cannot tell.", "", f"\ud83d\ude00 \u2028\n{city}, {country} \ud800"]
    delay = 0.02 + digest[2] / 255 * 0.06
    return Reply(
        completion(text[0 if digest[1] > 64 else digest[1] % 4], "stop" if digest[3] else "length"), delay=delay
    )


def question(payload: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(payload).encode()).hexdigest()


def numbers(folder: Path) -> dict[str, Any]:
    """What `results.json` says, but for when and how fast it was found out."""
    results: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return {
        name: value
        for name, value in results.items()
        if name not in ("started", "duration_seconds", "usage", "command")
    }


def usage(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results.json").read_text())["usage"]
    return found


def journal(folder: Path) -> list[dict[str, Any]]:
    """The whole lines of a journal after its first."""
    path = folder / "journal.jsonl"
    lines = path.read_bytes().split(b"\n")[1:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def wait_until(true: Callable[[], bool], process: BaseProcess | subprocess.Popen[bytes], seconds: float = 300) -> None:
    """Wait for something to become true, or for the process to end."""
    give_up = time.monotonic() + seconds
    while not true():
        ended = process.poll() if isinstance(process, subprocess.Popen) else process.exitcode
        if ended is not None:
            return
        assert time.monotonic() < give_up
        time.sleep(0.002)


def endpoint(server: ChatServer, out: Path, *more: object) -> list[object]:
    arguments = ["--model", "endpoint", "--model_args", f"base_url={server.base_url},num_concurrent=4,backoff=0.01"]
    return [*arguments, "--output_path", out, *more]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """Arguments for a benchmark of 300 small pictures, no two alike."""
    folder = tmp_path_factory.mktemp("many")
    chance = np.random.default_rng(0)
    rows = []
    for number in range(300):
        pixels = chance.integers(0, 256, (4, 4, 3), dtype=np.uint8).repeat(14, axis=0).repeat(14, axis=1)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        rows.append(f"{number},{number}.png,{chance.uniform(-60, 70):.3f},{chance.uniform(-180, 180):.3f}\n")
    (folder / "truth.csv").write_text("id,image,lat,lon\n" + "".join(rows))
    (folder / "many.yaml").write_text(
        "task: many\nclass: !function globe_eval.GeoTask\n"
        f"dataset_kwargs: {{truth: {folder / 'truth.csv'}, images: {folder}}}\nmetadata: {{version: 1}}\n"
    )
    return ["--tasks", "many", "--include_path", folder]


def test_an_endpoint_run_killed_twenty_times_is_the_run_that_was_not(tmp_path: Path, many: list[object]) -> None:
    chance = random.Random(3)
    err = tmp_path / "stderr"
    answered, killed = [math.inf], threading.Event()

    def gated(payload: dict[str, Any], number: int) -> Reply:
        """Some more than the kill waits for; on a slow machine, where it comes late, no more than these."""
        if number > answered[0]:
            killed.wait(300)
        return told(payload, number)

    with ChatServer(gated) as server:
        whole = start(endpoint(server, tmp_path / "whole", *many), err)
        whole.join(300)
        assert whole.exitcode == 0, err.read_text()
        folder, reference = tmp_path / "killed" / "many", tmp_path / "whole" / "many"
        starts = []
        for kill in range(KILLS):
            before = len(server.asked)
            wanted = before + chance.randrange(1, 14)
            answered[0] = wanted + 4
            killed.clear()
            process = start(endpoint(server, tmp_path / "killed", *many), err)
            if kill % 5 == 4:  # any moment at all: while it loads, while it reads the journal
                time.sleep(chance.uniform(0, 2))
            else:
                wait_until(lambda wanted=wanted: len(server.asked) >= wanted, process)
                time.sleep(chance.uniform(0, 0.05))
            process.kill()
            process.join()
            killed.set()
            server.settle()  # what it still answers, nobody hears
            starts.append([question(one.payload) for one in server.asked[before:]])
        kept = len(journal(folder))
        before = len(server.asked)
        answered[0] = math.inf
        last = start(endpoint(server, tmp_path / "killed", *many), err)
        last.join(300)
        assert last.exitcode == 0, err.read_text()
        starts.append([question(one.payload) for one in server.asked[before:]])

    assert (folder / "samples.jsonl").read_bytes() == (reference / "samples.jsonl").read_bytes()
    assert numbers(folder) == numbers(reference)
    assert 50 < kept < 300, "the kills were to hit a run in its middle"
    assert usage(folder)["resumed"] == kept
    assert usage(folder)["prompt_tokens"] == usage(reference)["prompt_tokens"] == 300 * 11
    records = journal(folder)
    assert len({one["key"] for one in records}) == len(records) == 300
    assert len({one for ids in starts for one in ids}) == 300
    asked_again(starts, at_most=4)


def asked_again(starts: list[list[str]], at_most: int) -> None:
    """What each start asked: nothing twice, and at most so much of it once more later."""
    for number, asked in enumerate(starts):
        later = {one for after in starts[number + 1 :] for one in after}
        assert len(set(asked)) == len(asked)
        assert len(set(asked) & later) <= at_most


def test_a_run_in_this_process_killed_twenty_times_is_the_run_that_was_not(
    tmp_path: Path, many: list[object], tiny_qwen: Path
) -> None:
    chance = random.Random(4)
    err, asked = tmp_path / "stderr", tmp_path / "asked"
    batch, chunk, limit = 2, 8, 80

    def arguments(out: str) -> list[object]:
        model = ["--model", "hf-multimodal", "--model_args", f"pretrained={tiny_qwen}", "--device", "cpu"]
        more = ["--limit", limit, "--batch_size", batch, "--gen_kwargs", "max_gen_toks=12"]
        return [*model, *more, "--output_path", tmp_path / out, *many]

    whole = start(arguments("whole"), err)
    whole.join(300)
    assert whole.exitcode == 0, err.read_text()
    folder, reference = tmp_path / "killed" / "many", tmp_path / "whole" / "many"
    a_chunk = usage(reference)["seconds"] / (limit / chunk)
    # How many chunks each start finishes before it is killed in the next; None is any moment at all, of at most one.
    plan: list[int | None] = [1] * 4 + [0] * 12 + [None] * 4
    chance.shuffle(plan)
    starts = []
    for finished in plan:
        asked.write_text("")
        process = start(arguments("killed"), err, asked, finishes=1 if finished is None else finished)
        if finished is None:
            time.sleep(chance.uniform(0, 2))
        else:
            wanted = finished * chunk
            wait_until(lambda wanted=wanted: len(asked.read_text().split()) > wanted, process)
            time.sleep(chance.uniform(0, a_chunk))
        process.kill()
        process.join()
        starts.append(asked.read_text().split())
    kept = len(journal(folder))
    asked.write_text("")
    last = start(arguments("killed"), err, asked)
    last.join(300)
    assert last.exitcode == 0, err.read_text()
    starts.append(asked.read_text().split())

    assert (folder / "samples.jsonl").read_bytes() == (reference / "samples.jsonl").read_bytes()
    assert len({one["response"] for one in journal(folder)}) > limit / 2, "the model was to say many things"
    assert numbers(folder) == numbers(reference)
    assert 4 * chunk <= kept <= 8 * chunk < limit, "the kills were to hit a run in its middle"
    assert usage(folder)["resumed"] == kept
    records = journal(folder)
    assert len({one["key"] for one in records}) == len(records) == limit
    asked_again(starts, at_most=chunk)


def command(*arguments: object) -> subprocess.Popen[bytes]:
    """The command line in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    call = [sys.executable, "-m", "globe_eval.cli", *map(str, arguments)]
    return subprocess.Popen(call, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def told_until(most: int, ended: threading.Event) -> Callable[[dict[str, Any], int], Reply]:
    """`told`; what is asked beyond `most` requests is answered when another process has ended, however late it does."""

    def answer(payload: dict[str, Any], number: int) -> Reply:
        if number > most:
            ended.wait(300)
        return told(payload, number)

    return answer


@pytest.mark.alone
@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_what_is_done_and_how_to_go_on(
    tmp_path: Path, many: list[object], number: signal.Signals
) -> None:
    ended = threading.Event()
    with ChatServer(told_until(60, ended)) as server:
        arguments = endpoint(server, tmp_path, *many, "--limit", 120)
        process = command(*arguments, "--fresh")
        wait_until(lambda: len(server.asked) >= 30, process)
        process.send_signal(number)
        out, err = process.communicate(timeout=300)
        ended.set()
        server.settle()
        kept, before = len(journal(tmp_path / "many")), len(server.asked)
        assert (process.returncode, out) == (130, b"")
        assert err.decode() == (
            f"globe-eval: interrupted: many: {kept} of 120 photographs are answered, in "
            f"{tmp_path / 'many' / 'journal.jsonl'}; to go on, globe-eval run {shlex.join(map(str, arguments))}\n"
        )
        assert 20 < kept < 120
        assert not (tmp_path / "many" / "lock").exists() and not (tmp_path / "many" / "results.json").exists()
        said = shlex.split(err.decode().partition("; to go on, globe-eval ")[2])
        assert main(said) == 0
        assert usage(tmp_path / "many")["resumed"] == kept
        assert 120 - kept <= len(server.asked) - before <= 124 - kept


@pytest.mark.alone
@pytest.mark.usefixtures("ctrl_c")
def test_a_second_signal_kills_at_once(tmp_path: Path, many: list[object]) -> None:
    program = (
        "import os, signal, sys, time\n"
        "from globe_eval.runs.process import interruptible\n"
        "with interruptible():\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        time.sleep(9)\n"
        "    except KeyboardInterrupt:\n"
        "        print('first', flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        print('never')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGINT, "first\n")


@pytest.mark.alone
@pytest.mark.usefixtures("ctrl_c")
def test_signals_that_are_off_stay_off_and_handlers_come_back() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt), interruptible():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(9)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_failed_is_asked_again_and_nothing_else(
    tmp_path: Path, many: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    broken = True

    def answer(payload: dict[str, Any], number: int) -> str | Reply:
        fails = broken and int(question(payload), 16) % 4 == 0
        return Reply({"error": {"message": "no"}}, 422) if fails else told(payload, number)

    with ChatServer(answer) as server:
        arguments = list(map(str, endpoint(server, tmp_path, *many, "--limit", 40)))
        assert main(arguments) == 3
        failed = sum(one["error"] is not None for one in journal(tmp_path / "many"))
        assert 3 < failed < 30
        err = capsys.readouterr().err
        assert f"many: {failed} of 40 (" in err and "HTTP 422: no); start the same command again to ask them" in err
        assert numbers(tmp_path / "many")["status"]["error"] == failed
        assert numbers(tmp_path / "many")["complete"] is False
        assert main(arguments) == 3
        assert len(server.asked) == 40 + failed, "the second start asks the failed ones alone"
        broken = False
        assert main(arguments) == 0
        assert len(server.asked) == 40 + 2 * failed
        assert main([*arguments, "--distance", "haversine"]) == 0
        assert len(server.asked) == 40 + 2 * failed, "another distance is not another answer"
        whole = list(map(str, endpoint(server, tmp_path / "whole", *many, "--limit", 40, "--distance", "haversine")))
        assert main(whole) == 0
    one, other = tmp_path / "many" / "samples.jsonl", tmp_path / "whole" / "many" / "samples.jsonl"
    assert one.read_bytes() == other.read_bytes()


def test_a_higher_limit_goes_on_and_fresh_starts_over(tmp_path: Path, many: list[object]) -> None:
    with ChatServer(told) as server:

        def run(*more: object) -> int:
            before = len(server.asked)
            assert main(list(map(str, endpoint(server, tmp_path, *many, *more)))) == 0
            return len(server.asked) - before

        assert run("--limit", 10) == 10
        assert run("--limit", 25) == 15
        assert run("--limit", 5) == 0
        assert numbers(tmp_path / "many")["n"] == 5
        assert run("--limit", 5, "--fresh") == 5
        assert len(journal(tmp_path / "many")) == 5
        assert run("--limit", 0.1) == 25


def test_shards_are_every_nth_photograph_of_the_limit(tmp_path: Path, many: list[object]) -> None:
    with ChatServer(told) as server:

        def run(out: str, *more: object) -> None:
            assert main(list(map(str, endpoint(server, tmp_path / out, *many, "--limit", 14, *more)))) == 0

        run("whole")
        lines = (tmp_path / "whole" / "many" / "samples.jsonl").read_bytes().splitlines()
        for part in (1, 2, 3, 4):
            run("parts", "--shard", f"{part}/4")
            folder = tmp_path / "parts" / "many" / f"shard-{part}-of-4"
            assert (folder / "samples.jsonl").read_bytes().splitlines() == lines[part - 1 :: 4]
            assert numbers(folder)["shard"] == f"{part}/4" and numbers(folder)["limit"] == 14
            assert len(journal(folder)) == len(lines[part - 1 :: 4])
        assert numbers(tmp_path / "whole" / "many")["shard"] is None
        assert len(server.asked) == 28


@pytest.mark.parametrize(
    "more, words",
    [
        (["--shard", "0/4"], ["--shard", "'0/4'", "I/N"]),
        (["--shard", "5/4"], ["'5/4'"]),
        (["--shard", "4"], ["'4'"]),
        (["--shard", "16/20", "--limit", "15"], ["--shard 16/20", "no photograph of many is left"]),
        (["--price_in", "1"], ["--price_in and --price_out"]),
        (["--price_in", "-1", "--price_out", "1"], ["--price_in", "-1"]),
        (["--overwrite"], ["--overwrite"]),
    ],
)
def test_bad_arguments_are_one_line(
    tmp_path: Path, many: list[object], capsys: pytest.CaptureFixture[str], more: list[str], words: list[str]
) -> None:
    assert main(["--model", "constant", "-o", str(tmp_path / "out"), *map(str, many), *more]) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 1 and all(word in err[0] for word in words), err
    assert not (tmp_path / "out").exists()


def test_another_run_is_refused_before_the_model_is_loaded(
    tmp_path: Path, many: list[object], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["--model", "constant", "--model_args", "city=Paris,country=France", "-o", str(tmp_path / "out")]
    arguments += [*map(str, many), "--limit", "5"]
    assert main(arguments) == 0
    before = (tmp_path / "out" / "many" / "samples.jsonl").read_bytes()
    capsys.readouterr()
    other = [part.replace("city=Paris", "city=Lyon") for part in arguments] + ["--seed", "3", "--max_side", "28"]
    with monkeypatch.context() as patched:
        patched.setattr("globe_eval.runs.run.load_model", lambda _: pytest.fail("the model was loaded"))
        assert main(other) == 2
    err = capsys.readouterr().err
    for words in ("model_args.city was 'Paris', is 'Lyon'", "seed was 0, is 3", "max_side was None, is 28", "--fresh"):
        assert words in err
    assert (tmp_path / "out" / "many" / "samples.jsonl").read_bytes() == before
    assert main([*other, "--fresh"]) == 0
    assert b"Lyon" in (tmp_path / "out" / "many" / "samples.jsonl").read_bytes()


def test_another_model_behind_the_same_address_is_refused(
    tmp_path: Path, many: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    with ChatServer(told, models=["first"]) as server:
        assert main(list(map(str, endpoint(server, tmp_path, *many, "--limit", 5)))) == 0
    with ChatServer(told, models=["first"]) as server:  # another port
        assert main(list(map(str, endpoint(server, tmp_path, *many, "--limit", 5)))) == 0
        assert server.asked == []
        server.models = ["second"]
        assert main(list(map(str, endpoint(server, tmp_path, *many, "--limit", 5)))) == 2
    assert "model_info.model_name was 'first', is 'second'" in capsys.readouterr().err


@pytest.mark.alone
def test_two_processes_do_not_share_a_folder(
    tmp_path: Path, many: list[object], capfd: pytest.CaptureFixture[str]
) -> None:
    refused = threading.Event()
    with ChatServer(told_until(20, refused)) as server:
        first = start(endpoint(server, tmp_path, *many), tmp_path / "stderr")
        wait_until(lambda: len(server.asked) > 3, first)
        assert main(list(map(str, endpoint(server, tmp_path, *many)))) == 2
        assert f"{tmp_path / 'many'}: is being written by process {first.pid} on " in capfd.readouterr().err
        refused.set()
        first.join(300)
        assert first.exitcode == 0 and len(server.asked) == 300


@pytest.mark.alone
@pytest.mark.usefixtures("ctrl_c")
def test_no_secret_is_written_anywhere(
    tmp_path: Path, many: list[object], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = ["sk-planted-in-the-environment", "planted-password", "planted-query"]
    monkeypatch.setenv("OPENAI_API_KEY", secrets[0])

    def answer(payload: dict[str, Any], number: int) -> str | Reply:
        refuse = Reply({"error": {"message": f"{secrets[0]} at http://me:{secrets[1]}@host/v1"}}, 400)
        return refuse if int(question(payload), 16) % 5 == 0 else told_until(100, ended)(payload, number)

    ended = threading.Event()
    with ChatServer(answer) as server:
        address = server.base_url.replace("://", f"://me:{secrets[1]}@") + f"?key={secrets[2]}"
        arguments = ["--model", "endpoint", "--model_args", f"base_url={address},num_concurrent=4,max_retries=0"]
        arguments += ["-o", str(tmp_path), *map(str, many)]
        process = command(*arguments, "--limit", 300)
        wait_until(lambda: len(server.asked) >= 40, process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
        ended.set()
        assert process.returncode == 130 and b"start the same command again" in err
        assert main([*arguments, "--limit", "20"]) == 3
        assert all(one.headers["Authorization"].startswith("Basic ") for one in server.asked)
        assert main(list(map(str, endpoint(server, tmp_path, *many, "--limit", 100)))) == 3
        assert server.asked[-1].headers["Authorization"] == f"Bearer {secrets[0]}"
    written = [err, *capfd.readouterr(), *(file for file in tmp_path.rglob("*") if file.is_file())]
    assert len(written) >= 6
    for one in written:
        text = one.read_text() if isinstance(one, Path) else str(one)
        for secret in secrets:
            assert secret not in text, one


def test_usage_has_tokens_time_and_with_prices_the_cost(tmp_path: Path, many: list[object]) -> None:
    with ChatServer(told) as server:
        arguments = list(map(str, endpoint(server, tmp_path, *many, "--limit", 20, "--price_in", 2, "--price_out", 10)))
        assert main(arguments) == 0
        first = usage(tmp_path / "many")
        assert main(arguments) == 0
        again = usage(tmp_path / "many")
    assert first["prompt_tokens"] == 220 and first["completion_tokens"] == 140
    assert first["cost"] == pytest.approx((220 * 2 + 140 * 10) / 1e6)
    assert 0 < first["seconds_to_first_answer"] <= first["seconds"]
    assert first["images_per_second"] == pytest.approx(20 / first["seconds"], rel=0.01)
    assert (first["resumed"], again["resumed"]) == (0, 20)
    assert again["seconds"] == pytest.approx(first["seconds"], abs=0.01), "the time that the model took, not the disk"
    assert again["seconds_to_first_answer"] is None
    assert [again[name] for name in ("prompt_tokens", "cost")] == [first[name] for name in ("prompt_tokens", "cost")]
    assert main(["--model", "constant", "-o", str(tmp_path / "constant"), *map(str, many), "--limit", "5"]) == 0
    unknown = usage(tmp_path / "constant" / "many")
    assert unknown["prompt_tokens"] is None and unknown["cost"] is None


def test_a_process_that_helps_another_writes_no_results_and_its_answers_count(
    tmp_path: Path, many: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `accelerate launch` starts them, but one after the other."""
    arguments = ["--model", "constant", "-o", str(tmp_path), *map(str, many), "--limit", "9"]
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert main(arguments) == 0
    assert [path.name for path in (tmp_path / "many").iterdir()] == ["journal.rank1.jsonl"]
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert main(arguments) == 0
    assert usage(tmp_path / "many")["resumed"] == 9
