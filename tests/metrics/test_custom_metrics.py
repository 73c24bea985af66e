from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import globe_eval
from globe_eval.benchmarks import validate
from globe_eval.cli import main
from globe_eval.errors import InputError
from globe_eval.metrics import custom_metrics
from globe_eval.metrics.catalogue import METRICS, metrics_with
from globe_eval.runs import record

TRUTH = {"a": (48.8566, 2.3522), "b": (48.86, 2.36), "c": (35.68, 139.69), "d": (51.5, -0.12)}
YAML = """\
task: my_city
class: !function globe_eval.GeoTask
dataset_kwargs: {truth: gt.csv, images: img}
metadata: {version: 1}
thresholds_km: [0.5, 100, 25]
metrics:
  - {metric: south_of_it, function: !function my_city.south_of_it, higher_is_better: false}
  - {metric: words, function: !function my_city.words, higher_is_better: true}
"""
FUNCTIONS = '''\
def south_of_it(sample):
    """Whether the answer lies south of the photograph; no value without an answer."""
    found = sample["prediction"]
    return None if found is None else found["lat"] < sample["truth"]["lat"]


def words(sample):
    return len((sample["response"] or "").split())
'''


@pytest.fixture
def my_city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("img").mkdir()
    for index, name in enumerate(TRUTH):
        Image.new("RGB", (56, 56), (60 * index, 80, 120)).save(f"img/{name}.jpg")
    Path("gt.csv").write_text("id,lat,lon\n" + "".join(f"{k},{lat},{lon}\n" for k, (lat, lon) in TRUTH.items()))
    Path("my_city.yaml").write_text(YAML)
    Path("my_city.py").write_text(FUNCTIONS)
    texts = {"a": "country: France\ncity: Paris", "b": "country: France\ncity: Paris", "c": "No idea.", "d": ""}
    Path("answers.jsonl").write_text("".join(json.dumps({"id": k, "response": v}) + "\n" for k, v in texts.items()))
    return tmp_path


def run(*more: str) -> int:
    model = ["--model", "replay", "--model_args", "answers=answers.jsonl", "--output_path", "out"]
    return main([*model, "--tasks", "my_city", "--include_path", ".", *more])


def test_a_benchmark_brings_thresholds_and_functions(my_city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "my_city.yaml"]) == 0
    assert run() == 0
    shown = capsys.readouterr().out
    assert "within 0.5 km" in shown and "within 100 km" in shown and "words" in shown
    results, samples = record.read_results(Path("out/my_city")), record.read_samples(Path("out/my_city"))
    assert [name for name in results.metrics if name.startswith("acc@")] == [
        f"acc@{km}km" for km in ("0.5", "1", "25", "100", "200", "750", "2500")
    ]
    assert results.metrics["acc@100km"].value == results.metrics["acc@25km"].value == 0.5
    assert results.metrics["acc@0.5km"].value == 0.25, "the other one lies 1.1 km off"
    assert results.ceiling is not None and results.ceiling["acc@100km"] == 1.0
    assert [sample.own for sample in samples] == [
        {"south_of_it": float(48.85341 < 48.8566), "words": 4.0},
        {"south_of_it": 1.0, "words": 4.0},
        {"south_of_it": None, "words": 2.0},
        {"south_of_it": None, "words": 0.0},
    ]
    own = results.metrics["south_of_it"]
    assert (own.value, own.n) == (1.0, 2), "no value is left out, not counted as 0"
    assert results.metrics["words"].value == 2.5
    assert list(results.thresholds_km) == [0.5, 100, 25]
    assert results.own_directions == {"south_of_it": False, "words": True}
    assert "words" in results.breakdowns["continent"]["EU"].metrics


@pytest.mark.slow
def test_stock_lm_eval_computes_them_too(my_city: Path) -> None:
    stock = "import globe_eval.models as m; m.register(); from lm_eval.__main__ import cli_evaluate; cli_evaluate()"
    arguments = ["--model", "replay", "--model_args", "answers=answers.jsonl", "--tasks", "my_city"]
    arguments += ["--include_path", ".", "--apply_chat_template", "--output_path", "stock"]
    path = os.pathsep.join([str(Path(globe_eval.__file__).parents[1]), str(my_city)])
    subprocess.run(
        [sys.executable, "-c", stock, "run", *arguments],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    (written,) = Path("stock").rglob("results_*.json")
    theirs = json.loads(written.read_text())["results"]["my_city"]
    assert (theirs["acc@0.5km,none"], theirs["words,none"], theirs["south_of_it,none"]) == (0.25, 2.5, 1.0)


@pytest.mark.parametrize(
    "function, words",
    [
        (
            "def south_of_it(sample):\n    return sample['lat']\n",
            ["'south_of_it'", "photograph 'a'", "KeyError: 'lat'"],
        ),
        ("def south_of_it(sample):\n    return 'yes'\n", ["'south_of_it'", "returned 'yes'", "a number, or None"]),
    ],
)
def test_a_function_that_fails_is_named_with_its_photograph(
    my_city: Path, capsys: pytest.CaptureFixture[str], function: str, words: list[str]
) -> None:
    Path("my_city.py").write_text(function + FUNCTIONS[FUNCTIONS.index("def words") :])
    sys.modules.pop("my_city", None)
    assert run() == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    "change, line, words",
    [
        (("[0.5, 100, 25]", "[0.5, -100]"), 5, "found -100; allowed: distances above 0"),
        (("[0.5, 100, 25]", "[.inf]"), 5, "found inf"),
        (("[0.5, 100, 25]", "[yes]"), 5, "found True"),
        (("[0.5, 100, 25]", "10"), 5, "found 10; allowed: a list"),
        ((", higher_is_better: true", ""), 8, "'words' has no 'higher_is_better'"),
        (("higher_is_better: true", "higher_is_better: up"), 8, "found 'up'; allowed: true or false"),
        (("higher_is_better: true", "higher_is_bettr: true"), 8, "did you mean 'higher_is_better'"),
        (("metric: words", "metric: median_km"), 8, "'median_km' is there already"),
        (("metric: words", "metric: south_of_it"), 8, "'south_of_it' is there already"),
        (("metric: words", "metric: acc@3km"), 8, "a metric has a name of letters"),
        (("!function my_city.words", "my_city.words"), 8, "allowed: !function module.name"),
        (("!function my_city.words", "!function my_city.wrds"), 8, "wrds"),
        (("thresholds_km", "threshold_km"), 5, "did you mean 'thresholds_km'"),
    ],
)
def test_validate_names_the_line(my_city: Path, change: tuple[str, str], line: int, words: str) -> None:
    Path("my_city.yaml").write_text(YAML.replace(*change))
    found = [str(problem) for problem in validate.problems(Path("my_city.yaml"))]
    assert any(words in message and f"line {line}:" in message for message in found), found


def test_what_validate_refuses_is_not_run() -> None:
    assert (custom_metrics.thresholds_km({}), custom_metrics.own_metrics({})) == ((), ())
    with pytest.raises(InputError, match="task 'x': thresholds_km: found 0"):
        custom_metrics.thresholds_km({"task": "x", "thresholds_km": [0]})
    with pytest.raises(InputError, match="has no 'higher_is_better'"):
        custom_metrics.own_metrics({"metrics": [{"metric": "m", "function": len}]})


def test_without_any_the_metrics_are_those_of_all() -> None:
    assert [metric.name for metric in metrics_with()] == [metric.name for metric in METRICS]
    more = metrics_with([1.0], {"far": False})
    assert [metric.name for metric in more] == [*(metric.name for metric in METRICS), "far"]
    assert (more[-1].higher_is_better, more[0].higher_is_better) == (False, True)


def test_shards_of_such_a_benchmark_are_put_together(my_city: Path) -> None:
    assert run() == 0
    for part in ("1/2", "2/2"):
        assert run("--shard", part) == 0
    shards = [str(path.parent) for path in sorted(Path("out").rglob("shard-*/results.json"))]
    assert len(shards) == 2 and main(["merge", *shards, "-o", "merged"]) == 0
    assert record.read_results(Path("merged")).metrics == record.read_results(Path("out/my_city")).metrics
