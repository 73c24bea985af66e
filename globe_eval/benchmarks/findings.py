"""The checks of `globe-eval prepare`: pure functions over the rows of a manifest and the scans of their pictures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from globe_eval.benchmarks.duplicates import nearest_hashes
from globe_eval.benchmarks.scan import Problem, Scan

NULL_ISLAND_DEGREES = 0.01
EXAMPLES = 3

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """One check: how many, and (what, detail) of each of them."""

    check: str
    count: int
    items: list[tuple[str, str]]

    @property
    def examples(self) -> list[str]:
        """The first few, as a person reads them."""
        return [f"{what} ({detail})" if detail else what for what, detail in self.items[:EXAMPLES]]


def findings(rows: Sequence[Row], scans: Sequence[Scan], files: Iterable[str], expected: int | None) -> list[Finding]:
    """Every check, in the order of the table that a person reads.

    Args:
        rows: (n,) of the manifest.
        scans: (n,) of their pictures.
        files: every picture in the folder, by its path below it.
        expected: how many photographs the benchmark has, where that is known.

    """
    return [
        photographs(rows, expected),
        lacking(rows, scans, "missing", "missing files"),
        lacking(rows, scans, "empty", "empty files (0 bytes)"),
        lacking(rows, scans, "undecodable", "pictures that do not decode"),
        without_row(scans, files),
        same_content(rows, scans),
        near_duplicates(rows, scans),
        one_colour(rows, scans),
        coordinates_in_metadata(rows, scans),
        null_island(rows),
        at_sea(rows),
        distinct_coordinates(rows),
        *value_counts(rows, "group", "photographers"),
        *value_counts(rows, "scene", "scenes"),
    ]


def photographs(rows: Sequence[Row], expected: int | None) -> Finding:
    """The number of photographs, and that of the benchmark where it differs."""
    other = [(f"the benchmark has {expected:,}", "")] if expected not in (None, len(rows)) else []
    return Finding("photographs", len(rows), other)


def lacking(rows: Sequence[Row], scans: Sequence[Scan], problem: Problem, check: str) -> Finding:
    """Photographs whose file has this problem."""
    return _of(check, [(row["id"], scan.error or "") for row, scan in _pairs(rows, scans) if scan.problem == problem])


def without_row(scans: Sequence[Scan], files: Iterable[str]) -> Finding:
    """Pictures in the folder that no row names, such as the 3 of IM2GPS3K."""
    named = {scan.image for scan in scans}
    return _of("files without a row", [(name, "") for name in sorted(files) if name not in named])


def same_content(rows: Sequence[Row], scans: Sequence[Scan]) -> Finding:
    """Photographs whose file has the same bytes as another's."""
    same: dict[str, list[str]] = defaultdict(list)
    for row, scan in _pairs(rows, scans):
        if scan.sha256 is not None:
            same[scan.sha256].append(row["id"])
    items = [
        (row["id"], f"same as {next(key for key in same[scan.sha256] if key != row['id'])}")
        for row, scan in _pairs(rows, scans)
        if scan.sha256 is not None and len(same[scan.sha256]) > 1
    ]
    return _of("duplicates by content", items)


def near_duplicates(rows: Sequence[Row], scans: Sequence[Scan]) -> Finding:
    """Photographs that look like another one of other bytes: perceptual hashes at most 4 bits apart."""
    first = {scan.sha256: index for index, scan in reversed(list(enumerate(scans))) if scan.perceptual_hash}
    where = sorted(first.values())
    alike = nearest_hashes([int(scans[index].perceptual_hash or "", 16) for index in where])
    return _of(
        "near duplicates by look", [(rows[where[i]]["id"], f"like {rows[where[j]]['id']}") for i, j in alike.items()]
    )


def one_colour(rows: Sequence[Row], scans: Sequence[Scan]) -> Finding:
    """Pictures without any detail: nothing can be located there."""
    return _of(
        "pictures of one colour",
        [(row["id"], "") for row, scan in _pairs(rows, scans) if scan.problem is None and scan.perceptual_hash is None],
    )


def coordinates_in_metadata(rows: Sequence[Row], scans: Sequence[Scan]) -> Finding:
    """Pictures whose file tells where it was taken; globe-eval cuts that out before a model sees it, others may not."""
    return _of(
        "coordinates in the metadata", [(row["id"], "") for row, scan in _pairs(rows, scans) if scan.with_coordinates]
    )


def null_island(rows: Sequence[Row]) -> Finding:
    """Photographs within 0.01 degrees of (0, 0): a missing coordinate that someone made a zero."""
    return _of(
        "at Null Island (0, 0)",
        [(row["id"], _place(row)) for row in rows if max(abs(row["lat"]), abs(row["lon"])) <= NULL_ISLAND_DEGREES],
    )


def at_sea(rows: Sequence[Row]) -> Finding:
    """Photographs that lie in no country, more than some 50 km from any coast."""
    from globe_eval.places.borders import countries_at

    found = countries_at([row["lat"] for row in rows], [row["lon"] for row in rows])
    return _of("at sea", [(row["id"], _place(row)) for row, codes in zip(rows, found, strict=True) if not codes])


def distinct_coordinates(rows: Sequence[Row]) -> Finding:
    """How many places there are, and the most repeated ones: their photographs are no independent questions."""
    counts = Counter((row["lat"], row["lon"]) for row in rows)
    items = [(f"{lat}, {lon}", f"{count:,} times") for (lat, lon), count in counts.most_common() if count > 1]
    return Finding("distinct coordinates", len(counts), items)


def value_counts(rows: Sequence[Row], field: str, check: str) -> list[Finding]:
    """How many values a field has, the most frequent first; none where no row knows it."""
    counts = Counter(row[field] for row in rows if row.get(field) is not None)
    return [Finding(check, len(counts), [(value, f"{n:,}") for value, n in counts.most_common()])] if counts else []


def _pairs(rows: Sequence[Row], scans: Sequence[Scan]) -> Iterable[tuple[Row, Scan]]:
    return zip(rows, scans, strict=True)


def _of(check: str, items: list[tuple[str, str]]) -> Finding:
    return Finding(check, len(items), items)


def _place(row: Row) -> str:
    return f"{row['lat']}, {row['lon']}"
