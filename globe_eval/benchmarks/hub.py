"""Downloads a benchmark from the hub as a table of the truth and a folder of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from globe_eval.errors import InputError, reason_of

NAMES = ("image", "images", "picture", "photo", "jpg", "png")
"""What a column of pictures may be called where its type does not say that it is one."""

Picture = Mapping[str, Any]
"""bytes or path, as the hub stores a picture."""


def download(
    task: str, hub: str, folder: Path, otherwise: str = "give --images and --truth"
) -> tuple[Path, Path, dict[str, str]]:
    """Fetch a data set and write its pictures as they are, byte for byte, and the rest of its columns.

    The table is written last and whole, so a folder that has one has all of it. Pictures that are there already in
    their full length are not written again.

    Args:
        task, otherwise: for errors: what to call it, and what to do with a data set that was fetched by hand.
        hub: "owner/name" for the split "test", "owner/name:split" for another.
        folder: where `truth.parquet` and `images/` go.

    Returns the table, the folder of pictures (absolute), and which column has the role "image".

    Raises InputError: the hub cannot be reached, has no such data set or split, or the data set has no pictures.
    """
    import datasets

    repository, _, split = hub.partition(":")
    split = split or "test"
    try:
        data = datasets.load_dataset(repository, split=split)
    except Exception as error:  # offline, gated, renamed, another split: datasets raises a dozen kinds
        raise InputError(
            f"{task}: {repository} (split {split}) cannot be loaded from the hub: {reason_of(error, 200).rstrip('.')}; "
            f"download it and {otherwise}, or run this where the hub can be reached"
        ) from None
    if (column := picture_column(data.features)) is None:
        raise InputError(f"{task}: {repository} has no column of pictures (columns: {', '.join(data.features)})")
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    names = []
    for index, row in enumerate(without_decoding(data.select_columns([column]), column)):
        pictures = pictures_of(row[column])
        if len(pictures) > 1:
            raise InputError(f"{task}: {repository}, row {index + 1}: {len(pictures)} pictures; allowed: one a row")
        names.append(_write(images, index, pictures[0] if pictures else None))
    table = data.remove_columns(column).add_column(column, names)
    part = folder / "truth.parquet.part"
    table.to_parquet(part)
    part.replace(folder / "truth.parquet")
    return folder / "truth.parquet", images.resolve(), {"image": column}


def picture_column(features: Mapping[str, Any]) -> str | None:
    """The column of pictures: of type Image or a list of these; else bytes, or bytes and path, under one of NAMES.

    >>> import datasets
    >>> picture_column({"id": datasets.Value("string"), "images": datasets.List(datasets.Image())})
    'images'
    """
    import datasets

    def is_stored(kind: Any) -> bool:
        of_bytes = isinstance(kind, datasets.Value) and kind.dtype in ("binary", "large_binary")
        return of_bytes or (isinstance(kind, dict) and "bytes" in kind)

    lists = datasets.List | datasets.LargeList
    kinds = {name: kind.feature if isinstance(kind, lists) else kind for name, kind in features.items()}
    typed = [name for name, kind in kinds.items() if isinstance(kind, datasets.Image)]
    stored = [name for name, kind in kinds.items() if name.lower() in NAMES and is_stored(kind)]
    return next(iter([*typed, *stored]), None)


def without_decoding(data: Any, column: str) -> Any:
    """A data set whose pictures come as bytes or paths, not decoded."""
    import datasets

    kind, raw = data.features[column], datasets.Image(decode=False)
    if isinstance(kind, datasets.Image):
        return data.cast_column(column, raw)
    if isinstance(kind, datasets.List | datasets.LargeList) and isinstance(kind.feature, datasets.Image):
        return data.cast_column(column, datasets.List(raw))
    return data


def pictures_of(cell: Any) -> list[Picture]:
    """The pictures in a cell: bytes, {"bytes": …, "path": …}, or a list of either.

    >>> pictures_of([{"bytes": b"x", "path": None}]), pictures_of(b"x"), pictures_of(None)
    ([{'bytes': b'x', 'path': None}], [{'bytes': b'x', 'path': None}], [])
    """
    if cell is None:
        return []
    if isinstance(cell, bytes):
        return [{"bytes": cell, "path": None}]
    if isinstance(cell, Mapping):
        return [cell]
    return [picture for one in cell for picture in pictures_of(one)]


def _write(images: Path, index: int, picture: Picture | None) -> str:
    """Write one picture under a name that says nothing about it. A row without picture gets a name all the same."""
    name = f"{index:07d}{Path((picture or {}).get('path') or '').suffix.lower() or '.jpg'}"
    if picture is None:
        return name
    data, file = picture.get("bytes"), images / name
    if data is None:
        data = Path(picture["path"]).read_bytes()
    if not (file.is_file() and file.stat().st_size == len(data)):
        file.write_bytes(data)
    return name
