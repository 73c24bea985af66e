"""`parse` against golden cases, against properties that hold for any text, against hostile texts, and on real data."""

from __future__ import annotations

import csv
import json
import math
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globe_eval.answers import parse
from globe_eval.answers.parse import Answer
from globe_eval.answers.text import LONGEST, repaired
from globe_eval.places import resolve

CASES = json.loads((Path(__file__).parents[1] / "golden" / "answers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["description"] for case in CASES])
def test_golden(case: dict[str, Any]) -> None:
    answer = parse(case["response"], truncated=case.get("truncated", False))
    for field, expected in case["expected"].items():
        value = getattr(answer, field)
        assert value == (pytest.approx(expected, abs=1e-9) if isinstance(expected, float) else expected), field


def test_golden_descriptions_are_distinct() -> None:
    assert len({case["description"] for case in CASES}) == len(CASES) > 150


names = st.sampled_from(["Paris", "São Paulo", "'s-Hertogenbosch", "東京", "Washington, D.C.", "St. Louis", "Xi'an"])
latitudes = st.floats(-90, 90).map(lambda x: round(x, 5))
longitudes = st.floats(-180, 180).map(lambda x: round(x, 5))


@given(country=names, city=names, country_first=st.booleans(), thought=st.text("ab \n", max_size=20))
def test_globe_form_is_read_back(country: str, city: str, country_first: bool, thought: str) -> None:
    lines = [f"country: {country}", f"city: {city}"]
    body = "\n".join(lines if country_first else lines[::-1])
    answer = parse(f"<think>{thought}</think><answer>{body}</answer>")
    assert (answer.country, answer.city, answer.status) == (country, city, "answered")
    assert answer.reasoning == (thought.strip() or None)


@given(
    lat=latitudes, lon=longitudes, city=names, country=names, before=st.sampled_from(["", "A {brace} ", "```json\n"])
)
def test_json_is_read_back(lat: float, lon: float, city: str, country: str, before: str) -> None:
    text = json.dumps({"lat": f"{lat:.5f}", "lon": f"{lon:.5f}", "city": city, "country": country})
    answer = parse(before + text)
    assert (answer.lat, answer.lon, answer.city, answer.country) == (lat, lon, city, country)


ALPHABET = "<>/answerthiklocudy:{}[]\"'`*_,.;0123456789°′″-–NSEW \n\\\0\u200b\ud800é東"


@settings(max_examples=300, deadline=None)
@given(st.text(ALPHABET, max_size=200) | st.text(max_size=100), st.booleans())
def test_any_text_gives_a_consistent_answer(text: str, truncated: bool) -> None:
    answer = parse(text, truncated=truncated)
    assert isinstance(answer, Answer)
    named = any((answer.country, answer.city, answer.admin))
    assert (answer.lat is None) == (answer.lon is None)
    assert (answer.status == "answered") == (named or answer.lat is not None)
    if answer.lat is not None and answer.lon is not None:
        assert abs(answer.lat) <= 90 and abs(answer.lon) <= 180
    assert answer.stated_confidence is None or 0 <= answer.stated_confidence <= 1
    for field in (answer.country, answer.city, answer.admin, answer.reasoning):
        assert field is None or (field == field.strip() and field)
        (field or "").encode("utf-8")
    assert parse(text, truncated=truncated) == answer


@given(latitudes, longitudes)
def test_numbers_come_back_as_written_wherever_they_stand(lat: float, lon: float) -> None:
    first, second = f"{lat:.5f}", f"{lon:.5f}"
    for text in (f"{first}, {second}", f"I say ({first}, {second}).", f"Latitude: {first}\nLongitude: {second}"):
        assert (parse(text).lat, parse(text).lon) == (lat, lon)


HOSTILE = [
    "{", "{}", "[", "((", "<answer>", "<think>", "country:", "country: a\n", "lat: 1, lon: 2 ", "1 ", "1.5, ", "48° ",
    "48°51′24″ ", "°", "-", " ", "\n", '"', "\\", '{"a":', '{"a":[', '{"a":1}', '{"lat":1,', "```", "*", "A, ",
    "most likely in A ", "can't a ", "&deg;", "\\text{", "\u200b", "\0", "\U0001f30d", "\ud800", "\u0301",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("unit", HOSTILE, ids=repr)
def test_hostile_text_is_read_in_linear_time(unit: str) -> None:
    def seconds(size: int) -> float:
        text = (unit * (size // len(unit) + 1))[:size]
        start = time.process_time()
        parse(text)
        return time.process_time() - start

    seconds(1_000)
    short, long, longest = seconds(LONGEST // 4), seconds(LONGEST), seconds(16 * LONGEST)
    assert long < 8 * short + 0.5
    assert longest < 32 * long + 0.5


@pytest.mark.parametrize("filler", ["{", "}", "x", "country: ", " ", "1.5, ", "<think>", '{"a":1}', "\n"], ids=repr)
@pytest.mark.parametrize("where", ["front", "middle", "back"])
def test_an_answer_is_found_in_a_very_long_text(filler: str, where: str) -> None:
    padding = (filler * LONGEST)[: 3 * LONGEST]
    before = {"front": "", "middle": padding, "back": padding}[where]
    after = {"front": padding, "middle": padding, "back": ""}[where]
    answer = parse(before + "\n<answer>country: France\ncity: Paris</answer>\n" + after)
    assert (answer.city, answer.country) == ("Paris", "France")


def test_deep_nesting_is_no_recursion_error() -> None:
    for text in ('{"a":' * 100_000 + "1" + "}" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":[' * 100_000):
        assert parse(text).status == "unparsed"


def test_huge_numbers_are_no_error() -> None:
    for text in (
        '{"lat": ' + "9" * 10_000 + ', "lon": 1}',
        "Latitude: 1." + "3" * 10_000 + "\nLongitude: 2",
        "9" * 50_000,
    ):
        assert parse(text).lat is None


STREET_VIEW = ["claude-3-haiku", "gpt-4o", "llama-3.2-11b-vision", "llama-3.2-90b-vision"]


def street_view(shared_data: Path, model: str) -> list[dict[str, str]]:
    with (shared_data / "street_view" / f"{model}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def haversine_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    lat1, lon1, lat2, lon2 = map(math.radians, (lat1, lon1, lat2, lon2))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(half))


@pytest.mark.parametrize("model", STREET_VIEW)
def test_recorded_coordinates_are_found(shared_data: Path, model: str) -> None:
    literal = found = 0
    for row in street_view(shared_data, model):
        lat, lon, response = row["predicted_lat"], row["predicted_long"], row["model_response"]
        if lat and lon and lat in response and lon in response:
            literal += 1
            answer = parse(response)
            found += (answer.lat, answer.lon) == (float(lat), float(lon))
    assert literal > 1000
    assert found >= 0.99 * literal


def test_median_of_gpt_4o(shared_data: Path) -> None:
    distances = []
    for row in street_view(shared_data, "gpt-4o"):
        answer = parse(row["model_response"])
        if answer.lat is not None and answer.lon is not None:
            distances.append(haversine_km(float(row["label_lat"]), float(row["label_long"]), answer.lat, answer.lon))
    distances.sort()
    assert len(distances) == 1578
    assert round((distances[788] + distances[789]) / 2, 2) == 216.13


def test_no_coordinates_are_invented(shared_data: Path) -> None:
    """Where no coordinates were recorded, those found must stand in the text, both numbers, digit for digit."""
    for model in STREET_VIEW:
        for row in street_view(shared_data, model):
            answer = parse(row["model_response"])
            if row["predicted_lat"] or answer.lat is None or answer.lon is None:
                continue
            written = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", row["model_response"])}
            degrees = {abs(answer.lat), abs(answer.lon)}
            assert degrees <= written or "'" in row["model_response"], row["image_name"]


def test_refusals_of_the_study(shared_data: Path) -> None:
    """Their authors' tag "refusal" marks responses without coordinates; 14 of 275 conclude a country or a city."""
    statuses = []
    with (shared_data / "parser" / "unparsed.jsonl").open(encoding="utf-8") as file:
        for row in map(json.loads, file):
            if row["category"] == "refusal":
                statuses.append(parse(row["response"]).status)
    assert len(statuses) == 275
    assert statuses.count("refused") == 261


def json_lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_the_cases_of_the_reviews(shared_data: Path) -> None:
    """Small responses, each of a kind of fault; a field that is null there was not judged."""
    path = shared_data.parent / "cases" / "answers.jsonl"
    if not path.is_file():
        pytest.skip("no cases beside the data")
    wrong = []
    for case in json_lines(path):
        answer, expected = parse(case["response"]), case["expect"]
        stated = {field: value for field, value in expected.items() if value is not None}
        read = {field: getattr(answer, field) for field in stated}
        if read != {
            field: pytest.approx(value, abs=1e-4) if isinstance(value, float) else value
            for field, value in stated.items()
        }:
            wrong.append((case["id"], stated, read))
    assert wrong == []


PARTS = ["zs__", "iter-cot__", "malicious__"]


def free_answers(shared_data: Path) -> Iterator[tuple[str, list[tuple[dict[str, Any], Answer]]]]:
    for path in sorted((shared_data / "free_answers").glob("*.jsonl")):
        if path.name.startswith(tuple(PARTS)):
            rows = json_lines(path)
            yield path.stem, [(row, parse(row["response"])) for row in rows]


@pytest.mark.slow
def test_free_answers_are_read_and_placed(shared_data: Path) -> None:
    """Answers in prose: few that their authors could place stay unread, and as many are placed rightly as by them."""
    for name, rows in free_answers(shared_data):
        placed = [answer for row, answer in rows if row["judged"] in "BC"]
        assert sum(answer.status == "unparsed" for answer in placed) <= 0.05 * len(placed), name
        ours = theirs = 0
        for row, answer in rows:
            point = answer.lat, answer.lon
            if answer.status == "answered" and answer.lat is None:
                found = resolve(answer.city, answer.country, answer.admin)
                point = (found.lat, found.lon) if found else (None, None)
            for lat, lon, whose in ((*point, "ours"), (row["authors_lat"], row["authors_lon"], "theirs")):
                hit = lat is not None and lon is not None and haversine_km(row["lat"], row["lon"], lat, lon) <= 25
                ours, theirs = ours + (hit and whose == "ours"), theirs + (hit and whose == "theirs")
        assert ours >= theirs - 0.03 * len(rows), name


def test_every_released_position_is_read(shared_data: Path) -> None:
    distances = {}
    for path in sorted((shared_data / "released_coordinates").glob("*.jsonl")):
        rows = json_lines(path)
        answers = [parse(row["response"]) for row in rows]
        assert sum(answer.lat is not None for answer in answers) >= 0.999 * len(rows), path.stem
        distances[path.stem] = [
            math.inf if answer.lat is None or answer.lon is None
            else haversine_km(row["true_lat"], row["true_lon"], answer.lat, answer.lon)
            for row, answer in zip(rows, answers, strict=True)
        ]  # fmt: skip
    gpt_5 = distances["geobenchwocn_gpt5__GeoBench"]
    shares = [round(100 * sum(km <= limit for km in gpt_5) / len(gpt_5), 2) for limit in (1, 25, 200, 750, 2500)]
    assert shares == [48.93, 78.91, 84.15, 93.9, 97.54]


@pytest.mark.parametrize(
    ("text", "city", "admin"),
    [
        ("Springfield, IL", "Springfield", "IL"),
        ("The photo was taken in Portland, OR.", "Portland", "OR"),
        ("10 Main St, Springfield, IL 62701, USA", "Springfield", "IL"),
        ("This is Vancouver, BC.", "Vancouver", "BC"),
        ("Congress Ave, Austin, TX, USA", "Austin", "TX"),
    ],
)
def test_the_code_of_a_state_behind_a_town_is_its_state(text: str, city: str, admin: str) -> None:
    answer = parse(text)
    assert (answer.city, answer.admin) == (city, admin)


WRITTEN = st.text("abc 48.85°′″’“”–éñçãöüßßŁžšЖя京都ا😀", min_size=1, max_size=40)


@given(WRITTEN)
def test_text_read_as_latin_1_comes_back(text: str) -> None:
    assert repaired(text.encode().decode("latin-1")) == text


@given(WRITTEN.filter(lambda text: all(byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) for byte in text.encode())))
def test_text_read_as_cp1252_comes_back(text: str) -> None:
    assert repaired(text.encode().decode("cp1252")) == text


@given(st.text("abc 48.85°′″’“”é", min_size=1, max_size=40))
def test_text_read_as_mac_roman_comes_back(text: str) -> None:
    assert repaired(text.encode().decode("mac_roman")) == text


@pytest.mark.parametrize("text", ["48.85° N", "I can’t say", "São Paulo", "Łódź", "京都", "35°41′22″"])
def test_text_damaged_twice_comes_back(text: str) -> None:
    assert repaired(text.encode().decode("latin-1").encode().decode("latin-1")) == text


@given(st.text(st.characters(max_codepoint=0x24F), max_size=60))
def test_what_is_repaired_is_stable(text: str) -> None:
    once = repaired(text)
    assert repaired(once) == once or len(repaired(once)) < len(once)


@pytest.mark.parametrize(
    "text", ["« café\xa0»", "Ångström", "Sète, à la plage", "São Paulo", "Köln–Düsseldorf", "48,85° N", "Â la carte"]
)
def test_text_of_many_languages_is_no_damage(text: str) -> None:
    assert repaired(text) == text
