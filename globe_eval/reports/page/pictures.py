"""The pictures of a report: found by id, verified by SHA-256, scaled down, stripped of metadata, as data URLs."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from globe_eval import miniworld
from globe_eval.benchmarks.images import Bounds, ImageError, decode
from globe_eval.errors import InputError
from globe_eval.reports.page.joined import JoinedPhotograph

MOST, SIDE, QUALITY = 300, 320, 72
"""How many pictures a report carries unless told otherwise; their longer side in pixels; as JPEG of this quality."""
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".JPG", ".JPEG", ".PNG")


class Pictures(NamedTuple):
    """Data URLs by photograph, and how many were not shown for want of a file, or because it is another picture."""

    urls: dict[int, str]
    absent: int
    other: int


def pictures(photographs: Sequence[JoinedPhotograph], chosen: Sequence[int], folder: Path) -> Pictures:
    """The pictures of some photographs from a folder, or from below it, by id or file name.

    A folder that `globe-eval prepare` wrote stands for the pictures that it was prepared from. A picture whose SHA-256
    is not the one that the run saw is not shown.

    Raises InputError: no such folder, or none of the pictures in it.
    """
    if not folder.is_dir():
        raise InputError(f"--images {folder}: no such folder")
    find = _finder(_images(folder))
    shown = _shown(photographs, chosen, find)
    if chosen and not shown.urls:
        why = "their SHA-256 is not what the run saw" if shown.other else "looked for by id, with and without suffix"
        raise InputError(f"--images {folder}: holds none of the {len(chosen):,} pictures ({why})")
    return shown


def drawn(photographs: Sequence[JoinedPhotograph], chosen: Sequence[int]) -> Pictures:
    """The pictures of the embedded benchmark, drawn anew."""
    by_id = {row["id"]: row for split in miniworld.SPLITS for row in miniworld.photographs(split)}

    def find(photograph: JoinedPhotograph) -> bytes | None:
        row = by_id.get(photograph.id)
        return None if row is None else miniworld.png(miniworld.render(row))

    return _shown(photographs, chosen, find)


def _shown(
    photographs: Sequence[JoinedPhotograph], chosen: Sequence[int], find: Callable[[JoinedPhotograph], bytes | None]
) -> Pictures:
    urls, absent, other = {}, 0, 0
    for i in chosen:
        data = find(photographs[i])
        expected = photographs[i].sha256
        if data is None:
            absent += 1
        elif expected is not None and hashlib.sha256(data).hexdigest() != expected:
            other += 1
        elif (url := data_url(data)) is None:
            absent += 1
        else:
            urls[i] = url
    return Pictures(urls, absent, other)


def data_url(data: bytes) -> str | None:
    """A picture as a small JPEG without metadata; None where it cannot be decoded."""
    try:
        picture = decode(data, "", Bounds(max_side=SIDE))
    except ImageError:
        return None
    clean = Image.frombytes("RGB", picture.size, picture.tobytes())  # pixels and nothing else
    buffer = io.BytesIO()
    clean.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _images(folder: Path) -> Path:
    """The folder of the pictures: the given one, or the one that a prepared benchmark names."""
    path = folder / "prepare.json"
    try:
        return Path(json.loads(path.read_text(encoding="utf-8"))["images"])
    except OSError:
        return folder
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not what globe-eval prepare writes ({error!r})") from None


def _finder(root: Path) -> Callable[[JoinedPhotograph], bytes | None]:
    """A photograph -> the bytes of its file, where there is one of its id below `root`."""
    by_name: dict[str, Path] = {}
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            for key in (path.relative_to(root).as_posix(), name, path.stem):
                by_name.setdefault(key, path)

    def find(photograph: JoinedPhotograph) -> bytes | None:
        last = photograph.id.rsplit("/", 1)[-1]
        names = [f"{stem}{suffix}" for stem in (photograph.id, last) for suffix in ("", *_SUFFIXES)]
        path = next((by_name[name] for name in names if name in by_name), None)
        try:
            return None if path is None else path.read_bytes()
        except OSError:
            return None

    return find
