"""Small pictures, and picture files with coordinates planted wherever a file can hold them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from globe_eval.benchmarks import images

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


def clean(data: bytes, name: str, bounds: images.Bounds = images.UNBOUNDED) -> tuple[bytes, str]:
    """The bytes of a file as models get them, and their MIME type."""
    return images.clean(data, name, bounds)[0]


TURNED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}
