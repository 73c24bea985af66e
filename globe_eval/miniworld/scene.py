"""Who took a photograph, where, and what of the place is in view."""

from __future__ import annotations

from random import Random
from typing import Any

from globe_eval.miniworld import world
from globe_eval.miniworld.canvas import Camera
from globe_eval.miniworld.layout import arrange, uncovered
from globe_eval.miniworld.world import NOTHING, City

VERSION = 2
PHOTOGRAPHERS = 80  # of whom some never come up: about 70 in the 300 photographs of the test split
SCENES = ("urban", "natural", "coastal")
# How often each kind of cue is in view when the place has it, by scene.
VISIBLE = {
    "traffic": (0.62, 0.45, 0.5),
    "line": (0.7, 0.65, 0.65),
    "plate": (0.6, 0.5, 0.5),
    "sign": (0.5, 0.3, 0.4),
    "flag": (0.14, 0.08, 0.14),
    "plants": (0.55, 0.92, 0.75),
    "buildings": (0.88, 0.4, 0.7),
    "terrain": (0.6, 0.9, 1.0),
    "ground": (0.5, 0.95, 0.3),
    "furniture": (0.55, 0.35, 0.45),
    "vehicle": (0.5, 0.2, 0.35),
    "landmark": (0.36, 0.2, 0.3),
    "shadows": (0.7, 0.8, 0.8),
}
SKIES = {"blue sky": 5.0, "overcast sky": 3.0, "sunset sky": 2.0, "night sky": 2.0}
BARE = 0.14  # share of photographs that show next to nothing
SKY = (*SKIES, "sun", "moon", "stars", "clouds", "birds", "rain", "fog", "falling snow")
AROUND = (
    *("road", "pavement", "cars", "street lamps", "pedestrians", "overhanging leaves", "construction fence"),
    *("beach", "zebra crossing", "bushes"),
)
NEUTRAL = (*SKY, *AROUND)  # entities that say nothing of the place


def pick(rng: Random, weights: dict[str, float]) -> str:
    """One key, with probability proportional to its weight."""
    at = rng.random() * sum(weights.values())
    for key, weight in weights.items():
        at -= weight
        if at < 0:
            return key
    return key


def photographer(seed: int, split: str, rng: Random) -> tuple[str, Random]:
    """Whose photograph this is (few take many, many take few), and a stream for this person's habits."""
    ranks = {str(k): 1 / (k + 3) ** 0.75 for k in range(PHOTOGRAPHERS)}
    who = pick(rng, ranks)
    return f"photographer-{split}-{int(who):02d}", Random(f"miniworld/{VERSION}/{seed}/{split}/photographer/{who}")


def habits_of(person: Random) -> dict[str, Any]:
    """A home region, a favourite hour, a camera."""
    homes = sorted({city.home for city in world.cities()})
    return {
        "home": homes[int(person.random() * len(homes))],
        "roams": 0.3 + 0.5 * person.random(),
        "sky": pick(person, SKIES),
        "focal": 165 + int(person.random() * 50),
        "height": 34 + int(person.random() * 16),
        "cast": [100 + int(person.random() * 13) - 6 for _ in range(3)],
        "soft": person.random() < 0.15,
        "scene": pick(person, {"urban": 3.0, "natural": 1.0}),
    }


def photograph(index: int, split: str, seed: int) -> dict[str, Any]:
    """Row `index` of a split: depends on nothing but its arguments."""
    rng = Random(f"miniworld/{VERSION}/{seed}/{split}/{index}")
    group, person = photographer(seed, split, rng)
    habits = habits_of(person)
    everywhere = world.cities()
    near = [city for city in everywhere if city.home == habits["home"]]
    pool = everywhere if rng.random() < habits["roams"] else near
    city = pool[int(rng.random() * len(pool))]
    spec, scene = compose(rng, city, habits)
    point = round(city.lat + (rng.random() - 0.5) * 0.05, 5), round(city.lon + (rng.random() - 0.5) * 0.06, 5)
    name = f"mw-{index:05d}" if split == "test" else f"mw-{split}-{index:05d}"
    return row_of(name, city, point, group, scene, spec, world.localizable_to(visible(spec)))


def row_of(
    name: str,
    city: City,
    point: tuple[float | None, float | None],
    group: str,
    scene: str,
    spec: dict[str, Any],
    level: str | None,
) -> dict[str, Any]:
    """The row of a manifest; `level` is how finely what is visible determines the place."""
    return {
        "id": name,
        "image": f"{name}.png",
        "lat": point[0],
        "lon": point[1],
        "city": city.name,
        "country": city.country,
        "group": group,
        "scene": scene,
        "localizable": level is not None,
        "localizable_to": level,
        "entities": visible(spec),
        "scene_spec": spec,
    }


def visible(spec: dict[str, Any]) -> list[str]:
    """The entities that a specification shows, each once, from the back to the front."""
    return list(dict.fromkeys(entity for item in spec["objects"] for entity in item["shows"]))


def cues_of(rng: Random, city: City, scene: str, bare: bool, least: float) -> dict[str, str]:
    """kind of cue -> the entity in view."""
    found = {}
    everywhere = world.cities()
    for kind, by_scene in VISIBLE.items():
        chance = max(by_scene[SCENES.index(scene)], least)
        stray, seen, source = rng.random() < world.STRAY[kind], rng.random(), city
        if stray:
            source = everywhere[int(rng.random() * len(everywhere))]
        entity = pick(rng, source.cues[kind])
        if bare and kind not in ("terrain", "ground", "line"):
            chance *= 0.22
        if entity != NOTHING and seen < chance:
            found[kind] = entity
    return found


def compose(rng: Random, city: City, habits: dict[str, Any], least: float = 0.0) -> tuple[dict[str, Any], str]:
    """Specification and scene of a photograph taken in a city by someone with these habits.

    No kind of cue is in view more rarely than `least`, whatever is usual in such a scene.
    """
    scene = habits["scene"] if rng.random() < 0.4 else pick(rng, {"urban": 3.0, "natural": 1.3})
    if rng.random() < 0.7 * city.cues["terrain"].get("sea", 0.0):
        scene = "coastal"
    cues = cues_of(rng, city, scene, bare=rng.random() < BARE, least=least)
    if scene == "coastal":
        cues["terrain"] = "sea"
    elif cues.get("terrain") == "sea":
        del cues["terrain"]
    sky = habits["sky"] if rng.random() < 0.5 else pick(rng, SKIES)
    camera = Camera(habits["focal"], habits["height"] / 10, 100 + int(rng.random() * 22), 88 + int(rng.random() * 48))
    weather = weather_of(rng, sky, cues)
    if weather == "fog":
        if scene != "coastal":
            cues.pop("terrain", None)
        cues.pop("landmark", None)
    spec: dict[str, Any] = {
        "version": VERSION,
        "sky": sky,
        "focal": habits["focal"],
        "height": habits["height"],
        "horizon": camera.horizon,
        "vanish": camera.vanish,
        "cast": [gain + int(rng.random() * 5) - 2 for gain in habits["cast"]],
        "blur": (4 + int(rng.random() * 5)) if rng.random() < (0.5 if habits["soft"] else 0.05) else 0,
    }
    spec["objects"] = uncovered(arrange(rng, scene, cues, sky, weather, camera), camera)
    return spec, scene


def weather_of(rng: Random, sky: str, cues: dict[str, str]) -> str:
    """Rain, snow or fog; never under a blue sky."""
    if cues.get("ground") == "snow on the ground" and rng.random() < 0.4 and sky != "blue sky":
        return "falling snow"
    usual = {"overcast sky": {"rain": 2.0, "fog": 1.2, "": 4.0}, "night sky": {"rain": 0.1, "": 1.0}}
    return pick(rng, usual[sky]) if sky in usual else ""
