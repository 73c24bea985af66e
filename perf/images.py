"""What the leak guard costs and leaves, against re-encoding and piexif; and what a rotated picture costs.

    python perf/images.py

Photographs are scikit-learn's two samples, enlarged until the JPEG has 500 KB, with coordinates in EXIF, XMP, IPTC, a
comment and after the end marker. Times are medians of one thread. The bound to hold is 1 ms for the 500 KB JPEG.
"""

from __future__ import annotations

import hashlib
import io
import struct
import time
import zlib
from collections.abc import Callable

import numpy as np
import piexif
from PIL import Image
from sklearn.datasets import load_sample_images

from globe_eval.benchmarks.images import clean, encode_png
from globe_eval.benchmarks.metadata import carries_coordinates, split_jpeg

PLACE = b"latitude: 48.858370, longitude: 2.294481"


def main() -> None:
    photographs = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    large = photographs[0].resize((2048, 1366), Image.Resampling.LANCZOS)
    for form, options in (("JPEG", {"quality": 88}), ("PNG", {}), ("WEBP", {"quality": 95})):
        data = planted(large.resize((700, 467)) if form == "PNG" else large, form, **options)
        print(f"\n{form}, {large.size if form != 'PNG' else (700, 467)}, {len(data) / 1e3:.0f} KB")
        ways: dict[str, Callable[[], bytes]] = {"globe_eval: clean": lambda data=data: clean(data, "x")[0]}
        if form == "JPEG":
            ways["  of it, the cut"] = lambda data=data: split_jpeg(data).picture
        if form != "PNG":
            ways["piexif.remove"] = lambda data=data: into(lambda file: piexif.remove(data, file))
        if form == "JPEG":
            ways["Pillow, quality=keep"] = lambda data=data: saved(opened(data), "JPEG", quality="keep")
            ways["Pillow, quality=95"] = lambda data=data: saved(opened(data), "JPEG", quality=95)
        ways["Pillow, lossless PNG"] = lambda data=data: saved(opened(data), "PNG")
        ours = None
        for name, way in ways.items():
            taken, out = timed(way), way()
            ours = ours or taken
            left = "coordinates left" if carries_coordinates(out) else "no coordinates"
            same = "same pixels" if np.array_equal(pixels(out), pixels(data)) else "other pixels"
            print(
                f"  {name:22} {taken:8.2f} ms {taken / ours:7.1f} x  {len(out) / len(data):5.2f} bytes  {same}, {left}"
            )
        for name, look in (("carries_coordinates", carries_coordinates), ("SHA-256", hashlib.sha256)):
            print(f"  {name:22} {timed(lambda look=look, data=data: look(data)):8.2f} ms")

    print("\nA rotated JPEG encoded again: bytes of the file's, error in levels of 255, encoding")
    for name, photograph in (("china", photographs[0]), ("flower", photographs[1]), ("china, 2.8 MP", large)):
        data = saved(photograph, "JPEG", quality=88)
        upright = opened(data).convert("RGB").transpose(Image.Transpose.ROTATE_270)
        ways = {"PNG": lambda upright=upright: encode_png(upright)}
        for quality, chroma in ((95, "4:4:4"), (95, "4:2:0"), (90, "4:4:4"), (100, "4:4:4")):
            ways[f"JPEG {quality} {chroma}"] = lambda upright=upright, quality=quality, chroma=chroma: saved(
                upright, "JPEG", quality=quality, subsampling=chroma
            )
        for way_name, way in ways.items():
            off = np.abs(pixels(way()).astype(int) - np.asarray(upright))
            print(
                f"  {name:14} {way_name:16} {len(way()) / len(data):6.2f} x  mean {off.mean():.2f}  "
                f"largest {off.max():3}  {timed(way, 5):6.1f} ms"
            )


def planted(image: Image.Image, form: str, **options: object) -> bytes:
    """The picture as a file with coordinates wherever its format has room."""
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.1), 3: "E", 4: (2.0, 17.0, 40.1)})
    data = saved(image, form, exif=exif.tobytes(), **options)
    if form == "JPEG":
        xmp = b"http://ns.adobe.com/xap/1.0/\0<x exif:GPSLatitude='48,51.5N'/>"
        iptc = (
            b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">IBBBH", len(PLACE) + 5, 28, 2, 120, len(PLACE)) + PLACE
        )
        segments = ((0xE1, xmp), (0xED, iptc), (0xFE, PLACE), (0xEB, b"x" * 60_000))
        data = data[:2] + b"".join(struct.pack(">BBH", 255, m, len(p) + 2) + p for m, p in segments) + data[2:]
    if form == "PNG":
        text = b"tEXtComment\0" + PLACE
        data = data[:33] + struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text)) + data[33:]
    return data + PLACE


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    return into(lambda file: image.save(file, form, **options))


def into(write: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(opened(data).convert("RGB"))


def timed(call: Callable[[], object], times: int = 25) -> float:
    """Median milliseconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append((time.perf_counter() - start) * 1000)
    return float(np.median(taken))


if __name__ == "__main__":
    main()
