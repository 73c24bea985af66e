"""globe-eval in a notebook: tables in, tables out. `import globe_eval as ge` offers all of it without importing it yet.

Examples:
    >>> import globe_eval as ge
    >>> answers = [{"id": "a", "city": "Paris", "country": "France"}, {"id": "b", "city": None, "country": None}]
    >>> truth = [{"id": "a", "lat": 48.86, "lon": 2.35}, {"id": "b", "lat": -33.9, "lon": 151.2}]
    >>> run = ge.score(answers, truth)
    >>> float(run.metrics.loc["acc@25km", "value"]), run.samples["status"].tolist()
    (0.5, ['city', 'empty'])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, partial
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from globe_eval import places
from globe_eval.answers import parse
from globe_eval.benchmarks.formats import records
from globe_eval.benchmarks.table import Table, quoted
from globe_eval.columns import columns as columns_of
from globe_eval.errors import InputError, nearest, without_dashes
from globe_eval.metrics.catalogue import METRICS
from globe_eval.metrics.figures import figures
from globe_eval.metrics.intervals import mean_interval
from globe_eval.metrics.statistics import cluster_labels
from globe_eval.places import Place
from globe_eval.reports import run as runs
from globe_eval.reports.compare import compare_runs
from globe_eval.reports.terminal import result_table
from globe_eval.runs import record
from globe_eval.runs.answer_columns import ColumnNames
from globe_eval.runs.score import score_table
from globe_eval.sample import ANSWER_FORMS, Answer, AnswerForm, DistanceModel, Figure, Results, Sample, given

TableLike: TypeAlias = pd.DataFrame | pd.Series | Iterable[Mapping[str, Any]] | Mapping[str, Any] | str | Path
"""A DataFrame (polars' and pyarrow's too), a list of dicts, a dict or a Series by id, or the path of any file that
`globe-eval score` reads (CSV, JSON, Parquet, Excel, a folder, …); NaN and None are missing."""

_INFINITE = {metric.name for metric in METRICS if metric.statistic in ("median of all", "mean of all")}


class Run:
    """A scored run: figures, a row a photograph, and all that they depend on.

    Printed, it is the table that `globe-eval score` prints, and the notes.
    """

    def __init__(self, results: Results, samples: Sequence[Sample], notes: Sequence[str] = ()) -> None:
        self.results = results
        """All of `results.json`: settings, versions, status counts, breakdowns."""
        self.notes = list(notes)
        """What `globe-eval score` says on standard error: answers set aside, photographs without one, …"""
        self._samples = list(samples)

    def __repr__(self) -> str:
        return "\n".join([result_table(self.results), *(f"note: {note}" for note in self.notes)])

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """A row a metric, by its name: value, 95 % interval (low, high), n photographs, n_groups photographers.

        Shares are between 0 and 1, distances in km. A median of mostly missing answers is infinite, NaN is undefined.
        """
        return _frame(self.results.metrics)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """A row a photograph: `id`, `status`, `distance_km`, `truth.country`, `prediction.lat`, `grounding.f1`, …

        The fields of `samples.jsonl`; numbers and truth values are floats with NaN, everything else has None.
        """
        table = columns_of(self._samples)
        return pd.DataFrame({name: pd.Series(column, dtype=column.dtype) for name, column in table.items()})

    def write(self, folder: str | Path) -> Path:
        """Write `samples.jsonl` and `results.json` there, as `globe-eval score -o` does; gives the folder."""
        record.write_run(_path(folder), self._samples, self.results)
        return _path(folder)


def score(
    table: TableLike,
    truth: TableLike | None = None,
    *,
    task: str | Path | None = None,
    answer_form: AnswerForm | None = None,
    columns: Mapping[str, str] | None = None,
    distance: DistanceModel = "geodesic",
    read: str | None = None,
    seed: int = 0,
    skip_footer: bool = False,
    skip_unknown_ids: bool = False,
) -> Run:
    """Score answers, one row a photograph, as `globe-eval score` does.

    Args:
        table: answers: an id, and a response, or predicted lat and lon, or city and country. A row without a value is
            an empty answer, a photograph without a row an error: both are misses.
        truth: id, lat, lon and what else is known (country, city, photographer, scene, entities, localizable); None
            where it is in `table` itself or the benchmark's own.
        task: the benchmark, by name or YAML: its truth, where none is given, and its answer form.
        answer_form: which part of a response counts: names, address, coordinates or any (default: the benchmark's, or
            what most responses state).
        columns: those with an unusual name, or within nested values: {"response": "result.text", "truth_lat": "y"}.
        distance: geodesic (WGS84) or haversine (R = 6371 km).
        read: response, coordinates or names, where the table has several.
        seed: of the intervals.
        skip_footer: set trailing rows aside that are no samples.
        skip_unknown_ids: set answers aside that have no truth.

    Raises InputError, one line, for what cannot be scored.
    """
    _allowed("distance", distance, places.DISTANCES)
    if answer_form is not None:
        _allowed("answer_form", answer_form, ANSWER_FORMS)
    if read is not None:
        _allowed("read", read, ("response", "coordinates", "names"))
    answers = _table(table, "answers")
    in_python = partial(without_dashes, column="columns[{!r}]", equals="=")
    try:
        scored = score_table(
            answers,
            answers if truth is table else None if truth is None else _table(truth, "truth"),
            task=None if task is None else str(task),
            read=read,
            answer_form=answer_form,
            columns=_named(columns or {}),
            distance=distance,
            seed=_seed(seed),
            skip_footer=skip_footer,
            skip_unknown_ids=skip_unknown_ids,
        )
    except InputError as error:
        raise InputError(in_python(str(error))) from None
    return Run(scored.results, scored.samples, list(map(in_python, scored.notes)))


def read_run(folder: str | Path) -> Run:
    """The run in a folder with `samples.jsonl` and `results.json`, its samples sorted by id. Raises InputError."""
    run = runs.read_run(_path(folder))
    return Run(run.results, run.samples)


def compare(a: Run | str | Path, b: Run | str | Path, *, seed: int = 0) -> pd.DataFrame:
    """Two runs on the same photographs, paired: a row a metric.

    Columns: the values of `a` and `b`; `difference`, b - a, with its 95 % interval (low, high) and two-sided p-value;
    `wins` and `losses`, the photographs on which b or a is better; n and n_groups. A missing answer is a miss.

    Raises InputError for runs of other photographs, truths or distances.
    """
    (found,) = compare_runs([_comparable(a, "a"), _comparable(b, "b")], seed=_seed(seed))
    columns = ["a", "b", "difference", "low", "high", "p", "wins", "losses", "n", "n_groups"]
    rows = {
        name: [row.a, row.b, by.value, by.low, by.high, by.p, row.wins, row.losses, by.n, by.n_groups]
        for name, row in found.rows.items()
        for by in [row.difference]
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("metric")


def resolve(city: str | None = None, country: str | None = None, admin: str | None = None) -> Place | None:
    """The place that an answer names, at the point of its best known level; None if it names none. NaN is missing.

    Examples:
        >>> import globe_eval as ge
        >>> ge.resolve("Springfield, Illinois", "USA").level, ge.resolve(float("nan"), "Kenya").level
        ('city', 'country')
    """
    return places.resolve(*(_text(name, "resolve") for name in (city, country, admin)))


def distance_km(lat1: Any, lon1: Any, lat2: Any, lon2: Any, *, distance: DistanceModel = "geodesic") -> Any:
    """Distance in km between points in degrees, shape as broadcast; a float for two points.

    NaN where one is missing or no point on the Earth: of a latitude beyond 90.

    Examples:
        >>> import globe_eval as ge
        >>> round(ge.distance_km(48.8566, 2.3522, 51.5074, -0.1278), 1)
        343.9
    """
    _allowed("distance", distance, places.DISTANCES)
    degrees = [*map(_floats, (lat1, lon1, lat2, lon2))]
    try:
        km = places.DISTANCES[distance](*np.broadcast_arrays(*degrees))
    except ValueError:
        shapes = ", ".join(str(one.shape) for one in degrees)
        raise InputError(f"found shapes {shapes}; allowed: shapes that broadcast") from None
    return float(km) if km.ndim == 0 else km


def accuracy(distance_km: npt.ArrayLike, groups: Sequence[Any] | None = None, *, seed: int = 0) -> pd.DataFrame:
    """The metrics of distances alone, as `Run.metrics`: accuracy at 1 to 2,500 km, GeoScore, median and mean distance.

    Args:
        distance_km: (n,) distances; NaN or infinity is a missing answer, and a miss.
        groups: (n,) whose photographs are resampled together; None or NaN is a group of its own.
        seed: of the intervals.

    Examples:
        >>> import globe_eval as ge
        >>> ge.accuracy([0.5, 10, 300, float("nan")]).loc["acc@25km", ["value", "n"]].tolist()
        [0.5, 4.0]
    """
    column = _floats(distance_km).reshape(-1)
    if (column < 0).any():
        raise InputError(f"distance_km: found {column.min():g}; allowed: distances from 0")
    table = {"distance_km": np.where(np.isinf(column), np.nan, column)}
    metrics = [metric for metric in METRICS if metric.columns == ("distance_km",)]
    values = {metric.name: metric.values(table) for metric in metrics}
    return _frame(figures(metrics, values, _groups(groups, len(column)), seed=seed))


def interval(values: npt.ArrayLike, groups: Sequence[Any] | None = None, level: float = 0.95) -> tuple[float, float]:
    """The confidence interval of the mean of (n,) values by group, as `metrics.intervals` has it. NaN is left out.

    Where all values lie in [0, 1] the interval does too. NaN bounds with one group: it says nothing of the spread
    between groups; with fewer than 5 the interval is very wide.

    Examples:
        >>> import globe_eval as ge
        >>> [round(bound, 2) for bound in ge.interval([0, 1, 1, 0, 1, 0, 0, 1])]
        [0.18, 0.82]
    """
    column = _floats(values).reshape(-1)
    if not isinstance(level, Real) or not 0 < level < 1:
        raise InputError(f"level: found {level}; allowed: between 0 and 1, as in 0.95")
    if np.isneginf(column).any():
        raise InputError("values: found -inf; allowed: numbers, and infinity for a missing distance")
    if np.isnan(column).all():
        return float("nan"), float("nan")
    return mean_interval(column, _groups(groups, len(column)), level=level)


def read_answer(text: str | None) -> Answer:
    """What a response says: names, coordinates, confidence, reasoning, status. None and NaN are no response.

    Raises InputError for what is neither that nor a text.

    Examples:
        >>> import globe_eval as ge
        >>> answer = ge.read_answer("<think>Trams.</think><answer>country: Portugal\\ncity: Lisbon</answer>")
        >>> answer.city, answer.country, answer.reasoning
        ('Lisbon', 'Portugal', 'Trams.')
    """
    return parse(_text(text, "read_answer"))


def _floats(values: Any) -> npt.NDArray[np.float64]:
    """An array of floats; what a masked array hides is NaN. Raises InputError for what is no number."""
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    try:
        found = np.asarray(values)
        return (np.where(pd.isna(found), np.nan, found) if found.dtype == object else found).astype(np.float64)
    except (TypeError, ValueError):
        raise InputError(f"found {quoted(values)}; allowed: numbers, and NaN or None for a missing one") from None


def _text(value: Any, function: str) -> str | None:
    found = None if pd.api.types.is_scalar(value) and pd.isna(value) else given(value)
    if not (found is None or isinstance(found, str)):
        raise InputError(f"{function}: found {quoted(found)}; allowed: a text, or None")
    return found


def _seed(seed: int) -> int:
    if not isinstance(seed, Integral):
        raise InputError(f"seed: found {quoted(seed)}; allowed: an integer")
    return int(seed)


def _path(folder: str | Path) -> Path:
    if not isinstance(folder, str | Path):
        raise InputError(f"folder: found {quoted(folder)}; allowed: the path of a run's folder")
    return Path(folder)


def _comparable(run: Run | str | Path, name: str) -> runs.Run:
    if not isinstance(run, Run | str | Path):
        raise InputError(f"{name}: found {type(run).__name__}; allowed: a run, or the folder of one")
    if not isinstance(run, Run):
        return runs.read_run(Path(run))
    return runs.Run(Path(name), run.results, sorted(run._samples, key=lambda sample: sample.id))


def _frame(found: Mapping[str, Figure]) -> pd.DataFrame:
    rows = {}
    for name, one in found.items():
        # Infinity is null in files, and so is a bound of a single group.
        missing = float("inf") if name in _INFINITE and one.n_groups > 1 else float("nan")
        bounds = [missing if value is None else value for value in (one.low, one.high)]
        value = one.value if one.value is not None else float("inf" if name in _INFINITE else "nan")
        rows[name] = [value, *bounds, one.n, one.n_groups]
    names = ["value", "low", "high", "n", "n_groups"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=names).rename_axis("metric")


def _groups(groups: Sequence[Any] | None, n: int) -> npt.NDArray[np.str_]:
    """Labels to resample by; what is in no group is one of its own."""
    labels = [None] * n if groups is None else [None if pd.isna(one) else str(one) for one in groups]
    if len(labels) != n:
        raise InputError(f"groups: found {len(labels):,}; allowed: {n:,}, one a value")
    return cluster_labels([str(index) for index in range(n)], labels)


def _table(table: TableLike, name: str) -> Table | Path:
    """A table of the user's, `name` in errors; a file stays one, for its lines."""
    if isinstance(table, str | Path):
        if "\n" in str(table):
            raise InputError(f"{name}: found {quoted(str(table))}; allowed: the path of a file, or a table")
        return Path(table)
    if isinstance(table, Mapping | pd.Series):
        table = records({str(key): given(_cell(row)) for key, row in table.items()}, name)
    if (convert := getattr(table, "to_pandas", None)) is not None:
        table = convert()
    if isinstance(table, np.ndarray) and table.dtype.names:
        table = pd.DataFrame(table)
    if isinstance(table, pd.DataFrame):
        frame = table
    else:
        listed = list(table) if isinstance(table, Iterable) else [table]
        for place, row in enumerate(listed, 1):
            if not isinstance(row, Mapping):
                raise InputError(f"{name}, row {place}: found {quoted(row)}; allowed: a dict a row, or a DataFrame")
        frame = pd.DataFrame(listed, dtype=object)
    if frame.index.names == [None] and frame.index.dtype.kind == "O":  # ids, where no column has them
        frame = frame.rename_axis("key")
    if levels := [level for level in frame.index.names if level is not None and level not in frame.columns]:
        frame = frame.reset_index(levels)
    if frame.columns.has_duplicates:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise InputError(f"{name}: column {twice!r} stands there twice")
    if not len(frame):
        raise InputError(f"{name}: the table has no rows")
    frame = frame.astype(object).where(frame.notna(), None)
    rows = [{str(key): _cell(value) for key, value in row.items()} for row in frame.to_dict("records")]
    return Table(Path(name), tuple(map(str, frame.columns)), rows, list(range(1, len(rows) + 1)))


def _named(columns: Mapping[str, str]) -> ColumnNames:
    roles = ColumnNames.__dataclass_fields__
    if not isinstance(columns, Mapping):
        raise InputError(f"columns: found {quoted(columns)}; allowed: a dict, as in {{'response': 'answer'}}")
    for role in columns:
        if role not in roles:
            raise InputError(f"columns: no role {role!r}{nearest(str(role), roles)} (allowed: {', '.join(roles)})")
    return ColumnNames(**{role: str(column) for role, column in columns.items() if column is not None})


def _allowed(name: str, value: Any, allowed: Iterable[str]) -> None:
    if value not in allowed:
        raise InputError(f"{name}: found {value!r}; allowed: {', '.join(allowed)}")


def _cell(value: Any) -> Any:
    """A value as JSON has it: arrays, series and tensors are lists, and a reply of an API's client is an object."""
    if hasattr(value, "model_dump"):
        return value.model_dump()
    if isinstance(value, list | tuple):
        return [_cell(one) for one in value]
    return value.tolist() if hasattr(value, "tolist") else value
