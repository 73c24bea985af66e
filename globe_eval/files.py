"""Files: written whole or not at all, rows as JSON lines, texts that are safe to open in a spreadsheet."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def cache_folder() -> Path:
    """The cache folder: $GLOBE_EVAL_CACHE, by default ~/.cache/globe-eval. It may not exist."""
    return Path(os.environ.get("GLOBE_EVAL_CACHE", "~/.cache/globe-eval")).expanduser()


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name the file in an error of the disk: where it is full, the system does not say which file it is about."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def write_whole(path: Path, data: bytes | Iterable[bytes], *, sync: bool = True) -> None:
    """Write a file through a temporary neighbour: whatever ends this program meanwhile, no reader sees half of it.

    Args:
        path: in a folder that is there. What is there already is replaced.
        data: all of it, or parts that are made as they are written.
        sync: wait until the disk has it, so that a crash of the machine leaves no half of it either.
    """
    with naming(path):
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines([data] if isinstance(data, bytes) else data)
                if sync:
                    file.flush()
                    os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The contents of a JSON-lines file: a line a row.

    >>> json_lines([{"city": "Zürich"}, {}]).decode().splitlines()
    ['{"city": "Zürich"}', '{}']
    """
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def read_json_lines(path: Path) -> list[Any]:
    """The values of a JSON-lines file, whose texts may hold U+2028. Raises ValueError for a line that is no JSON."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def read_word_lists(path: Path) -> dict[str, frozenset[str]]:
    """The lists of a file: `[name]`, then words with spaces between, or phrases with commas; `#` begins a comment."""
    _, *parts = re.split(r"\[([\w.]+)\]", re.sub(r"(?m)^#.*", "", path.read_text(encoding="utf-8")))
    return {
        name: frozenset(" ".join(one.split()) for one in (text.split(",") if "," in text else text.split()))
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    }


def harmless(cell: str) -> str:
    """The text, behind an apostrophe where a spreadsheet would run it as a formula.

    >>> harmless("=1+1"), harmless("a=b"), harmless("-12.5")
    ("'=1+1", 'a=b', '-12.5')
    """
    if cell.lstrip()[:1] not in tuple("=+-@＝＋－＠") and cell[:1] not in ("\t", "\r", "\n"):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def valid_utf8(text: str) -> str:
    """A text that a UTF-8 file can hold: a lone surrogate, which models do write, becomes its visible escape.

    >>> valid_utf8("Par\\ud800is")
    'Par\\\\ud800is'
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
