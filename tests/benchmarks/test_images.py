"""Photographs: what leaves towards a model is pixels, and the same pixels."""

from __future__ import annotations

import copy
import hashlib
import io
import pickle
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from globe_eval.benchmarks.images import ImageError, Photograph, clean, decode, image_sha256, to_rgb
from globe_eval.benchmarks.metadata import MalformedImage, strip_jpeg, strip_png, strip_webp

pytestmark = pytest.mark.filterwarnings("ignore:Image appears to be a malformed MPO", "ignore:Corrupt EXIF data")

SECRET = b"48.858370,2.294481"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><exif:GPSLatitude>' + SECRET + b"</exif:GPSLatitude></x:xmpmeta>"


def picture(mode: str = "RGB", size: tuple[int, int] = (61, 47), seed: int = 0) -> Image.Image:
    """Smooth colours with an edge: not symmetric under any turn."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    wave = np.random.default_rng(seed).uniform(0.05, 0.4, 3)
    pixels = np.stack([127 + 120 * np.sin(wave[i] * x + 0.1 * i * y) for i in range(3)], axis=-1).astype(np.uint8)
    pixels[: height // 3, : width // 4] = (250, 20, 90)
    image = Image.fromarray(pixels)
    if mode == "RGBA":
        image.putalpha(Image.fromarray(((x * 7 + y * 3) % 256).astype(np.uint8)))
        return image
    return image.convert(mode)


def gps_exif(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = SECRET.decode()
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.1), 3: "E", 4: (2.0, 17.0, 40.1)})
    return exif.tobytes()


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def icc() -> bytes:
    """A profile whose description carries the secret."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    return bytes(profile) + SECRET


def segment(marker: int, payload: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(payload) + 2) + payload


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)


JPEG_PLANTS = {
    "exif": segment(0xE1, gps_exif()),
    "exif thumbnail": segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\0\0" + encoded(picture(size=(16, 12)), "JPEG") + SECRET),
    "xmp": segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
    "extended xmp": segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + XMP),
    "iptc": segment(
        0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", 18 + 5) + b"\x1c\2\x78\0\x12" + SECRET
    ),
    "comment": segment(0xFE, SECRET),
    "icc": segment(0xE2, b"ICC_PROFILE\0\1\1" + icc()),
    "mpf": segment(0xE2, b"MPF\0" + SECRET),
    "jfxx thumbnail": segment(0xE0, b"JFXX\0\x13\2\1" + SECRET),
    "second jfif with a thumbnail": segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\2\3" + SECRET),
    "unknown app": segment(0xEB, SECRET),
    "long adobe": segment(0xEE, b"Adobe\0\x64\0\0\0\0\1" + SECRET),
}


def planted_jpeg(**options: object) -> bytes:
    plain = encoded(picture(), "JPEG", quality=90, **options)
    return plain[:2] + b"".join(JPEG_PLANTS.values()) + plain[2:] + SECRET + plain


def planted_png(mode: str) -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("Location", SECRET.decode())
    text.add_text("Comment", SECRET.decode() * 20, zip=True)
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    plain = encoded(picture(mode), "PNG", pnginfo=text, exif=gps_exif(), icc_profile=icc())
    end = plain.rindex(b"IEND") - 4
    extra = png_chunk(b"tIME", b"\x07\xe8\1\1\0\0\0") + png_chunk(b"gpSx", SECRET) + png_chunk(b"tEXt", b"a\0" + SECRET)
    return plain[:end] + extra + plain[end:] + SECRET


def planted_webp(mode: str, lossless: bool) -> bytes:
    plain = encoded(picture(mode), "WEBP", lossless=lossless, exif=gps_exif(), xmp=XMP, icc_profile=icc())
    content = plain[8:] + riff_chunk(b"GPS ", SECRET)
    return b"RIFF" + struct.pack("<I", len(content)) + content + SECRET


def stored_pixels(data: bytes) -> np.ndarray:
    """As a plain decoder sees them, whatever EXIF says."""
    return np.asarray(Image.open(io.BytesIO(data)))


def assert_clean(dirty: bytes, mime: str) -> bytes:
    bytes_out, kind = clean(dirty, "x")
    assert kind == mime
    assert np.array_equal(stored_pixels(bytes_out), stored_pixels(dirty))
    image = Image.open(io.BytesIO(bytes_out))
    image.load()
    assert SECRET in dirty
    assert SECRET not in bytes_out
    assert not image.getexif() and not image.getexif().get_ifd(0x8825) and not image.getxmp()
    assert not {"exif", "xmp", "comment", "photoshop", "icc_profile", "mpoffset"} & set(image.info), image.info
    assert not getattr(image, "text", {})
    assert clean(bytes_out, "x") == (bytes_out, mime)
    return bytes_out


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_metadata_goes_and_pixels_stay(progressive: bool) -> None:
    dirty = planted_jpeg(progressive=progressive)
    carried = Image.open(io.BytesIO(dirty))
    assert carried.getexif().get_ifd(0x8825)[2] == (48.0, 51.0, 30.1), "the plant is one that a reader finds"
    cleaned = assert_clean(dirty, "image/jpeg")
    assert len(cleaned) <= len(encoded(picture(), "JPEG", quality=90, progressive=progressive)) + 16 + 18


@pytest.mark.parametrize("name", JPEG_PLANTS)
def test_each_jpeg_segment_goes_alone(name: str) -> None:
    plain = encoded(picture(), "JPEG", quality=90)
    cleaned, _ = clean(plain[:2] + JPEG_PLANTS[name] + plain[2:], "x")
    assert SECRET not in cleaned
    assert np.array_equal(stored_pixels(cleaned), stored_pixels(plain))


def test_a_comment_between_scans_and_padding_before_markers() -> None:
    plain = encoded(picture(size=(200, 150)), "JPEG", quality=85, progressive=True)
    scan = plain.index(b"\xff\xda", plain.index(b"\xff\xda") + 2)
    dirty = plain[:scan] + JPEG_PLANTS["comment"] + b"\xff\xff\xff" + plain[scan:]
    assert_clean(dirty, "image/jpeg")


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_png_metadata_goes_and_pixels_stay(mode: str) -> None:
    assert_clean(planted_png(mode), "image/png")


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_webp_metadata_goes_and_pixels_stay(mode: str, lossless: bool) -> None:
    cleaned = assert_clean(planted_webp(mode, lossless), "image/webp")
    assert struct.unpack_from("<I", cleaned, 4)[0] == len(cleaned) - 8
    assert cleaned[12:16] != b"VP8X" or cleaned[20] & ~0x10 == 0


def test_a_plain_webp_is_untouched() -> None:
    plain = encoded(picture(), "WEBP", lossless=True)
    assert plain[12:16] == b"VP8L"
    assert clean(plain, "x") == (plain, "image/webp")


@settings(max_examples=60, deadline=None)
@given(
    mode=st.sampled_from(["RGB", "L"]),
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    quality=st.integers(1, 100),
    subsampling=st.integers(0, 2),
    progressive=st.booleans(),
    restart=st.integers(0, 3),
    plants=st.lists(st.sampled_from(sorted(JPEG_PLANTS)), max_size=4),
    trailing=st.binary(max_size=40),
    seed=st.integers(0, 5),
)
def test_any_jpeg_keeps_its_pixels(
    mode: str,
    size: tuple[int, int],
    quality: int,
    subsampling: int,
    progressive: bool,
    restart: int,
    plants: list[str],
    trailing: bytes,
    seed: int,
) -> None:
    plain = encoded(
        picture(mode, size, seed),
        "JPEG",
        quality=quality,
        subsampling=subsampling,
        progressive=progressive,
        restart_marker_blocks=restart,
    )
    dirty = plain[:2] + b"".join(JPEG_PLANTS[name] for name in plants) + plain[2:] + trailing
    cleaned = strip_jpeg(dirty)
    assert SECRET not in cleaned
    assert cleaned.endswith(b"\xff\xd9")
    assert np.array_equal(stored_pixels(cleaned), stored_pixels(plain))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([planted_jpeg(), planted_png("RGB"), planted_webp("RGB", True)]), st.data())
def test_broken_bytes_are_an_image_error_or_a_picture(whole: bytes, data: st.DataObject) -> None:
    """Cut anywhere and changed anywhere: never another kind of exception."""
    broken = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 6))):
        if broken:
            broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    try:
        cleaned, mime = clean(bytes(broken), "photo.jpg")
    except ImageError as error:
        assert str(error).startswith("photo.jpg: ") and "\n" not in str(error)
    else:
        assert mime in ("image/jpeg", "image/png", "image/webp")
        assert cleaned


TURNED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", TURNED)
def test_the_orientation_is_applied_to_the_pixels(form: str, orientation: int, tmp_path: Path) -> None:
    data = encoded(picture(), form, exif=gps_exif(orientation), **({"lossless": True} if form == "WEBP" else {}))
    upright = TURNED[orientation](
        stored_pixels(encoded(picture(), form) if form == "JPEG" else encoded(picture(), "PNG"))
    )
    path = tmp_path / "p"
    path.write_bytes(data)
    photo = Photograph(path)
    assert photo.size == (upright.shape[1], upright.shape[0])
    assert np.array_equal(np.asarray(photo), upright)
    cleaned, mime = photo.clean_bytes()
    assert np.array_equal(stored_pixels(cleaned), upright)
    assert SECRET not in cleaned and not Image.open(io.BytesIO(cleaned)).getexif()
    assert (mime == "image/png") == (orientation != 1 or form in ("PNG", "TIFF"))


def test_broken_exif_does_not_cost_the_picture() -> None:
    plain = encoded(picture(), "JPEG")
    dirty = plain[:2] + segment(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\xff" * 30) + plain[2:]
    assert clean(dirty, "x") == (strip_jpeg(plain), "image/jpeg")


def test_cmyk_is_sent_as_rgb_and_not_inverted() -> None:
    data = encoded(picture().convert("CMYK"), "JPEG", quality=95)
    cleaned, mime = clean(data, "x")
    seen = Image.open(io.BytesIO(cleaned))
    assert (mime, seen.mode) == ("image/png", "RGB")
    assert np.abs(np.asarray(seen).astype(int) - np.asarray(picture()).astype(int)).mean() < 12


def test_sixteen_bit_grey_keeps_its_high_byte() -> None:
    values = np.linspace(0, 65535, 60 * 40).astype(np.uint16).reshape(40, 60)
    data = encoded(Image.fromarray(values), "PNG")
    seen = stored_pixels(clean(data, "x")[0])
    assert seen.shape == (40, 60, 3)
    assert np.abs(seen[..., 0].astype(int) - (values >> 8)).max() <= 1


def test_transparency_lies_over_white() -> None:
    image = Image.new("RGBA", (8, 8), (200, 0, 0, 0))
    image.paste((0, 100, 0, 255), (0, 0, 4, 8))
    expected = Image.new("RGB", (8, 8), (255, 255, 255))
    expected.paste((0, 100, 0), (0, 0, 4, 8))
    palette = image.convert("P")
    palette.info["transparency"] = palette.getpixel((7, 7))
    for data in (
        encoded(image, "PNG"),
        encoded(image.convert("LA"), "PNG"),
        encoded(palette, "PNG"),
        encoded(palette, "GIF"),
        encoded(image, "WEBP", lossless=True),
    ):
        pixels = decode(data, "x")
        assert pixels.getpixel((7, 7)) == (255, 255, 255)
        assert np.array_equal(np.asarray(to_rgb(Image.open(io.BytesIO(clean(data, "x")[0])))), np.asarray(pixels))
    assert np.array_equal(np.asarray(decode(encoded(image, "PNG"), "x")), np.asarray(expected))


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_sent(form: str) -> None:
    first, second = picture(seed=1), picture(seed=2)
    data = encoded(first, form, save_all=True, append_images=[second], duration=100, lossless=True)
    assert getattr(Image.open(io.BytesIO(data)), "n_frames", 1) == 2
    cleaned, mime = clean(data, "x")
    seen = Image.open(io.BytesIO(cleaned))
    assert getattr(seen, "n_frames", 1) == 1
    assert mime == "image/png"
    assert np.array_equal(np.asarray(seen.convert("RGB")), np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


@pytest.mark.parametrize("form", ["BMP", "TIFF", "PPM"])
def test_forms_that_servers_do_not_take_become_png(form: str) -> None:
    cleaned, mime = clean(encoded(picture(), form), "x")
    assert mime == "image/png"
    assert np.array_equal(stored_pixels(cleaned), np.asarray(picture()))


def test_the_bytes_say_what_a_file_is(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(picture(), "PNG"))
    assert Photograph(path).clean_bytes()[1] == "image/png"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"not an image at all", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "not an image"),
        (encoded(picture(), "JPEG")[:-200], "truncated"),
        (encoded(picture(size=(300, 300)), "PNG")[:-400], "truncated|Truncated"),
        (encoded(picture(), "WEBP")[:-50], ""),
    ],
)
def test_hostile_files_are_one_line_that_names_the_file(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "bad.jpg"
    path.write_bytes(data)
    photo = Photograph(path, "split/bad.jpg")
    for use in (photo.clean_bytes, photo.decode, lambda: np.asarray(photo)):
        with pytest.raises(ImageError, match=rf"^split/bad\.jpg: .*({reason})") as caught:
            use()
        assert "\n" not in str(caught.value) and str(tmp_path) not in str(caught.value)


def test_a_missing_file_is_an_image_error_at_use(tmp_path: Path) -> None:
    photo = Photograph(tmp_path / "gone.jpg")
    with pytest.raises(ImageError, match=r"^gone\.jpg: No such file"):
        _ = photo.size


def test_a_decompression_bomb_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    huge = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + huge + png_chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + png_chunk(b"IEND", b"")
    with pytest.raises(ImageError, match="pixels"):
        clean(data, "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with (
        pytest.warns(Image.DecompressionBombWarning),
        pytest.raises(ImageError, match=r"bomb\.png: 40 x 30 pixels are more than the 1000 allowed"),
    ):
        clean(encoded(picture(size=(40, 30)), "PNG"), "bomb.png")


@pytest.mark.parametrize("strip", [strip_jpeg, strip_png, strip_webp])
def test_strippers_refuse_what_is_not_theirs(strip: object) -> None:
    for data in (b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF\4\0\0\0WEBP"):
        with pytest.raises(MalformedImage):
            strip(data)  # type: ignore[operator]


@pytest.fixture
def photo(tmp_path: Path) -> Photograph:
    path = tmp_path / "a.jpg"
    path.write_bytes(planted_jpeg())
    return Photograph(path, "test/a.jpg")


def test_a_photograph_is_a_pil_image(photo: Photograph) -> None:
    plain = decode(photo.path.read_bytes(), "x")
    assert isinstance(photo, Image.Image)
    assert (photo.mode, photo.size, photo.width, photo.height, photo.getbands()) == (
        "RGB",
        (61, 47),
        61,
        47,
        tuple("RGB"),
    )
    for use in (
        np.asarray,
        np.array,
        lambda im: np.asarray(im.convert("L")),
        lambda im: np.asarray(im.resize((20, 10), Image.Resampling.BICUBIC)),
        lambda im: np.asarray(im.crop((3, 4, 20, 21))),
        lambda im: np.asarray(ImageOps.exif_transpose(im)),
        lambda im: np.asarray(im.getchannel("G")),
        lambda im: im.tobytes(),
        lambda im: im.histogram(),
        lambda im: im.getpixel((5, 6)),
        lambda im: im.load()[5, 6],
        lambda im: encoded(im, "PNG"),
        lambda im: im.getextrema(),
    ):
        assert np.array_equal(use(photo), use(plain))
    assert photo.info == {} and not photo.getexif() and photo.copy().info == {}


def test_a_photograph_holds_no_pixels_and_cannot_be_changed(photo: Photograph) -> None:
    np.asarray(photo)
    photo.convert("L")
    assert len(pickle.dumps(photo)) < 400
    for change in (lambda: photo.putpixel((0, 0), (0, 0, 0)), lambda: photo.paste((1, 2, 3), (0, 0, 5, 5))):
        with pytest.raises(TypeError, match="copy"):
            change()
    mutable = photo.copy()
    mutable.putpixel((0, 0), (1, 2, 3))
    assert mutable.getpixel((0, 0)) == (1, 2, 3) != photo.getpixel((0, 0))


def test_a_photograph_copies_pickles_and_compares_by_its_path(photo: Photograph) -> None:
    for other in (copy.copy(photo), copy.deepcopy([photo])[0], pickle.loads(pickle.dumps(photo))):
        assert isinstance(other, Photograph)
        assert other == photo and hash(other) == hash(photo)
        assert np.array_equal(np.asarray(other), np.asarray(photo))
    assert photo != Photograph(photo.path, "other")


def test_names_are_neutral(photo: Photograph) -> None:
    assert str(photo) == "test/a.jpg"
    assert repr(photo) == "<Photograph test/a.jpg>"
    assert str(Photograph(photo.path)) == "a.jpg"


def test_the_header_is_read_once(photo: Photograph) -> None:
    size = photo.size
    photo.path.unlink()
    assert photo.size == size


def test_image_sha256(photo: Photograph) -> None:
    assert image_sha256(photo.path) == hashlib.sha256(photo.path.read_bytes()).hexdigest()
