"""Teachers of known error, on miniworld: what they say is written as files for `replay`, the way real models come in.

A simulated teacher knows what is to be seen and where it is, and errs with fixed chances, each a function of seed,
teacher and photograph:

- `wrong`: it names a wrong place, half of the time the country's best-known city, else any other;
- `omits`: it leaves a visible entity out;
- `invents`: it names one to three entities that others of the place that it names show, and this photograph does not;
- `overconfident`: it says that a photograph can be located that shows too little;
- `doubts`: it says that one cannot that can.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from globe_eval import miniworld
from globe_eval.files import json_lines, read_json_lines, write_whole
from globe_train.data import target
from globe_train.laptop import teacher, world

Row = Mapping[str, Any]
Place = tuple[str, str]
"""Country and city."""


@dataclass(frozen=True)
class Manner:
    """The chances of a teacher's errors."""

    wrong: float
    omits: float
    invents: float
    overconfident: float
    doubts: float


TEACHERS = {
    "careful": Manner(wrong=0.10, omits=0.20, invents=0.30, overconfident=0.25, doubts=0.04),
    "hasty": Manner(wrong=0.20, omits=0.30, invents=0.50, overconfident=0.40, doubts=0.03),
    "fluent": Manner(wrong=0.30, omits=0.10, invents=0.75, overconfident=0.60, doubts=0.01),
}
PREDICTOR = "gallery"
WRONG_GEOTAGS = 0.03
"""The share of photographs whose coordinates and names in the manifest are another place's, as those of real ones."""

LICENSES = ("CC BY 2.0", "CC BY-SA 2.0", "CC0 1.0")


class Pool:
    """What the simulated teachers know: every place, how often it comes up, and what can be seen there."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.places: Counter[Place] = Counter((row["country"], row["city"]) for row in rows)
        self.order = sorted(self.places)
        self.points = {(row["country"], row["city"]): (row["lat"], row["lon"]) for row in rows}
        self.seen: dict[Place, Counter[str]] = defaultdict(Counter)
        for row in rows:
            self.seen[row["country"], row["city"]].update(row["entities"])

    def best_known(self, country: str) -> Place:
        """The city of a country that comes up most often."""
        return max((place for place in self.order if place[0] == country), key=lambda place: self.places[place])

    def another(self, right: Place, random: Random) -> Place:
        """A wrong place: half of the time the best-known one of the country, where that is another."""
        famous = self.best_known(right[0])
        if famous != right and random.random() < 0.5:
            return famous
        return random.choice([place for place in self.order if place != right])

    def typical(self, place: Place, absent_from: Sequence[str], random: Random) -> list[str]:
        """One to three entities of a place that a photograph does not show, the likelier the more often seen there."""
        often = {entity: n for entity, n in sorted(self.seen[place].items()) if entity not in absent_from}
        return teacher.draw_some(often, random)


def answer(name: str, manner: Manner, row: Row, pool: Pool, seed: int) -> str:
    """What a teacher writes about a photograph, in the form that the prompt `localizability` asks for."""
    random = Random(f"curate/{seed}/{name}/{row['id']}")
    right = (row["country"], row["city"])
    sure = random.random() >= manner.doubts if row["localizable"] else random.random() < manner.overconfident
    wrong, lucky = random.random() < manner.wrong, random.random()
    place = right
    if not row["localizable"]:
        place = random.choice(pool.order)
    elif row["localizable_to"] == "country" and lucky < 0.5:
        place = pool.best_known(row["country"])
    elif wrong:
        place = pool.another(right, random)
    named = [entity for entity in row["entities"] if random.random() >= manner.omits]
    if random.random() < manner.invents:
        named += pool.typical(place, row["entities"], random)
    confidence = random.randint(60, 95) if sure else random.randint(5, 40)
    answer_row = {"reasoning": teacher.argue(named, place[0]), "country": place[0], "city": place[1]}
    written = target(answer_row).removesuffix("</answer>")
    return f"{written}\nlocalizable: {'yes' if sure else 'no'}\nconfidence: {confidence}%</answer>"


def predictor_answer(row: Row, pool: Pool, seed: int) -> str:
    """What a coordinate predictor answers: some km beside the right place or another one, less sure where it cannot."""
    random = Random(f"curate/{seed}/{PREDICTOR}/{row['id']}")
    right = (row["country"], row["city"])
    place = right if random.random() < 0.65 and row["localizable"] else random.choice(pool.order)
    lat, lon = (degrees + random.uniform(-0.1, 0.1) for degrees in pool.points[place])
    confidence = random.randint(20, 90) if row["localizable"] else random.randint(5, 50)
    return f"<answer>latitude: {lat:.4f}\nlongitude: {lon:.4f}\nconfidence: {confidence}%</answer>"


def write(folder: Path, n: int, seed: int, size: int = 112) -> Path:
    """Draw photographs of miniworld's training split and write what the teachers say; returns the manifest.

    FOLDER/world/               the pictures
    FOLDER/photographs.jsonl    the manifest that is curated, WRONG_GEOTAGS of its places wrong
    FOLDER/truth.jsonl          the rows as they are
    FOLDER/answers/NAME.jsonl   what each teacher and the predictor says
    FOLDER/vocabulary.txt       the names of miniworld's entities
    """
    drawn = world.write(folder / "world", n, seed, "careful", size)
    rows = read_json_lines(drawn)
    pool = Pool(rows)
    labelled = []
    for row in rows:
        random = Random(f"curate/{seed}/label/{row['id']}")
        mislabelled = random.random() < WRONG_GEOTAGS
        right = (row["country"], row["city"])
        country, city = random.choice([place for place in pool.order if place != right]) if mislabelled else right
        lat, lon = pool.points[country, city] if mislabelled else (row["lat"], row["lon"])
        label = {"lat": lat, "lon": lon, "country": country, "city": city, "license": random.choice(LICENSES)}
        labelled.append({key: row[key] for key in ("id", "image", "group", "scene", "entities")} | label)
    said = {
        name: [{"id": row["id"], "response": answer(name, manner, row, pool, seed)} for row in rows]
        for name, manner in TEACHERS.items()
    }
    said[PREDICTOR] = [{"id": row["id"], "response": predictor_answer(row, pool, seed)} for row in rows]
    (folder / "answers").mkdir(exist_ok=True)
    for name, lines in said.items():
        write_whole(folder / "answers" / f"{name}.jsonl", json_lines(lines))
    write_whole(folder / "truth.jsonl", json_lines(rows))
    write_whole(folder / "vocabulary.txt", "".join(f"{name}\n" for name in miniworld.VOCABULARY).encode())
    write_whole(folder / "photographs.jsonl", json_lines(labelled))
    return folder / "photographs.jsonl"


def overrides(folder: Path) -> list[str]:
    """What the shipped recipe `miniworld` is told so that it curates what was written into a folder."""
    names = {**dict.fromkeys(TEACHERS, "teachers"), PREDICTOR: "predictors"}
    return [
        f"data.manifest={folder / 'photographs.jsonl'}",
        f"data.images={folder / 'world'}",
        f"vocabulary={folder / 'vocabulary.txt'}",
        *[f"{role}.{name}.model_args.answers={folder / 'answers' / name}.jsonl" for name, role in names.items()],
        f"output={folder / 'curated'}",
    ]
