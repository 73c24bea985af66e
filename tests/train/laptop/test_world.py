"""What the laptop proof stands on: its world, Muon, and commands side by side."""

from __future__ import annotations

import copy
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from globe_eval import miniworld  # noqa: E402
from globe_eval.errors import InputError  # noqa: E402
from globe_train.laptop import teacher  # noqa: E402
from globe_train.laptop import world as training_world  # noqa: E402
from globe_train.laptop.muon import MuonAndAdamW, matrices_and_rest  # noqa: E402
from globe_train.laptop.steps import Step, run  # noqa: E402


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
    rows = [training_world.imagined_row(index, 1) for index in range(300)]
    training_world.check_disjoint(rows)
    lessons = [teacher.teach(row, "imagined") for row in rows]
    assert {lesson["teacher_city"] for lesson in lessons} == {teacher.NOWHERE}
    signs = Counter(entity for row in rows for entity in row["entities"] if entity.endswith(" sign"))
    kinds = [entity for entity, kind in miniworld.world.kinds().items() if kind == "sign"]
    assert set(signs) == set(kinds) and max(signs.values()) < 0.15 * sum(signs.values())
    assert len({entity for row in rows for entity in row["entities"]}) > 150


GIVEN = {"lr": 0.01, "weight_decay": 0.1, "betas": (0.9, 0.98), "eps": 1e-8}


@pytest.fixture
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Embedding(11, 8), torch.nn.Linear(8, 6), torch.nn.LayerNorm(6))


def train(model: torch.nn.Module, optimizers: list, steps: range, schedulers: list = ()) -> list[torch.Tensor]:
    for step in steps:
        loss = model(torch.tensor([step % 11, (step + 3) % 11])).pow(2).mean()
        loss = loss + model(torch.tensor([5])).sin().sum()
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for one in [*optimizers, *schedulers]:
            one.step()
    return [weight.detach().clone() for weight in model.parameters()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_it_steps_as_the_two_do(model: torch.nn.Module) -> None:
    other = copy.deepcopy(model)
    optimizer = MuonAndAdamW(model, **GIVEN)
    apart = [
        torch.optim.Muon([other[1].weight], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(
            [other[0].weight, other[1].bias, *other[2].parameters()], lr=0.01, weight_decay=0.1, betas=(0.9, 0.98)
        ),
    ]
    halve = torch.optim.lr_scheduler.LambdaLR
    after = train(model, [optimizer], range(6), [halve(optimizer, lambda step: 0.5**step)])
    expected = train(other, apart, range(6), [halve(one, lambda step: 0.5**step) for one in apart])
    assert same(after, expected)
    assert [group["lr"] for group in optimizer.param_groups] == [0.01 * 0.5**6] * 2


def test_it_goes_on_from_its_state(model: torch.nn.Module) -> None:
    straight = copy.deepcopy(model)
    expected = train(straight, [MuonAndAdamW(straight, **GIVEN)], range(8))
    first = MuonAndAdamW(model, **GIVEN)
    train(model, [first], range(4))
    second = MuonAndAdamW(model, **GIVEN)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert same(train(model, [second], range(4, 8)), expected)


def test_which_weights_are_matrices(model: torch.nn.Module) -> None:
    model[2].bias.requires_grad_(False)
    matrices, rest = matrices_and_rest(model)
    assert [id(weight) for weight in matrices] == [id(model[1].weight)]
    assert {id(weight) for weight in rest} == {id(model[0].weight), id(model[1].bias), id(model[2].weight)}


def write(folder: Path, name: str, *needs: str, code: str = "", cores: int = 1) -> Step:
    """A step that fails unless what it needs is there."""
    check = "; ".join(f"assert (f / {need!r}).exists(), 'no {need}'" for need in needs) or "pass"
    text = (
        f"import pathlib; f = pathlib.Path({str(folder)!r}); {check}; {code or 'pass'}; (f / {name!r}).write_text('x')"
    )
    return Step(name, folder / name, [sys.executable, "-c", text], needs, cores)


def test_a_step_waits_for_what_it_needs(tmp_path: Path) -> None:
    steps = [write(tmp_path, "c", "a", "b"), write(tmp_path, "a"), write(tmp_path, "b", "a", cores=99)]
    run(steps, tmp_path / "logs")
    assert all(step.done.exists() for step in steps)
    timed = (tmp_path / "logs" / "seconds.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in timed] == ["a", "b", "c"]


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("before")
    run([write(tmp_path, "a"), write(tmp_path, "b", "a")], tmp_path / "logs")
    assert (tmp_path / "a").read_text() == "before" and (tmp_path / "b").exists()


def test_one_that_fails_ends_the_rest(tmp_path: Path) -> None:
    steps = [write(tmp_path, "a", code="raise SystemExit('no room on the disk')"), write(tmp_path, "b", "a")]
    with pytest.raises(InputError, match=r"exit code 1: no room on the disk \(.*a\.log\)"):
        run(steps, tmp_path / "logs")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("kind", ["sft", "grpo"])
def test_a_recipe_trains_with_it(kind: str, trl: Any, world: Path, student: Path, tmp_path: Path) -> None:
    from globe_train import checkpoint, train
    from globe_train.data import dataset, examples_of
    from globe_train.recipe import Recipe

    trainer = {"max_steps": 1, "per_device_train_batch_size": 4, "save_strategy": "no", "disable_tqdm": True}
    values = {"kind": kind, "departures": [], "model": str(student), "output": str(tmp_path / "out")}
    values |= {"data": {"manifest": str(world), "limit": 8}, "optimizer": "muon", "trainer": trainer}
    if kind == "grpo":
        trainer |= {"num_generations": 4, "max_completion_length": 4}
        values["rewards"] = {"r_format": 1.0}
    recipe = Recipe(tmp_path / "r.yaml", values, {})
    config = train.trl_configuration(recipe)
    model, processor = checkpoint.load(recipe, config)
    examples, _ = examples_of(recipe)
    build = train.sft_trainer if kind == "sft" else train.grpo_trainer
    made = build(recipe, config, model, processor, dataset(examples, recipe))
    made.train()
    assert isinstance(made.optimizer.optimizer, MuonAndAdamW)
