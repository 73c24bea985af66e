"""What would tell a model the answer: coordinates in a picture's metadata, and truth in the prompt."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from globe_eval.benchmarks.metadata import MalformedImage, Parts, split_jpeg, split_png, split_webp
from globe_eval.errors import InputError

_SPLIT: dict[bytes, Callable[[bytes], Parts]] = {b"\xff\xd8": split_jpeg, b"\x89P": split_png, b"RI": split_webp}
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

PROMPTS_COMPARED = 32
"""Photographs whose prompts are rendered to find out whether the truth has a part in them."""


def carries_coordinates(data: bytes) -> bool:
    """Whether the metadata of an image file tells where it was taken.

    What counts is the latitude of an EXIF GPS directory, and text that reads as coordinates (`latitude: 48.85`,
    `lat=48.85`, `48.85837, 2.29448`) in comments, XMP, IPTC, PNG's packed texts or after the end marker. Names of
    places do not count. No pixel is decoded.

    >>> carries_coordinates(b"\\xff\\xd8\\xff\\xfe\\0\\x10latitude: 48.8" + b"\\xff\\xd9")
    True
    """
    split = _SPLIT.get(data[:2])
    try:
        cut = split(data).cut if split else [data]
    except MalformedImage:
        cut = [data]
    return tell_coordinates(cut)


def tell_coordinates(cut: Sequence[bytes]) -> bool:
    """Whether one of the segments cut out of an image file does, as :func:`carries_coordinates` says."""
    cut = [part for part in cut if len(part) > 5]
    return any(map(_tells, cut[:_SEGMENTS] + cut[_SEGMENTS:][-1:]))  # the last: what stands after the end marker


def _tells(cut: bytes) -> bool:
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


def refuse_prompt_leaks(
    where: str, prompt: Callable[[Mapping[str, Any]], str], photographs: Sequence[Mapping[str, Any]]
) -> None:
    """Raise InputError where the prompt depends on the photograph that it is asked about.

    Everything that a benchmark knows of a photograph is its truth or its name, so an honest prompt is the same for all
    of them. Compared are the prompts of the photographs given, and those that one of them would get if each of its
    columns held something else: that finds an answer in any disguise (upper case, a rounded coordinate, a condition, a
    look-up by file name), and no false alarm is raised by a fixed prompt with an example in it.

    Args:
        where: how the error begins, as in "task 'my_city'".
        prompt: from a row to all the text that a model would get.
        photographs: rows, the first few dozen.

    """
    if not photographs:
        return
    first, texts = photographs[0], [prompt(row) for row in photographs]
    if prompt(first) != texts[0]:
        raise InputError(f"{where}: the prompt of the photograph {first.get('id')!r} is not the same twice")
    for column, value in first.items():
        if _depends(prompt, first, column, texts[0]):
            raise InputError(
                f"{where}: the prompt shows the truth column {column!r}"
                + (f" ({value!r} for the photograph {first.get('id')!r})" if value is not None else "")
                + "; a model may see the photograph and a prompt that is the same for all"
            )
    if other := next((row for row, text in zip(photographs, texts, strict=True) if text != texts[0]), None):
        raise InputError(
            f"{where}: the prompt of the photograph {other.get('id')!r} is not that of {first.get('id')!r}; a model "
            "may see the photograph and a prompt that is the same for all"
        )


def _depends(prompt: Callable[[Mapping[str, Any]], str], row: Mapping[str, Any], column: str, text: str) -> bool:
    value = row[column]
    numeric = isinstance(value, int | float)
    for other in (-value - 1.5, 0.0) if numeric else ("elsewhere", None):
        try:
            if prompt({**row, column: other}) != text:
                return True
        except Exception:  # a function that looks something up by this column, or counts on its form
            return True
    return False
