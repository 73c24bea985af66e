from __future__ import annotations

import math
from collections import defaultdict
from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from globe_eval.reports.page import worldmap
from globe_eval.reports.page.maps import SIDE, cells, squares

PHOTOGRAPHS = st.lists(
    st.tuples(st.floats(-90, 90), st.floats(-180, 180), st.none() | st.floats(0, 20_000)), min_size=1, max_size=60
)


@given(PHOTOGRAPHS)
def test_every_photograph_is_in_one_cell_with_the_median_of_its_own(
    photographs: list[tuple[float, float, float]],
) -> None:
    expected: dict[tuple[float, float], list[float]] = defaultdict(list)
    for lat, lon, km in photographs:
        x, y = (float(axis) for axis in worldmap.project(lat, lon))
        expected[(x // SIDE + 0.5) * SIDE, (y // SIDE + 0.5) * SIDE].append(math.inf if km is None else km)
    found = cells(*zip(*[(lat, lon, math.nan if km is None else km) for lat, lon, km in photographs], strict=True))
    assert {(cell.x, cell.y): (cell.n, math.inf if cell.km is None else cell.km) for cell in found} == {
        at: (len(those), median(those)) for at, those in expected.items()
    }
    assert len({(cell.x, cell.y) for cell in found}) == len(found)


@given(PHOTOGRAPHS)
def test_a_square_lies_within_its_cell_and_more_photographs_make_it_larger(
    photographs: list[tuple[float, float, float]],
) -> None:
    found = sorted(cells(*zip(*[(lat, lon, 1.0) for lat, lon, _ in photographs], strict=True)), key=lambda one: one.n)
    sides = [one.side for one in found]
    assert sides == sorted(sides) and sides[0] > 0 and sides[-1] <= SIDE


def test_without_photographs_there_is_no_cell() -> None:
    assert cells([], [], []) == []


def test_a_square_is_drawn_around_the_middle_of_its_cell() -> None:
    (cell,) = cells([0.0, 0.0], [1.0, 1.0], [1.0, 3.0])
    assert (cell.n, cell.km, cell.side) == (2, 2.0, SIDE)
    assert squares([cell]) == "M498 240h6v6h-6z"
