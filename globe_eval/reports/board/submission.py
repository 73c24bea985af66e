"""A row of a leaderboard: one small JSON that holds a run's settings, its figures, and what they can be computed from.

The samples stay with whoever made the run: no id, no place, no text of a photograph is in the file, only its SHA-256s
and, for each photograph in the order of sorted ids, a status, a distance, whether names were right, and the number of
its group. That is enough to compute every figure again and to compare two rows photograph by photograph.

Distances are rounded up to the metre. Accuracies at whole metres stay exact (`<=` holds of the one where it holds of
the other), medians and means move by less than a metre, and those of 12,000 photographs take 44 KB instead of 128.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError

from globe_eval.errors import InputError, reason_of
from globe_eval.metrics import statistics
from globe_eval.metrics.accuracy import GEOSCORE_BEST, GEOSCORE_SCALE_KM
from globe_eval.metrics.catalogue import described, metrics_with
from globe_eval.metrics.figures import figures
from globe_eval.runs import record
from globe_eval.runs.assemble import finite_figures
from globe_eval.sample import (
    LOCATED,
    SHA256,
    STATUSES,
    Answer,
    Figure,
    Record,
    Results,
    Sample,
    adapter,
    first_error,
    to_dict,
)

SCHEMA_VERSION: Literal[1] = 1
FLOORS = ("constant", "knn")
Sha256 = Annotated[str, Field(pattern=SHA256)]
REQUIRED = (
    *("geoscore", "median_km", "mean_km", "located"),
    *("country_accuracy", "city_accuracy", "globe_country_match", "globe_city_match"),
)
"""The metrics besides accuracies that every row has; a later metric, rows that were made before it lack."""
UNPROVED = ("clean", "reasoning", "n_unattributed", "effective_groups")
"""Figures of a result, besides breakdowns, that a row does not keep."""
NOWHERE = -1_000_000_000
MOST_BYTES = 32 << 20
"""Of a row's file; 210,000 photographs take some 3 MB."""
MOST_PHOTOGRAPHS = 5_000_000
NAME_MEASURES = ("country_correct", "city_correct", "globe_country_match", "globe_city_match")

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class PackedColumns(Record):
    """What is kept of n photographs, in the order of their sorted ids; each text is `pack` of n whole numbers."""

    ids_sha256: Sha256
    """Of the sorted ids, a line each: two rows are paired only where it agrees."""
    samples_sha256: Sha256
    """Of samples.jsonl as it was handed in."""
    status: str
    """Numbers of `scoring.STATUSES`."""
    distance_m: str
    """Metres, rounded up; -1 where there is no usable answer."""
    group: str
    """Numbers of the groups in the order of their sorted labels, as `metrics.statistics` resamples them."""
    names: dict[str, str]
    """Measure -> 1 right, 0 wrong, -1 unknown; those of NAME_MEASURES that any photograph has."""
    own: dict[str, list[float | None]] = field(default_factory=dict)
    """Values of the metrics that the benchmark brings itself."""
    lat: str = ""
    lon: str = ""
    """Where the answers are, in millionths of a degree; NOWHERE where none is usable. Older rows have no places."""


@dataclass(frozen=True, slots=True)
class Submission(Record):
    """One row. `results` is the run's without the figures that nothing here could prove."""

    schema_version: Literal[1]
    name: Annotated[str, Field(min_length=1, max_length=120)]
    source: Annotated[str, Field(max_length=300)] | None
    """Where to read about the model: a paper, a page."""
    results: Results
    columns: PackedColumns
    sha256: Sha256
    """Of everything else in the file, as `seal` makes it."""

    @property
    def file_name(self) -> str:
        """Task, model, answer form and the first eight digits of the SHA-256.

        It says which row this is to a person; two runs never share it.
        """
        words = (self.results.task, self.name, self.results.answer_form, self.sha256[:8])
        return "__".join(_plain(word) for word in words) + ".json"

    @property
    def is_floor(self) -> bool:
        """Whether the model looks at no picture, or only for a neighbour: what every other row must beat."""
        return Path(self.results.model).stem in FLOORS

    @property
    def groups(self) -> Integers:
        """The number of each photograph's group, shape (n,)."""
        return unpack(self.columns.group, self.results.n, 0, self.results.n - 1)

    def statuses(self) -> Integers:
        """The number of each photograph's status in STATUSES, shape (n,)."""
        return unpack(self.columns.status, self.results.n, 0, len(STATUSES) - 1)

    def name_scores(self) -> dict[str, Integers]:
        """Measure of names -> 1 right, 0 wrong, -1 unknown, shape (n,)."""
        return {measure: unpack(text, self.results.n, -1, 1) for measure, text in self.columns.names.items()}

    def distance_km(self) -> Floats:
        """Kilometres, shape (n,), NaN where there is no usable answer."""
        metres = unpack(self.columns.distance_m, self.results.n, -1, 20_100_000)
        return np.where(metres < 0, np.nan, metres / 1000)

    def places(self) -> tuple[Floats, Floats]:
        """Latitudes and longitudes of the answers in degrees, shape (n,) each, NaN where there is no usable answer."""
        sides = []
        for text, most in ((self.columns.lat, 90_000_000), (self.columns.lon, 180_000_000)):
            values = unpack(text, self.results.n, NOWHERE, most)
            if ((values < -most) & (values != NOWHERE)).any():
                raise ValueError("a place lies beyond the earth")
            sides.append(np.where(values == NOWHERE, np.nan, values / 1e6))
        return sides[0], sides[1]


def submission(name: str, source: str | None, results: Results, folder: Path) -> Submission:
    """The row of a run in a folder, whose results are given. Deterministic: the same run gives the same bytes."""
    samples = sorted(record.read_samples(folder), key=lambda sample: sample.id)
    ids = [sample.id for sample in samples]
    labels = statistics.cluster_labels(ids, [sample.truth.group for sample in samples])
    names = {measure: [name_score(sample, measure) for sample in samples] for measure in NAME_MEASURES}
    columns = PackedColumns(
        ids_sha256=ids_sha256(ids),
        samples_sha256=hashlib.sha256((folder / "samples.jsonl").read_bytes()).hexdigest(),
        status=pack([STATUSES.index(sample.status) for sample in samples]),
        distance_m=pack([whole_metres(sample.distance_km) for sample in samples]),
        group=pack(np.unique(labels, return_inverse=True)[1]),
        names={measure: pack(values) for measure, values in names.items() if max(values, default=-1) >= 0},
        own={name: [sample.own.get(name) for sample in samples] for name in results.own_directions},
        lat=pack([NOWHERE if one.prediction is None else round(one.prediction.lat * 1e6) for one in samples]),
        lon=pack([NOWHERE if one.prediction is None else round(one.prediction.lon * 1e6) for one in samples]),
    )
    whole = Submission(
        schema_version=SCHEMA_VERSION, name=name, source=source, results=results, columns=columns, sha256="0" * 64
    )
    again = recompute(whole)
    provable: dict[str, Any] = {
        part: {name: figure for name, figure in getattr(results, part).items() if name in again[part]}
        for part in ("metrics", "valid_only")
    }
    unproved: dict[str, Any] = dict.fromkeys(UNPROVED)
    kept = replace(results, **provable, breakdowns={}, **unproved)
    return with_seal(replace(whole, results=kept))


def is_row(path: Path) -> bool:
    """Whether a path is the file of a row, and no run's."""
    return path.suffix == ".json" and path.is_file() and path.name != "results.json"


def ids_sha256(ids: Iterable[str]) -> str:
    """SHA-256 of sorted ids, a line each."""
    return hashlib.sha256("".join(f"{one}\n" for one in ids).encode()).hexdigest()


def samples_of(one: Submission, beside: Sequence[Sample]) -> list[Sample]:
    """The samples of a row, as far as it has them; ids and truths are those of `beside`, sorted by id.

    Raises ValueError for a column that is not what `pack` makes of n numbers.
    """
    n = one.results.n
    status, kilometres, names = one.statuses(), one.distance_km().tolist(), one.name_scores()
    lat, lon = one.places() if one.columns.lat and one.columns.lon else (np.full(n, np.nan), np.full(n, np.nan))
    found = []
    for i, sample in enumerate(beside):
        said = {measure: float(column[i]) for measure, column in names.items() if column[i] >= 0}
        there: dict[str, Any] = {} if np.isnan(lat[i]) else {"lat": float(lat[i]), "lon": float(lon[i])}
        bare = Sample.of(sample.id, sample.truth, answer=Answer(**there))
        changed: dict[str, Any] = {
            **dict.fromkeys(NAME_MEASURES),
            **said,
            "own": {k: v[i] for k, v in one.columns.own.items()},
        }
        km = None if math.isnan(kilometres[i]) else kilometres[i]
        found.append(replace(bare, status=STATUSES[status[i]], distance_km=km, **changed))
    return found


def name_score(sample: Sample, measure: str) -> int:
    """One measure of names of one photograph: 1 right, 0 wrong, -1 unknown."""
    value = getattr(sample, measure)
    return -1 if value is None else int(value)


def with_seal(one: Submission) -> Submission:
    """The same with the SHA-256 that belongs to it."""
    return replace(one, sha256=seal(one))


def seal(one: Submission) -> str:
    """SHA-256 of all fields but itself, as JSON with sorted keys.

    What has its default is left out, as in the file: a field that a later version adds does not break older rows.
    """
    whole = to_dict(one, exclude={"sha256"}, exclude_defaults=True)
    return hashlib.sha256(json.dumps(whole, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def file_text(one: Submission) -> str:
    """The file's text."""
    return json.dumps(to_dict(one, exclude_defaults=True), indent=1, ensure_ascii=False) + "\n"


def read_submission(path: Path) -> Submission:
    """Read one row. Raises InputError that names the file and the field; a later schema is told as such.

    Every value must be as `file_text` has it: no key twice, no 1.0 or true for 1.
    """
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise InputError(f"{path}: is no plain file (a link, a folder or a device); a row is a file of its own")
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: has {path.stat().st_size:,} bytes; a row has at most {MOST_BYTES:,}")
        text = path.read_text(encoding="utf-8")
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse_constant)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except RecursionError:
        raise InputError(f"{path}: no JSON of a row (nested too deeply)") from None
    except ValueError as error:
        raise InputError(f"{path}: no JSON ({str(error)[:200]})") from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: found {type(found).__name__}; a row of a leaderboard is an object")
    results = found.get("results")
    record.refuse_later_schema(path, found.get("schema_version"), known=SCHEMA_VERSION)
    if isinstance(results, dict):
        record.refuse_later_schema(path, results.get("schema_version"), "results.schema_version")
        n = results.get("n")
        if type(n) is not int or not 1 <= n <= MOST_PHOTOGRAPHS:
            raise InputError(f"{path}: results.n: found {str(n)[:40]}; allowed: a count up to {MOST_PHOTOGRAPHS:,}")
    try:
        checked: Submission = adapter(Submission).validate_python(found)
        again = json.loads(file_text(checked))
    except ValidationError as error:
        raise InputError(f"{path}: {first_error(error)}") from None
    except (ValueError, RecursionError, OverflowError) as error:  # values that JSON has and no row
        raise InputError(f"{path}: no row ({reason_of(error, 200)})") from None
    if (field := _differing(found, again)) is not None:
        raise InputError(f"{path}: {field}: is not of the kind that globe-eval leaderboard add writes there")
    return checked


def _differing(found: Any, again: Any, key: str = "the row") -> str | None:
    """The dotted name of the first value that differs, or is of another kind."""
    if isinstance(found, dict) and isinstance(again, dict):
        if odd := sorted(found.keys() ^ again.keys()):
            return f"{key}.{odd[0]}".removeprefix("the row.")[:100]
        deeper = ((found[name], again[name], f"{key}.{name}".removeprefix("the row.")) for name in found)
        return next((field for one in deeper if (field := _differing(*one)) is not None), None)
    return None if json.dumps(found) == json.dumps(again) else key[:100]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {twice[:60]!r} stands there twice")
    return found


def _refuse_constant(text: str) -> float:
    raise ValueError(f"found {text}; allowed: finite numbers")


def recompute(one: Submission) -> dict[str, Any]:
    """The fields of `results` that follow from the columns: n_groups, status, complete, metrics and valid_only.

    Raises ValueError for a column that is not what `pack` makes of n numbers.
    """
    results, n = one.results, one.results.n
    kinds, kilometres, groups, names = one.statuses(), one.distance_km(), one.groups, one.name_scores()
    for name, column in one.columns.own.items():
        if len(column) != n:
            raise ValueError(f"own.{name} has {len(column):,} values, n is {n:,}")
    table: dict[str, Floats] = {"distance_km": kilometres}
    for measure in NAME_MEASURES:
        right = names.get(measure, np.full(n, -1))
        table[measure] = np.where(right < 0, np.nan, right)
    for name, column in one.columns.own.items():
        table[f"own.{name}"] = np.array(column, dtype=np.float64)
    metrics = [
        metric
        for metric in metrics_with(results.thresholds_km, results.own_directions)
        if set(metric.columns) <= set(table)
        and (metric.name.startswith("acc@") or metric.name in (*REQUIRED, *results.own_directions, *results.metrics))
    ]

    values = {metric.name: metric.values(table) for metric in metrics}

    def of(rows: npt.NDArray[np.bool_]) -> dict[str, Figure]:
        return finite_figures(figures(metrics, values, groups, rows, seed=results.seed))

    located = np.isin(np.array(STATUSES)[kinds], sorted(LOCATED))
    misplaced = int((located != ~np.isnan(kilometres)).sum())
    if misplaced:
        raise ValueError(f"{misplaced:,} photographs have a distance without being located, or the other way round")
    return {
        "n_groups": len(np.unique(groups)),
        "complete": not (kinds == STATUSES.index("error")).any(),
        "status": {status: int((kinds == i).sum()) for i, status in enumerate(STATUSES)},
        "metrics": of(np.full(n, True)),
        "valid_only": of(located),
    }


def tolerance(metric: str) -> float:
    """How far a figure may move because distances are rounded up to the metre; accuracies do not move.

    Of another metric of distances than these it is a hundred-thousandth of its range, less than is ever shown.

    >>> tolerance("acc@25km") < 1e-8, tolerance("median_km"), round(tolerance("geoscore"), 4)
    (True, 0.001001, 0.0034)
    """
    one = described(metric)
    if one.unit == "km":
        return 0.001001
    if metric == "geoscore":
        return 1.001 * GEOSCORE_BEST * 0.001 / GEOSCORE_SCALE_KM
    exact = "distance_km" not in one.columns or metric == "located" or metric.startswith("acc@")
    return 1e-9 if exact else 1e-5 * (one.highest - one.lowest)


def whole_metres(distance_km: float | None) -> int:
    """Rounded up; -1 for a miss.

    >>> whole_metres(25.0), whole_metres(25.0000001), whole_metres(None)
    (25000, 25001, -1)
    """
    return -1 if distance_km is None else math.ceil(distance_km * 1000)


def pack(values: Sequence[int] | npt.NDArray[Any]) -> str:
    """Whole numbers as text: four planes of bytes (the high ones are nearly empty), deflated, base64.

    >>> unpack(pack([3, -1, 20_015_000]), 3, -1, 20_100_000).tolist()
    [3, -1, 20015000]
    """
    planes = np.asarray(values, dtype="<i4").view(np.uint8).reshape(-1, 4).T.tobytes()
    return base64.b64encode(zlib.compress(planes, 9)).decode()


def unpack(text: str, n: int, low: int, high: int) -> Integers:
    """The n numbers that `pack` made a text of. Raises ValueError where they are not n, or one is out of range."""
    try:
        inflate = zlib.decompressobj()
        planes = inflate.decompress(base64.b64decode(text, validate=True), 4 * n + 1)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"no packed column ({error})") from None
    if len(planes) == 4 * n and (inflate.unused_data or not inflate.eof):
        raise ValueError("no packed column (it does not end where its numbers do)")
    if len(planes) != 4 * n:
        more = "more than n" if len(planes) > 4 * n else f"{len(planes) / 4:,.0f}"
        raise ValueError(f"holds {more} photographs, n is {n:,}: samples were removed or added")
    values = np.frombuffer(planes, np.uint8).reshape(4, -1).T.copy().view("<i4").reshape(-1).astype(np.int32)
    if n and (values.min() < low or values.max() > high):
        raise ValueError(f"holds {values.min()} to {values.max()}; allowed: {low} to {high}")
    return values


def _plain(word: str) -> str:
    """A word as part of a file name."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in word)
    return "-".join(part for part in kept.split("-") if part)[:60] or "row"


def differing_figures(stored: Mapping[str, Figure], again: Mapping[str, Figure]) -> list[str]:
    """A line for each metric of which value, interval or counts are not what they are computed to be."""
    found = []
    for name in dict.fromkeys([*stored, *again]):
        if name not in stored or name not in again:
            found.append(f"{name} {'has no samples' if name in stored else 'is missing'}")
            continue
        for part in (one.name for one in fields(Figure)):
            one, other = getattr(stored[name], part), getattr(again[name], part)
            if not agree(one, other, tolerance(name)):
                found.append(f"{name}: {part} is {_short(one)}, the samples give {_short(other)}")
                break
    return found


def agree(one: float | None, other: float | None, within: float) -> bool:
    """Whether two figures agree; missing (infinite, undefined) only with missing."""
    return one == other if one is None or other is None else abs(one - other) <= within + 1e-12 * abs(other)


def _short(value: float | None) -> str:
    return "null" if value is None else f"{value:.6g}"
