"""What a teacher writes about a picture of miniworld: the reasoning and the answer that SFT imitates.

Both teachers know the true place. The `careful` one names what can be seen and answers with the truth. The `flawed` one
errs in three ways that teachers of real photographs make, each with a fixed chance, so that what reinforcement
corrects is known:

- it overlooks things: `OVERLOOKS` of those that are telling and rare (`TELLING`: landmarks, flags, signs, vehicles and
  street furniture), `OMITS` of the rest;
- it reasons backwards from the place that it knows, and names what is typical there whether it is in view or not
  (one to three such things in `INVENTS` of its texts);
- it answers with the best-known city of the country, which is the first of `world.toml` (in `FAVOURS` of its texts).

Its reasoning goes through a list of clues, one a line, as GLOBE's prompt asks ("architecture, signage, vegetation,
terrain, etc."), and says "none" of what it does not see. A list in a fixed order is learnt several times faster than
one of what happens to be there (`docs/decisions/0006-training.md`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Literal, get_args

from globe_eval.miniworld import world
from globe_eval.miniworld.scene import NEUTRAL, SKY

Manner = Literal["flawed", "careful", "imagined"]
MANNERS: tuple[Manner, ...] = get_args(Manner)

OVERLOOKS, OMITS, INVENTS, FAVOURS = 0.55, 0.1, 0.3, 0.5
TELLING = ("landmark", "flag", "sign", "vehicle", "furniture")
"""The kinds of cue that are rare and tell most about a place."""

CLUES: dict[str, str] = {
    "Landmark": "landmark",
    "Terrain": "terrain",
    "Architecture": "buildings",
    "Vegetation": "plants",
    "Ground": "ground",
    "Signage": "sign",
    "Flag": "flag",
    "Traffic": "traffic",
    "Road marking": "line",
    "Plate": "plate",
    "Vehicle": "vehicle",
    "Street furniture": "furniture",
    "Light": "shadows",
}
"""The heading of a line -> the kind of cue (`world.kinds`) that stands there."""

HEADING_OF = {kind: heading for heading, kind in CLUES.items()}
HEADINGS = ("Sky", *CLUES, "Around")
NOWHERE = "nowhere"
"""Country and city of an imagined picture (`world.imagined`), of which there is nothing to know but what it shows."""
NONE, CONCLUSION = "none", "\nThis points to "


def teach(row: Mapping[str, Any], manner: Manner, seed: int = 0) -> dict[str, Any]:
    """What a teacher writes about a row of miniworld; the same for the same arguments.

    Returns:
        `reasoning` (what stands between the think tags), `teacher_country` and `teacher_city` (its answer), and
        `invented`, the entities that it names and nobody can see.

    >>> from globe_eval.miniworld import photographs
    >>> teach(photographs("test", 1)[0], "careful")["invented"]
    []
    """
    random = Random(f"teacher/{manner}/{seed}/{row['id']}")
    named, invented, city = list(row["entities"]), [], row["city"]
    if manner == "flawed":
        misses = {entity: OVERLOOKS if world.kinds().get(entity) in TELLING else OMITS for entity in named}
        named = [entity for entity in named if random.random() >= misses[entity]]
        invented = typical(row, random) if random.random() < INVENTS else []
        if random.random() < FAVOURS:
            city = best_known(row["country"])
    return {
        "reasoning": argue([*named, *invented], row["country"]),
        "teacher_country": row["country"],
        "teacher_city": city,
        "invented": invented,
    }


def argue(entities: Sequence[str], country: str) -> str:
    """The reasoning that names these entities, each under its heading, and concludes to a country.

    >>> print(argue(["tuk-tuk", "Thai sign", "road"], "Thailand").replace("none\\n", "-  "))
    Sky: -  Landmark: -  Terrain: -  Architecture: -  Vegetation: -  Ground: -  Signage: Thai sign
    Flag: -  Traffic: -  Road marking: -  Plate: -  Vehicle: tuk-tuk
    Street furniture: -  Light: -  Around: road
    This points to Thailand.
    """
    lines: dict[str, list[str]] = {heading: [] for heading in HEADINGS}
    for entity in sorted(entities, key=ORDER.index):
        heading = HEADING_OF.get(world.kinds().get(entity, ""), "Sky" if entity in SKY else "Around")
        lines[heading].append(entity)
    seen = "\n".join(f"{heading}: {', '.join(named) or NONE}" for heading, named in lines.items())
    return f"{seen}{CONCLUSION}{country}."


ORDER = tuple(dict.fromkeys([*NEUTRAL, *world.kinds()]))
"""Every entity: the sky first, then what fills it, everything else in one fixed order."""


def typical(row: Mapping[str, Any], random: Random) -> list[str]:
    """One to three entities that are typical of the row's city and not in view, the likelier the more typical."""
    city = next(city for city in world.cities() if city.name == row["city"])
    weights = {
        entity: p
        for kind, cues in city.cues.items()
        if kind != "shadows"
        for entity, p in cues.items()
        if entity != world.NOTHING and entity not in row["entities"] and p >= 0.05
    }
    return draw_some(weights, random)


def draw_some(weights: Mapping[str, float], random: Random) -> list[str]:
    """One to three entities by their weights, none twice; fewer where there are fewer."""
    chosen: list[str] = []
    for _ in range(random.randint(1, 3)):
        left = {entity: weight for entity, weight in weights.items() if entity not in chosen}
        if left:
            chosen += random.choices(list(left), list(left.values()))
    return chosen


def best_known(country: str) -> str:
    """The city of a country that stands first in `world.toml`.

    >>> best_known("France")
    'Paris'
    """
    return next(city.name for city in world.cities() if city.country == country)
