"""Balance and split by their stated rules."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from globe_train.curate.split import balanced, place_of, split

derandomized = settings(derandomize=True, deadline=None, max_examples=50)

CITIES = {
    "Lyon": ("France", 45.76, 4.84),
    "Paris": ("France", 48.86, 2.35),
    "Kyoto": ("Japan", 35.01, 135.77),
    "Tokyo": ("Japan", 35.68, 139.69),
    "Nairobi": ("Kenya", -1.29, 36.82),
    "Quito": ("Ecuador", -0.18, -78.47),
}


def row(index: int, city: str, group: str | None, scene: str | None = "urban") -> dict[str, Any]:
    country, lat, lon = CITIES[city]
    return {"id": f"r{index}", "city": city, "country": country, "lat": lat, "lon": lon, "group": group, "scene": scene}


ROWS = st.lists(
    st.tuples(st.sampled_from(sorted(CITIES)), st.sampled_from(["a", "b", "c", "d", None]), st.sampled_from("un")),
    max_size=40,
).map(lambda cells: [row(i, *cell) for i, cell in enumerate(cells)])


def sides(rows: list[dict[str, Any]], parts: dict[str, Any], key: str) -> dict[Any, set[str]]:
    found: dict[Any, set[str]] = {}
    for one in rows:
        if parts[one["id"]] != "between" and one[key] is not None:
            found.setdefault(one[key], set()).add(parts[one["id"]])
    return found


@derandomized
@given(ROWS, st.sampled_from([0.1, 0.3, 0.5]), st.sampled_from(["city", "country"]), st.integers(0, 3), st.randoms())
def test_train_and_test_share_neither_a_photographer_nor_a_place(
    rows: list[dict[str, Any]], test: float, place: str, seed: int, random: Any
) -> None:
    parts = split(rows, test, place, seed)
    assert set(parts) == {one["id"] for one in rows}
    for key in ("group", place):
        assert all(len(its) == 1 for its in sides(rows, parts, key).values())
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert split(shuffled, test, place, seed) == parts


def test_components_lose_nothing_and_hold_the_share() -> None:
    rows = [row(i, sorted(CITIES)[i % 6], f"lives in {sorted(CITIES)[i % 6]}") for i in range(60)]
    counts = Counter(split(rows, 0.2, "city", 0).values())
    assert counts == {"train": 50, "test": 10}, "a component is ten photographs"
    assert {tuple(sorted(split(rows, 0.2, "city", seed).items())) for seed in range(8)} != {()}
    assert len({tuple(sorted(split(rows, 0.2, "city", seed).items())) for seed in range(8)}) > 1


def test_where_everybody_travels_the_world_is_cut_and_what_joins_the_parts_is_left_out() -> None:
    cities = sorted(CITIES)
    # everyone lives somewhere and takes one photograph in each other city: one component
    rows = [
        row(len(cities) * p + k, cities[p % 6] if k < 20 else cities[(p + k) % 6], f"p{p}")
        for p in range(12)
        for k in range(25)
    ]
    for index, one in enumerate(rows):
        one["id"] = f"r{index}"
    parts = split(rows, 0.1, "city", 0)
    counts = Counter(parts.values())
    assert counts["test"] >= 0.1 * (counts["test"] + counts["train"])
    assert counts["between"] < 0.4 * len(rows)
    assert counts["train"] > 0.5 * len(rows)


def test_no_test_split_is_all_train() -> None:
    rows = [row(i, "Lyon", "a") for i in range(4)]
    assert set(split(rows, 0.0, "city", 0).values()) == {"train"}
    assert split([], 0.3, "city", 0) == {}


def test_a_place_without_names_is_the_nearest_known_one() -> None:
    unknown = {"country": None, "city": None, "lat": 48.8566, "lon": 2.3522}
    near = {"country": None, "city": None, "lat": 48.8570, "lon": 2.3530}
    far = {"country": None, "city": None, "lat": 35.01, "lon": 135.77}
    assert place_of(unknown, "city") == place_of(near, "city") != place_of(far, "city")
    assert place_of(unknown, "country") == ("FR",)


@derandomized
@given(ROWS, st.integers(1, 5), st.integers(0, 3), st.randoms())
def test_no_cell_has_more_than_its_cap(rows: list[dict[str, Any]], at_most: int, seed: int, random: Any) -> None:
    by = ["country", "scene"]
    kept = balanced(rows, by, at_most, seed)
    cells = Counter(tuple(one[name] for name in by) for one in rows)
    left = Counter(tuple(one[name] for name in by) for one in rows if one["id"] in kept)
    assert left == {cell: min(n, at_most) for cell, n in cells.items()}
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert balanced(shuffled, by, at_most, seed) == kept
    assert kept <= balanced(rows, by, at_most + 1, seed)
    assert balanced(rows, by, None, seed) == {one["id"] for one in rows}
