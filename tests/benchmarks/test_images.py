"""Photographs: what leaves towards a model is pixels, and the same pixels."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import pickle
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import (
    JPEG_PLANTS,
    SECRET,
    TURNED,
    clean,
    encoded,
    gps_exif,
    picture,
    planted_jpeg,
    planted_png,
    planted_webp,
    png_chunk,
    segment,
    stored_pixels,
)
from PIL import Image, ImageOps

from globe_eval.benchmarks.images import (
    Bounds,
    ImageError,
    Photograph,
    decode,
    inspect,
    picture_bytes,
    to_rgb,
)
from globe_eval.benchmarks.metadata import MalformedImage, split_jpeg, split_png, split_webp

pytestmark = pytest.mark.filterwarnings("ignore:Image appears to be a malformed MPO", "ignore:Corrupt EXIF data")


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
    cleaned = split_jpeg(dirty).picture
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
    cleaned, mime = photo.clean_bytes()
    assert np.array_equal(np.asarray(photo), stored_pixels(cleaned)), "every back end sees the same"
    loss = np.abs(np.asarray(photo).astype(int) - upright)
    assert loss.mean() < 2 if form == "JPEG" and orientation != 1 else not loss.any()
    assert SECRET not in cleaned and not Image.open(io.BytesIO(cleaned)).getexif()
    assert mime == (
        "image/jpeg" if form == "JPEG" else "image/webp" if form == "WEBP" and orientation == 1 else "image/png"
    )


def test_broken_exif_does_not_cost_the_picture() -> None:
    plain = encoded(picture(), "JPEG")
    dirty = plain[:2] + segment(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\xff" * 30) + plain[2:]
    assert clean(dirty, "x") == (split_jpeg(plain).picture, "image/jpeg")


def test_cmyk_is_sent_as_rgb_and_not_inverted() -> None:
    data = encoded(picture().convert("CMYK"), "JPEG", quality=95)
    cleaned, mime = clean(data, "x")
    seen = Image.open(io.BytesIO(cleaned))
    assert (mime, seen.mode) == ("image/jpeg", "RGB")
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


def every_kind() -> dict[str, bytes]:
    """A file of each kind that is read, larger than the bounds of the tests below."""
    large = picture(size=(150, 90))
    grey = Image.fromarray(np.linspace(0, 65535, 150 * 90).astype(np.uint16).reshape(90, 150))
    transparent = picture("RGBA", (150, 90))
    more = {"save_all": True, "append_images": [picture(size=(150, 90), seed=3)], "duration": 100}
    return {
        "jpeg": encoded(large, "JPEG", quality=92),
        "progressive jpeg": encoded(large, "JPEG", quality=92, progressive=True),
        "grey jpeg": encoded(large.convert("L"), "JPEG"),
        "cmyk jpeg": encoded(large.convert("CMYK"), "JPEG"),
        "mpo": encoded(large, "MPO", save_all=True, append_images=[picture(size=(150, 90), seed=3)]),
        "png": encoded(large, "PNG"),
        "palette png": encoded(large.convert("P"), "PNG"),
        "palette png with transparency": encoded(large.convert("P"), "PNG", transparency=3),
        "png with transparency": encoded(transparent, "PNG"),
        "16-bit png": encoded(grey, "PNG"),
        "one bit png": encoded(large.convert("1"), "PNG"),
        "apng": encoded(large, "PNG", **more),
        "webp": encoded(large, "WEBP", quality=90),
        "lossless webp with transparency": encoded(transparent, "WEBP", lossless=True),
        "animated webp": encoded(large, "WEBP", lossless=True, **more),
        "gif": encoded(large, "GIF"),
        "animated gif": encoded(large, "GIF", **more),
        "tiff": encoded(large, "TIFF"),
        "bmp": encoded(large, "BMP"),
        **{f"jpeg turned {turn}": encoded(large, "JPEG", exif=gps_exif(turn)) for turn in range(2, 9)},
    }


EVERY_KIND = every_kind()
BOUNDS = [Bounds(), Bounds(max_side=64), Bounds(max_pixels=3000), Bounds(4000, 50), Bounds(max_side=1000)]


@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_back_end_sees_the_same_pixels(kind: str, bounds: Bounds, tmp_path: Path) -> None:
    path = tmp_path / "p"
    path.write_bytes(EVERY_KIND[kind])
    photo = Photograph(path, bounds=bounds)
    sent, mime = photo.clean_bytes()
    arrived = Image.open(io.BytesIO(sent))
    assert np.array_equal(np.asarray(photo), np.asarray(to_rgb(arrived)))
    assert photo.size == arrived.size == photo.decode().size
    assert (sent, mime) == Photograph(path, bounds=bounds).clean_bytes() == picture_bytes(photo)
    assert Image.MIME[arrived.format or ""] == mime and getattr(arrived, "n_frames", 1) == 1
    assert photo.width * photo.height <= (bounds.max_pixels or 10**9)
    assert max(photo.size) <= (bounds.max_side or 10**9)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_larger_picture_is_scaled_down_once(kind: str) -> None:
    whole, small = decode(EVERY_KIND[kind], "x"), decode(EVERY_KIND[kind], "x", Bounds(max_side=75))
    assert small.size == ((45, 75) if whole.height > whole.width else (75, 45))
    expected = whole.resize(small.size, Image.Resampling.LANCZOS)
    off = np.abs(np.asarray(small).astype(int) - np.asarray(expected))
    sent, mime = clean(EVERY_KIND[kind], "x", Bounds(max_side=75))
    assert off.mean() < 3 if mime == "image/jpeg" else not off.any()
    assert (mime == "image/jpeg") == ("jpeg" in kind or kind == "mpo")
    assert clean(sent, "x", Bounds(max_side=75)) == (sent, mime), "and not again"


def test_bounds_that_a_picture_keeps_change_nothing() -> None:
    for data in EVERY_KIND.values():
        assert clean(data, "x", Bounds(150 * 90, 150)) == clean(data, "x")


@settings(max_examples=300, deadline=None)
@given(
    st.tuples(st.integers(1, 20_000), st.integers(1, 20_000)),
    st.none() | st.integers(1, 10**8),
    st.none() | st.integers(1, 20_000),
)
def test_bounds_hold_and_shapes_stay(size: tuple[int, int], pixels: int | None, side: int | None) -> None:
    width, height = Bounds(pixels, side).fit(size)
    assert 1 <= width <= size[0] and 1 <= height <= size[1]
    assert width * height <= (pixels or 10**9) and max(width, height) <= (side or 10**9)
    assert Bounds(pixels, side).fit((width, height)) == (width, height)
    assert Bounds(pixels, side).fit(size[::-1]) == (height, width)
    if min(width, height) > 1:
        scale = max(width / size[0], height / size[1])
        assert abs(width - scale * size[0]) < 1 + 1e-6 and abs(height - scale * size[1]) < 1 + 1e-6
        # As large as allowed: one pixel more on each side breaks a bound, or the picture is whole.
        whole = (width, height) == size
        assert whole or (width + 1) * (height + 1) > (pixels or 10**9) or max(width, height) + 1 > (side or 10**9)


def test_a_file_is_inspected_in_one_reading(tmp_path: Path) -> None:
    files = {
        "planted": (planted_jpeg(), (True, False)),
        "plain": (encoded(picture(), "PNG"), (False, False)),
        "turned": (encoded(picture(), "JPEG", exif=gps_exif(6)), (True, True)),
        "gif": (encoded(picture(), "GIF"), (False, True)),
        "cut": (encoded(picture(), "JPEG", exif=gps_exif())[:-100], (True, True)),
        "text": (b"no picture", (False, False)),
        "empty": (b"", (False, False)),
    }
    for name, (data, expected) in files.items():
        (tmp_path / name).write_bytes(data)
        found = inspect(tmp_path / name)
        assert (found.with_coordinates, found.reencoded) == expected, name
        assert found.sha256 == hashlib.sha256(data).hexdigest()
        photo = Photograph(tmp_path / name)
        assert photo.inspection == found
        with contextlib.suppress(ImageError):
            photo.clean_bytes()
        assert photo.inspection == found
    assert inspect(tmp_path / "plain", Bounds(max_side=60)).reencoded
    assert inspect(tmp_path / "gone") == inspect(tmp_path) == (None, False, False)


def test_what_is_recorded_is_of_the_bytes_that_were_sent(tmp_path: Path) -> None:
    data = planted_jpeg()
    photo = Photograph(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes(data)
    photo.clean_bytes()
    (tmp_path / "a.jpg").write_bytes(encoded(picture(), "PNG"))
    assert photo.inspection == (hashlib.sha256(data).hexdigest(), True, False)
    photo.clean_bytes()
    assert photo.inspection == inspect(tmp_path / "a.jpg") != (hashlib.sha256(data).hexdigest(), True, False)


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


@pytest.mark.parametrize("split", [split_jpeg, split_png, split_webp])
def test_a_format_is_not_taken_for_another(split: Callable[[bytes], object]) -> None:
    short = b"RIFF\x0c\0\0\0WEBPVP8X\0\0\0\0"
    for data in (b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"RIFF\4\0\0\0WEBP", short):
        with pytest.raises(MalformedImage):
            split(data)


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
    bounded = Photograph(photo.path, photo.name, Bounds(max_side=20))
    assert photo != bounded == pickle.loads(pickle.dumps(bounded)) and bounded.copy().size == (20, 15)


def test_names_are_neutral(photo: Photograph) -> None:
    assert str(photo) == "test/a.jpg"
    assert repr(photo) == "<Photograph test/a.jpg>"
    assert str(Photograph(photo.path)) == "a.jpg"


def test_the_header_is_read_once(photo: Photograph) -> None:
    size = photo.size
    photo.path.unlink()
    assert photo.size == size
