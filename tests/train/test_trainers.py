"""What is added to trl's trainers: imitation beside GRPO, and features of a frozen vision part that are computed once.

With imitation the gradient is GRPO's and SFT's together, whatever is left out of the work.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

torch = pytest.importorskip("torch")

from globe_eval.errors import InputError  # noqa: E402
from globe_train import train  # noqa: E402
from globe_train.data import examples_of  # noqa: E402
from globe_train.recipe import Recipe, read_recipe  # noqa: E402


def recipe_of(folder: Path, world: Path, student: Path, imitation: Any = None, **trainer: Any) -> Recipe:
    rows = [json.loads(line) for line in world.read_text(encoding="utf-8").splitlines()][:8]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    data = {"manifest": str(folder / "rows.jsonl"), "images": str(world.parent)}
    given: dict[str, Any] = {"kind": "grpo", "departures": ["a test"], "model": str(student), "data": data, "seed": 3}
    given |= {"output": str(folder / "out"), "rewards": {"r_format": 1.0}, "freeze_vision": True}
    given["trainer"] = {
        "num_generations": 4,
        "per_device_train_batch_size": 16,
        "max_completion_length": 8,
        "beta": 0.0,
    }
    given["trainer"] |= {"loss_type": "grpo", **trainer}
    if imitation is not None:
        given["imitation"] = {"data": data, **imitation}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(given), encoding="utf-8")
    return read_recipe(str(path))


def trainer_of(recipe: Recipe) -> Any:
    from globe_train import checkpoint
    from globe_train.data import dataset, read_examples

    config = train.trl_configuration(recipe)
    model, processor = checkpoint.load(recipe, config)
    examples = dataset(read_examples(recipe, recipe.output / "journal.jsonl"), recipe)
    seen: list[int] = []

    def second_of_each_other_picture(completions: Any, **_: Any) -> list[float]:
        seen.append(len(completions))
        return [float(i % 8 == 1) for i in range(len(completions))]

    made = train.grpo_trainer(recipe, config, model, processor, examples, [second_of_each_other_picture])
    made.current_gradient_accumulation_steps = 1
    made.model.train()
    return made


def gradient(trainer: Any, inputs: Any) -> Any:
    trainer.model.zero_grad()
    trainer._compute_loss(trainer.model, inputs).backward()
    return torch.cat([w.grad.flatten() for w in trainer.model.parameters() if w.grad is not None])


@pytest.mark.parametrize("loss", ["grpo", "dr_grpo"])
def test_answers_without_an_advantage_are_left_out_and_the_gradient_stays(
    tmp_path: Path, world: Path, student: Path, trl: Any, loss: str
) -> None:
    from globe_train.train import without_zero_advantages

    trainer = trainer_of(recipe_of(tmp_path, world, student, loss_type=loss))
    batch = [trainer.train_dataset[index // 4] for index in range(16)]
    torch.manual_seed(0)
    whole = trainer._generate_and_score_completions(batch)
    fewer = without_zero_advantages(whole)
    assert (len(whole["advantages"]), len(fewer["advantages"])) == (16, 8), "two of four pictures have no right answer"
    expected, found = gradient(trainer, whole), gradient(trainer, fewer)
    assert expected.abs().max() > 1e-4
    assert torch.allclose(expected, found, atol=1e-6, rtol=1e-3)
    whole["advantages"] = torch.zeros(16)
    fewer = without_zero_advantages(whole)
    assert gradient(trainer, fewer).abs().max() == 0, "no answer teaches anything, and one stays"


@pytest.mark.parametrize(
    ("trainer", "kept"), [({}, 8), ({"loss_type": "dr_grpo"}, 8), ({"loss_type": "dapo"}, 16), ({"beta": 0.1}, 16)]
)
def test_answers_are_left_out_where_the_loss_is_a_mean_over_answers_of_their_advantages_alone(
    tmp_path: Path, world: Path, student: Path, trl: Any, trainer: dict[str, Any], kept: int
) -> None:
    made = trainer_of(recipe_of(tmp_path, world, student, {"rows": 2}, **trainer))
    batch = [made.train_dataset[index // 4] for index in range(16)]
    assert len(made._generate_and_score_completions(batch)["advantages"]) == kept


def test_the_gradient_is_that_of_grpo_and_of_sft_times_its_weight(
    tmp_path: Path, world: Path, student: Path, trl: Any
) -> None:
    plain = trainer_of(recipe_of(tmp_path, world, student))
    batch = [plain.train_dataset[index // 4] for index in range(16)]
    torch.manual_seed(0)
    inputs = plain._generate_and_score_completions(batch)
    alone = gradient(plain, inputs)
    added = []
    for weight in (1.0, 3.0):
        both = trainer_of(recipe_of(tmp_path, world, student, {"rows": 8, "weight": weight}))
        added.append(gradient(both, inputs) - alone)
        assert both._metrics["train"]["imitation_loss"][0] > 0
    sft = read_recipe(
        "miniworld_scarce_sft",
        [f"model={student}", f"data.manifest={tmp_path / 'rows.jsonl'}", f"data.images={world.parent}"],
    )
    sft = sft.with_value("data", {**sft["data"], "columns": {}}).with_value("output", str(tmp_path / "sft"))
    from globe_train import checkpoint
    from globe_train.data import dataset, read_examples

    config = train.trl_configuration(sft)
    model, processor = checkpoint.load(sft, config)
    trainer = train.sft_trainer(sft, config, model, processor, dataset(read_examples(sft, tmp_path / "j.jsonl"), sft))
    rows = trainer.data_collator([trainer.train_dataset[index] for index in range(8)])
    model(**rows).loss.backward()
    imitated = torch.cat([w.grad.flatten() for w in model.parameters() if w.grad is not None])
    assert torch.allclose(added[0], imitated, atol=1e-5, rtol=1e-2)
    assert torch.allclose(added[1], 3 * imitated, atol=3e-5, rtol=1e-2)


def test_a_photograph_of_a_benchmark_that_is_imitated_is_refused(tmp_path: Path, world: Path, student: Path) -> None:
    recipe = recipe_of(tmp_path, world, student, {"rows": 2})
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    for row in rows:
        row["image_sha256"] = hashlib.sha256((world.parent / row["image"]).read_bytes()).hexdigest()
    for name, its in (("ours", rows[:4]), ("theirs", rows[4:6])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in its), encoding="utf-8")
    recipe = recipe.with_value("data", {**recipe["data"], "manifest": str(tmp_path / "ours.jsonl")})
    with pytest.raises(InputError, match="against"):
        examples_of(recipe.with_value("against", [str(tmp_path / "theirs.jsonl")]))


def test_what_imitation_cannot_be_is_refused(tmp_path: Path, world: Path, student: Path) -> None:
    for given, word in (({"rows": 0}, "rows"), ({"weight": -1}, "weight"), ({"row": 2}, "'rows'")):
        with pytest.raises(InputError, match=word):
            recipe_of(tmp_path, world, student, given)
    with pytest.raises(InputError, match=r"num_iterations.*imitation"):
        recipe_of(tmp_path, world, student, {"rows": 2}, num_iterations=2)
    with pytest.raises(InputError, match="imitation, data"):
        recipe_of(tmp_path, world, student, {"data": {"manifest": "rows.jsonl", "hub": "a/b"}})


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoModelForImageTextToText

    from globe_train.laptop import student

    folder: Path = student.build(tmp_path_factory.mktemp("student"))
    return lambda: AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()


def pictures(*shades: float) -> tuple[Any, Any]:
    """Pixels of pictures that differ by shade, of 4 x 4 and (the darker) 4 x 8 patches, and their grids."""
    grids = torch.tensor([[1, 4, 4] if shade < 1 else [1, 4, 8] for shade in shades])
    draw = [torch.Generator().manual_seed(round(100 * shade)) for shade in shades]
    pixels = [torch.randn(int(grid.prod()), 1176, generator=one) for grid, one in zip(grids, draw, strict=True)]
    return torch.cat(pixels), grids


def features(model: Any, *shades: float) -> list[Any]:
    pixels, grids = pictures(*shades)
    return list(model.model.get_image_features(pixels, image_grid_thw=grids).pooler_output)


def test_remembered_features_are_those_of_each_picture_in_any_order(seeing: Any) -> None:
    plain, remembering = seeing(), seeing()
    train.cache_vision_features(remembering)
    for batch in ((0.1, 2.0, 0.1, 0.3), (0.3, 0.1, 0.5), (2.0,)):
        with torch.no_grad():
            expected, found = features(plain, *batch), features(remembering, *batch)
        for one, other in zip(expected, found, strict=True):
            assert torch.allclose(one, other, atol=1e-5)


def test_a_picture_is_computed_once_and_the_oldest_are_forgotten(seeing: Any) -> None:
    model, computed = seeing(), []
    compute = model.model.visual.forward

    def counting(hidden_states: Any, grid_thw: Any, **named: Any) -> Any:
        computed.append(len(grid_thw))
        return compute(hidden_states, grid_thw, **named)

    model.model.visual.forward = counting
    bytes_a_picture = 4 * 4 * model.config.vision_config.out_hidden_size
    train.cache_vision_features(model, kept=2 * bytes_a_picture)
    for batch in ((0.1, 0.1, 0.2), (0.2, 0.1), (0.3,), (0.1, 0.3), (0.2,)):
        features(model, *batch)
    assert computed == [2, 1, 1], "two, none, the third, none (the second was forgotten), the second again"


def test_a_model_without_such_a_part_is_left_as_it_is() -> None:
    model = torch.nn.Linear(2, 2)
    before = dict(vars(model))
    train.cache_vision_features(model)
    assert dict(vars(model)) == before
