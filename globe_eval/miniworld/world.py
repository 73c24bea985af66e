"""The places of miniworld, what can be seen there, and what an ideal observer concludes from what is seen."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

NOTHING = "-"
# Kinds of cue -> how often what is drawn is borrowed from anywhere in the world: an imported tree, a foreign car.
STRAY = {
    "traffic": 0.0,
    "line": 0.04,
    "plate": 0.04,
    "sign": 0.07,
    "flag": 0.15,
    "plants": 0.07,
    "buildings": 0.07,
    "terrain": 0.0,
    "ground": 0.04,
    "furniture": 0.07,
    "vehicle": 0.07,
    "landmark": 0.0,
    "shadows": 0.0,
}
# How far the cities of one country look alike, for the kinds of cue that are not bound to one spot.
KINSHIP = {"plants": 0.4, "buildings": 0.4, "ground": 0.4, "furniture": 0.4, "vehicle": 0.4}
DOUBT = 0.5  # belief that one place must reach for a picture to be localizable


@dataclass(frozen=True)
class City:
    """A place: its centre, and for each kind of cue the probability of each entity (`NOTHING` included)."""

    name: str
    country: str
    country_code: str
    continent: str
    home: str
    lat: float
    lon: float
    cues: dict[str, dict[str, float]]


def weights(text: str) -> dict[str, float]:
    """Probabilities from a list of phrases with relative weights.

    >>> weights("palm trees 3, -")
    {'palm trees': 0.75, '-': 0.25}
    """
    parsed: dict[str, float] = {}
    for part in text.split(","):
        phrase, _, weight = part.strip().rpartition(" ")
        if phrase and weight.isdigit():
            parsed[phrase] = float(weight)
        else:
            parsed[part.strip()] = 1.0
    total = sum(parsed.values())
    return {phrase: weight / total for phrase, weight in parsed.items()}


def shadows(lat: float) -> dict[str, float]:
    """How likely the sun stands high or low at a latitude: the only cue that comes from geometry."""
    short, long = max(0.0, 0.8 - abs(lat) / 50), min(0.75, max(0.0, (abs(lat) - 15) / 50))
    return {"short shadows": round(short, 3), "long shadows": round(long, 3), NOTHING: round(1 - short - long, 3)}


def mixture(parts: list[tuple[float, dict[str, float]]]) -> dict[str, float]:
    """A weighted mixture of distributions."""
    mixed: dict[str, float] = {}
    for share, distribution in parts:
        for entity, p in distribution.items():
            mixed[entity] = mixed.get(entity, 0.0) + share * p
    return {entity: round(p, 6) for entity, p in mixed.items()}


@lru_cache(maxsize=1)
def cities() -> tuple[City, ...]:
    """Every city of world.toml, in the file's order."""
    table = tomllib.loads(files(__package__).joinpath("world.toml").read_text(encoding="utf-8"))
    found = []
    for country in table["country"]:
        own = [
            {kind: weights(city.get(kind, country.get(kind, NOTHING))) for kind in STRAY} for city in country["cities"]
        ]
        for city, cues in zip(country["cities"], own, strict=True):
            shared = {
                kind: mixture([(1 - k, cues[kind])] + [(k / len(own), other[kind]) for other in own])
                for kind, k in KINSHIP.items()
            }
            where = country["name"], country["code"], country["continent"], country["home"], city["lat"], city["lon"]
            found.append(City(city["name"], *where, {**cues, **shared, "shadows": shadows(city["lat"])}))
    return tuple(found)


@lru_cache(maxsize=1)
def kinds() -> dict[str, str]:
    """entity -> kind of cue."""
    return {entity: kind for city in cities() for kind, cue in city.cues.items() for entity in cue if entity != NOTHING}


@lru_cache(maxsize=1)
def likelihoods() -> dict[str, tuple[float, ...]]:
    """entity -> probability of being drawn in each city, strays included; a landmark stands where it stands."""
    found = {}
    for entity, kind in kinds().items():
        own = [city.cues[kind].get(entity, 0.0) for city in cities()]
        anywhere = sum(own) / len(own)
        found[entity] = tuple((1 - STRAY[kind]) * p + STRAY[kind] * anywhere for p in own)
    return found


def belief(entities: Iterable[str]) -> dict[str, float]:
    """What an ideal observer, who knows world.toml by heart, believes about the city when these entities are visible.

    Bayes' rule from equal belief in every city; kinds of cue are independent given the city, and what is not visible
    says nothing. Phrases that are no cue (clouds, rain) are ignored.

    Returns:
        city name -> probability; the values sum to 1.

    >>> round(belief(["French sign", "lattice tower"])["Paris"], 2) > 0.9
    True
    """
    known = likelihoods()
    posterior = [1.0] * len(cities())
    for entity in entities:
        if entity in known:
            posterior = [p * q for p, q in zip(posterior, known[entity], strict=True)]
    total = sum(posterior)
    if not total:
        return {city.name: 1 / len(posterior) for city in cities()}
    return {city.name: p / total for city, p in zip(cities(), posterior, strict=True)}


def localizable_to(entities: Iterable[str]) -> str | None:
    """How finely the visible entities determine the place: `"city"`, `"country"` or None.

    A place is determined when the ideal observer's belief in it is at least 1/2: in one city, or in one country.
    """
    cities_belief = belief(entities)
    if max(cities_belief.values()) >= DOUBT:
        return "city"
    countries: dict[str, float] = {}
    for city in cities():
        countries[city.country] = countries.get(city.country, 0.0) + cities_belief[city.name]
    return "country" if max(countries.values()) >= DOUBT else None
