"""A place in the forms in which models write it, in the sentences and marks in which they put it."""

from __future__ import annotations

import pytest

from globe_eval.answers import parse
from globe_eval.places import resolve

PLACES = [
    ("Plaza Mayor", "Salamanca", "Castile and León", "Spain"),
    ("Faneuil Hall", "Boston", "Massachusetts", "United States"),
    ("Pelourinho", "Salvador", "Bahia", "Brazil"),
    ("Granville Island", "Vancouver", "British Columbia", "Canada"),
]
FORMS = [
    "{venue}, {city}, {country}",
    "{venue} ({city}, {country})",
    "{city} ({venue}), {country}",
    "{country}, {city}, {venue}",
    "{country} – {city} – {venue}",
    "{country} > {region} > {city} > {venue}",
    "{country} → {city} → {venue}",
    "{venue} in {city} ({country})",
    "{city}, {region}, {country} — near {venue}",
    "{city} ({region}), {country}",
    "{city} / {country}",
    "{city} {country}",
    "{city}, in {region}, {country}",
    "downtown {city}, {region}, {country}",
    "the old town of {city}, {country}",
    "{country}, specifically {city} ({venue})",
    "{country} – more precisely {city}",
    "{city}, {country} (around {venue}, I think)",
]
FRAMES = [
    "{}",
    "Final answer: {}",
    "**Final Answer:** **{}**",
    "My best guess is {}.",
    "The bridge and the trams are clear clues.\n\n**{}**",
    "Given the signs, I would go with {}.",
    "<answer>{}</answer>",
    "\\boxed{{{}}}",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("frame", FRAMES)
def test_forms(frame: str, form: str) -> None:
    for venue, city, region, country in PLACES:
        if form == "{city} {country}" and city == "Salamanca":
            continue  # a larger town of the name lies in Mexico
        answer = parse(frame.format(form.format(venue=venue, city=city, region=region, country=country)))
        place, expected = resolve(answer.city, answer.country, answer.admin), resolve(city, country, region)
        assert place is not None, (answer, city)
        assert (place.level, place.country_code) == ("city", expected.country_code if expected else None), (
            answer,
            city,
        )


@pytest.mark.parametrize(
    ("text", "city", "country"),
    [
        ("Final answer: Germany; Munich; Marienplatz", "Munich", "Germany"),
        ("Location: Kyoto; Japan", "Kyoto", "Japan"),
        ("Downtown Santa Cruz, California — on Pacific Avenue.", "Santa Cruz", None),
        ("It could be Australia, California or South Africa.", None, "Australia"),
        ("Rules out countries like Kenya, South Africa, India. It is Ghana.", None, "Ghana"),
        ("Japan – at a Shinto shrine", None, "Japan"),
    ],
)
def test_lists_and_remarks(text: str, city: str | None, country: str | None) -> None:
    answer = parse(text)
    assert (answer.city, answer.country) == (city, country)
