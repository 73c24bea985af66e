"""Assembles verified annotations into the rows of a data set: decontaminated, balanced and split."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from globe_eval.benchmarks.duplicates import PHOTOGRAPHS, overlap
from globe_eval.places import geodesic_km
from globe_train.data import with_hashes
from globe_train.recipe import Recipe

Part = Literal["train", "test", "between"]
Row = Mapping[str, Any]
CUTS = 16
"""How many ways to cut the world are tried."""


def place_in_line(seed: int, *key: object) -> str:
    """A number that orders things at random and for ever, as hexadecimal digits."""
    return hashlib.sha256(repr((seed, *key)).encode()).hexdigest()


def balance(rows: Sequence[Row], by: Sequence[str], at_most: int | None, seed: int) -> set[str]:
    """The ids that are kept where no cell has more than `at_most` rows; those of a fuller one are drawn by the seed.

    A cell is all rows that share every column of `by`; what is unknown is a value of its own. None keeps all.

    >>> sorted(balance([{"id": i, "country": "France"} for i in "abc"], ["country"], 2, seed=0))
    ['b', 'c']
    """
    cells: dict[Hashable, list[str]] = defaultdict(list)
    for row in rows:
        cells[tuple(row[name] for name in by)].append(row["id"])
    drawn = (sorted(ids, key=lambda name: place_in_line(seed, "balance", name))[:at_most] for ids in cells.values())
    return {name for ids in drawn for name in ids}


def train_test_split(rows: Sequence[Row], test: float, place: str, seed: int) -> dict[str, Part]:
    """Id -> its part. Train and test share neither a photographer nor a place.

    Photographers and places (`place_of`) that are linked by a photograph form one component. Whole components go into
    test, in an order drawn by the seed, as long as test has at most the share `test` of the photographs. Where that
    fills less than half of the share (one component holds nearly everything, as where people travel), the world is cut:

    1. test places are those nearest to a first one, until they hold the square root of `test` of the photographs;
    2. test photographers are those who took the largest share of theirs there, until `test` of the photographs that
       either part keeps are in test;
    3. a photograph of a test photographer elsewhere, or of another one in a test place, is in neither part: "between";
    4. of CUTS first places that the seed draws, the one that loses the fewest photographs is taken.

    A photograph without a photographer is one of a photographer of its own.
    """
    people = {row["id"]: ("by", row["group"]) if row["group"] is not None else ("alone", row["id"]) for row in rows}
    places = {row["id"]: place_of(row, place) for row in rows}
    if not test or len(rows) < 2:
        return {row["id"]: "train" for row in rows}
    chosen = _by_components(people, places, test, seed)
    if 2 * len(chosen) >= test * len(rows):
        return {row["id"]: "test" if row["id"] in chosen else "train" for row in rows}
    return _by_cut(rows, people, places, test, seed)


def place_of(row: Row, place: str) -> tuple[str, ...]:
    """The place of a row as a key: its country, and with "city" its city, or the nearest known city where it says none.

    >>> lyon = {"country": "France", "city": "Lyon"}
    >>> place_of(lyon, "city"), place_of(lyon, "country")
    (('France', 'Lyon'), ('France',))
    """
    country, city = row["country"], row["city"]
    if country is None or (city is None and place == "city"):
        from globe_eval.places.nearest import nearest

        (found,), _ = nearest([row["lat"]], [row["lon"]])
        country = country or found.country_code or ""
        city = city or f"{found.name} ({found.geonameid})"
    return (country, city) if place == "city" else (country,)


def _by_components(people: Mapping[str, Any], places: Mapping[str, Any], test: float, seed: int) -> set[str]:
    above: dict[Hashable, Hashable] = {}

    def root(key: Hashable) -> Hashable:
        while above.setdefault(key, key) != key:
            above[key] = above[above[key]]
            key = above[key]
        return key

    for name in people:
        above[root(("person", people[name]))] = root(("place", places[name]))
    components: dict[Hashable, list[str]] = defaultdict(list)
    for name in people:
        components[root(("person", people[name]))].append(name)
    chosen: set[str] = set()
    for ids in sorted(components.values(), key=lambda ids: place_in_line(seed, "component", min(ids))):
        if len(chosen) + len(ids) <= test * len(people):
            chosen.update(ids)
    return chosen


def _by_cut(
    rows: Sequence[Row], people: Mapping[str, Any], places: Mapping[str, Any], test: float, seed: int
) -> dict[str, Part]:
    there, taken = Counter(places.values()), Counter(people.values())
    points = {places[row["id"]]: (row["lat"], row["lon"]) for row in sorted(rows, key=lambda row: str(row["id"]))[::-1]}
    ordered = sorted(there)

    def around(first: Any) -> dict[str, Part]:
        """The parts where the test places grow around a first one."""
        km = geodesic_km(*points[first], [points[one][0] for one in ordered], [points[one][1] for one in ordered])
        test_places: set[Any] = set()
        for _, one in sorted(zip(km.tolist(), ordered, strict=True)):
            if test_places and sum(there[other] for other in test_places) >= test**0.5 * len(people):
                break
            test_places.add(one)
        inside = Counter(people[name] for name in people if places[name] in test_places)
        kept_test, kept_train = 0, len(people) - sum(inside.values())
        test_people: set[Any] = set()
        for one in sorted(inside, key=lambda one: (-inside[one] / taken[one], place_in_line(seed, "person", one))):
            if kept_test >= test * (kept_test + kept_train):
                break
            test_people.add(one)
            kept_test += inside[one]
            kept_train -= taken[one] - inside[one]
        parts: dict[str, Part] = {}
        for name in people:
            sides = people[name] in test_people, places[name] in test_places
            parts[name] = "test" if all(sides) else "between" if any(sides) else "train"
        return parts

    drawn = sorted(there, key=lambda one: place_in_line(seed, "place", one))[:CUTS]
    return min(map(around, drawn), key=lambda parts: sum(part == "between" for part in parts.values()))


Benchmarks = Mapping[str, Sequence[dict[str, Any]]]
"""Name of a benchmark -> its rows, with the hashes of their pictures where those are known."""

AFTER = ("overlap", "balance", "between", "near_test")
"""Why a verified photograph is in no part: a benchmark knows it, its cell is full, it would join train and test, or it
looks like one of test."""


@dataclass
class Selection:
    """The rows of each part, what became of every photograph, and what the set shares with benchmarks."""

    parts: dict[str, list[dict[str, Any]]]
    fate: dict[str, str]
    """Id -> train, test, the check that rejected it, "unanswered", or one of AFTER."""
    shared: list[dict[str, Any]] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        """How many photographs had each fate."""
        return Counter(self.fate.values())


def assemble(
    recipe: Recipe,
    rows: Sequence[Mapping[str, Any]],
    verdicts: Sequence[Mapping[str, Any]],
    images: Path,
    benchmarks: Benchmarks,
) -> Selection:
    """The data set of a curation from n photographs, the n verdicts of `verify.verify` and `data.benchmarks_of`."""
    fate = {verdict["id"]: verdict["verdict"] for verdict in verdicts}
    kept = [data_row(row, one) for row, one in zip(rows, verdicts, strict=True) if one["verdict"] == "verified"]
    kept = with_hashes(kept, images, recipe.output / "pictures.jsonl")
    shared = []
    for name, theirs in benchmarks.items():
        common = overlap(kept, theirs)
        drop = {one for kind in recipe["against"]["remove"] for one in common[kind] or {}}
        fate |= dict.fromkeys(drop, "overlap")
        kept = [row for row in kept if row["id"] not in drop]
        counts = {kind: None if ids is None else len(ids) for kind, ids in common.items()}
        shared.append({"benchmark": name, "n": len(theirs), "shared": counts, "removed": len(drop)})
    seed, given = recipe["seed"], recipe["balance"]
    stay = balance(kept, given["by"], given["at_most"], seed)
    fate |= {row["id"]: "balance" for row in kept if row["id"] not in stay}
    kept = [row for row in kept if row["id"] in stay]
    sides = train_test_split(kept, recipe["split"]["test"], recipe["split"]["place"], seed)
    parts = {part: [row for row in kept if sides[row["id"]] == part] for part in ("train", "test")}
    if parts["test"] and parts["train"]:
        common = overlap(parts["train"], parts["test"])
        alike = {one for kind in PHOTOGRAPHS for one in common[kind] or {}}
        fate |= dict.fromkeys(alike, "near_test")
        parts["train"] = [row for row in parts["train"] if row["id"] not in alike]
    placed = {**sides, **{name: why for name, why in fate.items() if why != "verified"}}
    return Selection(parts, {name: placed[name] for name in fate}, shared)


def data_row(row: Mapping[str, Any], verdict: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the data set. Its place is the photograph's; where that has no names, those of the verified answer."""
    kept, local = verdict["kept"], verdict["localizability"]
    return {
        **{name: row[name] for name in ("id", "image", "lat", "lon")},
        **{name: row[name] or kept[name] for name in ("country", "city")},
        **{name: row[name] for name in ("group", "scene", "license")},
        **{name: kept[name] for name in ("reasoning", "entities", "teacher", "distance_km", "grounded")},
        "localizable": True,
        "localizability_score": local["score"],
        "teacher_country": kept["country"],
        "teacher_city": kept["city"],
    }
