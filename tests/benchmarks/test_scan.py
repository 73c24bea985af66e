from __future__ import annotations

import hashlib
import io
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from globe_eval.benchmarks.images import ImageError, decode
from globe_eval.benchmarks.scan import scan, scan_file


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
