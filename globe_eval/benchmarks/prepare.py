"""`globe-eval prepare`: makes and checks the manifest of a benchmark from what a user downloaded.

A prepared benchmark is a folder, by default $GLOBE_EVAL_DATA/<task>/, with `manifest.parquet` (one row a photograph:
truth, image file, its SHA-256, perceptual hash and size), `prepare.json` (what it was made from and what was found),
`findings.csv` (every photograph that a check names) and `scan.jsonl` (the journal to resume from). Nothing is written
into the folder of the pictures. The same input always gives the same bytes.
"""

from __future__ import annotations

import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import globe_eval
from globe_eval.benchmarks.ceilings import of_every_form
from globe_eval.benchmarks.definition import Definition, data_folder, find, find_data, known_tasks, read_definition
from globe_eval.benchmarks.duplicates import KINDS, nearest_hashes, overlap
from globe_eval.benchmarks.hub import download
from globe_eval.benchmarks.images import pictures_below
from globe_eval.benchmarks.manifest import locate
from globe_eval.benchmarks.points import SwappedHeader
from globe_eval.benchmarks.scan import SCAN_VERSION, FileProblem, Scan, scan
from globe_eval.benchmarks.table import read_table, write_csv
from globe_eval.benchmarks.truth import other_size, read_truth, truth_sha256
from globe_eval.errors import InputError
from globe_eval.files import file_sha256, write_whole
from globe_eval.places import gazetteer
from globe_eval.places.borders import countries_at
from globe_eval.places.resolve import RESOLVER_VERSION

FROM_SCAN = ("perceptual_hash", "width", "height")
"""What the manifest has of a picture's scan, besides its SHA-256."""
_ROW_GROUP = 1 << 16
NULL_ISLAND_DEGREES = 0.01
EXAMPLES = 3

Row = Mapping[str, Any]
Item = tuple[str, str]
"""What, and a detail."""


@dataclass(frozen=True)
class Finding:
    """One check: how many, and each of them."""

    check: str
    count: int
    items: list[Item]

    @property
    def examples(self) -> list[str]:
        """The first few, as a person reads them."""
        some = [(what, detail.removeprefix(f"{what}: ")) for what, detail in self.items[:EXAMPLES]]
        return [f"{what} ({detail})" if detail else what for what, detail in some]


@dataclass(frozen=True)
class Prepared:
    """The result of `prepare`."""

    task: str
    manifest: Path | None
    """None where pictures lack and may not: then neither it nor `prepare.json` was written."""
    findings_file: Path
    rows: list[dict[str, Any]]
    """Of the manifest: the photographs whose picture decodes."""
    lacking: list[str]
    """Ids of the other ones."""
    findings: list[Finding]
    notes: list[str]
    """Sentences for the user: the benchmark's known defects, what its table is, what was repaired or left out."""
    document: dict[str, Any]
    """The content of `prepare.json`."""
    read: int
    """How many files were read now; the journal knew the others."""


def prepare(
    task: str | Path | Definition,
    *,
    images: Path | None = None,
    truth: Path | None = None,
    out: Path | None = None,
    against: Sequence[Path] = (),
    fix_swapped: bool = False,
    allow_missing: bool = False,
    include_path: Sequence[Path] = (),
) -> Prepared:
    """Make the manifest of a benchmark from its truth table and its pictures, and check all of it.

    Args:
        task: its name, its YAML or its definition. A variant that says `prepared: OTHER` prepares that one.
        images: the folder of pictures. By default the one that the YAML names, else what its `hub` has.
        truth: the table. By default the one that the YAML names, in the data folder or beside the pictures.
        out: where to. By default $GLOBE_EVAL_DATA/<task>/.
        against: manifests or tables of training sets and galleries: what they share with the benchmark is recorded.
        fix_swapped: read latitude and longitude the right way round where the header has them swapped.
        allow_missing: leave photographs out that have no picture, instead of writing no manifest.

    Raises InputError: the task, a file or a row of the truth is not what it must be.
    """
    definition = _definition(task, include_path)
    given, metadata = (dict(definition.values.get(key) or {}) for key in ("dataset_kwargs", "metadata"))
    name = str(given.get("prepared", definition.name))
    folder = out.expanduser() if out is not None else data_folder() / name
    table, pictures, columns = _sources(name, given, metadata, images, truth, folder)
    if (folder / "manifest.parquet").resolve() == table.resolve():
        raise InputError(f"{table}: is the truth and would be overwritten; choose another folder with -o")
    if out is not None and folder.resolve().is_relative_to(pictures):
        raise InputError(f"{folder}: lies in the folder of the pictures, where nothing is written; choose another -o")
    rows, repaired = _read(table, pictures, columns, given, fix_swapped)
    others = [rows_with_hashes(path) for path in against]

    folder.mkdir(parents=True, exist_ok=True)
    scans, read = scan(pictures, [row["image"] for row in rows], folder / "scan.jsonl")
    found = findings(rows, scans, pictures_below(pictures), metadata.get("n"))
    findings_file = folder / "findings.csv"
    lines = [(one.check, what, detail) for one in found for what, detail in one.items]
    write_csv(findings_file, ("check", "what", "detail"), lines)

    whole = [(row, one) for row, one in zip(rows, scans, strict=True) if one.problem is None]
    kept = [{**row, "image_sha256": one.sha256, **{key: getattr(one, key) for key in FROM_SCAN}} for row, one in whole]
    lacking = [row["id"] for row, one in zip(rows, scans, strict=True) if one.problem is not None]
    digest = file_sha256(table)
    document: dict[str, Any] = {
        **{"task": name, "version": str(metadata.get("version", "")), "n": len(kept)},
        **{"manifest_sha256": truth_sha256(kept), "truth": table.name, "truth_sha256": digest},
        "truth_known_as": (metadata.get("known_truth") or {}).get(digest),
        "repaired": repaired,
        "images": str(pictures),
        "left_out": lacking,
        "findings": [{"check": one.check, "count": one.count, "examples": one.examples} for one in found],
        "overlap": [_overlap(kept, *other) for other in others],
        "ceilings": of_every_form(kept),
        "made_with": {
            **{"globe-eval": globe_eval.__version__, "scan": str(SCAN_VERSION)},
            **{"gazetteer": gazetteer.info()["version"], "resolver": RESOLVER_VERSION},
            **{package: version(package) for package in ("numpy", "pillow", "pyarrow")},
        },
    }
    notes = [*_notes(document, metadata, rows), *map(_overlap_note, document["overlap"])]
    manifest = folder / "manifest.parquet" if kept and (allow_missing or not lacking) else None
    if manifest is not None:
        write_whole(manifest, parquet(kept))
        text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
        # A file name need not be UTF-8; what stands for its bytes is written as a JSON escape.
        write_whole(folder / "prepare.json", text.encode("utf-8", "backslashreplace"))
    return Prepared(name, manifest, findings_file, kept, lacking, found, notes, document, read)


def describe(prepared: Prepared, columns: int) -> str:
    """The output of `globe-eval prepare`: a table of findings, notes, and the files written, `columns` wide."""
    from tabulate import tabulate

    table = tabulate(
        [[one.check, f"{one.count:,}", _printable("; ".join(one.examples))] for one in prepared.findings],
        headers=["check", "count", "for example"],
        disable_numparse=True,
        colalign=("left", "right", "left"),
        maxcolwidths=[None, None, max(columns - 38, 30)],
    )
    notes = [f"- {_printable(note)}" for note in prepared.notes]
    return "\n".join([table, "", *notes, *([""] if notes else []), f"every case: {prepared.findings_file}"])


def refuse_unwritten(prepared: Prepared) -> None:
    """Raise InputError where pictures lack and no manifest was written."""
    if prepared.manifest is None:
        n = len(prepared.lacking)
        first = ", ".join(prepared.lacking[:3]) + (", …" if n > 3 else "")
        count = f"{n:,} of {n + len(prepared.rows):,} photographs have no picture that decodes ({_printable(first)})"
        advice = "; --allow-missing leaves them out" if prepared.rows else ""
        raise InputError(f"{prepared.task}: {count}: no manifest was written{advice}")


def parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The rows of a manifest as Parquet; the same rows give the same bytes."""
    import pyarrow
    import pyarrow.parquet

    text, real, whole = pyarrow.string(), pyarrow.float64(), pyarrow.int32()
    kinds = {
        **{"id": text, "image": text, "lat": real, "lon": real, "country": text, "city": text, "group": text},
        **{"entities": pyarrow.list_(text), "localizable": pyarrow.bool_(), "scene": text, "disclosure": text},
        **{"image_sha256": text, "perceptual_hash": text, "width": whole, "height": whole},
    }
    buffer = io.BytesIO()
    table = pyarrow.Table.from_pylist(list(rows), schema=pyarrow.schema(kinds))
    pyarrow.parquet.write_table(table, buffer, compression="zstd", row_group_size=_ROW_GROUP)
    return buffer.getvalue()


def _definition(task: str | Path | Definition, include_path: Sequence[Path]) -> Definition:
    if not isinstance(task, Definition):
        task = read_definition(task) if isinstance(task, Path) else find(task, include_path)
    if task.is_group:
        raise InputError(f"{task.name} is a group; prepare its tasks: {', '.join(map(str, task.values['task']))}")
    base = (task.values.get("dataset_kwargs") or {}).get("prepared", task.name)
    return task if base == task.name else known_tasks(include_path).get(base, task)


def _sources(
    name: str, given: Mapping[str, Any], metadata: Mapping[str, Any], images: Path | None, truth: Path | None, out: Path
) -> tuple[Path, Path, dict[str, str]]:
    """The table, the folder of the pictures (absolute, without links), and role -> column of the table.

    They are those that the user gave, else those of the YAML in the data folder, else the hub's.
    """
    columns, source = dict(given.get("columns") or {}), metadata.get("source")
    root = images.expanduser() if images is not None else find_data(given["images"]) if given.get("images") else None
    if root is None:
        if metadata.get("hub") and truth is None:
            table, pictures, of_hub = download(name, str(metadata["hub"]), out / "hub")
            return table, pictures, columns | of_hub
        origin = f"; they come from {source}" if source else ""
        raise InputError(f"{name}: no pictures; give their folder with --images and the table with --truth{origin}")
    if not root.is_dir():
        raise InputError(f"{root}: no such folder of images")
    named = given.get("truth")
    if truth is None and named is None:
        raise InputError(f"{name}: no table of the truth; give it with --truth")
    near = [folder / Path(str(named)).name for folder in (root, root.parent)]
    for path in [truth.expanduser()] if truth is not None else [find_data(str(named)), *near]:
        if path is not None and path.is_file():
            return path, root.resolve(), columns
    if truth is not None:
        read_table(truth.expanduser())  # says what is wrong with it
    origin = f"; it comes from {source}" if source else ""
    where = f"neither in {data_folder()} nor beside {root}"
    raise InputError(f"{name}: {named!r} is {where}; give the table with --truth{origin}")


def _read(
    path: Path, pictures: Path, columns: Mapping[str, str], given: Mapping[str, Any], fix_swapped: bool
) -> tuple[list[dict[str, Any]], str | None]:
    """The rows with their images, and a sentence on what was repaired, or None."""
    table = read_table(path)

    def rows(columns: Mapping[str, str]) -> list[dict[str, Any]]:
        how = given.get("values") or {}, given.get("image_suffix"), given.get("where")
        found = []
        for index, row, _ in locate(table, pictures, columns, *how):
            try:
                json.dumps(row, ensure_ascii=False).encode()
            except UnicodeEncodeError:
                raise InputError(f"{table.where(index)}: holds half a surrogate pair, this is no text") from None
            found.append(row)
        return found

    try:
        return rows(columns), None
    except SwappedHeader as error:
        if not fix_swapped:
            raise InputError(f"{error.found}; take the corrected file, or repair it with --fix-swapped") from None
        return rows({**columns, **error.columns}), "latitude and longitude, which the header had swapped"


def rows_with_hashes(path: Path) -> tuple[str, list[dict[str, Any]]]:
    """Name and rows of a prepared manifest (or its folder), or of any table with ids and coordinates.

    Rows have `image_sha256` and `perceptual_hash` where the table knows them.
    """
    path = path.expanduser()
    file = path / "manifest.parquet" if path.is_dir() else path
    table = read_table(file)
    record = file.with_name("prepare.json")
    if "image_sha256" in table.columns and record.is_file():
        return str(json.loads(record.read_text(encoding="utf-8"))["task"]), table.rows
    rows = read_truth(table, columns={"id": "id"} if "id" in table.columns else None)
    for row, cells in zip(rows, table.rows, strict=True):
        row |= {key: cells.get(key) for key in ("image_sha256", "perceptual_hash")}
    return file.name, rows


def _overlap(rows: Sequence[Mapping[str, Any]], name: str, others: Sequence[dict[str, Any]]) -> dict[str, Any]:
    shared = overlap(rows, others)
    by_id = {row["id"]: row for row in rows}
    return {
        **{"against": name, "manifest_sha256": truth_sha256(others), "n": len(others)},
        "counts": {kind: None if (ids := shared[kind]) is None else len(ids) for kind in KINDS},
        "photographers": sorted({by_id[key]["group"] for key in shared["photographer"] or {}}),
        "coordinates": sorted({(by_id[key]["lat"], by_id[key]["lon"]) for key in shared["coordinates"] or {}}),
        "ids": shared,
    }


def _overlap_note(entry: Mapping[str, Any]) -> str:
    photographers, coordinates = (f"({len(entry[name]):,} shared)" for name in ("photographers", "coordinates"))
    how = ("by content", "by look", f"by photographer {photographers}", f"by coordinates {coordinates}")
    found = [(what, entry["counts"][kind]) for kind, what in zip(KINDS, how, strict=True)]
    counts = [f"{what} unknown" if n is None else f"{what} {n:,}" for what, n in found]
    return f"photographs shared with {entry['against']} ({entry['n']:,} photographs): {', '.join(counts)}"


def _notes(document: Mapping[str, Any], metadata: Mapping[str, Any], rows: Sequence[dict[str, Any]]) -> list[str]:
    notes = [str(defect) for defect in metadata.get("defects") or []]
    sha256 = f"{document['truth']} has SHA-256 {document['truth_sha256']}"
    if document["truth_known_as"]:
        notes.append(f"{sha256}: {document['truth_known_as']}")
    elif metadata.get("known_truth"):
        notes.append(f"{sha256}, not that of a known table: {'; '.join(map(str, metadata['known_truth'].values()))}")
    if metadata.get("unverified"):
        notes.append(f"never compared with the original: {', '.join(map(str, metadata['unverified']))}")
    if document["repaired"]:
        notes.append(f"repaired: {document['repaired']}")
    notes += other_size(document["task"], metadata, document["n"], "manifest")
    if document["left_out"]:
        both = f"without them the manifest's SHA-256 is {document['manifest_sha256']}, with them {truth_sha256(rows)}"
        notes.append(f"{len(document['left_out']):,} photographs have no picture: {both}")
    return notes


def _printable(text: str) -> str:
    """The text with control characters escaped, for a terminal."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def findings(rows: Sequence[Row], scans: Sequence[Scan], files: Iterable[str], expected: int | None) -> list[Finding]:
    """Every check of n rows of a manifest, in the order of the table that a person reads.

    `scans` are those of their pictures, `files` is every picture in the folder, by its path below it, and `expected`
    how many photographs the benchmark has, where that is known.
    """
    pairs = list(zip(rows, scans, strict=True))
    named = {its.image for its in scans}
    here = countries_at([row["lat"] for row in rows], [row["lon"] for row in rows])

    def lacking(problem: FileProblem) -> list[Item]:
        return [(row["id"], its.error or "") for row, its in pairs if its.problem == problem]

    def place(row: Row) -> Item:
        return row["id"], f"{row['lat']}, {row['lon']}"

    items = {
        "missing files": lacking("missing"),
        "empty files (0 bytes)": lacking("empty"),
        "pictures that do not decode": lacking("undecodable"),
        "files without a row": [(name, "") for name in sorted(files) if name not in named],  # IM2GPS3K has 3
        "duplicates by content": _same_content(pairs),
        "near duplicates by look": _near_duplicates(pairs),
        "pictures of one colour": [
            (row["id"], "") for row, its in pairs if its.problem is None and its.perceptual_hash is None
        ],
        # globe-eval cuts them out before a model sees the picture; other programs may not
        "coordinates in the metadata": [(row["id"], "") for row, its in pairs if its.with_coordinates],
        # a missing coordinate that someone made a zero
        "at Null Island (0, 0)": [
            place(row) for row in rows if max(abs(row["lat"]), abs(row["lon"])) <= NULL_ISLAND_DEGREES
        ],
        # in no country, more than some 50 km from any coast
        "at sea": [place(row) for row, codes in zip(rows, here, strict=True) if not codes],
    }
    others = [(f"the benchmark has {expected:,}", "")] if expected not in (None, len(rows)) else []
    places = Counter((row["lat"], row["lon"]) for row in rows)
    repeated = [(f"{lat}, {lon}", f"{count:,} times") for (lat, lon), count in places.most_common() if count > 1]
    return [
        Finding("photographs", len(rows), others),
        *(Finding(check, len(found), found) for check, found in items.items()),
        Finding("distinct coordinates", len(places), repeated),
        *_value_counts(rows, "group", "photographers"),
        *_value_counts(rows, "scene", "scenes"),
    ]


def _same_content(pairs: Sequence[tuple[Row, Scan]]) -> list[Item]:
    """Photographs whose file has the same bytes as another's."""
    same: dict[str, list[str]] = defaultdict(list)
    for row, its in pairs:
        if its.sha256 is not None:
            same[its.sha256].append(row["id"])
    return [
        (row["id"], f"same as {next(key for key in same[its.sha256] if key != row['id'])}")
        for row, its in pairs
        if its.sha256 is not None and len(same[its.sha256]) > 1
    ]


def _near_duplicates(pairs: Sequence[tuple[Row, Scan]]) -> list[Item]:
    """Photographs that look like another one of other bytes: perceptual hashes at most 4 bits apart."""
    first: dict[str | None, tuple[str, int]] = {}
    for row, its in pairs:
        if its.perceptual_hash:
            first.setdefault(its.sha256, (row["id"], int(its.perceptual_hash, 16)))
    ids, looks = zip(*first.values(), strict=True) if first else ((), ())
    return [(ids[i], f"like {ids[j]}") for i, j in nearest_hashes(looks).items()]


def _value_counts(rows: Sequence[Row], field: str, check: str) -> list[Finding]:
    """How many values a field has, the most frequent first; none where no row knows it."""
    counts = Counter(row[field] for row in rows if row.get(field) is not None)
    return [Finding(check, len(counts), [(value, f"{n:,}") for value, n in counts.most_common()])] if counts else []
