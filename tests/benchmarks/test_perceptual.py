from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dctn

from globe_eval.benchmarks.duplicates import near, perceptual_hash, shrink
from globe_eval.miniworld import photographs, render

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
    assert near(looks) == {}


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
    assert near(ours, theirs, bits) == apart
    within = {i: j for i, one in enumerate(ours) if (j := nearest(one, ours, i)) is not None}
    assert near(ours, bits=bits) == within
