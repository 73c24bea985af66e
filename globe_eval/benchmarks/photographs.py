"""Reads position, time and author of photographs from their EXIF and XMP.

Cameras write degrees, minutes and seconds as three fractions, whole degrees with decimal minutes, or decimal degrees
alone, and the hemisphere beside them; some programs write signed fractions. Where EXIF has no position, XMP's counts
("48,51.5N"). Nothing is guessed: a position without its hemisphere, and (0, 0), which receivers without a fix write,
are no position.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from globe_eval import lazy_re as re
from globe_eval.benchmarks.images import SUFFIXES, ImageError, open_image, pictures_below, read_bytes
from globe_eval.errors import InputError, reason_of
from globe_eval.files import harmless
from globe_eval.places.borders import countries_at
from globe_eval.places.resolve import country_name

HEADER = ("id", "lat", "lon", "country", "photographer", "taken")

_XMP_DEGREES = re.compile(r"(\d+(?:\.\d*)?)(?:,(\d+(?:\.\d*)?))?(?:,(\d+(?:\.\d*)?))?\s*([NSEW])", re.IGNORECASE)
_XMP_VALUE = r"""(?:\b\w+:{0}\s*=\s*["']([^"'<]*)|<\w+:{0}>(?:\s*<[^>]*>)*([^<]*))"""
_TIME = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[T ](\d\d:\d\d(?::\d\d)?)")
_OFFSET = re.compile(r"[+-]\d\d:\d\d")

Point = tuple[float, float]


class Description(NamedTuple):
    """Position, time and author of a photograph, as its metadata has them."""

    point: Point | None
    """Latitude and longitude in degrees."""
    lacking: str
    """Why there is no point; empty where there is one."""
    taken: str | None
    """ISO 8601, with the offset from UTC where the camera knew it."""
    author: str | None


def describe_folder(folder: Path) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """A row (HEADER) for each photograph in a folder and below it that says where it was taken; the others, with why.

    Ids are paths relative to the folder. `country` is None at sea and where sources differ. Photographers are numbered
    in the order of their first picture: a table is passed on, a name need not be.

    Raises InputError for no such folder, and where no photograph says it.
    """
    rows: list[dict[str, Any]] = []
    left_out: list[tuple[str, str]] = []
    numbers: dict[str, str] = {}
    for name in pictures_in(folder):
        try:
            found = describe(folder / name)
        except ImageError as error:
            left_out.append((name, str(error).partition(": ")[2]))
            continue
        if found.point is None:
            left_out.append((name, found.lacking))
            continue
        author = numbers.setdefault(found.author, f"p{len(numbers) + 1}") if found.author else None
        lat, lon = (round(value, 7) for value in found.point)  # a centimetre
        id_ = name if harmless(name) == name else f"./{name}"  # the same file; no spreadsheet's formula
        rows.append({"id": id_, "lat": lat, "lon": lon, "photographer": author, "taken": found.taken})
    if not rows:
        name, reason = left_out[0]
        none = f"none of {len(left_out):,} pictures says where it was taken ({name}: {reason})"
        raise InputError(f"--images {folder}: {none}; give a table with --truth, or see globe-eval ask")
    accepted = countries_at([row["lat"] for row in rows], [row["lon"] for row in rows])
    for row, codes in zip(rows, accepted, strict=True):
        row["country"] = country_name(*codes) if len(codes) == 1 else None
    return rows, left_out


def pictures_in(folder: Path) -> list[str]:
    """Paths of the pictures in a folder and below it, relative to it, sorted; hidden ones are left out.

    Raises InputError for no such folder, and where there is none.
    """
    if not folder.is_dir():
        raise InputError(f"--images {folder}: no such folder")
    if found := sorted(pictures_below(folder)):
        return found
    raise InputError(f"--images {folder}: no picture there ({', '.join(sorted(SUFFIXES))})")


def describe(path: Path) -> Description:
    """Position, time and author from a picture's metadata. Raises ImageError for one that does not decode."""
    opened = open_image(read_bytes(path, path.name), path.name)
    exif, gps, details = _exif(opened)
    xmp = opened.info.get("xmp") or opened.info.get("XML:com.adobe.xmp") or ""
    xmp = xmp.decode("utf-8", "replace") if isinstance(xmp, bytes) else str(xmp)
    point, lacking = None, "no coordinates in its metadata"
    if gps.get(GPS.GPSLatitude) is not None and gps.get(GPS.GPSLongitude) is not None:
        lat = _degrees(gps[GPS.GPSLatitude], _text(gps.get(GPS.GPSLatitudeRef)))
        point, lacking = _point_or_reason(lat, _degrees(gps[GPS.GPSLongitude], _text(gps.get(GPS.GPSLongitudeRef))))
    if point is None and (written := [_xmp(xmp, name) for name in ("GPSLatitude", "GPSLongitude")]) != [None, None]:
        point, lacking = _point_or_reason(*map(_xmp_degrees, written))
    taken = _time(details.get(Base.DateTimeOriginal), details.get(Base.OffsetTimeOriginal))
    author = _text(exif.get(Base.Artist)) or _text(_xmp(xmp, "creator"))
    try:
        opened.draft("RGB", (1, 1))  # a JPEG at an eighth of its size: that decodes all of it, and is quick
        opened.load()
    except Exception as error:  # Pillow raises nearly anything on broken bytes
        raise ImageError(f"{path.name}: {reason_of(error)}") from None
    return Description(point, lacking, taken or _time(_xmp(xmp, "DateTimeOriginal")), author)


def _exif(opened: Image.Image) -> tuple[Mapping[int, Any], Mapping[int, Any], Mapping[int, Any]]:
    """The directories of EXIF: the picture's, the position's, the camera's; empty where they are broken."""
    try:
        exif = opened.getexif()
        return exif, exif.get_ifd(IFD.GPSInfo), exif.get_ifd(IFD.Exif)
    except Exception:  # Pillow raises nearly anything on broken bytes
        return {}, {}, {}


def _degrees(value: Any, hemisphere: str | None) -> float | str:
    """Degrees, minutes and seconds (the last two may lack) as signed degrees; else a text that says why not.

    >>> _degrees((33, 51, 30), "S"), _degrees((33, 51.5), "South"), _degrees((-33.5,), None), _degrees((33,), None)
    (-33.858333333333334, -33.858333333333334, -33.5, 'coordinates without a hemisphere')
    """
    try:
        parts = [float(part) for part in (value if isinstance(value, tuple | list) else (value,))][:3]
    except (TypeError, ValueError, ZeroDivisionError):
        parts = []
    if not parts or not math.isfinite(parts[0]):
        return "coordinates without a value: the receiver had no fix"
    degrees: float = sum(abs(part) / 60**power for power, part in enumerate(parts) if math.isfinite(part))
    side = (hemisphere or "")[:1].upper()
    if side not in ("N", "S", "E", "W") and min(parts) >= 0:
        return "coordinates without a hemisphere"
    return -degrees if side in ("S", "W") or min(parts) < 0 else degrees


def _xmp_degrees(text: str | None) -> float | str:
    found = _XMP_DEGREES.fullmatch((text or "").strip())
    parts = tuple(float(part) for part in found.groups()[:3] if part) if found else (0.0,)
    return _degrees(parts, found and found[4])


def _point_or_reason(lat: float | str, lon: float | str) -> tuple[Point | None, str]:
    """The point, or why there is none."""
    if isinstance(lat, str) or isinstance(lon, str):
        return None, lat if isinstance(lat, str) else str(lon)
    if lat == lon == 0:
        return None, "coordinates (0, 0): the receiver had no fix"
    if abs(lat) > 90 or abs(lon) > 180:
        return None, f"coordinates out of range ({lat:.4f}, {lon:.4f})"
    return (lat, lon), ""


def _xmp(text: str, name: str) -> str | None:
    """The value of a property of XMP, written as an attribute or as an element; of a list, its first."""
    found = re.search(_XMP_VALUE.format(name), text)
    return unescape(found[1] or found[2] or "") if found else None


def _time(text: Any, offset: Any = None) -> str | None:
    """EXIF's "2019:05:12 10:11:12", or XMP's, as ISO 8601; None where the camera's clock was never set.

    >>> _time("2019:05:12 10:11:12", "+02:00"), _time("0000:00:00 00:00:00"), _time(None)
    ('2019-05-12T10:11:12+02:00', None, None)
    """
    found = _TIME.match(_text(text) or "")
    if found is None or found[1] == "0000":
        return None
    zone = _OFFSET.fullmatch(_text(offset) or "")
    return f"{found[1]}-{found[2]}-{found[3]}T{found[4]}{zone[0] if zone else ''}"


def _text(value: Any) -> str | None:
    """A value as text without the zeros and the space around it; None where nothing is left."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return text.strip(" \0\t\r\n") or None if isinstance(text, str) else None
