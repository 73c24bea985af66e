from __future__ import annotations

import hashlib
import json
import math
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from globe_eval import miniworld
from globe_eval.errors import InputError
from globe_eval.miniworld import world

CITIES = {city.name: city for city in world.cities()}


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return miniworld.photographs()


@pytest.fixture(scope="module")
def many() -> list[dict]:
    return miniworld.photographs("train", 3000)


def pixels(row: dict, size: int = 224) -> np.ndarray:
    return np.asarray(miniworld.render(row, size)).astype(int)


def test_the_same_rows_and_pixels_in_every_process():
    code = (
        "import hashlib; from globe_eval import miniworld as m; h = hashlib.sha256()\n"
        "for row in m.photographs('test', 12): h.update(m.render(row, 96).tobytes())\n"
        "print(m.manifest_sha256('test'), h.hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(seen) == 1


def test_a_row_does_not_depend_on_how_many_are_drawn(rows):
    assert miniworld.photographs("test", 7) == rows[:7]
    assert miniworld.photographs("train", 1250)[:1200] == miniworld.photographs("train")


def test_seeds_and_splits_differ(rows):
    assert [row["scene_spec"] for row in miniworld.photographs("test", 20, seed=1)] != [
        row["scene_spec"] for row in rows[:20]
    ]
    train = miniworld.photographs("train")
    specs = {json.dumps(row["scene_spec"]) for row in train}
    assert not specs & {json.dumps(row["scene_spec"]) for row in rows}
    assert not {row["id"] for row in train} & {row["id"] for row in rows}
    assert not {row["group"] for row in train} & {row["group"] for row in rows}


def test_pictures_of_the_splits_are_disjoint(rows):
    test = {miniworld.render(row, 32).tobytes() for row in rows}
    train = {miniworld.render(row, 32).tobytes() for row in miniworld.photographs("train", 300)}
    assert len(test) == 300 and len(train) == 300 and not test & train


def test_the_world_is_the_world(rows):
    assert {city.continent for city in CITIES.values()} == {"AF", "AS", "EU", "NA", "OC", "SA"}
    assert {CITIES[row["city"]].continent for row in rows} == {"AF", "AS", "EU", "NA", "OC", "SA"}
    per_country = Counter(city.country for city in CITIES.values())
    assert len(per_country) >= 24 and sum(n >= 2 for n in per_country.values()) >= 10
    for city in CITIES.values():
        for cue in city.cues.values():
            assert math.isclose(sum(cue.values()), 1, abs_tol=1e-4)


def test_cities_are_known_to_the_gazetteer(rows):
    from globe_eval.places import geodesic_km, resolve

    for city in CITIES.values():
        place = resolve(city=city.name, country=city.country)
        assert place is not None and place.level == "city" and place.country_code == city.country_code, city.name
        near = [row for row in rows if row["city"] == city.name]
        for row in [{"lat": city.lat, "lon": city.lon}, *near]:
            assert float(geodesic_km(row["lat"], row["lon"], place.lat, place.lon)) < 15, city.name


def test_groups_are_people_with_habits(rows):
    sizes = Counter(row["group"] for row in rows)
    assert 60 <= len(sizes) <= 80
    assert max(sizes.values()) >= 12 and min(sizes.values()) == 1
    homes = [
        Counter(CITIES[row["city"]].home for row in rows if row["group"] == group).most_common(1)[0][1] / n
        for group, n in sizes.items()
        if n >= 5
    ]
    alone = Counter(CITIES[row["city"]].home for row in rows).most_common(1)[0][1] / len(rows)
    assert np.mean(homes) > alone + 0.1


def test_ids_and_file_names_say_nothing(rows):
    for i, row in enumerate(rows):
        assert row["id"] == f"mw-{i:05d}" and row["image"] == f"mw-{i:05d}.png"
    for row in miniworld.photographs("train", 50):
        assert re.fullmatch(r"mw-train-\d{5}", row["id"]) and row["image"] == row["id"] + ".png"


def test_entities_are_in_the_vocabulary_and_in_the_scene(rows, many):
    everything = set()
    for row in [*rows, *many]:
        entities = row["entities"]
        assert len(set(entities)) == len(entities) and set(entities) <= set(miniworld.VOCABULARY)
        assert set(entities) == {e for item in row["scene_spec"]["objects"] for e in item["shows"]}
        everything |= set(entities)
    assert {e for e in set(miniworld.VOCABULARY) - everything if not e.endswith("flag")} == set()
    assert sorted(set(miniworld.VOCABULARY)) == list(miniworld.VOCABULARY)


def test_every_entity_changes_the_picture(rows):
    checked = set()
    for row in rows:
        new = [entity for entity in row["entities"] if entity not in checked]
        if not new:
            continue
        whole = pixels(row)
        for entity in new:
            assert entity not in miniworld.without(row, entity)["entities"]
            changed = (np.abs(whole - pixels(miniworld.without(row, entity))).max(axis=2) > 16).sum()
            assert changed >= 12, (row["id"], entity, changed)
            checked.add(entity)
    assert len(checked) > 120


@pytest.mark.parametrize("start", range(0, 300, 60))
def test_rare_and_hidden_things_are_listed_only_where_they_show(rows, start):
    for row in rows[start : start + 12 : 4]:
        whole = pixels(row)
        for entity in row["entities"]:
            changed = (np.abs(whole - pixels(miniworld.without(row, entity))).max(axis=2) > 16).sum()
            assert changed >= 12, (row["id"], entity, changed)


def test_belief_is_bayes_rule_in_exact_counts():
    """An independent observer: imagine each city equally often, keep the fraction that shows the cue, normalise."""
    entities = ["French sign", "red-tiled houses", "yellow post box", "clouds"]
    kept = []
    for city in world.cities():
        fraction = 1.0
        for entity, kind in (
            ("French sign", "sign"),
            ("red-tiled houses", "buildings"),
            ("yellow post box", "furniture"),
        ):
            everywhere = np.mean([other.cues[kind].get(entity, 0) for other in world.cities()])
            stray = world.STRAY[kind]
            fraction *= (1 - stray) * city.cues[kind].get(entity, 0) + stray * everywhere
        kept.append(fraction)
    expected = np.array(kept) / np.sum(kept)
    belief = world.belief(entities)
    assert np.allclose(list(belief.values()), expected)
    assert max(belief, key=belief.__getitem__) == "Marseille"
    assert world.belief([]) == pytest.approx({name: 1 / len(CITIES) for name in CITIES})


def test_localizable_by_the_stated_rule(rows, many):
    for row in [*rows, *many[:300]]:
        belief = world.belief(row["entities"])
        country: Counter[str] = Counter()
        for name, p in belief.items():
            country[CITIES[name].country] += p
        level = "city" if max(belief.values()) >= 0.5 else "country" if max(country.values()) >= 0.5 else None
        assert row["localizable_to"] == level and row["localizable"] is (level is not None)
    levels = Counter(row["localizable_to"] for row in rows)
    assert 0.15 <= levels[None] / 300 <= 0.25 and levels["country"] >= 15
    assert world.localizable_to(["clouds", "road"]) is None
    assert world.localizable_to(["shell-roofed opera house"]) == "city"
    assert world.localizable_to(["Devanagari sign"]) == "country"


def test_hard_enough_that_nobody_is_at_100_percent(rows):
    can = [row for row in rows if row["localizable"]]
    best = [max(belief := world.belief(row["entities"]), key=belief.__getitem__) for row in can]
    country = np.mean([CITIES[name].country == row["country"] for name, row in zip(best, can, strict=True)])
    city = np.mean([name == row["city"] for name, row in zip(best, can, strict=True)])
    assert 0.8 < country < 0.95 and 0.55 < city < 0.85


def test_rare_combinations_come_up(rows):
    strange = [
        row
        for row in rows
        if any(CITIES[row["city"]].cues[world.kinds()[e]].get(e, 0) == 0 for e in row["entities"] if e in world.kinds())
    ]
    assert 0.08 < len(strange) / len(rows) < 0.5


def test_traffic_keeps_to_its_side(rows):
    for row in rows:
        for item in row["scene_spec"]["objects"]:
            if item["draw"] == "car":
                assert (item["x"] < 0) == (("left-hand traffic" in item["shows"]) == item["rear"])


def test_pictures_are_readable_at_half_the_size(rows):
    large, small = pixels(rows[0], 224), pixels(rows[0], 112)
    assert small.shape == (112, 112, 3)
    halved = large.reshape(112, 2, 112, 2, 3).mean(axis=(1, 3))
    assert np.abs(halved - small).mean() < 6


def test_write_is_idempotent_and_repairs(tmp_path: Path):
    path = miniworld.write(tmp_path, "test", 6, size=64)
    assert path == tmp_path / "manifest.jsonl"
    names = [f"mw-{i:05d}.png" for i in range(6)]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["manifest.jsonl", *names]
    assert [json.loads(line) for line in path.read_text("utf-8").splitlines()] == miniworld.photographs("test", 6)
    before = {p.name: (p.stat().st_mtime_ns, p.stat().st_ino, p.read_bytes()) for p in tmp_path.iterdir()}
    miniworld.write(tmp_path, "test", 6, size=64)
    assert {p.name: (p.stat().st_mtime_ns, p.stat().st_ino, p.read_bytes()) for p in tmp_path.iterdir()} == before

    (tmp_path / names[1]).unlink()
    (tmp_path / names[2]).write_bytes(b"")
    (tmp_path / names[3]).write_bytes(before[names[3]][2][:200])
    miniworld.write(tmp_path, "test", 6, size=64)
    assert all((tmp_path / name).read_bytes() == before[name][2] for name in names)

    miniworld.write(tmp_path, "test", 6, size=32)
    assert Image.open(tmp_path / names[0]).size == (32, 32)
    miniworld.write(tmp_path, "test", 6, seed=9, size=64)
    assert (tmp_path / names[0]).read_bytes() != before[names[0]][2]


def test_an_interrupted_write_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls = []

    def dies(row: dict, size: int) -> Image.Image:
        calls.append(row)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return miniworld.draw(row["scene_spec"], size)

    with monkeypatch.context() as patch:
        patch.setattr(miniworld, "render", dies)
        with pytest.raises(KeyboardInterrupt):
            miniworld.write(tmp_path, "test", 4, size=32)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mw-00000.png", "mw-00001.png"]
    miniworld.write(tmp_path, "test", 4, size=32)
    assert len(list(tmp_path.iterdir())) == 5


def test_pictures_hold_pixels_and_nothing_else(tmp_path: Path):
    miniworld.write(tmp_path, "test", 3)
    for row in miniworld.photographs("test", 3):
        data = (tmp_path / row["image"]).read_bytes()
        chunks, at = [], 8
        while at < len(data):
            length = int.from_bytes(data[at : at + 4], "big")
            chunks.append(data[at + 4 : at + 8])
            at += 12 + length
        assert set(chunks) == {b"IHDR", b"IDAT", b"IEND"}
        with Image.open(tmp_path / row["image"]) as image:
            assert image.mode == "RGB" and image.size == (224, 224) and not image.info
            assert image.tobytes() == miniworld.render(row).tobytes()


def test_manifest_sha256_is_that_of_the_file(tmp_path: Path):
    path = miniworld.write(tmp_path, "train", 2, size=32)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == miniworld.manifest_sha256("train", 2)


def test_an_unknown_split_is_named():
    with pytest.raises(InputError, match=r"no split 'tset'.*did you mean 'test'"):
        miniworld.photographs("tset")


def test_signs_never_name_a_place():
    words = json.loads((Path(miniworld.__file__).parent / "words.json").read_text("utf-8"))["words"]
    written = {word["text"].casefold() for group in words.values() for word in group}
    assert not written & {name.casefold() for city in CITIES.values() for name in (city.name, city.country)}
    assert set(words) == {entity for entity, kind in world.kinds().items() if kind == "sign"}


def test_whole_splits_have_the_sha256_that_is_stated(rows, many):
    for split, whole in (("test", rows), ("train", many[: miniworld.SPLITS["train"]])):
        assert hashlib.sha256(miniworld.manifest(whole)).hexdigest() == miniworld.MANIFEST_SHA256[split]


def test_a_whole_split_that_is_there_is_not_composed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(miniworld, "SPLITS", {"test": 3, "train": 2})
    path = miniworld.write(tmp_path, "test", size=32)
    monkeypatch.setitem(miniworld.MANIFEST_SHA256, "test", hashlib.sha256(path.read_bytes()).hexdigest())
    compose = miniworld.photographs
    with monkeypatch.context() as patched:
        patched.setattr(miniworld, "photographs", lambda *_: pytest.fail("composed"))
        assert miniworld.write(tmp_path, "test", size=32) == path
    drawn = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    (tmp_path / compose("test")[1]["image"]).unlink()
    miniworld.write(tmp_path, "test", size=32)
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == drawn
    path.write_bytes(path.read_bytes().replace(b"mw-00000", b"mw-00009"))
    miniworld.write(tmp_path, "test", size=32)
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == drawn
