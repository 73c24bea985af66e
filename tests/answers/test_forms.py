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


POSITIONS = [(48.8584, 2.2945), (-33.8568, 151.2153), (40.6892, -74.0445), (-0.1807, -78.4678)]
POSITION_FORMS = [
    "{lat}, {lon}",
    "({lat}, {lon})",
    "Latitude: {lat}, Longitude: {lon}",
    "Longitude: {lon}\nLatitude: {lat}",
    "**Latitude:**\n{lat}\n\n**Longitude:**\n{lon}",
    "**Latitude**\n{lat}\n\n**Longitude**\n{lon}",
    "### Latitude\n{lat}\n### Longitude\n{lon}",
    "- Latitude: {lat}°\n- Longitude: {lon}°",
    "{north}° {ns}, {east}° {ew}",
    "{ns} {north}°, {ew} {east}°",
    "{north} degrees {south_or_north}, {east} degrees {west_or_east}",
    '{{"lat": {lat}, "lng": {lon}}}',
    '{{"coordinates": {{"latitude": "{lat}", "longitude": "{lon}"}}}}',
    "| Latitude | Longitude |\n|---|---|\n| {lat} | {lon} |",
    "<lat>{lat}</lat><lon>{lon}</lon>",
    "https://www.google.com/maps/@{lat},{lon},17z",
    "POINT({lon} {lat})",
    "I estimate the coordinates to be around {lat}, {lon} (the centre).",
    "The latitude is about {lat} and the longitude is about {lon}.",
    "My final answer is latitude {lat} and longitude {lon}.",
    "$ {north}^\\circ \\text{{{ns}}}, {east}^\\circ \\text{{{ew}}}$",
    "It is ${lat}, {lon}$.",
    "\\boxed{{{lat}, {lon}}}",
    "submit_guess(lat={lat}, lng={lon})",
    "Final answer:\n{lat}, {lon}",
    "Coordinates\n{lat}; {lon}",
]
BESIDE = [
    ("", ""),
    ("The sign says Highway 45, and it is 25°C.\n\n", "\n\nConfidence: 70%"),
    ("<think>maybe 10.5, 20.5?</think>\n", "\n\nNote: an alternative would be 10.5, 20.5."),
    ("Latitudes between 30 and 40 degrees are plausible at 12:30.\n\n", " – near exit 12 of the A4."),
]


@pytest.mark.parametrize("form", POSITION_FORMS)
@pytest.mark.parametrize(("before", "after"), BESIDE)
def test_positions(before: str, after: str, form: str) -> None:
    if after.startswith(" –") and form.startswith(("|", "{{")):
        return  # nothing follows a table or an object on its last line
    for lat, lon in POSITIONS:
        words = {"ns": "NS"[lat < 0], "ew": "EW"[lon < 0], "north": abs(lat), "east": abs(lon)}
        words |= {"south_or_north": "south" if lat < 0 else "north", "west_or_east": "west" if lon < 0 else "east"}
        answer = parse(before + form.format(lat=lat, lon=lon, **words) + after)
        assert (answer.lat, answer.lon) == (lat, lon), answer
