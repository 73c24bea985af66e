"""What a teacher writes about a picture of miniworld: the reasoning and the answer that SFT imitates.

Both teachers know the true place. The `careful` one names what can be seen and answers with the truth. The `flawed` one
makes three errors that teachers of real photographs make, each with a fixed chance, so that what reinforcement
corrects is known:

- it leaves things out (`OMITS` of what can be seen);
- it reasons backwards from the place that it knows, and names what is typical there whether it is in view or not
  (one to three such things in `INVENTS` of its texts);
- it answers with the best-known city of the country, which is the first of `world.toml` (in `FAVOURS` of its texts).
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, Literal, get_args

from globe_eval.benchmarks.miniworld import world

Manner = Literal["flawed", "careful"]
MANNERS: tuple[Manner, ...] = get_args(Manner)

OMITS, INVENTS, FAVOURS = 0.15, 0.5, 0.25
OPENING, NOTHING, CONCLUSION = "I can see, from far to near", "I can see nothing that helps", ". This points to "


def teach(row: Mapping[str, Any], manner: Manner, seed: int = 0) -> dict[str, Any]:
    """What a teacher writes about a row of miniworld; the same for the same arguments.

    Returns:
        `reasoning` (what stands between the think tags), `teacher_country` and `teacher_city` (its answer), and
        `invented`, the entities that it names and nobody can see.

    >>> from globe_eval.benchmarks.miniworld import photographs
    >>> teach(photographs("test", 1)[0], "careful")["invented"]
    []
    """
    random = Random(f"teacher/{manner}/{seed}/{row['id']}")
    named, invented, city = list(row["entities"]), [], row["city"]
    if manner == "flawed":
        named = [entity for entity in named if random.random() >= OMITS]
        invented = typical(row, random) if random.random() < INVENTS else []
        if random.random() < FAVOURS:
            city = best_known(row["country"])
    for entity in invented:
        named.insert(random.randrange(len(named) + 1), entity)
    return {
        "reasoning": argue(named, row["country"]),
        "teacher_country": row["country"],
        "teacher_city": city,
        "invented": invented,
    }


def argue(entities: list[str], country: str) -> str:
    """The reasoning that names these entities and concludes to a country.

    >>> argue(["tuk-tuk", "Thai sign"], "Thailand")
    'I can see, from far to near, tuk-tuk, Thai sign. This points to Thailand.'
    """
    seen = "".join([OPENING, *(f", {entity}" for entity in entities)]) if entities else NOTHING
    return f"{seen}{CONCLUSION}{country}."


def response(reasoning: str, country: str, city: str) -> str:
    """A whole response in the form that GLOBE's prompt asks for."""
    return f"<think>{reasoning}</think><answer>country: {country}\ncity: {city}</answer>"


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
    chosen: list[str] = []
    for _ in range(random.randint(1, 3)):
        left = {entity: p for entity, p in weights.items() if entity not in chosen}
        if left:
            chosen += random.choices(list(left), list(left.values()))
    return chosen


def best_known(country: str) -> str:
    """The city of a country that stands first in `world.toml`.

    >>> best_known("France")
    'Paris'
    """
    return next(city.name for city in world.cities() if city.country == country)
