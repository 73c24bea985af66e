"""Inspect, stock lm-eval and globe-eval: one question, one reading, the same five figures."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from globe_eval.benchmarks.definition import shipped, tasks_folder
from globe_eval.benchmarks.prompts import PROMPTS, SYSTEM
from globe_eval.cli import main
from globe_eval.metrics.catalogue import ACCURACIES

inspect_ai = pytest.importorskip("inspect_ai")

N = 40


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    from globe_eval import miniworld

    path = miniworld.prepare()
    return [{**json.loads(line), "file": path.parent / json.loads(line)["image"]} for line in path.open()][:N]


@pytest.fixture(scope="module")
def answers(rows: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """Id -> a response of one of many kinds, and how it ended."""
    kinds = (
        lambda row: (f"<think>A {row['entities'][0]}.</think>\ncountry: {row['country']}\ncity: {row['city']}", "stop"),
        lambda row: (f"country: {row['country']}", "stop"),
        lambda row: ("country: Japan\ncity: Kyoto", "stop"),
        lambda row: ("I cannot tell where this is.", "stop"),
        lambda row: (f"latitude: {row['lat'] + 0.1}\nlongitude: {row['lon']}", "stop"),
        lambda row: ("<think>The road is on the left, so this may be", "length"),
        lambda row: ("", "content_filter"),
        lambda row: (f"This looks like {row['city']}, {row['country']}.", "stop"),
    )
    return {row["id"]: kinds[i % len(kinds)](row) for i, row in enumerate(rows)}


Log = tuple[Any, Path, list[Any]]


@pytest.fixture(scope="module")
def ask(rows: list[dict[str, Any]], answers: dict[str, tuple[str, str]], tmp_path_factory: Any) -> Any:
    """Runs one of our tasks in Inspect, with a model that knows pictures by their bytes."""
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    import globe_eval.runs.inspect_tasks  # noqa: F401  what the entry point loads

    by_bytes = {row["file"].read_bytes(): row["id"] for row in rows}
    reasons = {"stop": "stop", "length": "max_tokens", "content_filter": "content_filter"}

    def run(task: str, silent: tuple[str, ...] = (), **options: Any) -> Log:
        heard: list[Any] = []

        def answer(messages: Any, tools: Any, choice: Any, config: Any) -> Any:
            (image,) = (part for part in messages[-1].content if part.type == "image")
            head, _, data = image.image.partition(",")
            id_ = by_bytes[base64.b64decode(data)]
            heard.append((head, messages[0].text, messages[-1].text, config))
            if id_ in silent:
                raise ConnectionError("nobody is there")
            text, reason = answers[id_]
            output = ModelOutput.from_content("mockllm/model", text, stop_reason=reasons[reason])
            output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
            return output

        model = get_model("mockllm/model", custom_outputs=answer, memoize=False)
        folder = tmp_path_factory.mktemp("logs")
        (log,) = inspect_ai.eval(task, model=model, log_dir=str(folder), display="none", **{"limit": N, **options})
        (path,) = folder.glob("*.eval")
        return log, path, heard

    return run


@pytest.fixture(scope="module")
def asked(ask: Any) -> Log:
    return ask("globe_eval/miniworld")


def figures(log: Any) -> dict[str, float]:
    return {score.name: score.metrics["mean"].value for score in log.results.scores}


@pytest.fixture
def ours(
    answers: dict[str, tuple[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Figures of `globe-eval` on the same answers, and the words of its command."""
    file = tmp_path / "answers.jsonl"
    lines = [json.dumps({"id": i, "response": text, "finish_reason": end}) for i, (text, end) in answers.items()]
    file.write_text("\n".join(lines) + "\n")
    words = ["--model", "replay", "--model_args", f"answers={file}", "--tasks", "miniworld", "--limit", str(N)]
    assert main([*words, "-o", str(tmp_path / "ours"), "--format", "json"]) == 0
    yield json.loads(capsys.readouterr().out)["miniworld"], words


def test_the_three_give_the_same_five_figures(asked: Log, ours: Any, tmp_path: Path) -> None:
    found, words = ours
    stock = (
        "from globe_eval import models; models.register()\nfrom lm_eval.__main__ import cli_evaluate; cli_evaluate()"
    )
    more = ["--include_path", str(tasks_folder()), "--apply_chat_template", "--output_path", str(tmp_path / "stock")]
    subprocess.run([sys.executable, "-c", stock, "run", *words, *more], check=True, capture_output=True)
    (path,) = (tmp_path / "stock").rglob("results_*.json")
    theirs = json.loads(path.read_text())["results"]["miniworld"]
    values = {name: found[name] for name in (*ACCURACIES, "geoscore", "located")}
    assert {name: theirs[f"{name},none"] for name in values} == values
    assert figures(asked[0]) == pytest.approx(values, abs=1e-12)
    assert 0 < values["acc@1km"] < values["acc@25km"] < values["acc@2500km"] < values["located"] < 1


def test_the_model_gets_the_picture_and_the_prompt_that_an_endpoint_gets(asked: Log) -> None:
    log, _, heard = asked
    assert len(heard) == N
    for head, system, prompt, config in heard:
        assert (head, system, prompt) == ("data:image/png;base64", SYSTEM, PROMPTS["globe_readme"].text)
        assert (config.temperature, config.max_tokens) == (0, 256)
    assert str(log.eval.task_version) == "2" and log.eval.metadata["answer_form"] == "names"
    (scorer,) = {score.scorer for score in log.results.scores}
    assert (log.eval.task, log.eval.task_registry_name) == ("miniworld", "globe_eval/miniworld")
    assert scorer == "geolocation"


@pytest.mark.parametrize("suffix", [".eval", ".json"])
def test_score_reads_a_log(
    asked: Log, ours: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    from inspect_ai.log import write_eval_log

    path = tmp_path / f"log{suffix}"
    write_eval_log(asked[0], str(path))
    assert main(["score", str(path), "--format", "json", "-o", str(tmp_path / "scored")]) == 0
    scored = json.loads(capsys.readouterr().out)
    scored = scored.get("score", scored)
    same = (*ACCURACIES, "median_km", "geoscore", "grounding_lift", "status")
    assert {name: scored[name] for name in same} == {name: ours[0][name] for name in same}
    assert [scored["interval"][name] for name in ACCURACIES] == [ours[0]["interval"][name] for name in ACCURACIES]


def test_a_variant_is_an_argument(ask: Any) -> None:
    log, _, heard = ask("globe_eval/miniworld", task_args={"prompt": "coordinates"}, limit=2)
    assert [prompt for _, _, prompt, _ in heard] == [PROMPTS["coordinates"].text] * 2
    assert log.eval.metadata["answer_form"] == "coordinates"


def test_an_answer_that_never_came_is_an_error_in_the_score_of_the_log(
    ask: Any, rows: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, path, _ = ask("globe_eval/miniworld", silent=(rows[0]["id"],), fail_on_error=False)
    assert len(log.samples) == N
    assert main(["score", str(path), "--format", "json"]) == 3
    scored = json.loads(capsys.readouterr().out)
    assert scored.get("score", scored)["status"]["error"] == 1


def test_every_benchmark_is_a_task_by_its_name() -> None:
    from inspect_ai._util.registry import registry_find

    found = {info.name for one in registry_find(lambda info: info.type == "task") for info in [registry_info(one)]}
    assert {f"globe_eval/{name}" for name, one in shipped().items() if not one.is_group} <= found
    points = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["entry-points"]
    assert points["inspect_ai"] == {"globe_eval": "globe_eval.runs.inspect_tasks"}


def registry_info(one: Any) -> Any:
    from inspect_ai._util import registry

    return registry.registry_info(one)
