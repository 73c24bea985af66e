from __future__ import annotations

from pathlib import Path

import pytest

from globe_eval.benchmarks.manifest import read_manifest
from globe_eval.benchmarks.table import read_table
from globe_eval.benchmarks.truth import read_truth, truth_sha256
from globe_eval.errors import InputError


def write(folder: Path, text: str, images: tuple[str, ...] = ()) -> Path:
    for name in images:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    path = folder / "gt.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_carry_what_the_table_knows_and_none_for_the_rest(tmp_path: Path) -> None:
    path = write(tmp_path, "IMG_ID,AUTHOR,LAT,LON\na.jpg,p1,1.5,-2\n", ("a.jpg",))
    (row,) = read_manifest(path).rows
    assert (row["id"], row["image"], row["lat"], row["lon"], row["group"]) == ("a.jpg", "a.jpg", 1.5, -2.0, "p1")
    assert row["country"] is row["city"] is row["entities"] is None


def test_an_id_without_extension_is_a_jpg(tmp_path: Path) -> None:
    path = write(tmp_path, "photo_id,LAT,LON\n17,1,2\n", ("17.jpg",))
    assert read_manifest(path).rows[0]["image"] == "17.jpg"


@pytest.mark.parametrize(
    "rows, words",
    [
        ("a.jpg,1,2\na.jpg,1,2\n", ["line 3", "'a.jpg'", "twice", "line 2"]),
        ("a.jpg,91,2\n", ["line 2", "'lat'", "'91'", "-90 to 90"]),
        ("a.jpg,1,181\n", ["line 2", "'lon'", "'181'", "-180 to 180"]),
        ("a.jpg,nan,2\n", ["line 2", "'lat'", "'nan'"]),
        ("a.jpg,,2\n", ["line 2", "'lat'", "missing"]),
        (",1,2\n", ["line 2", "'id'", "missing"]),
        ("../a.jpg,1,2\n", ["line 2", "outside"]),
        ("/etc/passwd,1,2\n", ["line 2", "outside"]),
        ("b.jpg,1,2\n", ["1 of 1 images", "b.jpg"]),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, rows: str, words: list[str]) -> None:
    folder = tmp_path / "bench"
    folder.mkdir()
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(InputError) as error:
        read_manifest(write(folder, "id,lat,lon\n" + rows, ("a.jpg",)))
    for word in words:
        assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_an_empty_image_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "id,lat,lon\na.jpg,1,2\n", ("a.jpg",))
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.jpg: the image is empty \(0 bytes\)"):
        read_manifest(path)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    folder.mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"x")
    (folder / "a.jpg").symlink_to(tmp_path / "secret.jpg")
    with pytest.raises(InputError, match="outside"):
        read_manifest(write(folder, "id,lat,lon\na.jpg,1,2\n"))


def test_the_hash_is_of_the_truth_not_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = write(tmp_path / "one", "id,lat,lon\na,1.0,2\nb,3,4\n")
    two = write(tmp_path / "two", "LON,img_id,LAT\n2.0,a,1\n4,b,3.00\n")
    hashes = [truth_sha256(read_truth(read_table(path))) for path in (one, two)]
    assert hashes[0] == hashes[1]
    other = write(tmp_path / "two", "LON,img_id,LAT\n2.0,a,1\n4,b,3.01\n")
    assert truth_sha256(read_truth(read_table(other))) != hashes[0]


def test_im2gps3k_is_read_and_its_swapped_header_refused(shared_data: Path) -> None:
    folder = shared_data / "im2gps3k"
    rows = read_truth(read_table(folder / "im2gps3k_places365.csv"))
    assert len(rows) == 2997
    assert len({row["group"] for row in rows}) == 198
    assert len({(row["lat"], row["lon"]) for row in rows}) == 1941
    swapped = read_table(folder / "im2gps3k_places365.2018-07-25_LONLAT-HEADER-SWAPPED.csv")
    with pytest.raises(InputError, match=r"line 5, column 'LAT': found '122\.390356'.*swapped"):
        read_truth(swapped)
    repaired = read_truth(swapped, columns={"lat": "LON", "lon": "LAT"})
    assert truth_sha256(repaired) == truth_sha256(rows)
