"""Strips metadata from JPEG, PNG and WebP byte by byte without decoding, and detects coordinates in it.

The photographs of IM2GPS3K carry their own latitude and longitude in JPEG comment segments: a model that is sent the
file can read the answer, and Pillow copies the comment when it saves such a picture anew. What stays is what a decoder
needs for the same pixels, and nothing else (an allow list, so that an unknown kind of segment goes too):

- JPEG: frame, scan and table segments and the compressed data; of APP0 the 14 bytes of JFIF without its thumbnail, of
  APP14 the 12 bytes of Adobe (both decide how colours are read). EXIF, XMP, IPTC, comments, thumbnails, MPF go.
- PNG: IHDR, PLTE, tRNS, IDAT, IEND. Text, time, EXIF and the later frames of an animation go.
- WebP: VP8, VP8L, ALPH, and VP8X with the flags of what went put out.
- ICC profiles go in all three: they are free text with a description, and the decoders of model servers ignore them.
- Everything after the end marker goes.

What is inside the compressed data stays: bytes hidden there (after the last block of a scan, say) are found by no
reader of metadata, and only decoding could tell them from the picture.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from globe_eval import lazy_re as re

_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # 00 and RST0-7 belong to the compressed data, FF is padding
_EOI, _SOS, _DNL = 0xD9, 0xDA, 0xDC
# Frame headers but the reserved C8, DHT (C4) and DAC (CC) among them; SOS, DQT, DNL, DRI.
_JPEG_TABLES = frozenset(range(0xC0, 0xD0)) - {0xC8} | {_SOS, 0xDB, _DNL, 0xDD}
_JPEG_METADATA = frozenset(range(0xE0, 0xF0)) | {0xFE}
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT"})
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_WEBP_PIXELS = frozenset({b"VP8 ", b"VP8L"})


class MalformedImage(ValueError):
    """The bytes do not follow their format so closely that metadata can be told from pixels."""


class SplitFile(NamedTuple):
    """An image file split into the parts that are kept, in order, and those that are cut, trailing bytes included."""

    kept: list[bytes]
    cut: list[bytes]

    @property
    def picture(self) -> bytes:
        """The file without its metadata."""
        return b"".join(self.kept)


def split_jpeg(data: bytes) -> SplitFile:
    """The JPEG's first picture, from SOI to EOI, and the rest.

    Raises MalformedImage: no end marker, a segment that runs past the end, or a marker that no ordinary JPEG holds.
    """
    if data[:2] != b"\xff\xd8":
        raise MalformedImage("no JPEG start marker")
    kept, cut = [data[:2]], list[bytes]()
    at, in_scan = 2, False
    while found := _MARKER.search(data, at):
        start, marker = found.start(), data[found.start() + 1]
        (kept if in_scan else cut).append(data[at:start])
        if marker == _EOI:
            kept.append(b"\xff\xd9")
            cut.append(data[start + 2 :])
            return SplitFile(kept, cut)
        if marker not in _JPEG_TABLES and marker not in _JPEG_METADATA:
            raise MalformedImage(f"unexpected JPEG marker FF{marker:02X}")
        length = int.from_bytes(data[start + 2 : start + 4], "big")
        end = start + 2 + length
        if length < 2 or end > len(data):
            raise MalformedImage("a JPEG segment runs past the end of the file")
        payload = data[start + 4 : end]
        if marker in _JPEG_TABLES and (marker != _DNL or length == 4):  # decoders skip a longer DNL, text and all
            kept.append(data[start:end])
        else:
            cut.append(payload)
            if marker == 0xE0 and payload[:5] == b"JFIF\0" and len(payload) >= 14:
                kept.append(b"\xff\xe0\x00\x10" + payload[:12] + b"\0\0")
            elif marker == 0xEE and payload[:5] == b"Adobe" and len(payload) >= 12:
                kept.append(b"\xff\xee\x00\x0e" + payload[:12])
        at, in_scan = end, marker == _SOS
    raise MalformedImage("no JPEG end marker")


def split_png(data: bytes) -> SplitFile:
    """The PNG's first frame, from the signature to IEND, and the rest.

    Raises MalformedImage: no end chunk, a chunk that runs past the end, or an unknown critical chunk.
    """
    if not data.startswith(_PNG_SIGNATURE):
        raise MalformedImage("no PNG signature")
    kept, cut, at = [_PNG_SIGNATURE], list[bytes](), len(_PNG_SIGNATURE)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if kind == b"IEND":
            kept.append(_PNG_END)
            cut.append(data[at + 8 :])
            return SplitFile(kept, cut)
        if end > len(data):
            raise MalformedImage("a PNG chunk runs past the end of the file")
        if kind in _PNG_KEPT:
            kept.append(data[at:end])
        elif not kind[0] & 0x20:
            raise MalformedImage(f"unknown critical PNG chunk {kind!r}")
        else:
            cut.append(data[at + 4 : end - 4])
        at = end
    raise MalformedImage("no PNG end chunk")


def split_webp(data: bytes) -> SplitFile:
    """The still WebP's picture, and the rest. Raises MalformedImage: truncated, animated or without a picture."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise MalformedImage("no WebP header")
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise MalformedImage("the WebP ends before its stated length")
    kept, cut, at = list[bytes](), list[bytes](), 12
    while at + 8 <= end:
        kind, size = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + size]
        if len(body) < size:
            raise MalformedImage("a WebP chunk runs past the end of the file")
        at += 8 + size + (size & 1)
        if kind == b"ANMF":
            raise MalformedImage("an animated WebP")
        if kind == b"VP8X":
            if size != 10:
                raise MalformedImage("a WebP header of another length")
            # Of the flags (ICC, alpha, EXIF, XMP, animation) only alpha outlives the cut.
            body = bytes([body[0] & 0x10, 0, 0, 0]) + body[4:]
        if kind in (b"VP8X", b"ALPH") or kind in _WEBP_PIXELS:
            kept.append(struct.pack("<4sI", kind, len(body)) + body + b"\0" * (len(body) & 1))
        else:
            cut.append(body)
        if kind in _WEBP_PIXELS:
            cut.append(data[at:])
            kept.insert(0, struct.pack("<4sI4s", b"RIFF", 4 + sum(map(len, kept)), b"WEBP"))
            return SplitFile(kept, cut)
    raise MalformedImage("a WebP without a picture")


_SPLIT: dict[bytes, Callable[[bytes], SplitFile]] = {b"\xff\xd8": split_jpeg, b"\x89P": split_png, b"RI": split_webp}
# What is looked at, so that no file takes long: segments, and of each one bytes of text, EXIF headers and their tags.
_SEGMENTS, _READ, _HEADERS, _TAGS = 256, 1 << 18, 8, 512
_TIFF = re.compile(rb"II\*\0|MM\0\*")
_GPS_DIRECTORY, _GPS_LATITUDE, _RATIONAL = 0x8825, 2, 5
_COORDINATES = re.compile(
    # XMP's exif:GPSLatitude="48,51.5N", a comment's "latitude: 48.85", Apple's <key>latitude</key><real>48.85
    rb"latitude(?:[\s\"'=:>(+-]|<[^<>]{0,24}>){0,24}[ns]?\s?\d"
    # a machine tag's geo:lat=48.85, JSON's "lat": 48.85
    rb"|\blat[\"']?\s{0,3}[:=][\s\"']{0,3}[-+]?\d"
    # 48.85837, 2.29448 and, in the film that some telephones append, +48.8584+002.2945/
    rb"|(?<![\d.])[-+]?\d{1,2}\.\d{4,20}\s{0,3}[,;]\s{0,3}[-+]?\d{1,3}\.\d{4,20}(?!\d|\.\d)"
    rb"|[-+]\d\d\.\d{3,20}[-+]\d{3}\.\d{3,20}",
)


def carries_coordinates(data: bytes) -> bool:
    """Whether the metadata of an image file tells where it was taken.

    What counts is the latitude of an EXIF GPS directory, and text that reads as coordinates (`latitude: 48.85`,
    `lat=48.85`, `48.85837, 2.29448`) in comments, XMP, IPTC, PNG's packed texts or after the end marker. Names of
    places do not count. No pixel is decoded.

    >>> carries_coordinates(b"\\xff\\xd8\\xff\\xfe\\0\\x10latitude: 48.8" + b"\\xff\\xd9")
    True
    """
    split, cut = _SPLIT.get(data[:2]), [data]
    with suppress(MalformedImage):
        cut = split(data).cut if split else cut
    return have_coordinates(cut)


def have_coordinates(cut: Sequence[bytes]) -> bool:
    """Whether one of the segments cut out of an image file does, as :func:`carries_coordinates` says."""
    cut = [part for part in cut if len(part) > 5]
    some = cut[:_SEGMENTS] + cut[_SEGMENTS:][-1:]  # the last: what stands after the end marker
    return any(map(_has_coordinates, some))


def _has_coordinates(cut: bytes) -> bool:
    return any(
        _COORDINATES.search(text[:_READ].replace(b"\0", b"").lower())  # without the zeros UTF-16 reads as ASCII
        or any(_has_latitude(text, found.start()) for found in islice(_TIFF.finditer(text), _HEADERS))
        for text in _unpacked(cut)
    )


def _unpacked(cut: bytes) -> Iterator[bytes]:
    """The segment itself; of a PNG's text also what is deflated in it, and ImageMagick's EXIF in hexadecimal digits."""
    yield cut
    if cut[:4] not in (b"tEXt", b"zTXt", b"iTXt"):
        return
    keyword, _, text = cut[4:].partition(b"\0")
    packed = text[1:] if cut[:4] == b"zTXt" else None
    if cut[:4] == b"iTXt" and text[:1] == b"\1":
        packed = text[2:].split(b"\0", 2)[-1]
    if packed is not None:
        try:
            text = zlib.decompressobj().decompress(packed, _READ)
        except zlib.error:
            return
        yield text
    if keyword.startswith(b"Raw profile type"):
        try:
            yield bytes.fromhex(text.split(b"\n", 3)[-1].decode("ascii"))
        except ValueError:
            return


def _has_latitude(data: bytes, start: int) -> bool:
    """Whether the TIFF structure at `start` has a GPS directory with a latitude that is a number."""
    order = "<" if data[start] == ord("I") else ">"

    def find(directory: int, tag: int) -> tuple[int, int] | None:
        (count,) = struct.unpack_from(f"{order}H", data, start + directory)
        for at in range(start + directory + 2, start + directory + 2 + 12 * min(count, _TAGS), 12):
            found, kind, _, value = struct.unpack_from(f"{order}HHII", data, at)
            if found == tag:
                return kind, value
        return None

    try:
        gps = find(struct.unpack_from(f"{order}I", data, start + 4)[0], _GPS_DIRECTORY)
        latitude = find(gps[1], _GPS_LATITUDE) if gps else None
        if latitude is None or latitude[0] != _RATIONAL:
            return False
        # Cameras without a fix write 0/0.
        return bool(struct.unpack_from(f"{order}II", data, start + latitude[1])[1])
    except struct.error:  # a directory or a value beyond the end
        return False
