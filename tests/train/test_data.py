from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from globe_eval import miniworld
from globe_eval.errors import InputError
from globe_train.data import Examples, benchmarks_of, contamination, dataset, examples_of, read_examples, target
from globe_train.recipe import Recipe

PLACES = [("France", "Paris"), ("Japan", "Tokyo"), ("Kenya", "Nairobi")]


def recipe_of(folder: Path, kind: str = "sft", **values: Any) -> Recipe:
    given = {"kind": kind, "output": str(folder / "out"), "data": {"manifest": str(folder / "train.jsonl")}, **values}
    return Recipe(folder / "recipe.yaml", given, {("data",): 5})


def written(folder: Path, rows: list[dict[str, Any]], pictures: bool = True) -> Path:
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for i in range(len(rows) if pictures else 0):
        Image.new("RGB", (30, 20), (i, 2 * i, 3 * i)).save(folder / f"{i}.png")
    return folder


def mp16_rows() -> list[dict[str, Any]]:
    """Rows as the released MP16-Reason has them, by what its code reads."""
    return [
        {
            "image": f"{i}.png",
            "response": f"The signs are those of {city}.",
            "__#solution": f"<country>{country}</country>: <city>{city}</city>",
            "entities": [{"text": "sign", "score": 0.9}, {"text": "tower"}],
        }
        for i, (country, city) in enumerate(PLACES)
    ]


def read(recipe: Recipe) -> Examples:
    return read_examples(recipe, recipe.output / "pictures.jsonl")


def test_rows_of_mp16_reason(tmp_path: Path) -> None:
    examples = read(recipe_of(written(tmp_path, mp16_rows())))
    row = examples.rows[0]
    assert (row["country"], row["city"], row["entities"]) == ("France", "Paris", ["sign", "tower"])
    assert target(row) == ("<think>The signs are those of Paris.</think><answer>country: France\ncity: Paris</answer>")
    assert abs(row["lat"] - 48.86) < 0.1 and abs(row["lon"] - 2.35) < 0.1
    assert "3 of 3 rows had no coordinates" in examples.notes[0]


def test_the_rows_are_what_trl_takes(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    recipe = recipe_of(written(tmp_path, mp16_rows()))
    data = dataset(read(recipe), recipe)
    assert data[1]["completion"][0]["content"].endswith("city: Tokyo</answer>")
    assert [turn["role"] for turn in data[1]["prompt"]] == ["system", "user"]
    assert "<image>" not in data[1]["prompt"][1]["content"]
    assert data[1]["images"][0].size == (30, 20)
    grpo = recipe_of(tmp_path, "grpo", rewards={"r_geo": 1.0})
    assert "completion" not in dataset(read(grpo), grpo).column_names


def test_columns_of_another_name_and_a_limit(tmp_path: Path) -> None:
    rows = [
        {"image": f"{i}.png", "why": "so", "land": a, "town": b, "lat": 1, "lon": 2} for i, (a, b) in enumerate(PLACES)
    ]
    columns = {"reasoning": "why", "country": "land", "city": "town"}
    data = {"manifest": str(written(tmp_path, rows) / "train.jsonl"), "columns": columns, "limit": 2}
    examples = read(recipe_of(tmp_path, data=data))
    assert [row["city"] for row in examples.rows] == ["Paris", "Tokyo"]
    assert examples.notes == ()
    data["columns"] = {**columns, "city": "twon"}
    with pytest.raises(InputError, match=r"no column 'twon'; did you mean 'town'"):
        read(recipe_of(tmp_path, data=data))


@pytest.mark.parametrize(
    ("kind", "lacking", "said"),
    [
        ("sft", "response", "train.jsonl has no reasoning, which sft needs"),
        ("sft", "__#solution", "has no country, which sft needs"),
        ("sft", "image", "has no image, which sft needs"),
        ("grpo", "entities", "has no entities, which globe_r_vis needs"),
        ("reward_model", "localizable", "has no localizable, which the labels"),
    ],
)
def test_a_missing_column_is_named_with_what_needs_it(tmp_path: Path, kind: str, lacking: str, said: str) -> None:
    rows = [{key: value for key, value in row.items() if key != lacking} for row in mp16_rows()]
    more = {"rewards": {"globe_r_vis": 1.0}} if kind == "grpo" else {}
    with pytest.raises(InputError) as error:
        read(recipe_of(written(tmp_path, rows), kind, **more))
    assert said in str(error.value) and "line 5" in str(error.value)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("response", None, "reasoning is missing, which sft needs; data.where='reasoning is not None' leaves"),
        ("__#solution", "<country>Japan</country>", "city is missing, which sft needs"),
        ("lat", 95, "found 95; allowed: degrees from -90 to 90"),
        ("lon", "north", "found 'north'; allowed: degrees from -180 to 180"),
    ],
)
def test_a_single_cell_that_cannot_be_used_is_named_with_its_line(
    tmp_path: Path, column: str, value: Any, said: str
) -> None:
    rows = mp16_rows()
    rows[1][column] = value
    with pytest.raises(InputError, match=rf"train.jsonl, line 2: {said}"):
        read(recipe_of(written(tmp_path, rows)))


def test_pictures_that_are_not_there_or_do_not_decode(tmp_path: Path) -> None:
    written(tmp_path, mp16_rows())
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:40])
    (tmp_path / "2.png").unlink()
    with pytest.raises(InputError, match=r"2 of 3 images cannot be used: 1.png: .*; 2.png: "):
        read(recipe_of(tmp_path))


@pytest.mark.parametrize("name", ["../0.png", "/etc/hostname"])
def test_a_picture_outside_the_folder(tmp_path: Path, name: str) -> None:
    rows = mp16_rows()
    rows[0]["image"] = name
    with pytest.raises(InputError, match="lies outside"):
        read(recipe_of(written(tmp_path, rows)))


def test_the_same_id_twice(tmp_path: Path) -> None:
    rows = [{**row, "id": "a"} for row in mp16_rows()]
    with pytest.raises(InputError, match=r"line 2: the id 'a' stands there twice, first in train.jsonl, line 1"):
        read(recipe_of(written(tmp_path, rows)))


def test_the_hash_is_of_rows_and_pictures(tmp_path: Path) -> None:
    first = read(recipe_of(written(tmp_path, mp16_rows()))).sha256
    assert read(recipe_of(tmp_path)).sha256 == first
    Image.new("RGB", (30, 20), (9, 9, 9)).save(tmp_path / "0.png")
    assert read(recipe_of(tmp_path)).sha256 != first


def test_rows_without_coordinates_share_none_and_the_same_picture_is_refused(tmp_path: Path) -> None:
    rows = [{**row, "__#solution": "<country>nowhere</country><city>nowhere</city>"} for row in mp16_rows()]
    recipe = recipe_of(written(tmp_path, rows), against=["miniworld"])
    examples = read(recipe)
    found = contamination(recipe, examples, benchmarks_of(recipe["against"], recipe.output))
    assert found[0]["shared"]["content"] == 0 and found[0]["shared"]["coordinates"] is None
    examples.rows[0]["lat"] = examples.rows[0]["lon"] = 10.0  # some have them, some have not
    assert (
        contamination(recipe, examples, benchmarks_of(recipe["against"], recipe.output))[0]["shared"]["coordinates"]
        == 0
    )

    test = miniworld.photographs("test", 3)
    (tmp_path / "1.png").write_bytes(miniworld.png(miniworld.render(test[2])))
    with pytest.raises(InputError, match=r"1 of the training pictures are in miniworld too \('1' is its 'mw-00002'\)"):
        contamination(recipe, read(recipe), benchmarks_of(recipe["against"], recipe.output))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data, manifest: .*train.jsonl: no such file"):
        read(recipe_of(tmp_path))


def test_a_data_set_of_the_hub_is_fetched_once_and_read_like_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trl: Any
) -> None:
    """In MP16-Reason's fields, with its pictures in a list, as ms-swift has them."""
    import datasets

    written(tmp_path, mp16_rows())
    pictures = [[{"bytes": (tmp_path / f"{i}.png").read_bytes(), "path": f"{i}.png"}] for i in range(len(PLACES))]
    rows = [{key: value for key, value in row.items() if key != "image"} for row in mp16_rows()]
    data = datasets.Dataset.from_list([{**row, "images": cell} for row, cell in zip(rows, pictures, strict=True)])
    asked = []

    def load(name: str, split: str) -> Any:
        asked.append((name, split))
        return data.cast_column("images", datasets.List(datasets.Image()))

    monkeypatch.setattr(datasets, "load_dataset", load)
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(tmp_path / "data"))
    recipe = recipe_of(tmp_path, "grpo", data={"hub": "a/b"}, rewards={"globe_r_vis": 1.0})
    for _ in range(2):
        examples = read(recipe)
        assert [(row["country"], row["city"]) for row in examples.rows] == PLACES
        assert (examples.images / examples.rows[1]["image"]).read_bytes() == (tmp_path / "1.png").read_bytes()
    assert asked == [("a/b", "train")]

    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: (_ for _ in ()).throw(ConnectionError("offline")))
    with pytest.raises(InputError, match=r"offline; download it and give data.manifest=FILE data.images=FOLDER"):
        read(recipe_of(tmp_path, "grpo", data={"hub": "c/d"}, rewards={"globe_r_vis": 1.0}))
    assert not (tmp_path / "data" / "c_d_train").exists()


def test_benchmarks_are_looked_up_before_pictures_are_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trl: Any
) -> None:
    import datasets

    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: pytest.fail("pictures were fetched"))
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(tmp_path / "data"))
    recipe = recipe_of(tmp_path, "grpo", data={"hub": "a/b"}, against=["im2gps3k"], rewards={"globe_r_vis": 1.0})
    with pytest.raises(InputError, match="'im2gps3k' is neither prepared"):
        examples_of(recipe)
