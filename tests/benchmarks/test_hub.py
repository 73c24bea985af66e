"""The layouts in which a data set of the hub has its pictures, without the hub; a download is whole or absent."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import datasets
import pytest
from PIL import Image

from globe_eval.benchmarks import hub
from globe_eval.benchmarks.table import read_table
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
