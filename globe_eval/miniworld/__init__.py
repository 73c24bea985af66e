"""Miniworld: a procedural benchmark of small pictures of real cities, drawn from cues that a person can see.

Nothing is downloaded and nothing is stored: row `i` of a split is a function of the seed, the split and `i`, and its
picture is a function of the row. Some pictures show too little to be located, and the manifest says which
(`localizable`, see `world.localizable_to`); `entities` lists everything that can be seen, exhaustively.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from globe_eval.errors import InputError, nearest
from globe_eval.files import cache_folder, write_whole
from globe_eval.miniworld import world
from globe_eval.miniworld.drawing import draw
from globe_eval.miniworld.scene import NEUTRAL, VERSION, photograph, visible

SPLITS = {"test": 300, "train": 1200}
MANIFEST_SHA256 = {
    "test": "24c7d25ef7896dc7f03056583e65d6589965d4a19ab754341b25ad560db77066",
    "train": "22a1d723e83c9e26fd276672a26046af33de07caee0b180e4514d787117eb5d0",
}
"""Of the manifest of each whole split (`manifest_sha256`): where a file has it, seconds of composing are saved."""

VOCABULARY: tuple[str, ...] = tuple(sorted({*NEUTRAL, *world.kinds()}))

__all__ = ["SPLITS", "VERSION", "VOCABULARY", "manifest_sha256", "photographs", "prepare", "render", "without", "write"]


def photographs(split: str = "test", n: int | None = None, seed: int = 0) -> list[dict[str, Any]]:
    """The first `n` rows of a split (300 of "test", 1,200 of "train" by default; any number can be asked for).

    A row has id, image (a file name), lat, lon (degrees), city, country, group (the photographer), scene (urban,
    natural or coastal), entities (all that can be seen), localizable, localizable_to ("city", "country" or None) and
    scene_spec, from which the picture is drawn. Row i is the same however many rows are asked for.

    >>> [row["id"] for row in photographs("test", 2)]
    ['mw-00000', 'mw-00001']
    """
    if split not in SPLITS:
        raise InputError(f"miniworld has no split {split!r}: allowed are {', '.join(SPLITS)}{nearest(split, SPLITS)}")
    return [photograph(i, split, seed) for i in range(SPLITS[split] if n is None else n)]


def render(row: dict[str, Any], size: int = 224) -> Image.Image:
    """The picture of a row, `size` pixels square, RGB; the same row always gives the same pixels.

    >>> render(photographs("test", 1)[0], 56).size
    (56, 56)
    """
    return draw(row["scene_spec"], size)


def without(row: dict[str, Any], entity: str) -> dict[str, Any]:
    """The row with one entity taken out of the scene: the counterfactual picture. Coordinates and place stay.

    >>> "road" in without(photographs("test", 1)[0], "road")["entities"]
    False
    """
    spec = dict(row["scene_spec"])
    spec["objects"] = [item for item in spec["objects"] if entity not in item["shows"]]
    if entity == spec["sky"]:
        spec["sky"] = "no sky"
    return {**row, "entities": visible(spec), "scene_spec": spec}


def png(image: Image.Image) -> bytes:
    """PNG bytes that hold pixels and nothing else."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def manifest(rows: list[dict[str, Any]]) -> bytes:
    """Rows as JSON lines, UTF-8."""
    return "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows).encode()


def manifest_sha256(split: str = "test", n: int | None = None, seed: int = 0) -> str:
    """SHA-256 of the manifest that `write` makes, in hexadecimal."""
    return hashlib.sha256(manifest(photographs(split, n, seed))).hexdigest()


def write(
    folder: str | os.PathLike[str], split: str = "test", n: int | None = None, seed: int = 0, size: int = 224
) -> Path:
    """Write the pictures of a split and `manifest.jsonl` into a folder; returns the manifest's path.

    Every file appears complete or not at all, the manifest last. A second call finds the manifest and the pictures in
    place and writes nothing; a picture that is missing, broken or of another size is drawn again, and another manifest
    means that every picture is. One folder holds one split at one size.
    """
    target = Path(folder)
    path = target / "manifest.jsonl"
    if n is None and seed == 0 and _is_whole(path, split, size):
        return path
    rows = photographs(split, n, seed)
    wanted = manifest(rows)
    target.mkdir(parents=True, exist_ok=True)
    current = path.is_file() and path.read_bytes() == wanted
    if not current:
        path.unlink(missing_ok=True)
    for row in tqdm(rows, f"Drawing miniworld's {split} pictures", leave=False, delay=1, disable=None):
        picture = target / row["image"]
        if not (current and is_drawn(picture, size)):
            write_whole(picture, png(render(row, size)), sync=False)  # where one is broken it is drawn again
    if not current:
        write_whole(path, wanted)
    return path


def _is_whole(path: Path, split: str, size: int) -> bool:
    """Whether a file is the manifest of a whole split, and every picture is beside it."""
    data = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(data).hexdigest() != MANIFEST_SHA256.get(split):
        return False
    return all(is_drawn(path.parent / json.loads(line)["image"], size) for line in data.splitlines())


def prepare(split: str = "test") -> Path:
    """The manifest of a split in the cache ($GLOBE_EVAL_CACHE, else ~/.cache/globe-eval), drawn if it is not there."""
    return write(cache_folder() / f"miniworld-{split}-{VERSION}", split)


def is_drawn(picture: Path, size: int) -> bool:
    """Whether a file begins as a PNG of this size and ends as one."""
    try:
        data = picture.read_bytes()
    except OSError:
        return False
    return data[:8] == b"\x89PNG\r\n\x1a\n" and data[16:20] == size.to_bytes(4, "big") and data[-8:-4] == b"IEND"
