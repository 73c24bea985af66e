"""Contamination: what two manifests share, in pure rows and through `prepare`."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dctn

from globe_eval.benchmarks.duplicates import KINDS, nearest_hashes, overlap, overlapping_ids, perceptual_hash, shrink
from globe_eval.benchmarks.prepare import Prepared, prepare
from globe_eval.errors import InputError
from globe_eval.miniworld import photographs, render


def row(key: str, **known: Any) -> dict[str, Any]:
    return {"id": key, "lat": 1.0, "lon": 2.0, "group": None, "image_sha256": None, "perceptual_hash": None, **known}


def test_each_kind_is_found_by_itself() -> None:
    ours = [
        row("same", lat=10.0, image_sha256="s1", perceptual_hash="00000000000000ff", group="me"),
        row("like", lat=11.0, image_sha256="s2", perceptual_hash="ff00000000000000", group="me"),
        row("person", lat=12.0, image_sha256="s3", perceptual_hash="0f0f0f0f0f0f0f0f", group="ann"),
        row("place", lat=48.1234561, image_sha256="s4", perceptual_hash="f0f0f0f00f0f0f0f", group="me"),
        row("clean", lat=13.0, image_sha256="s5", perceptual_hash="3333333333333333", group="me"),
    ]
    theirs = [
        row("t1", lat=20.0, image_sha256="s1", perceptual_hash="00000000000000ff", group="x"),
        row("t2", lat=21.0, image_sha256="t2", perceptual_hash="ff0000000000000f", group="x"),
        row("t3", lat=22.0, image_sha256="t3", perceptual_hash="cccccccccccccccc", group="ann"),
        row("t4", lat=48.1234559, image_sha256="t4", perceptual_hash="5555555555555555", group="x"),
    ]
    found = overlap(ours, theirs)
    assert found == {
        "content": {"same": "t1"},
        "near_duplicate": {"like": "t2"},
        "photographer": {"person": "t3"},
        "coordinates": {"place": "t4"},
    }
    prepared = {"overlap": [{"ids": found}, {"ids": {"content": {"other": "u"}, "near_duplicate": None}}]}
    assert overlapping_ids(prepared) == {"same", "like", "other"}
    assert overlapping_ids(prepared, KINDS) == {"same", "like", "other", "person", "place"}


def test_five_bits_are_not_near() -> None:
    ours, theirs = [row("a", perceptual_hash="0" * 16)], [row("b", perceptual_hash="000000000000001f")]
    assert overlap(ours, theirs)["near_duplicate"] == {}


@pytest.mark.parametrize("kind", ["content", "near_duplicate", "photographer"])
def test_what_one_side_does_not_know_is_unknown_and_not_zero(kind: str) -> None:
    field, value = {
        "content": ("image_sha256", "s"),
        "near_duplicate": ("perceptual_hash", "00000000000000ff"),
        "photographer": ("group", "ann"),
    }[kind]
    knows, not_ = [row("a", **{field: value})], [row("b")]
    assert overlap(knows, not_)[kind] is None is overlap(not_, knows)[kind]
    assert overlap([*knows, *not_], [row("c", **{field: "1" * 16})])[kind] == {}


def test_both_ends_of_the_antimeridian_are_one_place_and_zero_has_no_sign() -> None:
    ours, theirs = [row("a", lat=-0.0, lon=180.0)], [row("b", lat=0.0, lon=-180.0)]
    assert overlap(ours, theirs)["coordinates"] == {"a": "b"}


@pytest.mark.parametrize("lacking", [{"lat": None, "lon": None}, {"lat": float("nan")}, {"lon": None}])
def test_a_row_without_coordinates_is_at_no_place_and_shares_the_rest(lacking: dict[str, Any]) -> None:
    nowhere = row("a", image_sha256="s", group="ann", **lacking)
    there = row("b", image_sha256="s", group="ann")
    for ours, theirs, ids in (([nowhere], [there], {"a": "b"}), ([there], [nowhere], {"b": "a"})):
        found = overlap(ours, theirs)
        assert found["content"] == found["photographer"] == ids
        assert found["coordinates"] is None, "unknown on one side"
    assert overlap([nowhere], [nowhere])["coordinates"] is None
    assert overlap([nowhere, row("c")], [there])["coordinates"] == {"c": "b"}, "the others are compared"
    bare = {key: value for key, value in nowhere.items() if key not in ("lat", "lon")}
    assert overlap([bare, row("c")], [there]) == overlap([nowhere, row("c")], [there])


# --- through prepare ------------------------------------------------------------------------------------------------


def jpeg(seed: int, quality: int = 90) -> bytes:
    coarse = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    coarse.resize((90, 60), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def prepared(folder: Path, task: str, rows: list[tuple[str, bytes, float, str]], **options: Any) -> Prepared:
    images = folder / task / "pictures"
    images.mkdir(parents=True, exist_ok=True)
    for name, data, _, _ in rows:
        (images / name).write_bytes(data)
    lines = ["id,lat,lon,photographer", *(f"{name},{lat},10,{group}" for name, _, lat, group in rows)]
    (folder / task / "gt.csv").write_text("\n".join(lines) + "\n")
    yaml = folder / f"{task}.yaml"
    yaml.write_text(f"task: {task}\nclass: !function globe_eval.GeoTask\ndataset_kwargs: {{truth: gt.csv}}\n")
    return prepare(yaml, images=images, truth=folder / task / "gt.csv", out=folder / task / "out", **options)


TEST = [("a.jpg", jpeg(1), 45.0, "ann"), ("b.jpg", jpeg(2), 46.0, "bob"), ("c.jpg", jpeg(3), 47.0, "cy")]
TRAIN = [("t.jpg", jpeg(1), 1.0, "dee"), ("u.jpg", jpeg(2, 45), 46.0, "eve"), ("v.jpg", jpeg(8), 2.0, "cy")]


def test_a_benchmark_says_what_a_training_set_has_of_it(tmp_path: Path) -> None:
    train = prepared(tmp_path, "train", TRAIN)
    for other in (train.manifest, train.manifest.parent):
        test = prepared(tmp_path, "test", TEST, against=[other])
        (entry,) = test.document["overlap"]
        assert (entry["against"], entry["n"]) == ("train", 3)
        assert entry["manifest_sha256"] == train.document["manifest_sha256"]
        assert entry["counts"] == {"content": 1, "near_duplicate": 1, "photographer": 1, "coordinates": 1}
        assert entry["photographers"] == ["cy"]
        assert entry["coordinates"] == [(46.0, 10.0)]
        assert entry["ids"]["near_duplicate"] == {"b.jpg": "u.jpg"}
    written = json.loads((test.manifest.parent / "prepare.json").read_text())
    assert overlapping_ids(written) == {"a.jpg", "b.jpg"}
    assert overlapping_ids(written, ["photographer"]) == {"c.jpg"}
    assert any("shared with train (3 photographs): by content 1, by look 1" in note for note in test.notes)


def test_a_table_without_pictures_is_compared_by_what_it_has(tmp_path: Path) -> None:
    table = tmp_path / "gallery.csv"
    table.write_text("IMG_ID,AUTHOR,LAT,LON\nx,ann,46.0,10\n")
    test = prepared(tmp_path, "test", TEST, against=[table])
    (entry,) = test.document["overlap"]
    assert entry["against"] == "gallery.csv"
    assert entry["counts"] == {"content": None, "near_duplicate": None, "photographer": 1, "coordinates": 1}
    assert any("by content unknown" in note for note in test.notes)


def test_a_manifest_that_is_not_there_is_said_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.parquet: no such file"):
        prepared(tmp_path, "test", TEST, against=[tmp_path / "absent.parquet"])
    assert not (tmp_path / "test" / "out").exists()


HASHES = st.lists(
    st.none() | st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 3, 255, 2**63, 2**64 - 1]), max_size=20
)


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [render(row, 160) for row in photographs("test", 60)]


def look(picture: Image.Image) -> int:
    found = perceptual_hash(shrink(picture.convert("L")))
    assert found is not None
    return found


def reference(picture: Image.Image) -> int:
    """pHash by its definition: scipy's transform of Pillow's plain Lanczos reduction."""
    pixels = np.asarray(picture.convert("L").resize((32, 32), Image.Resampling.LANCZOS), np.float64)
    low = dctn(pixels, type=2)[:8, :8].ravel()
    bits = low > np.median(low)
    return sum(int(bit) << (63 - place) for place, bit in enumerate(bits))


def test_it_is_phash(pictures: list[Image.Image]) -> None:
    small = [picture.resize((64, 48)) for picture in pictures]  # too small to be reduced in two steps
    assert [look(picture) for picture in small] == [reference(picture) for picture in small]
    assert max((look(picture) ^ reference(picture)).bit_count() for picture in pictures) <= 4


def test_a_picture_that_was_changed_a_little_is_near_and_another_is_not(pictures: list[Image.Image]) -> None:
    looks = [look(picture) for picture in pictures]
    for picture, original in zip(pictures, looks, strict=True):
        again = io.BytesIO()
        picture.save(again, "JPEG", quality=50)
        for changed in (Image.open(again), picture.resize((80, 80), Image.Resampling.LANCZOS)):
            assert (look(changed) ^ original).bit_count() <= 4
    assert nearest_hashes(looks) == {}


@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_one_colour_has_no_hash(level: int) -> None:
    assert perceptual_hash(shrink(Image.new("L", (300, 200), level))) is None


@settings(deadline=None)
@given(HASHES, HASHES, st.integers(0, 8))
def test_near_is_what_comparing_all_pairs_gives(ours: list[int | None], theirs: list[int | None], bits: int) -> None:
    def nearest(one: int | None, many: list[int | None], but: int | None = None) -> int | None:
        ranked = [
            ((one ^ other).bit_count(), index)
            for index, other in enumerate(many)
            if one is not None and other is not None and index != but
        ]
        return min(ranked)[1] if ranked and min(ranked)[0] <= bits else None

    apart = {i: j for i, one in enumerate(ours) if (j := nearest(one, theirs)) is not None}
    assert nearest_hashes(ours, theirs, bits) == apart
    within = {i: j for i, one in enumerate(ours) if (j := nearest(one, ours, i)) is not None}
    assert nearest_hashes(ours, bits=bits) == within
