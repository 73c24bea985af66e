"""The leak guard: what readers of metadata find in a file, and not in what a model is sent."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import piexif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import (
    JPEG_PLANTS,
    SECRET,
    XMP,
    clean,
    encoded,
    gps_exif,
    icc,
    picture,
    png_chunk,
    riff_chunk,
    segment,
    stored_pixels,
)
from PIL import Image, PngImagePlugin

from globe_eval.benchmarks.metadata import MalformedImage, carries_coordinates, split_jpeg, split_png, split_webp

pytestmark = pytest.mark.filterwarnings("ignore:Image appears to be a malformed MPO")

LATITUDE, LONGITUDE = SECRET.decode().split(",")
COMMENT = f"photo: 123 owner: someone latitude: {LATITUDE} longitude: {LONGITUDE} accuracy: 16".encode()
IPTC = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">IBBBH", 5 + len(SECRET), 0x1C, 2, 120, len(SECRET)) + SECRET


def jpegs() -> dict[str, bytes]:
    """The same picture with its coordinates in one place each."""
    plain = encoded(picture(), "JPEG", quality=90)
    second = encoded(picture(seed=5), "JPEG", exif=gps_exif())

    def before(plant: bytes) -> bytes:
        return plain[:2] + plant + plain[2:]

    exif = io.BytesIO()
    gps = {piexif.GPSIFD.GPSLatitudeRef: b"N", piexif.GPSIFD.GPSLatitude: ((48, 1), (51, 1), (3013, 100))}
    gps |= {piexif.GPSIFD.GPSLongitudeRef: b"E", piexif.GPSIFD.GPSLongitude: ((2, 1), (17, 1), (4013, 100))}
    piexif.insert(piexif.dump({"GPS": gps}), plain, exif)
    return {
        "exif": exif.getvalue(),
        "exif of another writer": before(segment(0xE1, gps_exif())),
        "xmp": before(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp())),
        "iptc": before(segment(0xED, IPTC)),
        "comment": before(segment(0xFE, COMMENT)),
        "comment a line": before(b"".join(segment(0xFE, line) for line in COMMENT.replace(b" l", b"\nl").split(b"\n"))),
        "trailing text": plain + COMMENT,
        "trailing picture": plain + second,
        "trailing film": plain + b"\0\0\0\x18ftypmp42" + b"\xa9xyz\0\x12\x15\xc7+48.8584+002.2945/",
        "second picture": encoded(
            picture(), "MPO", save_all=True, append_images=[Image.open(io.BytesIO(second))], exif=gps_exif()
        ),
    }


def pngs() -> dict[str, bytes]:
    plain = encoded(picture(), "PNG")
    hexadecimal = b"\nexif\n%8d\n" % len(gps_exif()) + gps_exif().hex().encode() + b"\n"
    chunks = {
        "exif": png_chunk(b"eXIf", gps_exif()[6:]),
        "exif in digits": png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(hexadecimal)),
        "exif in plain digits": png_chunk(b"tEXt", b"Raw profile type exif\0" + hexadecimal),
        "xmp": png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp()),
        "packed xmp": png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp())),
        "text": png_chunk(b"tEXt", b"Comment\0" + COMMENT),
        "packed text": png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(COMMENT)),
        "keyword": png_chunk(b"tEXt", b"GPSLatitude\0" + LATITUDE.encode()),
    }
    return {name: plain[:33] + chunk + plain[33:] for name, chunk in chunks.items()} | {
        "after the pixels": plain[:-12] + chunks["text"] + plain[-12:],
        "trailing text": plain + COMMENT,
    }


def webps() -> dict[str, bytes]:
    plain = encoded(picture(), "WEBP", lossless=True)
    return {
        "exif": encoded(picture(), "WEBP", lossless=True, exif=gps_exif()),
        "exif of a lossy one": encoded(picture(), "WEBP", exif=gps_exif()),
        "exif and alpha": encoded(picture("RGBA"), "WEBP", exif=gps_exif()),
        "xmp": encoded(picture(), "WEBP", lossless=True, xmp=xmp()),
        "trailing text": plain + COMMENT,
        "unknown chunk": riff(plain[12:] + riff_chunk(b"junk", COMMENT)),
    }


def riff(chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def xmp() -> bytes:
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
        b'exif:GPSLatitude="48,51.5022N" exif:GPSLongitude="2,17.66886E"/></rdf:RDF></x:xmpmeta>'
    )


PLANTED = {
    (form, place): data
    for form, files in (("jpeg", jpegs()), ("png", pngs()), ("webp", webps()))
    for place, data in files.items()
}
PLAIN = {
    "jpeg": encoded(picture(), "JPEG", quality=90),
    "png": encoded(picture(), "PNG"),
    "webp": encoded(picture(), "WEBP"),
}


@pytest.mark.parametrize(("form", "place"), PLANTED)
def test_coordinates_are_noticed_and_go_and_pixels_stay(form: str, place: str) -> None:
    dirty = PLANTED[form, place]
    cleaned, mime = clean(dirty, "x")
    assert carries_coordinates(dirty) and not carries_coordinates(cleaned)
    assert mime == f"image/{form}"
    assert np.array_equal(stored_pixels(cleaned), stored_pixels(dirty))
    assert len(cleaned) <= len(dirty)
    for word in (b"48.8", b"48,51", b"Exif", b"GPS", b"xmp", b"latitude", b"8BIM", gps_exif()[6:40]):
        assert word not in cleaned


@pytest.mark.parametrize(("form", "place"), [key for key in PLANTED if "exif" in key[1] and key[0] != "png"])
def test_piexif_finds_them_before_and_not_after(form: str, place: str) -> None:
    before, after = piexif.load(PLANTED[form, place]), piexif.load(clean(PLANTED[form, place], "x")[0])
    assert before["GPS"][piexif.GPSIFD.GPSLatitude][0] == (48, 1)
    assert not any(after.values())


def test_exiftool_finds_them_before_and_not_after(tmp_path: Path) -> None:
    program = shutil.which("exiftool")
    if program is None:
        pytest.skip("exiftool is not installed")
    for number, (key, data) in enumerate(PLANTED.items()):
        (tmp_path / f"{number:02}-before.{key[0]}").write_bytes(data)
        (tmp_path / f"{number:02}-after.{key[0]}").write_bytes(clean(data, "x")[0])
    # -ee: also what is embedded; -U: also what it has no name for; -a and -G0:4: each of several of a name
    arguments = [program, "-j", "-G0:4", "-a", "-ee", "-U", "-n", str(tmp_path)]
    found = json.loads(subprocess.run(arguments, capture_output=True, check=True, timeout=120).stdout)
    read = {Path(one.pop("SourceFile")).name: one for one in found}
    assert len(read) == 2 * len(PLANTED)
    for number, (form, place) in enumerate(PLANTED):
        before, after = (read[f"{number:02}-{when}.{form}"] for when in ("before", "after"))
        told = json.dumps(before)
        # It looks neither behind the end marker nor into chunks that nobody defined.
        assert "trailing" in place or place == "unknown chunk" or "48.85" in told or "Latitude" in told, (form, place)
        groups = {name.partition(":")[0] for name in after}
        assert groups <= {"ExifTool", "File", "Composite", "JFIF", "PNG", "RIFF"}, (form, place, after)
        kept = {name for name in after if name.startswith("Composite:")}
        assert kept <= {"Composite:ImageSize", "Composite:Megapixels"}
        assert not {name for name in after if name.endswith(("Comment", "Warning", "Error"))}, (form, place, after)
        assert "48.8" not in json.dumps({name: after[name] for name in after if name != "File:FileName"})


def exif_with(gps: dict[int, Any], **tags: str) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = tags.get("description", "A photograph")
    if gps:
        exif.get_ifd(0x8825).update(gps)
    return exif.tobytes()


@pytest.mark.parametrize(
    "metadata",
    [
        b"",
        segment(0xE1, exif_with({})),
        segment(0xE1, exif_with({29: "2020:01:02", 0: b"\2\3\0\0"})),  # a camera's clock, set by satellite
        segment(0xE1, exif_with({1: "N", 3: "E"})),
        segment(0xE1, piexif.dump({"GPS": {piexif.GPSIFD.GPSLatitude: ((0, 0),) * 3}})),  # no fix
        segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b'<x exif:GPSLatitudeRef="N" photoshop:City="Paris"/>'),
        segment(0xE2, b"ICC_PROFILE\0\1\1" + icc()[: -len(SECRET)]),
        segment(0xFE, b"Latitude Festival 2014, 12.50, 3.10 pounds; flat=3 lat: n/a"),
        segment(0xFE, b"quality = 90, 4.2.0 2019-03-02 10:11:12.345678 1.2345"),
    ],
)
def test_what_is_no_place_is_no_coordinate(metadata: bytes) -> None:
    plain = PLAIN["jpeg"]
    assert not carries_coordinates(plain[:2] + metadata + plain[2:])


@pytest.mark.parametrize(
    "text",
    [
        b"latitude: 48.858370",
        b"Latitude = -33",
        b'{"lat": 48.8, "lng": 2.29}',
        b"geo:lat=48.85 geo:lon=2.29",
        b"48.858370,2.294481",
        b"taken at -33.8568, 151.2153.",
        b"<key>Latitude</key><real>48.85</real>",
        "latitude: 48.858370".encode("utf-16-le"),
        b"exif:GPSLatitude>48,51.5N<",
    ],
)
def test_coordinates_in_words_are_noticed(text: bytes) -> None:
    plain = PLAIN["jpeg"]
    assert carries_coordinates(plain[:2] + segment(0xFE, text) + plain[2:])
    assert carries_coordinates(encoded(picture(), "GIF", comment=text))


def test_text_that_cannot_be_unpacked_tells_nothing() -> None:
    plain = PLAIN["png"]
    for chunk in (
        png_chunk(b"zTXt", b"Comment\0\0" + b"no zlib data"),
        png_chunk(b"iTXt", b"Comment\0\1"),
        png_chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 5\nzzzz"),
        png_chunk(b"zTXt", b""),
    ):
        assert not carries_coordinates(plain[:33] + chunk + plain[33:])


@pytest.mark.parametrize("form", ["TIFF", "GIF", "BMP"])
def test_files_that_are_encoded_again_are_searched_too(form: str) -> None:
    assert not carries_coordinates(encoded(picture(), form))
    if form == "TIFF":
        assert carries_coordinates(encoded(picture(), form, exif=gps_exif()))
    assert carries_coordinates(encoded(picture(), form) + COMMENT)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(PLANTED)), st.data())
def test_no_file_is_too_broken_to_be_searched(key: tuple[str, str], data: st.DataObject) -> None:
    broken = bytearray(PLANTED[key][: data.draw(st.integers(0, len(PLANTED[key])))])
    for _ in range(data.draw(st.integers(0, 8))):
        if broken:
            broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    assert carries_coordinates(bytes(broken)) in (True, False)


# Fuzzing the cut: metadata anywhere that a file can hold it.


def jpeg_pieces(data: bytes) -> list[bytes]:
    """SOI, each segment (a scan with its data) and EOI of a file that Pillow wrote."""
    pieces, at = [data[:2]], 2
    while data[at + 1] != 0xD9:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == 0xDA:
            while data[end] != 0xFF or data[end + 1] == 0 or 0xD0 <= data[end + 1] <= 0xD7:
                end += 1
        pieces.append(data[at:end])
        at = end
    return [*pieces, data[at:]]


JPEG_METADATA = [
    *JPEG_PLANTS.values(),
    segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 40 + XMP * 20),
    segment(0xEF, SECRET),
    segment(0xFE, b""),
    segment(0xFE, b"\xff\xd9" + SECRET + b"\xff\xd8\xff\xda"),
    segment(0xDC, SECRET),  # a DNL of a wrong length, which decoders skip
    b"\xff\xff\xff",  # padding
]


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "quality": st.integers(20, 95),
            "subsampling": st.integers(0, 2),
            "progressive": st.booleans(),
            "restart_marker_blocks": st.integers(0, 4),
        }
    ),
    st.sampled_from(["RGB", "L"]),
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from(JPEG_METADATA)), max_size=8),
    st.booleans(),
    st.sampled_from([b"", SECRET, encoded(picture(), "JPEG") + SECRET, b"\xff\xd9" + SECRET]),
)
def test_jpeg_metadata_may_stand_anywhere(
    options: dict[str, Any], mode: str, plants: list[tuple[int, bytes]], tables_late: bool, trailing: bytes
) -> None:
    plain = encoded(picture(mode, (90, 70)), "JPEG", **options)
    pieces = jpeg_pieces(plain)
    if tables_late:  # the quantisation tables once more, after the first scan
        scan = next(i for i, piece in enumerate(pieces) if piece[1] == 0xDA)
        pieces[scan + 1 : scan + 1] = [piece for piece in pieces if piece[1] == 0xDB]
    for at, plant in plants:
        at = 1 + at % (len(pieces) - 1)
        # Padding belongs before a marker, and every piece begins with one.
        pieces.insert(at, plant)
    dirty = b"".join(pieces) + trailing
    cleaned = split_jpeg(dirty).picture
    assert SECRET not in cleaned
    assert np.array_equal(stored_pixels(cleaned), stored_pixels(plain))
    assert split_jpeg(cleaned).picture == cleaned
    assert clean(dirty, "x") == (cleaned, "image/jpeg")


def test_bytes_between_two_jpeg_segments_go() -> None:
    """Decoders look for the next marker and skip what is no marker."""
    plain = encoded(picture(size=(90, 70)), "JPEG", progressive=True)
    pieces = jpeg_pieces(plain)
    scan = next(i for i, piece in enumerate(pieces) if piece[1] == 0xDA)
    tables = next(i for i in range(scan, len(pieces)) if pieces[i][1] == 0xC4)
    dirty = b"".join([*pieces[: tables + 1], SECRET, *pieces[tables + 1 :]])
    assert np.array_equal(stored_pixels(dirty), stored_pixels(plain))
    assert clean(dirty, "x") == (split_jpeg(plain).picture, "image/jpeg") and carries_coordinates(dirty)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["1", "L", "P", "RGB", "RGBA"]),
    st.integers(1, 3),
    st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from([b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"iCCP", b"prVt"])),
        max_size=6,
    ),
    st.booleans(),
)
def test_png_metadata_may_stand_anywhere(
    mode: str, frames: int, plants: list[tuple[int, bytes]], trailing: bool
) -> None:
    images = [picture(mode, seed=seed) for seed in range(frames)]
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x")
    plain = encoded(images[0], "PNG", save_all=True, append_images=images[1:], pnginfo=info)
    chunks, at = [], 8
    while at < len(plain):
        end = at + 12 + int.from_bytes(plain[at : at + 4], "big")
        chunks.append(plain[at:end])
        at = end
    for place, kind in plants:
        chunks.insert(1 + place % (len(chunks) - 1), png_chunk(kind, b"a\0" + SECRET))
    dirty = plain[:8] + b"".join(chunks) + SECRET * trailing
    cleaned = split_png(dirty).picture
    assert SECRET not in cleaned
    kinds = [kind for kind in (b"tEXt", b"acTL", b"fcTL", b"fdAT", b"iCCP") if kind in cleaned]
    assert not kinds
    assert np.array_equal(stored_pixels(cleaned), np.asarray(images[0]))
    assert getattr(Image.open(io.BytesIO(cleaned)), "n_frames", 1) == 1


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["RGB", "RGBA"]),
    st.booleans(),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.sets(st.sampled_from(["exif", "xmp", "icc_profile"])),
    st.lists(st.sampled_from([b"EXIF", b"XMP ", b"GPS ", b"ICCP", b"abcd"]), max_size=3),
    st.integers(0, 2),
    st.booleans(),
)
def test_webp_metadata_may_stand_anywhere(
    mode: str,
    lossless: bool,
    size: tuple[int, int],
    kinds: set[str],
    chunks: list[bytes],
    frames: int,
    trailing: bool,
) -> None:
    values = {"exif": gps_exif(), "xmp": XMP, "icc_profile": icc()}
    more = {"save_all": True, "append_images": [picture(mode, size, 7 + i) for i in range(frames)]} if frames else {}
    written = encoded(picture(mode, size), "WEBP", lossless=lossless, **{kind: values[kind] for kind in kinds}, **more)
    extra = b"".join(riff_chunk(kind, SECRET + b"!" * (len(kinds) % 2)) for kind in chunks)
    dirty = riff(written[12:] + extra) + SECRET * trailing
    if b"ANMF" in written:
        with pytest.raises(MalformedImage, match="animated"):
            split_webp(dirty)
        return
    cleaned = split_webp(dirty).picture
    assert SECRET not in cleaned
    assert np.array_equal(stored_pixels(cleaned), stored_pixels(written))
    assert split_webp(cleaned).picture == cleaned
