"""Miniworld's training pictures with what a teacher writes about them: the data of the `miniworld_*` recipes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from globe_eval import miniworld
from globe_eval.errors import InputError, nearest
from globe_eval.files import write_whole
from globe_eval.miniworld import scene
from globe_eval.miniworld.world import City, kinds
from globe_train.laptop import teacher

TEST_SEED = 0
"""The seed of the benchmark's own pictures."""


def write(
    folder: Path, n: int = 8000, seed: int = 1, manner: str = "flawed", size: int = 112, overwrite: bool = False
) -> Path:
    """Draw `n` pictures of miniworld's training split and write them with a manifest; returns the manifest's path.

    The pictures are drawn at the size at which the model sees them. Split, seed and photographers are others than the
    benchmark's, so no picture is in both; `check_disjoint` looks.

    `manner` is "flawed" or "careful", see `teacher`, or "imagined": pictures of no place, named carefully, from which a
    model without any training learns to see before it learns where things are. Raises InputError where another manifest
    is in the folder, or a picture is one of the benchmark's.
    """
    if manner not in teacher.MANNERS:
        raise InputError(
            f"--teacher: found {manner!r}; allowed: {', '.join(teacher.MANNERS)}{nearest(manner, teacher.MANNERS)}"
        )
    if manner == "imagined":
        rows = [imagined_row(index, seed) for index in range(n)]
    else:
        rows = miniworld.photographs("train", n, seed)
    check_disjoint(rows)
    taught = [
        {key: value for key, value in row.items() if key != "scene_spec"} | teacher.teach(row, manner) for row in rows
    ]
    wanted = "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in taught).encode()
    path = folder / "manifest.jsonl"
    if path.is_file() and path.read_bytes() == wanted:
        return path
    if path.is_file() and not overwrite:
        raise InputError(f"{path}: another training split is there already; give another folder, or --fresh")
    folder.mkdir(parents=True, exist_ok=True)
    for row, picture in zip(rows, draw_pictures(rows, size), strict=True):
        (folder / row["image"]).write_bytes(picture)
    write_whole(path, wanted)
    return path


def imagined_row(index: int, seed: int) -> dict[str, Any]:
    """A picture of no place: every kind of cue shows any of its entities, the rare as often as the common.

    A third of what there is to see in miniworld is in fewer than one of two hundred of its pictures, and much of the
    rest can be guessed from what was named before; here neither helps, so a model must look.
    """
    rng = Random(f"imagined/{seed}/{index}")
    habits = scene.habits_of(Random(f"imagined/{seed}/photographer/{index % 400}"))
    spec, kind = scene.compose(rng, nowhere(), habits, least=0.7)
    group = f"photographer-imagined-{index % 400:03d}"
    return scene.row_of(f"mw-imagined-{index:05d}", nowhere(), (None, None), group, kind, spec, None)


@lru_cache(maxsize=1)
def nowhere() -> City:
    """A city where everything in the world can be seen, equally often."""
    cues: dict[str, dict[str, float]] = {}
    for entity, kind in kinds().items():
        cues.setdefault(kind, {})[entity] = 1.0
    even = {kind: dict.fromkeys(entities, 1 / len(entities)) for kind, entities in cues.items()}
    place = teacher.NOWHERE
    return City(place, place, "", "", "", 0.0, 0.0, even)


def check_disjoint(rows: list[dict[str, Any]]) -> None:
    """Raise InputError where one of these pictures, or their photographers, is in the benchmark's test split."""
    test = miniworld.photographs("test", seed=TEST_SEED)
    scenes = {json.dumps(row["scene_spec"], sort_keys=True): row["id"] for row in test}
    people = {row["group"] for row in test}
    for row in rows:
        same = scenes.get(json.dumps(row["scene_spec"], sort_keys=True))
        if same is not None or row["group"] in people:
            raise InputError(f"miniworld: training picture {row['id']} is the benchmark's ({same or row['group']})")


def draw_pictures(rows: list[dict[str, Any]], size: int) -> Iterator[bytes]:
    """The pictures of rows as PNG, in order, drawn on all cores."""
    draw = partial(picture, size=size)
    workers = min(os.cpu_count() or 1, 16)
    if workers == 1 or len(rows) < 200:
        yield from map(draw, rows)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("forkserver")) as pool:
        yield from pool.map(draw, rows, chunksize=50)


def picture(row: dict[str, Any], size: int) -> bytes:
    """One picture as PNG."""
    return miniworld.png(miniworld.render(row, size))
