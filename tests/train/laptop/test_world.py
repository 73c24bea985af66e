from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from globe_eval import miniworld
from globe_eval.errors import InputError
from globe_train.laptop import teacher
from globe_train.laptop import world as training_world


def rows_of(manifest: Path) -> list[dict]:
    return [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]


def test_the_training_split_shares_no_scene_and_no_photographer_with_the_benchmark(world: Path) -> None:
    test = miniworld.photographs("test")
    rows = rows_of(world)
    assert not {row["group"] for row in rows} & {row["group"] for row in test}
    with pytest.raises(InputError, match="is the benchmark's"):
        training_world.check_disjoint(test[:3])


def test_a_second_call_writes_nothing_and_another_split_is_refused(world: Path) -> None:
    before = world.stat().st_mtime_ns
    assert training_world.write(world.parent, n=48, size=56) == world
    assert world.stat().st_mtime_ns == before
    with pytest.raises(InputError, match="another training split"):
        training_world.write(world.parent, n=47, size=56)


def test_pictures_are_those_of_the_rows(world: Path) -> None:
    row = rows_of(world)[0]
    drawn = miniworld.render(miniworld.photographs("train", 1, seed=1)[0], 56)
    assert Image.open(world.parent / row["image"]).tobytes() == drawn.tobytes()


def test_the_careful_teacher_is_right() -> None:
    for row in miniworld.photographs("train", 50, seed=3):
        lesson = teacher.teach(row, "careful")
        assert (lesson["teacher_country"], lesson["teacher_city"]) == (row["country"], row["city"])
        assert all(entity in lesson["reasoning"] for entity in row["entities"])


def test_the_flawed_teacher_errs_as_often_as_it_says() -> None:
    rows = miniworld.photographs("train", 2000, seed=3)
    lessons = [teacher.teach(row, "flawed") for row in rows]
    invents = sum(bool(lesson["invented"]) for lesson in lessons) / len(rows)
    assert abs(invents - teacher.INVENTS) < 0.04
    assert all(not set(lesson["invented"]) & set(row["entities"]) for lesson, row in zip(lessons, rows, strict=True))
    second = [(r, x) for r, x in zip(rows, lessons, strict=True) if r["city"] != teacher.best_known(r["country"])]
    wrong = sum(lesson["teacher_city"] != row["city"] for row, lesson in second) / len(second)
    assert abs(wrong - teacher.FAVOURS) < 0.06
    assert all(lesson["teacher_country"] == row["country"] for lesson, row in zip(lessons, rows, strict=True))
    kinds = miniworld.world.kinds()
    for chance, telling in ((teacher.OVERLOOKS, True), (teacher.OMITS, False)):
        named = [
            entity in re.split(r", |: |\n", lesson["reasoning"])
            for row, lesson in zip(rows, lessons, strict=True)
            for entity in row["entities"]
            if (kinds.get(entity) in teacher.TELLING) == telling
        ]
        assert abs(1 - sum(named) / len(named) - chance) < 0.03


def test_a_teacher_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'careful'"):
        training_world.write(tmp_path, n=1, manner="carefull")


def test_imagined_pictures_show_the_rare_as_often_as_the_common() -> None:
    rows = [training_world.imagined(index, 1) for index in range(300)]
    training_world.check_disjoint(rows)
    lessons = [teacher.teach(row, "imagined") for row in rows]
    assert {lesson["teacher_city"] for lesson in lessons} == {teacher.NOWHERE}
    signs = Counter(entity for row in rows for entity in row["entities"] if entity.endswith(" sign"))
    kinds = [entity for entity, kind in miniworld.world.kinds().items() if kind == "sign"]
    assert set(signs) == set(kinds) and max(signs.values()) < 0.15 * sum(signs.values())
    assert len({entity for row in rows for entity in row["entities"]}) > 150
