"""The journal of a run: each response is on disk as soon as it arrives, so that an interrupted run loses nothing.

`journal.jsonl` begins with a line that says which run it is (see `identity`); each further line is what came back for
one photograph, under a key over everything that could change it. A process that dies while it writes leaves half a
line at the end, which the next one cuts off. Each line ends with a checksum of the rest of it, so that nothing is
believed that was not written here; journals of version 1 had none, and go on without. Every answer is handed to the
operating system at once and to the disk every SYNC_S seconds.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple

from globe_eval.errors import InputError
from globe_eval.files import naming
from globe_eval.models.reply import count_of
from globe_eval.models.response import Response, Served
from globe_eval.runs import identity as identities
from globe_eval.runs.lock import Lock

VERSION = 2
SYNC_S = 5.0
"""Seconds of answers that a crash of the machine, unlike one of the process, may cost."""


class Entry(NamedTuple):
    """A line of the journal: one answered photograph. `seconds`: its share of the time spent waiting for the model."""

    key: str
    id: str
    image_sha256: str | None
    response: Response
    seconds: float | None


class Journal(contextlib.AbstractContextManager["Journal"]):
    """One run folder's journal, locked against other processes for as long as it is open.

    Reading happens at once and writing begins with :meth:`start`, so that a folder that cannot be used is found before
    a model is loaded, and nothing is lost where that fails.

    Args:
        folder: the run's; made if it is not there.
        identity: everything that could change an answer, see `identity.identity`.
        fresh: start over: the answers that are there count for nothing and are removed by :meth:`start`.
        rank, ranks: which of how many processes that share a run (`accelerate launch`) this is. Each writes a file of
            its own and reads all of them, so that another number of processes may go on.

    Raises InputError: another process writes there; the answers there are of another run; a line is no record.
    """

    def __init__(
        self, folder: Path, identity: dict[str, Any], *, fresh: bool = False, rank: int = 0, ranks: int = 1
    ) -> None:
        self.folder = folder
        self.identity = identities.as_json(identity)
        self.path = folder / _name(rank)
        self.answered: dict[str, Entry] = {}
        """Key -> what is known. Whoever uses an answer may take it out."""
        self.failed: set[str] = set()
        """Keys that have an error and no answer."""
        self.images: dict[str, str | None] = {}
        """Photograph's id -> SHA-256 of the picture that it was last asked with."""
        self._there: dict[Path, dict[str, Any]] = {}  # a journal's file -> the identity of the answers in it
        self._synced = time.monotonic()
        self._rank, self._ranks = rank, ranks
        self._file: BinaryIO | None = None
        self._end = 0
        self._made = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = Lock(folder / f"lock{_suffix(rank)}")
        try:
            if not fresh:
                self._read()
        except BaseException:
            self.close()
            raise

    def start(self, **more: Any) -> None:
        """Start writing. `more`: the part of the run's identity that only the loaded model knows.

        Raises InputError where that differs from what the journal says.
        """
        self.identity |= identities.as_json(more)
        for path, there in self._there.items():
            _refuse_another(path, there, self.identity)
        if self._there:
            self.identity = next(iter(self._there.values()))
        elif self._rank == 0:  # the files of an earlier run go, but those of other processes
            for path in [self.folder / "results.json", self.folder / "samples.jsonl", *_files(self.folder)]:
                if path.name not in map(_name, range(self._ranks)):
                    path.unlink(missing_ok=True)
        self._file = self.path.open("ab")
        self._file.truncate(self._end)
        if self._end == 0:
            self._write(_with_sum({"journal": VERSION, "identity": self.identity}))
        self._sha256 = identities.sha256(self.identity)

    def key(self, sample_id: str, image_sha256: str | None, prompt: str, repeat: int = 0) -> str:
        """The key of an answer: SHA-256 over the run's identity and the request for one photograph."""
        asked = [self._sha256, sample_id, image_sha256, prompt, repeat]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()

    def append(self, entries: Sequence[Entry]) -> None:
        """Write entries and hand them to the operating system: from here on they survive this process."""
        self._write("".join(map(_line, entries)))

    def close(self) -> None:
        """Close the file and release the folder; folders that stayed empty are removed."""
        file, self._file = self._file, None
        try:
            if file is not None:
                with file:
                    self._sync(file)
        finally:
            self._lock.free()
            for path in self._made:
                with contextlib.suppress(OSError):  # not empty: something was written
                    path.rmdir()

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.close()

    def _write(self, lines: str) -> None:
        if self._file is None:
            raise ValueError(f"{self.path}: not open for writing; start() comes first")
        with naming(self.path):
            self._file.write(lines.encode())
            self._file.flush()
        if time.monotonic() - self._synced > SYNC_S:
            self._sync(self._file)

    def _sync(self, file: BinaryIO) -> None:
        with naming(self.path):
            file.flush()
            os.fsync(file.fileno())
        self._synced = time.monotonic()

    def _read(self) -> None:
        there = {}
        for path in _files(self.folder):
            for number, (end, line) in enumerate(read_lines(path), 1):
                if number == 1:
                    there[path] = _identity(path, line)
                    checked = line["journal"] > 1
                else:
                    self._take(_entry(path, number, line, checked=checked))
                if path == self.path:
                    self._end = end
        if self.answered:
            self._there = there
            for path, identity in there.items():
                _refuse_another(path, identity, self.identity)
        elif not there and (self.folder / "results.json").exists():
            what = "holds results without a journal, so there is nothing to go on from"
            advice = "choose another --output_path, or --fresh, which replaces them"
            raise InputError(f"{self.folder}: {what}; {advice}")
        else:  # errors alone bind nobody: a wrong model name is corrected and asked again
            self.failed, self._end = set(), 0

    def _take(self, entry: Entry) -> None:
        self.images[entry.id] = entry.image_sha256
        if entry.response.error is None:
            self.answered[entry.key] = entry
            self.failed.discard(entry.key)
        elif entry.key not in self.answered:
            self.failed.add(entry.key)


def read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each whole line of a journal as JSON, and the file's length up to its end; a torn last line is left out.

    Raises InputError for a line that is no JSON object, unless it is the last: that one may be torn as well.
    """
    end, torn = 0, ""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if torn:
                raise InputError(torn)
            if not line.endswith(b"\n"):
                return
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                record = None
            if isinstance(record, dict):
                end += len(line)
                yield end, record
            else:
                torn = f"{path}, line {number}: found {_excerpt(line)}, no record of a journal; --fresh starts over"


def read_identity(path: Path) -> dict[str, Any] | None:
    """The identity in a journal's first line, None where that is not written yet; InputError for another file."""
    for _, line in read_lines(path):
        return _identity(path, line)
    return None


def _identity(path: Path, line: dict[str, Any]) -> dict[str, Any]:
    if line.get("journal") not in (1, VERSION) or not isinstance(line.get("identity"), dict):
        raise InputError(f"{path}, line 1: found no journal of version 1 or {VERSION}; --fresh starts over")
    _refuse_changed(path, 1, line, checked=line["journal"] > 1)
    return dict(line["identity"])


_TEXT, _TEXT_OR_NULL = "a text", "a text or null"
_OF_RESPONSE = {
    **{"finish_reason": _TEXT_OR_NULL, "error": _TEXT_OR_NULL},
    **dict.fromkeys(("prompt_tokens", "completion_tokens"), "a count or null"),
}
_FIELDS = {
    **{"key": _TEXT, "id": _TEXT, "image_sha256": _TEXT_OR_NULL, "response": _TEXT_OR_NULL},
    **{**_OF_RESPONSE, "seconds": "a number or null"},
}


def _entry(path: Path, number: int, line: dict[str, Any], *, checked: bool) -> Entry:
    _refuse_changed(path, number, line, checked=checked)
    if not checked:
        line = _of_version_1(line)
    for name, allowed in _FIELDS.items():
        if name not in line:
            raise InputError(f"{path}, line {number}: the field {name!r} is missing; --fresh starts over")
        if not _is(line[name], allowed):
            found = f"{name}: found {_excerpt(repr(line[name]).encode())}; allowed: {allowed}"
            raise InputError(f"{path}, line {number}: {found}; --fresh starts over")
    if (line["response"] is None) == (line["error"] is None):
        raise InputError(f"{path}, line {number}: response and error: one of both is null; --fresh starts over")
    served, value = None, line.get("served")
    if isinstance(value, dict) and value.keys() <= set(Served._fields):
        given: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in value.items()}
        served = Served(**given)
    response = Response(line["response"] or "", **{name: line[name] for name in _OF_RESPONSE}, served=served)
    return Entry(line["key"], line["id"], line["image_sha256"], response, line["seconds"])


def _of_version_1(line: dict[str, Any]) -> dict[str, Any]:
    """Repairs a line of version 1, which stored servers' values unchecked: counts as text, reasons of other types."""
    line = {**line}
    for name in ("prompt_tokens", "completion_tokens"):
        value = line.get(name)
        if isinstance(value, float) or (isinstance(value, str) and value.isdecimal()):
            line[name] = count_of(float(value))
    if isinstance(line.get("finish_reason"), dict | list):
        line["finish_reason"] = None
    return line


def _is(value: Any, allowed: str) -> bool:
    if value is None:
        return allowed.endswith("null")
    if allowed.startswith("a text"):
        return isinstance(value, str)
    number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
    return number and (allowed.startswith("a number") or isinstance(value, int))


def _refuse_changed(path: Path, number: int, line: dict[str, Any], *, checked: bool) -> None:
    """Raise InputError for a line that is not as it was written."""
    if "sum" not in line and not checked:
        return
    rest = {name: value for name, value in line.items() if name != "sum"}
    if line.get("sum") != _sum_of(json.dumps(rest, ensure_ascii=False)):
        name = f" (id {line['id']!r})" if isinstance(line.get("id"), str) else ""
        advice = "remove the line to ask again, or --fresh starts over"
        wrong = "is not as it was written (its checksum is another)"
        raise InputError(f"{path}, line {number}{name}: {wrong}; {advice}")


def _sum_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _with_sum(record: dict[str, Any]) -> str:
    text = json.dumps(record, ensure_ascii=False)
    return f'{text[:-1]}, "sum": "{_sum_of(text)}"}}\n'


def _line(entry: Entry) -> str:
    response = entry.response
    record = {
        **{"key": entry.key, "id": entry.id, "image_sha256": entry.image_sha256},
        "response": None if response.error is not None else str(response),
        **{name: getattr(response, name) for name in _OF_RESPONSE},
        "seconds": None if entry.seconds is None else round(entry.seconds, 4),
        **({"served": response.served.as_json()} if response.served else {}),
    }
    return _with_sum(record)


def _refuse_another(path: Path, there: dict[str, Any], here: dict[str, Any]) -> None:
    """Raise InputError for another run's journal; entries not known yet (the model is not loaded) do not count."""
    known = {name: value for name, value in there.items() if name in here or name != "model_info"}
    if changed := identities.differences(known, here):
        advice = "--fresh starts over, or choose another --output_path"
        raise InputError(f"{path}: holds answers of another run: {'; '.join(changed)}. {advice}")


def _suffix(rank: int) -> str:
    return f".rank{rank}" if rank else ""


def _name(rank: int) -> str:
    return f"journal{_suffix(rank)}.jsonl"


def _files(folder: Path) -> list[Path]:
    return sorted([*folder.glob("journal.jsonl"), *folder.glob("journal.rank*.jsonl")])


def _excerpt(line: bytes) -> str:
    text = line.decode("utf-8", "backslashreplace").strip()
    return repr(text if len(text) <= 60 else text[:57] + "…")
