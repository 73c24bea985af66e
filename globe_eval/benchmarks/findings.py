"""The checks of `globe-eval prepare`, over the rows of a manifest and the scans of their pictures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from globe_eval.benchmarks.duplicates import nearest_hashes
from globe_eval.benchmarks.scan import FileProblem, Scan

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


def findings(rows: Sequence[Row], scans: Sequence[Scan], files: Iterable[str], expected: int | None) -> list[Finding]:
    """Every check, in the order of the table that a person reads.

    Args:
        rows: (n,) of the manifest.
        scans: (n,) of their pictures.
        files: every picture in the folder, by its path below it.
        expected: how many photographs the benchmark has, where that is known.
    """
    from globe_eval.places.borders import countries_at

    pairs = list(zip(rows, scans, strict=True))
    named = {scan.image for scan in scans}
    here = countries_at([row["lat"] for row in rows], [row["lon"] for row in rows])

    def lacking(problem: FileProblem) -> list[Item]:
        return [(row["id"], scan.error or "") for row, scan in pairs if scan.problem == problem]

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
            (row["id"], "") for row, scan in pairs if scan.problem is None and scan.perceptual_hash is None
        ],
        # globe-eval cuts them out before a model sees the picture; other programs may not
        "coordinates in the metadata": [(row["id"], "") for row, scan in pairs if scan.with_coordinates],
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
    for row, scan in pairs:
        if scan.sha256 is not None:
            same[scan.sha256].append(row["id"])
    return [
        (row["id"], f"same as {next(key for key in same[scan.sha256] if key != row['id'])}")
        for row, scan in pairs
        if scan.sha256 is not None and len(same[scan.sha256]) > 1
    ]


def _near_duplicates(pairs: Sequence[tuple[Row, Scan]]) -> list[Item]:
    """Photographs that look like another one of other bytes: perceptual hashes at most 4 bits apart."""
    first: dict[str | None, tuple[str, int]] = {}
    for row, scan in pairs:
        if scan.perceptual_hash:
            first.setdefault(scan.sha256, (row["id"], int(scan.perceptual_hash, 16)))
    ids, looks = zip(*first.values(), strict=True) if first else ((), ())
    return [(ids[i], f"like {ids[j]}") for i, j in nearest_hashes(looks).items()]


def _value_counts(rows: Sequence[Row], field: str, check: str) -> list[Finding]:
    """How many values a field has, the most frequent first; none where no row knows it."""
    counts = Counter(row[field] for row in rows if row.get(field) is not None)
    return [Finding(check, len(counts), [(value, f"{n:,}") for value, n in counts.most_common()])] if counts else []
