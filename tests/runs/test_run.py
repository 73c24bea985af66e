"""Runs through the real lm-eval: our command line, a user's own YAML, and stock `lm_eval run` beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from globe_eval.benchmarks.definition import tasks_folder
from globe_eval.cli import main
from globe_eval.runs import record

TRUTH = [("a", 48.8566, 2.3522), ("b", -33.87, 151.21), ("c", 35.68, 139.69), ("d", 51.5, -0.12)]


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    """A user's benchmark: pictures, a table and a YAML of four lines."""
    folder = tmp_path / "mine"
    (folder / "img").mkdir(parents=True)
    for index, (name, _, _) in enumerate(TRUTH):
        Image.new("RGB", (56, 56), (60 * index, 80, 120)).save(folder / "img" / f"{name}.jpg")
    (folder / "gt.csv").write_text("id,lat,lon\n" + "".join(f"{n},{lat},{lon}\n" for n, lat, lon in TRUTH))
    (folder / "mine.yaml").write_text(
        "task: mine\nclass: !function globe_eval.GeoTask\n"
        f"dataset_kwargs: {{truth: {folder / 'gt.csv'}, images: {folder / 'img'}}}\nmetadata: {{version: 1}}\n"
    )
    return folder


def answers(folder: Path, *texts: tuple[str, str]) -> Path:
    path = folder / "answers.jsonl"
    path.write_text("".join(json.dumps({"id": name, "response": text}) + "\n" for name, text in texts))
    return path


def names(country: str, city: str) -> str:
    return f"<think>Signs.</think><answer>country: {country}\ncity: {city}</answer>"


def evaluate(benchmark: Path, path: Path, out: Path, *more: object) -> int:
    arguments = ["--model", "replay", "--model_args", f"answers={path}", "--tasks", "mine"]
    return main([*arguments, "--include_path", str(benchmark), "--output_path", str(out), *map(str, more)])


def test_four_lines_of_yaml_are_a_benchmark(
    benchmark: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = answers(
        benchmark,
        ("a", names("France", "Paris")),
        ("b", names("Australia", "Melbourne")),
        ("c", "I'm sorry, I cannot determine where this is."),
        ("d", ""),
    )
    assert evaluate(benchmark, path, tmp_path / "out", "--format", "json") == 0
    result = json.loads(capsys.readouterr().out)["mine"]
    assert result["n"] == 4 and result["acc@25km"] == 0.25 and result["acc@750km"] == 0.5
    assert result["country_accuracy"] == 0.5
    assert {k: v for k, v in result["status"].items() if v} == {"city": 2, "refused": 1, "empty": 1}
    samples = [json.loads(line) for line in (tmp_path / "out" / "mine" / "samples.jsonl").read_text().splitlines()]
    assert [s["id"] for s in samples] == ["a", "b", "c", "d"]
    assert all(len(s["image_sha256"]) == 64 for s in samples)
    assert samples[0]["answer"]["city"] == "Paris" and samples[0]["prediction"]["geonameid"] == 2988507


def test_a_photograph_that_was_never_answered_makes_the_run_incomplete(
    benchmark: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = answers(benchmark, *((name, names("France", "Paris")) for name in "abc"))
    assert evaluate(benchmark, path, tmp_path / "out", "--format", "json") == 3
    captured = capsys.readouterr()
    assert json.loads(captured.out)["mine"]["status"]["error"] == 1
    assert "mine: 1 of 4" in captured.err
    last = json.loads((tmp_path / "out" / "mine" / "samples.jsonl").read_text().splitlines()[3])
    assert last["status"] == "error" and last["error"] and last["response"] is None


def test_a_manifest_that_is_not_the_whole_benchmark_is_said(
    benchmark: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    yaml, path = benchmark / "mine.yaml", answers(benchmark, *((name, names("France", "Paris")) for name in "abcd"))
    yaml.write_text(yaml.read_text().replace("version: 1", "version: 1, n: 5"))
    assert evaluate(benchmark, path, tmp_path / "out") == 0
    assert "mine has 5 photographs, this manifest 4: results on it are not comparable" in capsys.readouterr().err
    monkeypatch.chdir(benchmark)
    assert main(["--model", "constant", "--tasks", "mine"]) == 2
    assert "unknown task 'mine'; mine.yaml lies here: give that file, or its folder" in capsys.readouterr().err


def test_another_run_in_the_folder_is_not_overwritten(
    benchmark: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = answers(benchmark, *((name, names("France", "Paris")) for name in "abcd"))
    assert evaluate(benchmark, path, tmp_path / "out") == 0
    before = (tmp_path / "out" / "mine" / "samples.jsonl").read_bytes()
    assert evaluate(benchmark, path, tmp_path / "out") == 0
    assert (tmp_path / "out" / "mine" / "samples.jsonl").read_bytes() == before
    answers(benchmark, *((name, names("Japan", "Kyoto")) for name in "abcd"))
    assert evaluate(benchmark, path, tmp_path / "out") == 2
    assert "holds answers of another run: model_files.answers was '" in capsys.readouterr().err
    assert (tmp_path / "out" / "mine" / "samples.jsonl").read_bytes() == before
    assert evaluate(benchmark, path, tmp_path / "out", "--fresh") == 0
    assert b"Kyoto" in (tmp_path / "out" / "mine" / "samples.jsonl").read_bytes()


def test_an_empty_picture_stops_the_run_before_it_starts(
    benchmark: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (benchmark / "img" / "b.jpg").write_bytes(b"")
    assert evaluate(benchmark, answers(benchmark, ("a", "x")), tmp_path / "out") == 2
    assert "b.jpg: the image is empty (0 bytes)" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_found_before_the_model_is_asked(
    benchmark: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = answers(benchmark, *((name, names("France", "Paris")) for name in "abcd"))
    monkeypatch.setattr("lm_eval.evaluator.evaluate", lambda **_: pytest.fail("the model was asked"))
    (tmp_path / "file").write_text("not a folder")
    assert evaluate(benchmark, path, tmp_path / "file" / "out") == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_options_come_from_a_file_and_the_command_line_wins(
    benchmark: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = answers(benchmark, *((name, names("France", "Paris")) for name in "abcd"))
    config = tmp_path / "run.yaml"
    config.write_text(
        f"model: replay\nmodel_args: {{answers: {path}}}\ntasks: [mine]\ninclude_path: {benchmark}\n"
        f"limit: 3\ndistance: haversine\noutput_path: {tmp_path / 'out'}\nformat: json\n"
    )
    assert main(["--config", str(config), "--limit", "2"]) == 0
    result = json.loads(capsys.readouterr().out)["mine"]
    assert (result["n"], result["distance"]) == (2, "haversine")
    config.write_text("modle: replay\n")
    assert main(["--config", str(config)]) == 2
    assert "unknown key 'modle'; did you mean 'model'" in capsys.readouterr().err


def test_floors_run_on_the_embedded_benchmark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", "constant", "--tasks", "miniworld", "--limit", "20", "--output_path", str(tmp_path)]
    assert main([*arguments, "--format", "json"]) == 0
    first = json.loads(capsys.readouterr().out)["miniworld"]
    samples = (tmp_path / "miniworld" / "samples.jsonl").read_bytes()
    assert main(arguments) == 0
    assert (tmp_path / "miniworld" / "samples.jsonl").read_bytes() == samples
    assert first["n"] == 20 and first["located"] == 1.0


def test_stock_lm_eval_gives_the_same_metrics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tiny_qwen: Path
) -> None:
    common = ["--model", "hf-multimodal", "--model_args", f"pretrained={tiny_qwen}", "--tasks", "miniworld"]
    common += ["--limit", "6", "--batch_size", "3", "--device", "cpu", "--gen_kwargs", "max_gen_toks=24"]
    assert main([*common, "--output_path", str(tmp_path / "ours"), "--format", "json"]) == 0
    ours = json.loads(capsys.readouterr().out)["miniworld"]
    stock = (
        "from globe_eval.models import torchvision_cpu; torchvision_cpu.ensure()\n"
        "from lm_eval.__main__ import cli_evaluate; cli_evaluate()"
    )
    arguments = [*common, "--include_path", str(tasks_folder()), "--seed", "0", "--apply_chat_template"]
    arguments += ["--log_samples", "--output_path", str(tmp_path / "stock")]
    subprocess.run([sys.executable, "-c", stock, "run", *arguments], check=True, capture_output=True)
    (path,) = (tmp_path / "stock").rglob("results_*.json")
    theirs = {k.removesuffix(",none"): v for k, v in json.loads(path.read_text())["results"]["miniworld"].items()}
    compared = [name for name in ours["interval"] if ours[name] is not None]
    assert {"acc@1km", "acc@2500km", "geoscore", "located"} <= set(compared)
    for name in compared:
        assert theirs[name] == ours[name], name
    (path,) = (tmp_path / "stock").rglob("samples_*.jsonl")
    stock_responses = [json.loads(line)["resps"][0][0] for line in path.read_text().splitlines()]
    our_lines = (tmp_path / "ours" / "miniworld" / "samples.jsonl").read_text().splitlines()
    assert stock_responses == [json.loads(line)["response"] for line in our_lines]


def test_two_prompts_are_two_folders_and_two_journals(
    benchmark: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = [("a", f"{names('France', 'Paris')} latitude: 48.86 longitude: 2.35"), *((n, "") for n in "bcd")]
    path, out = answers(benchmark, *said), tmp_path / "out"
    assert evaluate(benchmark, path, out) == evaluate(benchmark, path, out, "--prompt", "coordinates") == 0
    assert sorted(folder.name for folder in out.iterdir()) == ["mine", "mine__coordinates"]
    plain, asked = (record.read_results(out / name) for name in ("mine", "mine__coordinates"))
    assert (plain.task, plain.answer_form, asked.task, asked.answer_form) == ("mine", "names", "mine", "coordinates")
    assert asked.prompt_sha256 != plain.prompt_sha256 and (plain.prompt, asked.prompt) == (
        "globe_readme",
        "coordinates",
    )
    assert asked.manifest_sha256 == plain.manifest_sha256
    assert evaluate(benchmark, path, out, "--prompt", "names", "--shard", "1/2") == 0
    assert (out / "mine__names" / "shard-1-of-2" / "results.json").is_file()


@pytest.mark.parametrize(
    ("yaml", "prompt", "error"),
    [
        ("", "coordinate", "--prompt: found 'coordinate'; did you mean 'coordinates'? (allowed: names, "),
        ("doc_to_text: Where?\n", "names", "task 'mine': has a prompt of its own (doc_to_text); found --prompt names"),
        ("prompt: address\n", "names", "task 'mine_address': is the variant with the prompt 'address'; found --prompt"),
        (
            "prompt: no_cot\n",
            "names",
            "task 'mine_no_cot': is the variant with the prompt 'no_cot'; found --prompt names",
        ),
    ],
)
def test_a_prompt_that_cannot_be_asked_is_an_error(
    benchmark: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], yaml: str, prompt: str, error: str
) -> None:
    name = yaml.strip().replace("prompt: ", "mine_") if yaml.startswith("prompt") else "mine"
    text = (benchmark / "mine.yaml").read_text().replace("task: mine", f"task: {name}")
    (benchmark / "mine.yaml").write_text(text + yaml)
    arguments = ["--tasks", name, "--include_path", str(benchmark), "--output_path", str(tmp_path / "out")]
    assert main(["--model", "constant", "--prompt", prompt, *arguments]) == 2
    said = capsys.readouterr().err
    assert error in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()
