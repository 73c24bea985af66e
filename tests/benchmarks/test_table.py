from __future__ import annotations

import csv
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globe_eval.benchmarks.formats import LONGEST_LINE
from globe_eval.benchmarks.ids import match_ids
from globe_eval.benchmarks.table import read_table, write_csv
from globe_eval.benchmarks.where import LONGEST, parse_where
from globe_eval.errors import InputError
from globe_eval.files import harmless


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_cells_stay_as_they_are(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "t.csv", 'id,country,city\n007,NA,"a, b"\n1e3,,x\n'))
    assert table.rows == [
        {"id": "007", "country": "NA", "city": "a, b"},
        {"id": "1e3", "country": None, "city": "x"},
    ]


def test_lines_count_through_quoted_newlines_and_blank_lines(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "t.csv", 'id,response\na,"one\ntwo\nthree"\n\nb,x\n'))
    assert table.lines == [2, 6]
    assert table.blank_lines == [5]
    assert table.where(1) == "t.csv, line 6"


@pytest.mark.parametrize(
    "name, text", [("t.tsv", "id\tlat\na\t1\n"), ("t.csv", "id;lat\na;1\n"), ("t.csv", "\ufeffid,lat\na,1\n")]
)
def test_delimiters_and_byte_order_mark(tmp_path: Path, name: str, text: str) -> None:
    assert read_table(write(tmp_path / name, text)).rows == [{"id": "a", "lat": "1"}]


def test_jsonl_and_parquet_give_the_same_rows(tmp_path: Path) -> None:
    import pandas as pd

    rows = [{"id": "a", "lat": 1.5, "city": "x"}, {"id": "b", "lat": 2.5, "city": None}]
    jsonl = write(tmp_path / "t.jsonl", "\n".join(map(json.dumps, rows)))
    pd.DataFrame(rows).to_parquet(tmp_path / "t.parquet")
    assert read_table(jsonl).rows == rows == read_table(tmp_path / "t.parquet").rows


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("t.csv", "", ["t.csv", "empty"]),
        ("t.csv", "id,lat\n", ["t.csv", "no rows"]),
        ("t.csv", "id,lat\na,1,2\n", ["line 2", "3 cells", "header of 2"]),
        ("t.csv", "id,id\na,1\n", ["line 1", "'id'", "twice"]),
        ("t.csv", 'id,lat\na,"1\n', ["t.csv", "not valid CSV"]),
        ("t.csv", "id,lat\na,\0\n", ["line 2", "NUL"]),
        ("t.jsonl", '{"id": 1}\n{"id"', ["t.jsonl", "line 2", "not valid JSON"]),
        ("t.jsonl", "[1]\n", ["line 1", "list"]),
        ("t.docx", "PK", ["'.docx'", ".csv"]),
        ("t.xlsx", "PK", ["t.xlsx", "Excel"]),
        ("t.parquet", "nonsense", ["t.parquet", "Parquet"]),
    ],
)
def test_what_cannot_be_read_is_one_line_that_says_where(
    tmp_path: Path, name: str, text: str, words: list[str]
) -> None:
    with pytest.raises(InputError) as error:
        read_table(write(tmp_path / name, text))
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_an_absent_file_names_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path / "answers.csv", "id\n1\n")
    with pytest.raises(InputError, match=r"anwsers\.csv: no such file; did you mean 'answers\.csv'\?"):
        read_table(tmp_path / "anwsers.csv")


def test_not_utf8_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not UTF-8"):
        read_table(write(tmp_path / "t.csv", "id,city\n1,Köln\n", "latin-1"))


def test_columns_are_found_in_any_case_and_two_candidates_are_refused(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "t.csv", "IMG_ID,Latitude,LNG,lat\na,1,2,3\n"))
    assert table.find("id") == "IMG_ID"
    assert table.find("lon") == "LNG"
    assert table.find("response") is None
    with pytest.raises(InputError, match="'Latitude', 'lat' could each be the lat; choose one with --lat-column"):
        table.find("lat")
    assert table.find("lat", "lat") == "lat"
    with pytest.raises(InputError, match=r"no column 'latt'; did you mean 'lat'"):
        table.find("lat", "latt")


def test_ids_meet_by_name_by_file_or_by_stem() -> None:
    assert match_ids(["a", "b"], ["a", "b", "c"])("a") == "a"
    assert match_ids(["x/a.jpg"], ["a.jpg"])("x/a.jpg") == "a.jpg"
    assert match_ids(["a.jpg"], ["a"])("a.jpg") == "a"
    assert match_ids(["1.jpg", "1.png"], ["1"])("1.jpg") == "1.jpg"


@given(st.lists(st.text(min_size=1), unique=True, min_size=1))
def test_equal_ids_always_meet_as_they_are(ids: list[str]) -> None:
    form = match_ids(ids, ids)
    assert [form(name) for name in ids] == ids


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
@pytest.mark.parametrize("start", ["", "id,lat,lon\n1,2,", '"'])
def test_a_gigabyte_in_one_line_is_refused_without_reading_it(tmp_path: Path, name: str, start: str) -> None:
    path = write(tmp_path / name, start + "9" * (LONGEST_LINE + 1))
    with path.open("ab") as file:
        file.truncate(1 << 30)  # sparse: no gigabyte is written
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"line [12]: longer than 16,777,216 characters|not valid JSON") as error:
            read_table(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * LONGEST_LINE
    assert len(str(error.value)) < 200


def test_a_cell_of_many_lines_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'id,lat\na,"' + ("x" * 99 + "\n") * (LONGEST_LINE // 100 + 1) + '"\n')
    with pytest.raises(InputError, match=r"not valid CSV \(field larger than field limit"):
        read_table(path)


def test_a_header_of_a_million_columns_is_read_in_time(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a," * 1_000_000 + "b\n")
    with pytest.raises(InputError, match="column 'a' stands there twice"):
        read_table(path)


def test_a_file_of_a_byte_order_mark_alone_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="header is blank"):
        read_table(write(tmp_path / "t.csv", "\ufeff"))


@given(st.text())
def test_no_text_stays_a_formula_and_a_harmless_one_stays_itself(text: str) -> None:
    kept = harmless(text)
    assert kept in (text, f"'{text}")
    if kept.lstrip()[:1] in tuple("=+-@"):
        float(kept)
    if text[:1].isalnum():
        assert kept == text


def test_what_people_open_in_a_spreadsheet_holds_no_formula(tmp_path: Path) -> None:
    row = ['=HYPERLINK("http://a.test")', "+1 234", "-12.5", "@SUM(A1)", "\t=1+1", " =1+1", "a,b", None, -1.5]
    write_csv(tmp_path / "t.csv", list("abcdefghi"), [row])
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        cells = list(csv.reader(file))[1]
    assert cells == [
        "'=HYPERLINK(\"http://a.test\")", "'+1 234", "-12.5", "'@SUM(A1)", "'\t=1+1", "' =1+1", "a,b", "", "-1.5",
    ]  # fmt: skip


FIELDS = ("scene", "lat", "city", "localizable", "entities")
ROW = {"scene": "indoor", "lat": 48.5, "city": None, "localizable": True, "entities": ["bus", "arch"]}


@pytest.mark.parametrize(
    "expression, holds",
    [
        ("scene == 'indoor'", True),
        ("scene != 'indoor'", False),
        ("scene in ['indoor', 'urban']", True),
        ("scene not in ('indoor',)", False),
        ("-10 < lat <= 48.5 and lat >= -90", True),
        ("not (lat > 50 or scene == 'urban')", True),
        ("localizable", True),
        ("localizable == False", False),
        ("'bus' in entities", True),
        ("'tram' in entities", False),
        ("city is None", True),
        ("city is not None", False),
        ("city != 'Paris'", True),
        ("'a' in city", False),
        ("city < 'Paris' or city >= 'Paris'", False),
    ],
)
def test_what_it_means(expression: str, holds: bool) -> None:
    assert parse_where(expression, FIELDS)(ROW) is holds


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('true')",
        "scene.__class__",
        "scene.upper() == 'X'",
        "entities[0] == 'bus'",
        "(lambda: 1)()",
        "[x for x in entities]",
        "lat + 1 > 2",
        "lat ** 99999 > 2",
        "'x' * 99 == scene",
        "f'{lat}' == '1'",
        "'a' if lat else 'b'",
        "(scene := 'x')",
        "b'x' == scene",
        "1j == lat",
        "...",
        "open",
        "scene ==",
        "import os",
        "scene == 'x'; lat",
        "",
        "   ",
        "x\0y",
        "not " * 300 + "lat",
        "(" * 400 + "lat" + ")" * 400,
        "lat == " + "1" * LONGEST,
    ],
)
def test_nothing_else_is_evaluated(expression: str) -> None:
    with pytest.raises(InputError, match=r"^where: ") as error:
        parse_where(expression, FIELDS)(ROW)
    assert "\n" not in str(error.value)


def test_a_field_that_does_not_exist_is_named_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no field 'scen'; did you mean 'scene'\? \(allowed: scene, lat"):
        parse_where("scen == 'indoor'", FIELDS)


def test_two_values_that_cannot_be_compared_are_said() -> None:
    with pytest.raises(InputError, match="compares what cannot be compared"):
        parse_where("lat > 'north'", FIELDS)(ROW)


NUMBERS = st.sampled_from(["lat", "1", "-2", "48.5", "0"])
TEXTS = st.sampled_from(["scene", "'indoor'", "'urban'", "''"])
COMPARISONS = st.one_of(
    st.tuples(NUMBERS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBERS),
    st.tuples(TEXTS, st.sampled_from(["==", "!=", "<", ">=", "in", "not in"]), TEXTS),
    st.tuples(TEXTS, st.sampled_from(["in", "not in"]), st.just("['indoor', 'x']")),
).map(" ".join)
EXPRESSIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        inner.map(lambda one: f"not ({one})"),
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map(lambda two: f"({two[0]}){two[1]}({two[2]})"),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS, st.fixed_dictionaries({"lat": st.floats(-90, 90), "scene": st.sampled_from(["indoor", "urban"])}))
def test_it_means_what_python_means_where_nothing_is_missing(expression: str, row: dict[str, Any]) -> None:
    expected = bool(eval(expression, {"__builtins__": {}}, row))
    assert parse_where(expression, ("lat", "scene"))(row) is expected
