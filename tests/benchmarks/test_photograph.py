"""Photograph: an image that holds its path only."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
from pictures import (
    encoded,
    planted_jpeg,
)
from PIL import Image, ImageOps

from globe_eval.benchmarks.images import (
    Bounds,
    Photograph,
    decode,
)

pytestmark = pytest.mark.filterwarnings("ignore:Image appears to be a malformed MPO", "ignore:Corrupt EXIF data")


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
