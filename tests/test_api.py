"""globe-eval from Python: the page of the documentation, run, and what a table may hold."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import globe_eval as ge
from globe_eval.cli import main
from globe_eval.errors import InputError

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
TRUTH = pd.DataFrame(
    {"id": [1, 2, 3], "lat": [48.8566, -33.87, 35.68], "lon": [2.3522, 151.21, 139.69], "author": ["x", "x", None]}
)
ANSWERS = pd.DataFrame({"id": [1, 2, 3], "lat": [48.85, np.nan, 35.0], "lon": [2.35, np.nan, 135.7]})


class Reply:
    """An object without a text of its own."""

    def __init__(self, text: str) -> None:
        self.text = text


class ClientReply(Reply):
    """As the clients of APIs have replies: a model of pydantic."""

    def model_dump(self) -> dict[str, Any]:
        return {"choices": [{"message": {"role": "assistant", "content": self.text}}]}


def execute(code: str, names: dict[str, Any]) -> str:
    """What a block of the page shows: what it prints, and the value of its last line."""
    tree = ast.parse(code)
    last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, str(PAGE), "exec"), names)
        value = eval(compile(last, str(PAGE), "eval"), names) if last else None
    return printed.getvalue() + ("" if value is None else repr(value))


def test_the_page_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```(python|text)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert sum(kind == "text" for kind, _ in blocks) > 8
    names: dict[str, Any] = {}
    shown = ""
    for kind, block in blocks:
        if kind == "python":
            shown = execute(block, names)
        else:
            assert [line.rstrip() for line in shown.splitlines()] == block.splitlines()
    assert (tmp_path / "run" / "results.json").is_file() and (tmp_path / "samples.csv").is_file()


POSITIONS = dict(zip(ANSWERS["id"], zip(ANSWERS["lat"], ANSWERS["lon"], strict=True), strict=True))


@pytest.mark.parametrize(
    "table",
    [
        POSITIONS,
        {name: np.array(position, dtype=np.float32) for name, position in POSITIONS.items()},
        pd.Series(POSITIONS),
        {name: column.to_numpy() for name, column in ANSWERS.items()},
        dict(ANSWERS.items()),
        ANSWERS.to_records(index=False),
        pa.Table.from_pandas(ANSWERS),
        ANSWERS.assign(run="x").set_index(["run", "id"]),
        ANSWERS.set_index("id", drop=False),
        ANSWERS.assign(id=ANSWERS["id"].astype(str)).set_index("id").rename_axis(None),
        ANSWERS.rename(columns={"id": "image"}).set_index(pd.Index(["x", "y", "z"])),
        ANSWERS.astype({"id": "category", "lat": "Float64"}).convert_dtypes(dtype_backend="pyarrow"),
        (row for row in ANSWERS.to_dict("records")),
    ],
)
def test_what_a_notebook_holds_is_a_table(table: Any) -> None:
    run = ge.score(table, TRUTH)
    assert run.metrics.loc["acc@25km", "value"] == pytest.approx(1 / 3)
    assert run.metrics.loc["acc@2500km", "value"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "call, told",
    [
        (lambda: ge.score(ANSWERS, TRUTH, distance="flat"), "distance: found 'flat'; allowed: geodesic, haversine"),
        (lambda: ge.score(ANSWERS, TRUTH, columns={"lat": 1}), "no column '1'"),
        (lambda: ge.score(TRUTH, TRUTH), "no column of answers"),
        (lambda: ge.score(ANSWERS, TRUTH, seed=1.5), "seed: found '1.5'; allowed: an integer"),  # type: ignore[arg-type]
        (lambda: ge.score(ANSWERS, TRUTH, columns={1: "lat"}), "columns: no role 1 (allowed: id, lat, lon, response"),  # type: ignore[dict-item]
        (lambda: ge.score({1: Reply("Rome")}, TRUTH), "answers, row 1, column 'response': found '<"),
        (lambda: ge.read_run(3), "folder: found '3'; allowed: the path"),  # type: ignore[arg-type]
        (lambda: ge.distance_km([0, 1], 0, [0, 1, 2], 0), "found shapes (2,), (), (3,), (); allowed: shapes that"),
        (lambda: ge.score(ANSWERS, TRUTH, columns=["lat"]), "columns: found \"['lat']\"; allowed: a dict"),
        (lambda: ge.score(ANSWERS, TRUTH, answer_form="coords"), "answer_form: found 'coords'; allowed: names"),
        (
            lambda: ge.score(ANSWERS, TRUTH, read="coords"),
            "read: found 'coords'; allowed: response, coordinates, names",
        ),
        (lambda: ge.distance_km(0, 0, 0, 1, distance="flat"), "distance: found 'flat'"),
        (lambda: ge.resolve(["Paris"], "France"), "resolve: found \"['Paris']\"; allowed: a text, or None"),
        (lambda: ge.accuracy([1, -2]), "distance_km: found -2; allowed: distances from 0"),
        (lambda: ge.accuracy([1, 2], groups=["a"]), "groups: found 1; allowed: 2, one a value"),
        (lambda: ge.interval([0, 1], level=95), "level: found 95; allowed: between 0 and 1"),
        (lambda: ge.interval([0, 1], level=float("nan")), "level: found nan"),
        (lambda: ge.interval([0, 1], level="95"), "level: found 95; allowed: between 0 and 1"),  # type: ignore[arg-type]
        (lambda: ge.accuracy(["near", "far"]), "found \"['near', 'far']\"; allowed: numbers, and NaN or None"),
        (lambda: ge.distance_km([[0], [1, 2]], 0, 0, 0), "found '[[0], [1, 2]]'; allowed: numbers"),
        (lambda: ge.interval([0, -float("inf")]), "values: found -inf"),
        (lambda: ge.read_answer(["Rome"]), "read_answer: found \"['Rome']\"; allowed: a text, or None"),
        (lambda: ge.compare(ge.score(ANSWERS, TRUTH), ANSWERS), "b: found DataFrame; allowed: a run, or the folder"),
    ],
)
def test_what_an_argument_cannot_be_is_one_line(call: Callable[[], Any], told: str) -> None:
    with pytest.raises(InputError, match=r"^[^\n]+$") as error:
        call()
    assert told in str(error.value)


SWAPPED = {"lat": "lon", "lon": "lat"}


@pytest.mark.parametrize(
    "answers, truth, told",
    [
        (ANSWERS.rename(columns={"id": "who"}), TRUTH, "(columns['id']='who')"),
        (pd.concat([ANSWERS, ANSWERS.assign(id=[7, 8, 9])]), TRUTH, "set them aside with skip_unknown_ids"),
        (ANSWERS.assign(city="Rome"), TRUTH, "choose read='coordinates' (lat, lon); read='names' (city)"),
        (ANSWERS, TRUTH.rename(columns=SWAPPED), "give columns['truth_lat']='lon' columns['truth_lon']='lat'"),
    ],
)
def test_errors_name_arguments_and_no_options(answers: pd.DataFrame, truth: pd.DataFrame, told: str) -> None:
    with pytest.raises(InputError) as error:
        ge.score(answers, truth)
    assert told in str(error.value) and "--" not in str(error.value)


def test_the_replies_of_an_api_client_are_read() -> None:
    answers = {1: ClientReply("It's Paris, France."), 2: ClientReply("It's Sydney, Australia.")}
    assert ge.score(answers, TRUTH[:2]).metrics.loc["acc@25km", "value"] == 1.0


def test_what_is_missing_is_missing_everywhere() -> None:
    assert ge.read_answer(b"It's Rome, Italy.").city == "Rome"
    assert {ge.read_answer(one).status for one in (None, pd.NA, float("nan"))} == {"empty"}
    assert ge.resolve(float("nan"), "Kenya") == ge.resolve(None, "Kenya")
    assert np.isnan(ge.interval([np.nan])).all() and np.isnan(ge.distance_km(pd.NA, 0, 0, 0))
    hidden = np.ma.array([1.0, 2.0], mask=[False, True])
    assert ge.accuracy(hidden).loc["acc@25km", "value"] == 0.5
    assert np.isnan(ge.distance_km(hidden, 0, 0, 0)).tolist() == [False, True]
    answers = pd.Series({1: "It's Paris, France.", 2: np.nan, 3: None})
    assert ge.score(answers, TRUTH).samples["status"].tolist() == ["city", "empty", "empty"]


def test_the_notes_are_printed_with_the_run() -> None:
    assert "note: 3 of 3 positions are the truth" in repr(ge.score(TRUTH.drop(columns="author"), TRUTH))


@pytest.mark.parametrize("kind", ["frame", "dicts", "path", "text", "index", "nullable"])
def test_every_kind_of_table_scores_alike(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "answers.csv"
    ANSWERS.to_csv(path, index=False)
    table = {
        "frame": ANSWERS,
        "dicts": ANSWERS.to_dict("records"),
        "path": path,
        "text": str(path),
        "index": ANSWERS.set_index("id"),
        "nullable": ANSWERS.convert_dtypes(),
    }[kind]
    run = ge.score(table, TRUTH)
    assert run.samples["status"].tolist() == ["coordinates", "empty", "coordinates"]
    assert run.metrics.loc["acc@25km", "value"] == pytest.approx(1 / 3)
    assert run.samples["truth.group"].tolist() == ["x", "x", None]
    assert run.metrics.loc["acc@25km", "n_groups"] == 2


def test_a_run_is_what_the_command_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    ANSWERS.to_csv(tmp_path / "answers.csv", index=False)
    TRUTH.to_csv(tmp_path / "truth.csv", index=False)
    words = ["score", str(tmp_path / "answers.csv"), "--truth", str(tmp_path / "truth.csv"), "-o", str(tmp_path / "a")]
    assert main(words) == 0
    table = capsys.readouterr().out
    run = ge.score(tmp_path / "answers.csv", tmp_path / "truth.csv")
    assert repr(run) + "\n" == table
    ge.score(ANSWERS, TRUTH).write(tmp_path / "b")
    samples = [(tmp_path / name / "samples.jsonl").read_bytes() for name in "ab"]
    assert samples[0] == samples[1]
    pd.testing.assert_frame_equal(ge.read_run(str(tmp_path / "a")).metrics, run.metrics)
    assert (ge.compare(run, tmp_path / "b")["difference"].dropna() == 0).all()


def test_metrics_of_distances_are_those_of_a_run() -> None:
    run = ge.score(ANSWERS, TRUTH)
    found = ge.accuracy(run.samples["distance_km"], groups=run.samples["truth.group"])
    pd.testing.assert_frame_equal(found, run.metrics.loc[found.index], check_exact=False, rtol=1e-12)
    assert {"acc@1km", "geoscore", "median_km"} <= set(found.index)
    missing = [ge.accuracy([1.0, 30.0, far]) for far in (float("nan"), float("inf"))]
    pd.testing.assert_frame_equal(*missing)
    assert missing[0].loc["located", "value"] == 2 / 3


def test_a_missing_answer_is_a_row_a_photograph_without_one_an_error() -> None:
    run = ge.score(ANSWERS[:2], TRUTH)
    assert run.samples["status"].tolist() == ["coordinates", "empty", "error"]
    assert "1 of 3 photographs" in run.notes[0]


@pytest.mark.parametrize(
    "table, told",
    [
        ([{"id": 1, "lat": 99, "lon": 0}], "answers, row 1, column 'lat': found '99'"),
        ([{"id": 1, "lat": 9, "lon": 0}, {"id": 1, "lat": 9, "lon": 0}], "answers, row 2, column 'id': '1' stands"),
        ([{"name": 1, "lat": 99, "lon": 0}], "answers: no id column"),
        ("nowhere.csv", "nowhere.csv: no such file"),
        ("id,lat\na,1\n", r"answers: found 'id,lat\na,1\n'; allowed: the path of a file, or a table"),
        (None, "answers, row 1: found 'None'; allowed: a dict a row, or a DataFrame"),
        ([("a", 1, 2)], "answers, row 1: found \"('a', 1, 2)\""),
        (np.zeros((2, 2)), "answers, row 1: found"),
        (pd.DataFrame(columns=["id", "lat", "lon"]), "answers: the table has no rows"),
        (pd.concat([ANSWERS, ANSWERS[["lat"]]], axis=1), "answers: column 'lat' stands there twice"),
    ],
)
def test_what_cannot_be_scored_is_one_line(table: Any, told: str) -> None:
    with pytest.raises(InputError, match=r"^[^\n]+$") as error:
        ge.score(table, TRUTH)
    assert str(error.value).startswith(told)


def test_an_interval_without_groups_is_that_of_single_values() -> None:
    values = np.random.default_rng(0).random(50)
    assert ge.interval(values) == ge.interval(values, groups=[None] * 50)
    low, high = ge.interval(values, level=0.5)
    assert ge.interval(values)[0] < low < values.mean() < high < ge.interval(values)[1]


def test_distances_keep_their_shape() -> None:
    assert isinstance(ge.distance_km(0, 0, 0, 1), float)
    found = ge.distance_km([[0], [np.nan]], 0, 0, [1, 2])
    assert found.shape == (2, 2) and np.isnan(found[1]).all()
    assert ge.distance_km("0", 0, 0, "1") == ge.distance_km(0, 0, 0, 1)
    assert ge.distance_km(0, 0, 0, 1, distance="haversine") == pytest.approx(111.1949, abs=1e-4)


def test_everything_that_is_offered_is_there_and_nothing_is_imported_for_it() -> None:
    program = (
        "import sys, time; began = time.process_time(); import globe_eval as ge; took = time.process_time() - began\n"
        "assert took < 0.1, took\nassert not {'numpy', 'pandas'} & set(sys.modules)\n"
        "assert all(callable(getattr(ge, name)) for name in ge.__all__)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    with pytest.raises(AttributeError, match="no attribute 'scor'"):
        ge.scor  # noqa: B018
