from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globe_eval.benchmarks.where import LONGEST, parse_where
from globe_eval.errors import InputError

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
