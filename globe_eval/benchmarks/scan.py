"""Scans the image files of a folder on all cores: each is read once and decoded in full; a journal allows resuming."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import stat
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from globe_eval.benchmarks.duplicates import perceptual_hash, shrink
from globe_eval.benchmarks.images import _UPRIGHT, ImageError, _orientation, open_image, to_rgb
from globe_eval.benchmarks.metadata import carries_coordinates
from globe_eval.errors import reason_of

SCAN_VERSION = 1
"""Raised when a scan would find something else: journals of another version are begun anew."""
LARGEST_FILE = 1 << 28
"""Bytes. No photograph is larger, and the whole file is read into memory."""
_BATCH = 16
_WORTH_PROCESSES = 256  # pictures; below, starting the workers takes longer than the work

FileProblem = Literal["missing", "empty", "undecodable"]


@dataclass(frozen=True, kw_only=True)
class Scan:
    """One image file. Where there is a `problem`, `error` says what it is, and what could not be found out is None."""

    image: str
    """Its path below the folder."""
    size: int | None = None
    """Bytes."""
    mtime_ns: int | None = None
    sha256: str | None = None
    perceptual_hash: str | None = None
    """16 hexadecimal digits; None where the picture is of one colour."""
    width: int | None = None
    """Pixels, upright, like `height`."""
    height: int | None = None
    with_coordinates: bool | None = None
    """Whether its metadata tells where it was taken."""
    problem: FileProblem | None = None
    error: str | None = None


def scan(root: Path, names: Sequence[str], journal: Path) -> tuple[list[Scan], int]:
    """Scan the files `names` below `root`, a folder that none of them leaves (see `manifest.locate`).

    The journal keeps every finished scan; a file whose size and time of change are those of the journal is not read
    again, so a scan that was killed goes on where it was.

    Returns: the scans in the order of `names`, and how many files were read now.
    """
    from tqdm import tqdm

    root = root.resolve()
    known = {one.image: one for one in _resume(journal, root) if _unchanged(root, one)}
    lacking = [name for name in dict.fromkeys(names) if name not in known]
    bar = partial(tqdm, total=len(lacking), desc="reading", unit=" pictures", disable=None, leave=False)
    read = 0
    with journal.open("ab") as file:
        for one in bar(_scans(root, lacking)):
            known[one.image] = one
            if one.mtime_ns is not None:
                file.write(json.dumps(asdict(one)).encode() + b"\n")
                file.flush()
                read += 1
    return [known[name] for name in names], read


def scan_file(root: Path, name: str) -> Scan:
    """Scan one file below `root`; never raises for what the file is."""
    path = root / name
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return Scan(image=name, problem="missing", error=f"{name}: not a file")
        data = path.read_bytes() if status.st_size <= LARGEST_FILE else b""
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        return Scan(image=name, problem="missing", error=f"{name}: {getattr(error, 'strerror', None) or error}")
    facts: dict[str, Any] = {"image": name, "size": status.st_size, "mtime_ns": status.st_mtime_ns}
    if status.st_size > LARGEST_FILE:
        large = f"{name}: {status.st_size:,} bytes are more than the {LARGEST_FILE:,} of any photograph"
        return Scan(**facts, problem="undecodable", error=large)
    if not data:
        return Scan(**facts, problem="empty", error=f"{name}: the file is empty (0 bytes)")
    facts |= {"sha256": hashlib.sha256(data).hexdigest(), "with_coordinates": carries_coordinates(data)}
    try:
        grey, (width, height) = _grey(data, name)
    except ImageError as error:
        return Scan(**facts, problem="undecodable", error=str(error))
    hashed = perceptual_hash(grey)
    return Scan(**facts, perceptual_hash=None if hashed is None else f"{hashed:016x}", width=width, height=height)


def _grey(data: bytes, name: str) -> tuple[Image.Image, tuple[int, int]]:
    """The picture upright in grey, shrunk to what its hash needs, and its full size. Raises ImageError.

    Of a JPEG every byte is decoded but no colour computed: that takes less time than the decoding that a model needs.
    """
    opened = open_image(data, name)
    orientation = _orientation(opened, data)
    opened.draft("L", None)
    try:
        opened.load()
        size = opened.size
        plain = opened.mode == "L" and "transparency" not in opened.info
        small = shrink(opened if plain else to_rgb(opened).convert("L"))
    except Exception as error:  # Pillow's plugins raise nearly anything on bytes that are broken
        raise ImageError(f"{name}: {reason_of(error)}") from None
    if opened.format != "TIFF" and orientation in _UPRIGHT:  # Pillow turns TIFF itself, on loading
        small = small.transpose(_UPRIGHT[orientation])
        size = size if orientation < 5 else (size[1], size[0])
    return small, size


def _scans(root: Path, names: Sequence[str]) -> Iterator[Scan]:
    """The scans of n files, in order."""
    one = partial(scan_file, root)
    if len(names) < _WORTH_PROCESSES:
        yield from map(one, names)
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Spawned, for a fork would take the locks of this program's threads along.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, context, initializer=_end_with_parent) as pool:
        try:
            yield from pool.map(one, names, chunksize=_BATCH)
        finally:
            pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """A worker's first act: leave Ctrl-C to the parent, and end when that is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _unchanged(root: Path, one: Scan) -> bool:
    try:
        status = (root / one.image).stat()
    except (OSError, ValueError):
        return False
    return (one.size, one.mtime_ns) == (status.st_size, status.st_mtime_ns)


def _resume(journal: Path, root: Path) -> list[Scan]:
    """The scans in a journal of this folder; the journal can be appended to afterwards.

    A line that a kill cut off is taken out; a journal of another folder or version is begun anew.
    """
    header = json.dumps({"scan_version": SCAN_VERSION, "images": str(root)}).encode() + b"\n"
    known: list[Scan] = []
    if journal.is_file():
        with journal.open("rb+") as file:
            if file.readline() == header:
                end = file.tell()
                for line in file:
                    try:
                        known.append(Scan(**json.loads(line)))
                    except (ValueError, TypeError):
                        break
                    end += len(line)
                file.truncate(end)
                return known
    journal.write_bytes(header)
    return known
