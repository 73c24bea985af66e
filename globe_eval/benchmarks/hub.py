"""A benchmark from the hub, laid out as a user would download it: a table of the truth and a folder of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from globe_eval.errors import InputError


def download(task: str, hub: str, folder: Path) -> tuple[Path, Path, dict[str, str]]:
    """Fetch a data set and write its pictures as they are, byte for byte, and the rest of its columns.

    Pictures that are there already in their full length are not written again.

    Args:
        task: what errors call it.
        hub: "owner/name" for the split "test", "owner/name:split" for another.
        folder: where `truth.parquet` and `images/` go.

    Returns:
        The table, the folder of pictures (absolute), and which column has the role "image".

    Raises:
        InputError: the hub cannot be reached, has no such data set or split, or the data set has no pictures.

    """
    import datasets

    repository, _, split = hub.partition(":")
    split = split or "test"
    try:
        data = datasets.load_dataset(repository, split=split)
    except Exception as error:  # offline, gated, renamed, another split: datasets raises a dozen kinds
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{task}: {repository} (split {split}) cannot be loaded from the hub: {reason[:200].rstrip('.')}; download "
            f"it and give --images and --truth, or run this where the hub can be reached"
        ) from None
    column = next((name for name, kind in data.features.items() if isinstance(kind, datasets.Image)), None)
    if column is None:
        raise InputError(f"{task}: {repository} has no column of pictures (columns: {', '.join(data.features)})")
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    names = []
    for index, row in enumerate(data.select_columns([column]).cast_column(column, datasets.Image(decode=False))):
        names.append(_write(images, index, row[column]))
    table = data.remove_columns(column).add_column(column, names)
    table.to_parquet(folder / "truth.parquet")
    return folder / "truth.parquet", images.resolve(), {"image": column}


def _write(images: Path, index: int, picture: dict[str, Any] | None) -> str:
    """Write one picture under a name that says nothing about it. A row without picture gets a name all the same."""
    name = f"{index:07d}{Path((picture or {}).get('path') or '').suffix.lower() or '.jpg'}"
    if picture is None:
        return name
    data = picture["bytes"] if picture["bytes"] is not None else Path(picture["path"]).read_bytes()
    file = images / name
    if not (file.is_file() and file.stat().st_size == len(data)):
        file.write_bytes(data)
    return name
