"""Names and texts by kind: golden examples of this project's own, and the shared list where it is at hand."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from geographiclib.geodesic import Geodesic

from globe_eval.places import Place, main_city, resolve
from globe_eval.places.gazetteer import TERRITORIES, load
from globe_eval.places.spotting import spot

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "place_kinds.json").read_text(encoding="utf-8"))
SHARED = Path(__file__).parents[2] / ".." / "shared" / "cases" / "places.jsonl"
OTHERS = ("consistency_verdict", "stated_confidence", "country_concluded_in_prose")
"""Kinds of the shared list that are not about names and points."""


def km(place: Place, lat: float, lon: float) -> float:
    return Geodesic.WGS84.Inverse(place.lat, place.lon, lat, lon)["s12"] / 1000


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


@pytest.mark.parametrize("kind", sorted({case["kind"] for case in GOLDEN["places"]}))
def test_every_name_of_the_kind_is_right(kind: str) -> None:
    cases = [case for case in GOLDEN["places"] if case["kind"] == kind]
    found = [(case, resolve(case["city"], case["country"], case["admin"])) for case in cases]
    assert len(cases) >= 12
    assert [item for item in found if not is_right(*item)] == []


@pytest.mark.parametrize("case", GOLDEN["texts"], ids=lambda case: case["text"])
def test_the_longest_name_of_a_text_wins(case: dict) -> None:
    assert sorted({one.country_code for one in spot(case["text"])}) == case["countries"]


def test_a_miss_is_never_a_far_city() -> None:
    far = [
        case
        for case in GOLDEN["places"]
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
