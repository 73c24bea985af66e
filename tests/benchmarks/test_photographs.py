"""What photographs say of themselves, held to what the test wrote into them and to exiftool."""

from __future__ import annotations

import csv
import io
import json
import shutil
import struct
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin, features

from globe_eval.benchmarks import images, photographs, validate
from globe_eval.benchmarks.manifest import read_manifest
from globe_eval.cli import main
from globe_eval.errors import InputError

ASCII, RATIONAL, SIGNED = 2, 5, 10
Value = tuple[int, Any]


def tiff(order: str, gps: dict[int, Value], camera: dict[int, Value], first: dict[int, Value]) -> bytes:
    """A TIFF structure with three directories, as cameras write EXIF; `order` is "<" or ">"."""

    def directory(entries: dict[int, Value], at: int) -> bytes:
        after, heads = b"", b""
        for tag, (kind, value) in sorted(entries.items()):
            packed, count = _packed(order, kind, value)
            if len(packed) > 4:
                place = at + 2 + 12 * len(entries) + 4 + len(after)
                after, packed = after + packed + b"\0" * (len(packed) % 2), struct.pack(f"{order}I", place)
            heads += struct.pack(f"{order}HHI", tag, kind, count) + packed.ljust(4, b"\0")
        return struct.pack(f"{order}H", len(entries)) + heads + b"\0" * 4 + after

    camera_at = 8
    camera_bytes = directory(camera, camera_at)
    gps_at = camera_at + len(camera_bytes)
    gps_bytes = directory(gps, gps_at)
    first_at = gps_at + len(gps_bytes)
    pointers: dict[int, Value] = {0x8769: (4, camera_at), **({0x8825: (4, gps_at)} if gps else {})}
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HI", 42, first_at)
    return head + camera_bytes + gps_bytes + directory({**first, **pointers}, first_at)


def _packed(order: str, kind: int, value: Any) -> tuple[bytes, int]:
    if kind == ASCII:
        return value.encode() + b"\0", len(value) + 1
    if kind == 4:
        return struct.pack(f"{order}I", value), 1
    letter = "i" if kind == SIGNED else "I"
    return b"".join(struct.pack(f"{order}2{letter}", *pair) for pair in value), len(value)


def position(lat: Any, north: str | None, lon: Any, east: str | None, kind: int = RATIONAL) -> dict[int, Value]:
    """A directory of a position: degrees, minutes, seconds as fractions, and hemispheres."""
    refs = {tag: (ASCII, ref) for tag, ref in ((1, north), (3, east)) if ref is not None}
    return {**refs, 2: (kind, lat), 4: (kind, lon)}


def dms(degrees: float, of_second: int = 100) -> list[tuple[int, int]]:
    """Whole degrees, whole minutes, seconds in hundredths: how most telephones write it."""
    units = round(abs(degrees) * 3600 * of_second)
    return [
        (units // (3600 * of_second), 1),
        (units // (60 * of_second) % 60, 1),
        (units % (60 * of_second), of_second),
    ]


def minutes(degrees: float) -> list[tuple[int, int]]:
    """Whole degrees and decimal minutes, no seconds: older cameras."""
    whole, rest = divmod(abs(degrees), 1)
    return [(int(whole), 1), (round(rest * 60 * 10_000), 10_000), (0, 1)]


def decimal(degrees: float) -> list[tuple[int, int]]:
    """Decimal degrees alone: some programs."""
    return [(round(abs(degrees) * 10**7), 10**7)]


def xmp(**values: str) -> bytes:
    """An XMP packet with attributes of the exif namespace."""
    attributes = " ".join(f'exif:{name}="{value}"' for name, value in values.items())
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/" {attributes}>'
        "<dc:creator><rdf:Seq><rdf:li>Cleo</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def save(path: Path, exif: bytes | None = None, packet: bytes | None = None) -> None:
    """A small picture of its own, in the format of its suffix."""
    picture = Image.new("RGB", (24, 16), tuple(sum(path.name.encode()) * k % 256 for k in (1, 3, 7)))
    how: dict[str, Any] = {}
    if exif is not None:
        how["exif"] = b"Exif\0\0" + exif
    if packet is not None and path.suffix == ".png":
        how["pnginfo"] = PngImagePlugin.PngInfo()
        how["pnginfo"].add_itxt("XML:com.adobe.xmp", packet.decode())
    elif packet is not None:
        how["xmp"] = packet
    if path.suffix in (".tif", ".tiff") and exif is not None:
        opened = Image.Exif()
        opened.load(b"Exif\0\0" + exif)
        how = {"exif": opened}
    picture.save(path, **how)


def camera(taken: str | None = None, offset: str | None = None) -> dict[int, Value]:
    """What a camera writes of the time."""
    given = {0x9003: taken, 0x9011: offset}
    return {tag: (ASCII, text) for tag, text in given.items() if text is not None}


PLACES = {
    "paris": (48.85837, 2.29448), "sydney": (-33.85678, 151.21529), "rio": (-22.95191, -43.21049),
    "new_york": (40.68925, -74.0445), "quito": (-0.22985, -78.52495), "suva": (-18.14161, 178.44149),
    "reykjavik": (64.14755, -21.9422), "cape_town": (-33.92487, 18.42406), "tokyo": (35.65858, 139.74543),
    "greenwich": (51.47793, -0.0015),
}  # fmt: skip
SUFFIXES = (".jpg", ".png", ".webp", ".tif")


@pytest.fixture(scope="module")
def trip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[float, float]]]:
    """Some forty pictures in a folder and one below it; the coordinates of those that tell theirs."""
    folder = tmp_path_factory.mktemp("trip") / "my photos"
    (folder / "day 2").mkdir(parents=True)
    truth = {}
    writers = (
        (dms, RATIONAL, ">"), (dms, RATIONAL, "<"), (minutes, RATIONAL, "<"), (decimal, RATIONAL, ">"),
        (dms, SIGNED, ">"), (partial(dms, of_second=10_000), RATIONAL, "<"),
    )  # fmt: skip
    for number in range(24):
        name, (lat, lon) = list(PLACES.items())[number % len(PLACES)]
        write, kind, order = writers[number % len(writers)]
        north, east = "S" if lat < 0 else "N", "W" if lon < 0 else "E"
        gps = position(write(lat), north, write(lon), east, kind)
        artist: dict[int, Value] = {0x13B: (ASCII, ("Ann", "Bob")[number % 2])} if number % 3 else {}
        file = f"{'day 2/' if number % 5 == 0 else ''}{name}-{number}{SUFFIXES[number % 4]}"
        save(folder / file, tiff(order, gps, camera("2024:05:12 10:11:12", "+02:00" if number % 2 else None), artist))
        truth[file] = (lat, lon)
    for suffix in (".jpg", ".png", ".webp"):
        save(folder / f"xmp{suffix}", packet=xmp(GPSLatitude="33,51.4068S", GPSLongitude="151,12.9174E"))
        truth[f"xmp{suffix}"] = (-33.85678, 151.21529)
    save(folder / "xmp-seconds.jpg", packet=xmp(GPSLatitude="22,57,6.9S", GPSLongitude="43,12,37.8W"))
    truth["xmp-seconds.jpg"] = (-(22 + 57 / 60 + 6.9 / 3600), -43.2105)
    written = position(dms(10.5), "N", dms(20.25), "E")
    save(folder / "both.jpg", tiff("<", written, {}, {}), xmp(GPSLatitude="1,0N", GPSLongitude="1,0E"))
    truth["both.jpg"] = (10.5, 20.25)
    save(folder / "atlantic.jpg", tiff("<", position(dms(30.0), "N", dms(-40.0), "W"), {}, {}))
    truth["atlantic.jpg"] = (30.0, -40.0)
    save(folder / "-dash.jpg", tiff("<", position(dms(48.2), "N", dms(16.37), "E"), {}, {}))
    truth["-dash.jpg"] = (48.2, 16.37)

    save(folder / "none.jpg")
    save(folder / "no-position.png", tiff(">", {}, camera("2024:05:12 10:11:12"), {}))
    save(folder / "zero.jpg", tiff(">", position(dms(0), "N", dms(0), "E"), {}, {}))
    save(folder / "beyond.jpg", tiff(">", position(dms(95.0), "N", dms(10.0), "E"), {}, {}))
    save(folder / "no-fix.jpg", tiff(">", position([(0, 0)] * 3, "N", [(0, 0)] * 3, "E"), {}, {}))
    save(folder / "no-side.jpg", tiff(">", position(dms(10.0), None, dms(10.0), None), {}, {}))
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe1\x00\x10Exif")
    (folder / "torn.jpg").write_bytes((folder / "both.jpg").read_bytes()[:-6])
    (folder / "empty.png").write_bytes(b"")
    (folder / "IMG_1.heic").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 40)
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.jpg").write_bytes(b"")
    return folder, truth


@pytest.fixture
def made(trip: tuple[Path, dict[str, tuple[float, float]]], tmp_path: Path) -> Path:
    """The folder of the pictures, copied beside the benchmark that `new` makes of it."""
    shutil.copytree(trip[0], tmp_path / "my photos")
    assert main(["new", "trip", "--images", str(tmp_path / "my photos"), "-o", str(tmp_path)]) == 0
    return tmp_path


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_some_forty_pictures_become_a_benchmark(trip: Any, made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["id"].removeprefix("./"): row for row in read(made / "trip.csv")}
    assert len(photographs.pictures_in(trip[0])) == 41
    assert set(rows) == set(trip[1])
    for name, (lat, lon) in trip[1].items():
        assert float(rows[name]["lat"]) == pytest.approx(lat, abs=2e-6), name
        assert float(rows[name]["lon"]) == pytest.approx(lon, abs=2e-6), name
    assert rows["xmp.png"]["country"] == "Australia" and rows["atlantic.jpg"]["country"] == ""
    assert rows["day 2/paris-0.jpg"]["taken"] == "2024-05-12T10:11:12"
    assert rows["sydney-1.png"]["taken"] == "2024-05-12T10:11:12+02:00"
    assert {row["photographer"] for row in rows.values()} == {"", "p1", "p2", "p3"}
    assert "Ann" not in (made / "trip.csv").read_text()
    assert len(read_manifest(made / "trip.csv", images=made / "my photos").rows) == len(rows)
    assert validate.problems(made / "trip.yaml", data=True) == []


def test_what_is_left_out_is_listed_with_the_reason(made: Path) -> None:
    reasons = {row["file"].lstrip("'"): row["reason"] for row in read(made / "trip_left_out.csv")}
    wanted = {
        "none.jpg": "no coordinates", "no-position.png": "no coordinates", "zero.jpg": "(0, 0)",
        "beyond.jpg": "out of range (95.0000, 10.0000)", "no-fix.jpg": "no fix", "no-side.jpg": "without a hemisphere",
        "cut.jpg": "", "torn.jpg": "image file is truncated", "empty.png": "(0 bytes)", "IMG_1.heic": "",
    }  # fmt: skip
    assert set(reasons) == set(wanted)
    for name, words in wanted.items():
        assert words in reasons[name] and reasons[name], name


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs exiftool")
def test_coordinates_are_those_of_exiftool(made: Path) -> None:
    command = ["exiftool", "-json", "-n", "-r", "-GPSLatitude", "-GPSLongitude", "-c", "%.9f", "my photos"]
    output = subprocess.run(command, cwd=made, capture_output=True, check=False).stdout
    found = {one["SourceFile"].removeprefix("my photos/"): one for one in json.loads(output)}
    rows = read(made / "trip.csv")
    assert len(rows) == 31
    for row in rows:
        theirs = found[row["id"].removeprefix("./")]
        assert float(row["lat"]) == pytest.approx(theirs["GPSLatitude"], abs=1e-7), row["id"]
        assert float(row["lon"]) == pytest.approx(theirs["GPSLongitude"], abs=1e-7), row["id"]


def test_it_runs_from_any_folder_and_after_it_was_moved(
    made: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    moved = tmp_path_factory.mktemp("colleague") / "given"
    shutil.move(made, moved)
    monkeypatch.chdir(moved.parent)
    assert "my photos" in (moved / "trip.yaml").read_text() and str(made) not in (moved / "trip.yaml").read_text()
    assert main(["validate", "given/trip.yaml"]) == 0
    capsys.readouterr()
    command = ["--model", "constant", "--tasks", "trip", "--include_path", "given", "-o", "out", "--format", "json"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["trip"]["n"] == 31
    command[3:6] = ["given/trip.yaml"]
    assert main([*command, "--fresh"]) == 0


def test_lm_eval_finds_the_table_beside_the_yaml(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lm_eval.tasks import TaskManager

    monkeypatch.chdir(made.parent)
    task = TaskManager(include_path=str(made), include_defaults=False).load(["trip"])["tasks"]["trip"]
    assert len(task.eval_docs) == 31


def test_nothing_is_written_where_no_picture_tells(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match="no picture there"):
        photographs.describe_folder(tmp_path / "photos")
    save(tmp_path / "photos" / "a.jpg")
    assert main(["new", "trip", "--images", str(tmp_path / "photos"), "-o", str(tmp_path)]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_without_pillow_heif_one_line_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    images.reads_heic.cache_clear()
    try:
        (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 40)
        (tmp_path / "gt.csv").write_text("id,lat,lon\na.heic,1,2\n")
        with pytest.raises(InputError, match=r"a\.heic: HEIC pictures need pillow-heif \(pip install .*1 of 1"):
            read_manifest(tmp_path / "gt.csv")
        with pytest.raises(images.ImageError, match="pillow-heif"):
            photographs.describe(tmp_path / "a.heic")
    finally:
        images.reads_heic.cache_clear()


def test_heic_and_avif_tell_their_place_and_are_sent_as_jpeg(tmp_path: Path) -> None:
    exif = tiff(">", position(dms(-33.85678), "S", dms(151.21529), "E"), {}, {})
    kinds = {}
    if features.check("avif"):
        Image.new("RGB", (64, 48), "red").save(tmp_path / "a.avif", exif=b"Exif\0\0" + exif)
        kinds["a.avif"] = (64, 48)
    heif = pytest.importorskip("pillow_heif", reason="needs pillow-heif")
    heif.register_heif_opener()
    Image.new("RGB", (64, 48), "red").save(tmp_path / "a.heic", exif=b"Exif\0\0" + exif)
    kinds["a.heic"] = (64, 48)
    for name, size in kinds.items():
        assert photographs.describe(tmp_path / name).point == pytest.approx((-33.85678, 151.21529), abs=2e-6)
        data, mime = images.Photograph(tmp_path / name).clean_bytes()
        assert mime == "image/jpeg" and Image.open(io.BytesIO(data)).size == size
        assert b"Exif" not in data
        assert images.inspect(tmp_path / name).with_coordinates
