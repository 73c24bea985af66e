"""No prompt shows the truth, and what a model sees of a photograph has no name in it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lm_eval import utils
from pictures import (
    SECRET,
    gps_exif,
    picture,
    stored_pixels,
)
from servers import ChatServer

from globe_eval.benchmarks.images import Photograph
from globe_eval.benchmarks.metadata import carries_coordinates
from globe_eval.benchmarks.prompts import refuse_prompt_leaks
from globe_eval.benchmarks.task import GeoTask
from globe_eval.cli import main
from globe_eval.errors import InputError

ROWS = [
    {"id": "a", "lat": 48.8566, "lon": 2.3522, "country": "France", "city": "Paris", "group": None, "image": "a.jpg"},
    {"id": "b", "lat": 35.0116, "lon": 135.7681, "country": "Japan", "city": None, "group": "g", "image": "x/b.jpg"},
]


def country_by_name(row: Mapping[str, Any]) -> str:
    return {"a.jpg": "<image>It is in FR.", "x/b.jpg": "<image>It is in JP."}[row["image"]]


@pytest.mark.parametrize(
    ("prompt", "column"),
    [
        (lambda row: f"<image>Is this {row['country']}?", "country"),
        (lambda row: f"<image>In {row['city'].upper() if row['city'] else 'a city'}?", "city"),
        (lambda row: f"<image>Near {round(row['lat'])} degrees north.", "lat"),
        (lambda row: "east" if row["lon"] > 0 else "west", "lon"),
        (lambda row: f"Photograph {row['id']}.", "id"),
        (lambda row: f"Photograph {Path(row['image']).stem}.", "image"),
        (lambda row: "By one person." if row["group"] is None else "By another.", "group"),
        (country_by_name, "image"),
        (lambda row: str(sorted(row.items(), key=str)), "id"),
    ],
)
def test_a_prompt_that_knows_something_is_refused(prompt: Callable[[Mapping[str, Any]], str], column: str) -> None:
    with pytest.raises(InputError, match=rf"^task 'mine': the prompt shows the truth column '{column}'") as caught:
        refuse_prompt_leaks("task 'mine'", prompt, ROWS)
    assert "\n" not in str(caught.value)


def test_a_prompt_that_changes_is_refused() -> None:
    turns = iter(range(100))
    with pytest.raises(InputError, match="not the same twice"):
        refuse_prompt_leaks("task 'mine'", lambda row: f"Question {next(turns)}", ROWS)
    with pytest.raises(InputError, match="'b' is not that of 'a'"):
        refuse_prompt_leaks("task 'mine'", lambda row: "Kana." if row["country"] == "Japan" else "Latin.", ROWS)


def test_a_prompt_with_an_example_is_no_leak() -> None:
    fixed = "<image>Answer as in: country: France, city: Paris, a photograph at 48.8566, 2.3522."
    refuse_prompt_leaks("task 'mine'", lambda row: fixed, ROWS)
    refuse_prompt_leaks("task 'mine'", lambda row: f"{row}", [])


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    """Two photographs whose folder, names, ids and metadata all tell where they were taken."""
    folder = tmp_path / "kyoto_kinkakuji"
    (folder / "japan").mkdir(parents=True)
    for name in ("golden-pavilion-35.0394", "rock-garden-35.0345"):
        picture().save(folder / "japan" / f"{name}.jpg", exif=gps_exif(), comment=SECRET)
    (folder / "truth.csv").write_text(
        "id,image,lat,lon,country,city\n"
        "id-of-the-pavilion,japan/golden-pavilion-35.0394.jpg,35.0394,135.7292,Japan,Kyoto\n"
        "id-of-the-garden,japan/rock-garden-35.0345.jpg,35.0345,135.7183,Japan,Kyoto\n"
    )
    return folder


def config(folder: Path, **more: Any) -> dict[str, Any]:
    data = {"truth": str(folder / "truth.csv"), "images": str(folder)}
    return {"task": "mine", "dataset_kwargs": data, "metadata": {"version": 1}, **more}


@pytest.mark.parametrize(
    ("more", "column"),
    [
        ({"doc_to_text": "Where in {{country}} is this?"}, "country"),
        ({"doc_to_text": "Where is this, near {{lat|round(1)}}?"}, "lat"),
        ({"doc_to_text": "{{image.split('/')[-1]}}: where is this?"}, "image"),
        ({"doc_to_text": "{% if lat > 0 %}North.{% endif %} Where is this?"}, "lat"),
        ({"doc_to_text": lambda row: f"Where is {row['id']}?"}, "id"),
        ({"doc_to_text": lambda row: f"Where is {row['city'][::-1]}?"}, "city"),
        ({"description": "You know {{city}}."}, "city"),
        ({"gen_prefix": "It is {{country}},"}, "country"),
    ],
)
def test_a_task_whose_prompt_leaks_cannot_be_made(benchmark: Path, more: dict[str, Any], column: str) -> None:
    with pytest.raises(InputError, match=rf"task 'mine': the prompt shows the truth column '{column}' \("):
        GeoTask(config(benchmark, **more))


def test_a_prompt_of_ones_own_is_part_of_the_result(benchmark: Path) -> None:
    """A function's text, not its name, is what the hash is of."""
    texts = ("Where is this, Kyoto or Nara?", "Which town is this?")
    by_text = [GeoTask(config(benchmark, doc_to_text=text)).prompt_sha256 for text in texts]
    by_function = [
        GeoTask(config(benchmark, doc_to_text=lambda row, text=text: f"<image>{text}")).prompt_sha256 for text in texts
    ]
    assert by_text == by_function and len(set(by_text)) == 2


def test_a_leak_in_a_yaml_is_one_line_and_exit_code_2(
    benchmark: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (benchmark / "prompts_of_mine.py").write_text("def ask(row):\n    return f\"Is this {row['city']}?\"\n")
    (benchmark / "mine.yaml").write_text(
        "task: mine\nclass: !function globe_eval.GeoTask\ndoc_to_text: !function prompts_of_mine.ask\n"
        f"dataset_kwargs: {{truth: {benchmark / 'truth.csv'}, images: {benchmark}}}\nmetadata: {{version: 1}}\n"
    )
    out = tmp_path / "out"
    assert main(["--model", "constant", "--tasks", str(benchmark / "mine.yaml"), "-o", str(out)]) == 2
    loaded, error = capsys.readouterr().err.splitlines()
    assert "mine.yaml loads the Python of" in loaded and loaded.endswith("prompts_of_mine.py")
    assert "task 'mine': the prompt shows the truth column 'city' ('Kyoto'" in error
    assert not out.exists()


def test_a_request_holds_pixels_and_the_prompt_and_nothing_else(
    benchmark: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (benchmark / "mine.yaml").write_text(
        "task: mine\nclass: !function globe_eval.GeoTask\n"
        f"dataset_kwargs: {{truth: {benchmark / 'truth.csv'}, images: {benchmark}}}\nmetadata: {{version: 1}}\n"
    )
    out = tmp_path / "out"
    with ChatServer() as server:
        arguments = ["--model", "endpoint", "--model_args", f"base_url={server.base_url}", "-o", str(out)]
        assert main([*arguments, "--tasks", str(benchmark / "mine.yaml")]) == 0
    assert len(server.asked) == 2
    for asked in server.asked:
        (part,) = (
            p for m in asked.payload["messages"] for p in m["content"] if isinstance(p, dict) and "image_url" in p
        )
        sent = base64.b64decode(part["image_url"]["url"].partition(",")[2])
        assert not carries_coordinates(sent)
        assert np.array_equal(
            stored_pixels(sent), stored_pixels((benchmark / "japan" / "rock-garden-35.0345.jpg").read_bytes())
        )
        everything = asked.raw.lower() + json.dumps(asked.headers).lower().encode() + sent.lower()
        for told in (
            "kyoto",
            "kinkakuji",
            "japan",
            "pavilion",
            "garden",
            "35.03",
            "135.7",
            "mine",
            str(tmp_path),
            "id-of",
        ):
            assert told.encode() not in everything, told
    results = json.loads((out / "mine" / "results.json").read_text())
    assert results["images"] == {"with_coordinates": 2, "reencoded": 0, "max_pixels": None, "max_side": None}
    said = capsys.readouterr().err
    assert said.count("2 of 2 pictures carried their coordinates in metadata; the model never sees it") == 1


def test_models_are_asked_about_the_rows_of_the_manifest(benchmark: Path) -> None:
    task = GeoTask(config(benchmark))
    assert task.eval_docs is task.manifest.rows
    assert list(task.test_docs()) == task.manifest.rows
    few = GeoTask(config(benchmark, process_docs=lambda docs: docs.select([1])))
    assert list(few.eval_docs) == task.manifest.rows[1:2]


def test_templates_are_compiled_once_for_all_photographs(benchmark: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """lm-eval compiles each anew for each photograph; and its own environment is left as it was."""
    compiled = []
    plain = utils.env.from_string
    monkeypatch.setattr(utils.env, "from_string", lambda text: compiled.append(text) or plain(text))
    counting = utils.env.from_string
    task = GeoTask(config(benchmark))
    compiled.clear()
    task.build_all_requests()
    assert len(task.instances) == 2 and len(compiled) == len(set(compiled)) == 2
    assert utils.env.from_string is counting


def test_what_in_process_models_get_has_no_name_in_it(benchmark: Path) -> None:
    request = GeoTask(config(benchmark)).test_docs()[0]
    (photograph,) = GeoTask(config(benchmark)).doc_to_image(request)
    assert isinstance(photograph, Photograph)
    seen = photograph.convert("RGB")
    assert not seen.info and not seen.getexif() and not hasattr(seen, "filename")
