"""Benchmarks handed on: packed, and downloaded from the hub in its layouts; what is written is whole or absent."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import datasets
import pytest
from huggingface_hub import DatasetCard
from PIL import Image

from globe_eval.benchmarks import hub
from globe_eval.benchmarks.metadata import carries_coordinates
from globe_eval.benchmarks.table import read_table
from globe_eval.cli import main
from globe_eval.errors import InputError


def jpeg(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 10), (shade, 0, 0)).save(buffer, "JPEG")
    return buffer.getvalue()


BYTES = [jpeg(10), jpeg(200)]
STORED = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
LAYOUTS: dict[str, tuple[str, Any, list[Any]]] = {
    "a picture": ("image", datasets.Image(), [{"bytes": b, "path": "x.jpg"} for b in BYTES]),
    "a list of pictures": ("images", datasets.List(datasets.Image()), [[{"bytes": b, "path": None}] for b in BYTES]),
    "a list of bytes and paths": ("images", datasets.List(STORED), [[{"bytes": b, "path": "x.jpg"}] for b in BYTES]),
    "bytes and path": ("image", STORED, [{"bytes": b, "path": None} for b in BYTES]),
    "bytes": ("image", datasets.Value("binary"), BYTES),
}


def served(monkeypatch: pytest.MonkeyPatch, column: str, kind: Any, cells: list[Any], **more: Any) -> None:
    features = datasets.Features({"response": datasets.Value("string"), column: kind})
    data = datasets.Dataset.from_dict({"response": ["a", "b"][: len(cells)], column: cells}, features=features)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: data)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_read_byte_for_byte(layout: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    column, kind, cells = LAYOUTS[layout]
    served(monkeypatch, column, kind, cells)
    table, images, columns = hub.download("t", "a/b:train", tmp_path / "made")
    assert columns == {"image": column}
    rows = read_table(table).rows
    assert [row["response"] for row in rows] == ["a", "b"]
    assert [(images / row[column]).read_bytes() for row in rows] == BYTES


def test_two_pictures_in_a_row_and_no_column_of_them_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    two = [[{"bytes": b, "path": None} for b in BYTES]]
    served(monkeypatch, "images", datasets.List(datasets.Image()), two)
    with pytest.raises(InputError, match=r"a/b, row 1: 2 pictures; allowed: one a row"):
        hub.download("t", "a/b:train", tmp_path / "two")
    served(monkeypatch, "thumbnail", datasets.Value("binary"), BYTES)
    with pytest.raises(InputError, match=r"has no column of pictures \(columns: response, thumbnail\)"):
        hub.download("t", "a/b:train", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_download_that_breaks_off_leaves_no_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    column, kind, cells = LAYOUTS["a picture"]
    served(monkeypatch, column, kind, cells)

    def full(self: Any, path: Any, *_: Any, **__: Any) -> None:
        Path(path).write_bytes(b"PAR1")
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(datasets.Dataset, "to_parquet", full)
        with pytest.raises(OSError, match="no space"):
            hub.download("t", "a/b:train", tmp_path / "made")
    assert not (tmp_path / "made/truth.parquet").exists()
    table, _, _ = hub.download("t", "a/b:train", tmp_path / "made")
    assert len(read_table(table).rows) == 2


def test_what_cannot_be_loaded_says_what_to_do_instead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def offline(*_: Any, **__: Any) -> None:
        raise ConnectionError("offline")

    monkeypatch.setattr(datasets, "load_dataset", offline)
    with pytest.raises(InputError, match=r"offline; download it and give --images and --truth, or run"):
        hub.download("t", "a/b:train", tmp_path / "made")
    with pytest.raises(InputError, match=r"download it and give data.manifest=FILE, or run"):
        hub.download("t", "a/b:train", tmp_path / "made", "give data.manifest=FILE")
    assert not (tmp_path / "made").exists()


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A benchmark whose pictures carry their coordinates, with columns and values of its own."""
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for number, name in enumerate(("a.jpg", "b.png", "c.webp")):
        picture = Image.new("RGB", (30, 20), (90 * number, 10, 10))
        exif = Image.Exif()
        exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)})
        picture.save(tmp_path / "photos" / name, exif=exif)
    rows = 'key,y,x,kind,entities\na.jpg,40.7,-74.0,0,"[""bus""]"\nb.png,48.86,2.29,1,\nc.webp,1.5,2,1,\n'
    (tmp_path / "gt.csv").write_text(rows)
    (tmp_path / "city.yaml").write_text(
        "task: city\nclass: !function globe_eval.GeoTask\nmetadata: {version: 3, license: CC0}\n"
        "dataset_kwargs:\n  truth: gt.csv\n  images: photos\n  columns: {id: key, lat: y, lon: x, scene: kind}\n"
        "  values: {scene: {0: indoor, 1: urban}}\n"
    )
    return tmp_path


def test_it_gives_the_same_figures_from_anywhere(
    city: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["--model", "constant", "--tasks", "city.yaml", "-o", "here"]) == 0
    assert main(["pack", "city.yaml"]) == 0
    there = tmp_path_factory.mktemp("there")
    (city / "city.zip").rename(there / "city.zip")
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(there / "data"))
    monkeypatch.chdir(there)
    for _ in range(2):
        assert main(["--model", "constant", "--tasks", "city.zip", "-o", "there", "--fresh"]) == 0
    one, two = (json.loads((path / "city" / "results.json").read_text()) for path in (city / "here", there / "there"))
    assert one["images"]["with_coordinates"] > 0 and two["images"]["with_coordinates"] == 0
    assert {key: one[key] for key in ("manifest_sha256", "metrics", "task_version", "n")} == {
        key: two[key] for key in ("manifest_sha256", "metrics", "task_version", "n")
    }
    assert len(list((there / "data" / "packed").iterdir())) == 1
    assert main(["validate", "city.zip"]) == 0
    keyed = (there / "data" / "packed").glob("*/city.jsonl")
    ids = [json.loads(line)["id"] for path in keyed for line in path.read_text().splitlines()]
    (there / "answers.csv").write_text("id,city,country\n" + "".join(f"{key},Paris,France\n" for key in ids))
    assert main(["score", "answers.csv", "--task", "city.zip", "-o", "scored"]) == 0
    assert json.loads((there / "scored" / "results.json").read_text())["manifest_sha256"] == one["manifest_sha256"]


def test_the_same_benchmark_gives_the_same_bytes_and_no_metadata(city: Path) -> None:
    assert main(["pack", "city.yaml"]) == 0 and main(["pack", "city.yaml", "-o", "again.zip"]) == 0
    assert (city / "city.zip").read_bytes() == (city / "again.zip").read_bytes()
    with zipfile.ZipFile("city.zip") as archive:
        pictures = [name for name in archive.namelist() if name.startswith("images/")]
        assert len(pictures) == 3 and not any(carries_coordinates(archive.read(name)) for name in pictures)
        assert "license: CC0" in archive.read("city.yaml").decode()
    assert main(["pack", "city.yaml"]) == 2


def test_what_is_no_pack_is_refused(city: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (city / "no.zip").write_text("no")
    with zipfile.ZipFile("code.zip", "w") as archive:
        archive.writestr("a.yaml", "task: a")
        archive.writestr("a.py", "1 / 0")
    for name, words in (("no.zip", "no zip file"), ("code.zip", "no code"), ("gone.zip", "no such file")):
        assert main(["--model", "constant", "--tasks", name]) == 2
        assert words in capsys.readouterr().err
    (city / "city.yaml").write_text((city / "city.yaml").read_text() + "process_docs: !function os.getcwd\n")
    assert main(["pack", "city.yaml"]) == 2
    assert not (city / "city.zip").exists()


def loaded(folder: Path) -> list[dict[str, object]]:
    """What `datasets` makes of a folder, without a network."""
    code = (
        "import datasets, json, sys\n"
        "data = datasets.load_dataset(sys.argv[1])\n"
        "assert list(data) == ['test'], data\n"
        "rows = [{**row, 'image': getattr(row['image'], 'size', row['image'])} for row in data['test']]\n"
        "print(json.dumps(rows))"
    )
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(folder.parent / "hf"),
        "HF_DATASETS_OFFLINE": "1",
    }
    done = subprocess.run([sys.executable, "-c", code, folder], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_folder_for_the_hub_is_loaded_by_datasets_and_run_by_its_yaml(city: Path) -> None:
    assert main(["--model", "constant", "--tasks", "city.yaml", "-o", "here"]) == 0
    assert main(["pack", "city.yaml", "--hub"]) == 0
    folder = city / "city_hub"
    rows = loaded(folder)
    assert [(row["id"], row["image"], row["scene"]) for row in rows] == [
        ("a.jpg", [30, 20], "indoor"), ("b.png", [30, 20], "urban"), ("c.webp", [30, 20], "urban"),
    ]  # fmt: skip
    assert [row["lat"] for row in rows] == [40.7, 48.86, 1.5] and rows[0]["entities"] == ["bus"]
    pictures = [path for path in (folder / "test").iterdir() if path.suffix != ".jsonl"]
    assert len(pictures) == 3 and not any(carries_coordinates(path.read_bytes()) for path in pictures)
    card = DatasetCard.load(folder / "README.md")
    assert card.data.license == "other" and "Licence of the pictures: CC0" in card.content
    assert main(["validate", str(folder / "city.yaml")]) == 0
    assert main(["--model", "constant", "--tasks", "city_hub", "-o", "there"]) == 0
    one, two = (json.loads((city / name / "city" / "results.json").read_text()) for name in ("here", "there"))
    assert all(one[key] == two[key] for key in ("manifest_sha256", "metrics", "task_version", "n"))
    assert main(["pack", "city.yaml", "--hub"]) == 2
    assert main(["pack", "city.yaml", "--hub", "-o", "again"]) == 0
    both = ({p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()} for f in (folder, city / "again"))
    assert next(both) == next(both)


def test_hashes_alone_are_a_table_that_says_whether_pictures_are_the_same(
    city: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pack", "city.yaml", "--hashes-only"]) == 2
    assert main(["pack", "city.yaml", "--hub", "--hashes-only"]) == 0
    folder = city / "city_hub"
    assert [row["image"] for row in loaded(folder)] == ["a.jpg", "b.png", "c.webp"]
    assert not [path for path in folder.rglob("*") if path.suffix in (".jpg", ".png", ".webp")]
    for path in (city / "photos").iterdir():
        shutil.copy(path, folder / "images")
    assert main(["validate", str(folder / "city.yaml")]) == 0
    Image.new("RGB", (30, 20)).save(folder / "images" / "b.png")
    capsys.readouterr()
    assert main(["validate", str(folder / "city.yaml")]) == 2
    out = " ".join("".join(capsys.readouterr()).split())
    assert "1 of 3 pictures are not the files whose SHA-256 the table has, the first: b.png" in out
