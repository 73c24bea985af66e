"""Names to points: golden cases, kinds of places, and real answers of models."""

from __future__ import annotations

import csv
import itertools
import json
import math
import random
from collections import Counter
from pathlib import Path

import pytest
from geographiclib.geodesic import Geodesic
from hypothesis import given, settings
from hypothesis import strategies as st

from globe_eval.places import RESOLVER_VERSION, Place, gazetteer, main_city, resolve, resolve_many
from globe_eval.places.gazetteer import ADMIN1, ADMIN2, TERRITORIES, load
from globe_eval.places.spotting import spot
from globe_eval.places.words import DEMONYMS

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "resolve.json").read_text(encoding="utf-8"))
STREET_VIEW = ["claude-3-haiku", "gpt-4o", "llama-3.2-11b-vision", "llama-3.2-90b-vision"]


def km(place: Place | None, lat: float, lon: float) -> float:
    return math.inf if place is None else Geodesic.WGS84.Inverse(place.lat, place.lon, lat, lon)["s12"] / 1000


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("case", GOLDEN["places"], ids=lambda case: f"{case['city']}|{case['country']}")
def test_golden_places(case: dict) -> None:
    place = resolve(case["city"], case["country"], case["admin"])
    assert place is not None
    assert (place.country_code, place.level) == (case["country_code"], case["level"])
    assert km(place, case["lat"], case["lon"]) <= case["tolerance_km"]


@pytest.mark.parametrize("case", GOLDEN["country_only"], ids=str)
def test_golden_countries(case: list) -> None:
    city, country, code = case
    place = resolve(city, country)
    assert place is not None
    assert (place.level, place.country_code) == ("country", code)
    assert (place.lat, place.lon) == gazetteer.load().position(gazetteer.load().code_index[code])


@pytest.mark.parametrize("query", GOLDEN["nothing"], ids=str)
def test_golden_nothing(query: list) -> None:
    assert resolve(*query) is None


def test_a_country_alone_is_never_its_capital() -> None:
    gaz = gazetteer.load()
    many = [0] * len(gaz.codes)
    for row in range(len(gaz)):
        many[gaz.country[row]] += gaz.kind[row] >= gazetteer.CITY
    for row in range(len(gaz)):
        index = gaz.country[row]
        if gaz.kind[row] == gazetteer.CAPITAL and many[index] > 20:
            place = resolve(None, gaz.name(index))
            assert place is not None
            assert (place.level, place.country_code) == ("country", gaz.codes[index])
            assert km(place, *gaz.position(row)) > 1


def test_a_stated_country_is_never_left_for_a_homonym() -> None:
    assert resolve("Paris", "Canada").country_code == "CA"
    assert resolve("Kyoto", "Brazil") == resolve(None, "Brazil")
    assert resolve("Kyiv", "Russia").country_code == "RU"
    assert resolve("Casablanca", "Chile").country_code == "CL"


def test_a_wrong_city_falls_to_the_region_then_to_the_country() -> None:
    assert resolve("Nowhereville Heights", "USA", "Texas").level == "admin"
    assert resolve("Nowhereville Heights, TX", "USA").level == "admin"
    assert resolve("Nowhereville Heights", "USA").level == "country"
    assert resolve("Mackinaw City", "USA", "MI").country_code == "US"
    assert km(resolve("Mackinaw City", "USA", "MI"), 43.5, -84.5) < 400  # not the Mackinaw in Illinois


def test_the_region_decides_between_homonyms() -> None:
    texas, california = resolve("Pasadena", "USA", "Texas"), resolve("Pasadena, CA", "USA")
    assert km(texas, 29.69, -95.21) < 25
    assert km(california, 34.15, -118.14) < 25


def test_resolve_many_is_resolve() -> None:
    queries = [("Paris", "France", None), (None, "Kenya", None), ("Paris", "France", None), ("x", None, None)]
    assert resolve_many(queries) == [resolve(*query) for query in queries]
    assert resolve_many([]) == []
    assert RESOLVER_VERSION


@given(st.text(max_size=80) | st.none(), st.text(max_size=40) | st.none(), st.text(max_size=40) | st.none())
@settings(max_examples=400, deadline=None)
def test_no_text_raises(city: str | None, country: str | None, admin: str | None) -> None:
    place = resolve(city, country, admin)
    assert place is None or (abs(place.lat) <= 90 and abs(place.lon) <= 180 and len(place.country_code) == 2)


PIECES = [
    "Paris",
    "Texas",
    "USA",
    "unknown",
    "or",
    ",",
    "(",
    ")",
    "/",
    "City",
    "in",
    "Kyoto",
    "日本",
    "CA",
    "of",
    "-",
    "St.",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.lists(st.sampled_from(PIECES), max_size=4))
@settings(max_examples=400, deadline=None)
def test_no_arrangement_of_place_words_raises(city: list[str], country: list[str]) -> None:
    place = resolve(" ".join(city), " ".join(country))
    assert place is None or place.name


@pytest.mark.parametrize(
    "text",
    ["a" * 1_000_000, "a, " * 300_000, "(" * 500_000, "in " * 300_000, " or " * 200_000, "市" * 500_000, "\x00\ud800"],
)
def test_long_and_broken_texts_are_read_up_to_the_limit(text: str) -> None:
    resolve(text, text, text)


def test_shared_cases(shared_data: Path) -> None:
    lines = (shared_data / "geocoding" / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    wrong = []
    for case in map(json.loads, lines):
        place = resolve(case["city"], case["country"])
        if case["lat"] is None:
            right = place is None
        else:
            right = km(place, case["lat"], case["lon"]) <= case["tolerance_km"]
            right = right and place is not None and place.country_code == case["expected_iso2"]
        wrong += [] if right else [case["id"]]
    assert len(wrong) <= 0.05 * len(lines), wrong


def test_labels_of_street_view_photographs(shared_data: Path) -> None:
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for model in STREET_VIEW:
        for row in rows(shared_data / "street_view" / f"{model}.csv"):
            if row["label_city"] and row["label_lat"]:
                key = row["label_city"].replace("_", " "), row["label_country"]
                found.setdefault(key, []).append((float(row["label_lat"]), float(row["label_long"])))
    one_place = {key: points[0] for key, points in found.items() if all(
        km(Place(*point, "", "city", None, ""), *points[0]) < 100 for point in set(points))}  # fmt: skip
    right = sum(km(resolve(*key), *point) <= 25 for key, point in one_place.items())
    assert len(one_place) > 1400
    assert right >= 0.95 * len(one_place)


def test_predictions_of_gpt_4o(shared_data: Path) -> None:
    """The model's own coordinates are the reference, and they are rough: 200 km, half of the error is theirs."""
    checked = right = 0
    for row in rows(shared_data / "street_view" / "gpt-4o.csv"):
        try:
            lat, lon = float(row["predicted_lat"]), float(row["predicted_long"])
        except ValueError:
            continue
        place = resolve(row["predicted_city"], row["predicted_country"])
        if place is not None and place.level == "city" and abs(lat) <= 90:
            checked += 1
            right += km(place, lat, lon) <= 200
    assert checked > 500
    assert right >= 0.95 * checked


def test_addresses_with_state_abbreviations(shared_data: Path) -> None:
    """Points of sights, some far outside the town of their address; towns under 1,000 people are not listed."""
    asked = {
        (row["city"], row["country"], row["state"], float(row["latitude"]), float(row["longitude"]))
        for row in rows(shared_data / "imageo_pcw" / "dataset3_info.csv")
        if row["city"]
    }
    near = sum(km(resolve(city, country, state), lat, lon) <= 50 for city, country, state, lat, lon in asked)
    assert len(asked) > 150
    assert near >= 0.95 * len(asked)


def named(text: str) -> list[tuple[str, str, str]]:
    return [(one.kind, one.country_code, text[one.start : one.end]) for one in spot(text)]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("It is Lyon, France.", [("city", "FR", "Lyon"), ("country", "FR", "France")]),
        ("Reading the sign is hard.", []),
        ("Nice houses on Street 5, Mobile phones, Orange walls.", []),
        ("It was taken in Nice, France.", [("city", "FR", "Nice"), ("country", "FR", "France")]),
        ("New Mexico or Mexico", [("region", "US", "New Mexico"), ("country", "MX", "Mexico")]),
        ("New Jersey", [("region", "US", "New Jersey")]),
        ("South African plates", [("demonym", "ZA", "South African")]),
        ("South American cities", []),
        ("British Columbia", [("region", "CA", "British Columbia")]),
        ("British plates", [("demonym", "GB", "British")]),
        ("the U.S. and the UK", [("country", "US", "U.S"), ("country", "GB", "UK")]),
        ("Southeast Asia, Central America, or parts of Africa", []),
        ("San Francisco Bay Area", [("city", "US", "San Francisco")]),
        ("Michael Kors and Tec de Monterrey", []),
        ("Atlanta, Georgia, USA", [("city", "US", "Atlanta"), ("region", "US", "Georgia"), ("country", "US", "USA")]),
        ("Tbilisi in Georgia", [("city", "GE", "Tbilisi"), ("country", "GE", "Georgia")]),
        ("signs in English and in Chinese", [("demonym", "CN", "Chinese")]),
        ("THE STREET SIGNS SUGGEST NOTHING", []),
        ("Lima's streets", [("city", "PE", "Lima's")]),
    ],
)
def test_names_as_texts_write_them(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert named(text) == expected


def test_a_small_place_counts_where_it_is_sought() -> None:
    text = "I see Tamarindo there."
    assert spot(text) == []
    (one,) = spot(text, sought={"Tamarindo": resolve("Tamarindo", "Costa Rica")})
    assert (one.kind, one.country_code) == ("city", "CR")
    assert spot(text, sought={"Tamarindo": None}) == []


def test_every_demonym_is_of_a_country_that_the_gazetteer_knows() -> None:
    codes = set(gazetteer.load().codes)
    assert set(DEMONYMS.values()) <= codes and len(DEMONYMS) > 190


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_and_places_lie_in_it_without_overlap(text: str) -> None:
    found = spot(text)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))


def test_of_a_long_text_both_ends_are_read() -> None:
    text = "It is Kenya. " + "x " * 40_000 + "It is Peru."
    assert [one.country_code for one in spot(text)] == ["KE", "PE"]
    assert [text[one.start : one.end] for one in spot(text)] == ["Kenya", "Peru"]


KINDS = json.loads((Path(__file__).parents[1] / "golden" / "place_kinds.json").read_text(encoding="utf-8"))
SHARED = Path(__file__).parents[2] / ".." / "shared" / "cases" / "places.jsonl"
OTHERS = ("consistency_verdict", "stated_confidence", "country_concluded_in_prose")
"""Kinds of the shared list that are not about names and points."""


def is_right(case: dict, place: Place | None) -> bool:
    if "nothing" in case or (case.get("lat") is None and not {"country_code", "not_level", "expect_level"} & set(case)):
        return place is None
    if place is None:
        return False
    if "not_level" in case:
        return place.level != case["not_level"]
    if "expect_level" in case:
        return place.level != "city" or case["city"].lower()[:7] != "unknown"
    if case.get("expect_country", case.get("country_code", place.country_code)) != place.country_code:
        return False
    if case.get("level", place.level) != place.level:
        return False
    return case.get("lat") is None or km(place, case["lat"], case["lon"]) <= case["tolerance_km"]


@pytest.mark.parametrize("kind", sorted({case["kind"] for case in KINDS["places"]}))
def test_every_name_of_the_kind_is_right(kind: str) -> None:
    cases = [case for case in KINDS["places"] if case["kind"] == kind]
    found = [(case, resolve(case["city"], case["country"], case["admin"])) for case in cases]
    assert len(cases) >= 12
    assert [item for item in found if not is_right(*item)] == []


@pytest.mark.parametrize("case", KINDS["texts"], ids=lambda case: case["text"])
def test_the_longest_name_of_a_text_wins(case: dict) -> None:
    assert sorted({one.country_code for one in spot(case["text"])}) == case["countries"]


def test_a_miss_is_never_a_far_city() -> None:
    far = [
        case
        for case in KINDS["places"]
        if (place := resolve(case["city"], case["country"], case["admin"])) is not None
        and place.level == "city"
        and "lat" in case
        and km(place, case["lat"], case["lon"]) > 100
    ]
    assert far == []


def test_every_territory_is_found_as_the_region_of_its_sovereign() -> None:
    gaz = load()
    wrong = []
    for code, items in TERRITORIES.items():
        for item in items:
            if "." in item or code in ("ES", "IL", "PS", "RS", "IT", "MA"):
                continue  # regions, and countries that are no one's territory
            name, sovereign = gaz.name(gaz.code_index[item]), gaz.name(gaz.code_index[code])
            place = resolve("Unknown", sovereign, name)
            if place is None or place.country_code != item:
                wrong.append((sovereign, name, place))
    assert wrong == []


def test_nearly_every_division_is_found_in_the_region_and_country_that_are_stated() -> None:
    gaz = load()
    rows = [row for row in range(len(gaz)) if gaz.kind[row] == ADMIN2 and gaz.kind[gaz.admin1[row]] == ADMIN1]
    sample = random.Random(0).sample(rows, 1_500)
    away = []
    for row in sample:
        place = resolve(gaz.name(row), gaz.name(gaz.country[row]), gaz.name(gaz.admin1[row]))
        assert place is not None
        away.append(km(place, *gaz.position(row)))
    assert sum(off > 60 for off in away) < 0.01 * len(sample)


def test_an_unknown_region_moves_nothing() -> None:
    for city, country in (("Mariupol", "Ukraine"), ("Lyon", "France"), ("Cusco", "Peru"), ("Kumasi", "Ghana")):
        for region in ("Xqzwy Oblast", "Province of Nowherestan", "???", "N/A", "near the river"):
            assert resolve(city, country, region) == resolve(city, country)


def test_a_region_of_the_name_of_its_city_is_a_region() -> None:
    for country, region in (("Kazakhstan", "Qostanay"), ("Vietnam", "Bến Tre"), ("Japan", "Kyoto"), ("Spain", "León")):
        place = resolve("Unknown", country, region)
        assert place is not None and place.level == "admin"


@pytest.mark.skipif(not SHARED.is_file(), reason="shared/cases is not beside this repository")
def test_shared_cases_by_kind() -> None:
    cases = [json.loads(line) for line in SHARED.read_text(encoding="utf-8").splitlines()]
    n, right = Counter(), Counter()
    for case in cases:
        if case["kind"] in OTHERS:
            continue
        if case["kind"] == "spotting_countries":
            ok = sorted({one.country_code for one in spot(case["text"])}) == sorted(case["expect_countries"])
        else:
            ok = is_right(case, resolve(case["city"], case["country"], case["admin"]))
        n[case["kind"]] += 1
        right[case["kind"]] += ok
    assert {kind: right[kind] / n[kind] for kind in n if right[kind] < 0.85 * n[kind]} == {}
    assert right.total() >= 0.95 * n.total()


LABELS = {
    "Los Angeles County|United States": "Los Angeles",
    "San Diego County|United States": "San Diego",
    "Comunidad de Madrid|Spain": "Madrid",
    "Københavns Kommune|Denmark": "Copenhagen",
    "Stockholms kommun|Sweden": "Stockholm",
    "Oslo kommune|Norway": "Oslo",
    "Partido de La Plata|Argentina": "La Plata",
    "Grad Zagreb|Croatia": "Zagreb",
    "City of Cape Town Metropolitan Municipality|South Africa": "Cape Town",
    "Nairobi County|Kenya": "Nairobi",
    "Métropole de Lyon|France": "Lyon",
    "東京都|Japan": "Tokyo",
}
"""How OpenStreetMap and Azure label photographs of a city."""


@pytest.mark.parametrize("label", LABELS)
def test_a_label_that_names_a_division_means_the_city_after_which_that_is_called(label: str) -> None:
    city, country = label.split("|")
    place = resolve(city, country)
    assert place is not None
    main = place if place.level == "city" else main_city(place)
    assert main is not None and main.name == LABELS[label]


@pytest.mark.parametrize("query", [("Cook County", "USA"), ("Texas", "USA"), ("Bavaria", "Germany"), ("Kent", "UK")])
def test_a_division_of_another_name_is_no_city(query: tuple[str, str]) -> None:
    place = resolve(*query)
    assert place is not None and place.level == "admin" and main_city(place) is None
