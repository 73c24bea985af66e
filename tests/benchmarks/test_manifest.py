"""What a benchmark's YAML says about its table: columns, values, pictures, subsets; and what `prepare` left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from globe_eval.benchmarks.manifest import Manifest, read_manifest, read_prepared
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


def table(folder: Path, text: str, *pictures: str, name: str = "gt.csv") -> Path:
    for picture in pictures:
        (folder / picture).parent.mkdir(parents=True, exist_ok=True)
        (folder / picture).write_bytes(b"x")
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def truth(folder: Path, text: str, name: str = "gt.csv", **given: Any) -> list[dict[str, Any]]:
    return read_truth(read_table(table(folder, text, name=name)), **given)


def test_columns_are_mapped_and_their_values_translated(tmp_path: Path) -> None:
    rows = truth(
        tmp_path,
        "key,y,x,town,who,kind,lat,lon\na,1,2,cph,p,0,7,7\nb,3,4,Oslo,,2,7,7\nc,5,6,NaN,q,,7,7\n",
        columns={"id": "key", "lat": "y", "lon": "x", "city": "town", "group": "who", "scene": "kind"},
        values={"scene": {0: "indoor", "1": "natural"}, "city": {"cph": "Copenhagen", "NaN": None}},
    )
    assert [(row["id"], row["lat"], row["lon"]) for row in rows] == [("a", 1, 2), ("b", 3, 4), ("c", 5, 6)]
    assert [row["city"] for row in rows] == ["Copenhagen", "Oslo", None]
    assert [row["scene"] for row in rows] == ["indoor", "2", None]
    assert [row["group"] for row in rows] == ["p", None, "q"]


def test_entities_are_read_in_each_form_that_tables_have(tmp_path: Path) -> None:
    expected = [["red bus", "arch"], [], None]
    cells = ['["red bus", " arch "]', "[]", ""]
    as_csv = "id,lat,lon,entities\n" + "".join(
        '{},1,2,"{}"\n'.format(i, cell.replace('"', '""')) for i, cell in enumerate(cells)
    )
    assert [row["entities"] for row in truth(tmp_path, as_csv)] == expected
    forms = [["red bus", "arch"], [{"text": "red bus"}, {"text": "arch", "box": [1]}], '[{"text": "red bus"}, "arch"]']
    lines = "".join(json.dumps({"id": i, "lat": 1, "lon": 2, "tags": form}) + "\n" for i, form in enumerate(forms))
    found = truth(tmp_path, lines, "gt.jsonl", columns={"entities": "tags"})
    assert [row["entities"] for row in found] == [expected[0]] * 3


@pytest.mark.parametrize("cell", ["bus", "{}", "[1]", '[{"name": "bus"}]', "[" * 5000])
def test_entities_of_another_form_are_refused_with_their_line(tmp_path: Path, cell: str) -> None:
    quoted = cell.replace('"', '""')
    with pytest.raises(InputError, match=r"line 2, column 'entities': found .*allowed: a list of texts"):
        truth(tmp_path, f'id,lat,lon,entities\na,1,2,"{quoted}"\n')


def test_localizable_is_a_bool_however_it_is_written(tmp_path: Path) -> None:
    cells = ["1", "0", "yes", "No", "TRUE", "false", "", "clear"]
    text = "id,lat,lon,localizable\n" + "".join(f"{i},1,2,{cell}\n" for i, cell in enumerate(cells))
    found = truth(tmp_path, text, values={"localizable": {"clear": "yes"}})
    assert [row["localizable"] for row in found] == [True, False, True, False, True, False, None, True]
    with pytest.raises(InputError, match="line 9, column 'localizable': found 'clear'; allowed: 1, true, yes"):
        truth(tmp_path, text)


def test_coordinates_may_stand_in_one_cell(tmp_path: Path) -> None:
    columns = {"lat": "point", "lon": "point"}
    text = 'id,point\na,"25.57, 100.22"\nb,"(-3.5,–4)"\n'
    assert [(row["lat"], row["lon"]) for row in truth(tmp_path, text, columns=columns)] == [(25.57, 100.22), (-3.5, -4)]
    for cell in ("Tunis", '"1,2,3"', '"91,2"', '"1,"'):
        with pytest.raises(InputError, match=r"line 2, column 'point': "):
            truth(tmp_path, f"id,point\na,{cell}\n", columns=columns)


def test_a_subset_keeps_its_rows_and_does_not_read_the_others(tmp_path: Path) -> None:
    path = table(tmp_path, "id,lat,lon,scene\na,1,2,indoor\nb,no,,urban\nb,3,4,indoor\n", "a.jpg", "b.jpg")
    manifest = read_manifest(path, where="scene == 'indoor'")
    assert [(row["id"], row["image"]) for row in manifest.rows] == [("a", "a.jpg"), ("b", "b.jpg")]
    with pytest.raises(InputError, match="'no'; allowed: degrees"):
        read_manifest(path, where="scene != 'x'")
    with pytest.raises(InputError, match=r"gt\.csv: where .* holds of none of 3 rows"):
        read_manifest(path, where="scene == 'natural'")


@pytest.mark.parametrize(
    "given, words",
    [
        ({"columns": {"lat": "Lat"}}, ["no column 'Lat'", "did you mean 'lat'", "columns: id, lat, lon"]),
        ({"columns": {"place": "id"}}, ["no role 'place'", "allowed: image, id, lat"]),
        ({"values": {"scne": {0: "x"}}}, ["no role 'scne'", "did you mean 'scene'"]),
        ({"columns": {"image": "{town}/{id}.jpg"}}, ["no column 'town'"]),
        ({"where": "__import__('os')"}, ["where: ", "not allowed"]),
    ],
)
def test_a_mapping_that_does_not_fit_is_named(tmp_path: Path, given: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InputError) as error:
        read_manifest(table(tmp_path, "id,lat,lon\na,1,2\n", "a.jpg"), **given)
    assert all(word in str(error.value) for word in words), error.value


def test_pictures_are_found_by_pattern_suffix_and_in_folders_below(tmp_path: Path) -> None:
    text = "key,lat,lon,city\n7,1,2,oslo\n"
    path = table(tmp_path, text, "oslo/query/7.jpg")
    pattern = {"id": "key", "image": "{city}/query/{key}.jpg"}
    assert read_manifest(path, columns=pattern).rows[0]["image"] == "oslo/query/7.jpg"
    assert read_manifest(path, columns={"id": "key", "image": "key"}).rows[0]["image"] == "oslo/query/7.jpg"
    path.write_text("key,lat,lon\nC:\\oslo\\7,1,2\n")
    assert read_manifest(path, columns={"id": "key"}).rows[0]["image"] == "oslo/query/7.jpg"
    table(tmp_path, text, "7.v2.jpeg")
    (row,) = read_manifest(path, columns={"id": "key", "image": "{key}.v2"}, image_suffix=".jpeg").rows
    assert (row["id"], row["image"]) == ("7", "7.v2.jpeg")
    table(tmp_path, text, "rome/7.jpg")
    with pytest.raises(InputError, match=r"several images are named '7\.jpg': oslo/query/7\.jpg and rome/7\.jpg"):
        read_manifest(path, columns={"id": "key", "image": "key"})


@pytest.mark.parametrize("key", ["../secret", "..\\secret", "/etc/passwd", "link", "{key.__class__}", "nul\0"])
def test_no_cell_leads_out_of_the_folder(tmp_path: Path, key: str) -> None:
    folder = tmp_path / "bench"
    folder.mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"x")
    (folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    line = json.dumps({"key": key, "lat": 1, "lon": 2}) + "\n"
    for image in ("key", "{key}.jpg", "./{key}.jpg"):
        with pytest.raises(InputError, match=r"outside|are not there"):
            read_manifest(table(folder, line, name="gt.jsonl"), columns={"id": "key", "image": image})


def prepared(folder: Path, rows: list[dict[str, Any]], images: Path, sha256: str | None = None) -> None:
    import pandas as pd

    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_parquet(folder / "manifest.parquet")
    document = {"manifest_sha256": sha256 or truth_sha256(rows), "images": str(images)}
    (folder / "prepare.json").write_text(json.dumps(document))


def test_what_prepare_left_is_the_same_manifest(tmp_path: Path) -> None:
    text = (
        "id,lat,lon,country,city,group,scene,entities,localizable\n"
        'a,1.25,2,Niger,,p,indoor,"[""bus"", ""arch""]",1\nb,-3,4.5,,Oslo,,,,0\n'
    )
    before = read_manifest(table(tmp_path, text, "a.jpg", "below/b.jpg"))
    prepared(tmp_path / "data" / "mine", before.rows, tmp_path)
    after = read_prepared(tmp_path / "data" / "mine")
    assert after == Manifest(before.rows, tmp_path.resolve())
    assert after.sha256 == before.sha256
    assert read_prepared(tmp_path / "data") is None


def test_a_prepared_manifest_that_was_changed_is_refused(tmp_path: Path) -> None:
    rows = read_manifest(table(tmp_path, "id,lat,lon\na,1,2\n", "a.jpg")).rows
    prepared(tmp_path / "mine", rows, tmp_path, sha256="0" * 64)
    with pytest.raises(InputError, match=r"manifest\.parquet.*prepare again"):
        read_prepared(tmp_path / "mine")
    (tmp_path / "mine" / "prepare.json").write_text("{}")
    with pytest.raises(InputError, match=r"prepare\.json.*prepare again"):
        read_prepared(tmp_path / "mine")


def test_a_task_takes_what_was_prepared_and_its_variant_the_subset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from globe_eval.runs.run import load_tasks

    rows = read_manifest(
        table(tmp_path, "id,lat,lon,scene\na,1,2,indoor\nb,3,4,urban\n", "img/a.jpg", "img/b.jpg"),
        images=tmp_path / "img",
    ).rows
    prepared(tmp_path / "data" / "base", rows, tmp_path / "img")
    (tmp_path / "base.yaml").write_text(
        "task: base\nclass: !function globe_eval.GeoTask\n"
        "dataset_kwargs: {truth: nowhere.csv, images: nowhere, prepared: base}\nmetadata: {version: 1}\n"
    )
    (tmp_path / "urban.yaml").write_text(
        "include: base.yaml\ntask: urban\n"
        "dataset_kwargs: {truth: nowhere.csv, prepared: base, where: scene == 'urban'}\n"
    )
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(tmp_path / "data"))
    tasks = load_tasks(["base", "urban"], [tmp_path])
    assert [row["id"] for row in tasks["base"].manifest.rows] == ["a", "b"]
    assert [row["id"] for row in tasks["urban"].manifest.rows] == ["b"]
    assert tasks["base"].manifest.sha256 == truth_sha256(rows) != tasks["urban"].manifest.sha256
