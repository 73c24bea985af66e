"""SFT, reward model and GRPO through the command line, a few steps each, with the tiny student."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from reported import Row, write_run

import globe_train
from globe_train.checkpoint import checkpoints
from globe_train.cli import main

TRAINER = {"per_device_train_batch_size": 8, "learning_rate": 1e-3, "disable_tqdm": True, "save_strategy": "no"}


OWN = """\
calls = []


def vowels(completions, **_):
    texts = [turns[0]["content"] for turns in completions]
    return [sum(letter in "aeiou" for letter in text) / 10 for text in texts]


def fails_later(completions, **_):
    calls.append(1)
    return [1.0 / (len(calls) < 3) for _ in completions]
"""
"""Rewards that a few steps of training already move: an untrained model never names a city."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("training")
    (made / "own.py").write_text(OWN, encoding="utf-8")
    return made


def written(folder: Path, world: Path, model: Path, kind: str, name: str, **values: Any) -> str:
    trainer = {**TRAINER, "max_steps": 2, **values.pop("trainer", {})}
    recipe = {
        "kind": kind,
        "departures": ["a test"],
        "model": str(model),
        "output": str(folder / name),
        "data": {"manifest": str(world)},
        "seed": 1,
        "trainer": trainer,
        **values,
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    return str(path)


def grpo(folder: Path, world: Path, model: Path, name: str, **values: Any) -> str:
    trainer = {"num_generations": 4, "max_completion_length": 12, "beta": 0.001, **values.pop("trainer", {})}
    rewards = values.pop("rewards", {"own:vowels": 1.0, "r_format": 1.0})
    return written(folder, world, model, "grpo", name, trainer=trainer, rewards=rewards, **values)


def losses(folder: Path) -> list[float]:
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [entry["loss"] for entry in map(json.loads, lines) if "loss" in entry]


@pytest.fixture(scope="module")
def sft(folder: Path, world: Path, student: Path) -> Path:
    """A checkpoint after a few steps of SFT, and what was said about it. YAML takes the word no for false."""
    trainer = {"max_steps": 6, "save_strategy": False}
    recipe = written(folder, world, student, "sft", "sft", trainer=trainer, against=["miniworld"])
    assert main(["sft", recipe]) == 0
    return folder / "sft"


def test_sft_learns_and_says_what_it_was(sft: Path, world: Path, student: Path) -> None:
    found = losses(sft)
    assert len(found) == 6 and found[-1] < found[0]
    about = json.loads((sft / "training.json").read_text(encoding="utf-8"))
    assert about["data"]["n"] == 48
    assert about["contamination"][0]["shared"]["content"] == 0
    assert about["contamination"][0]["shared"]["photographer"] == 0
    assert about["parent"] == str(student) and about["parent_sha256"] != about["weights_sha256"]
    card = (sft / "README.md").read_text(encoding="utf-8")
    assert about["data"]["sha256"] in card and "max_steps: 6" in card
    assert (sft / "curves.png").stat().st_size > 1000


def test_a_checkpoint_is_evaluated_by_globe_eval_and_its_card_shows_the_result(sft: Path, folder: Path) -> None:
    from globe_eval.cli import main as evaluate

    arguments = ["--model", "hf-multimodal", "--model_args", f"pretrained={sft}", "--tasks", "miniworld"]
    out = folder / "evaluated"
    small = ["--limit", "4", "--batch_size", "4", "--device", "cpu", "--gen_kwargs", "max_gen_toks=8"]
    assert evaluate([*arguments, *small, "--output_path", str(out)]) == 0
    assert main(["card", str(sft), str(out / "miniworld")]) == 0
    card = (sft / "README.md").read_text(encoding="utf-8")
    assert "**Not the whole benchmark: miniworld: a run with --limit 4 is not published" in card
    assert "| accuracy within 25 km (%) | " in card and "4 photographs by" in card
    head = yaml.safe_load(card.split("---\n")[1])
    assert "model-index" not in head and "base_model" not in head, "a part of a benchmark, a folder of this machine"


def test_a_card_has_what_the_hub_reads_of_whole_runs(
    sft: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from globe_eval.cli import main as evaluate

    assert evaluate(["--model", "constant", "--tasks", "miniworld", "--output_path", str(folder / "whole")]) == 0
    results = json.loads((folder / "whole" / "miniworld" / "results.json").read_text(encoding="utf-8"))
    assert main(["card", str(sft), str(folder / "whole" / "miniworld")]) == 0
    card = (sft / "README.md").read_text(encoding="utf-8")
    assert "No `.eval_results`: miniworld is no data set on the hub." in card
    assert not (sft / ".eval_results").exists()
    head = yaml.safe_load(card.split("---\n")[1])
    index = head["model-index"][0]["results"]
    value = results["metrics"]["acc@750km"]["value"]
    assert {entry["dataset"]["name"] for entry in index} == {"miniworld"}
    assert [m["value"] for entry in index for m in entry["metrics"] if m["type"] == "acc@750km"] == [
        pytest.approx(100 * value, abs=0.01)
    ]
    monkeypatch.setattr("globe_train.card.hub_of", lambda task: "owner/set")
    monkeypatch.setattr(sys.modules["globe_eval.reports.export.model_card"], "hub_of", lambda task: "owner/set")
    assert main(["card", str(sft), str(folder / "whole" / "miniworld")]) == 0
    entries = yaml.safe_load((sft / ".eval_results" / "miniworld.yaml").read_text(encoding="utf-8"))
    assert [e["value"] for e in entries if e["dataset"]["task_id"] == "miniworld_within_750km"] == [
        pytest.approx(100 * value, abs=0.01)
    ]
    assert main(["card", str(sft), str(folder)]) == 2
    assert "results.json: no such file" in capsys.readouterr().err


def test_a_card_shows_no_result_of_other_weights(sft: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.safetensors").write_bytes(b"other weights")
    run = write_run(tmp_path / "run", [Row("a", 1.0, 2.0, "1, 2")], model_args={"pretrained": str(tmp_path / "other")})
    before = (sft / "README.md").read_bytes()
    assert main(["card", str(sft), str(run)]) == 2
    assert f"of the weights in {tmp_path / 'other'}, not of those in {sft}" in capsys.readouterr().err
    assert (sft / "README.md").read_bytes() == before


def test_grpo_from_the_sft_checkpoint(sft: Path, folder: Path, world: Path) -> None:
    recipe = grpo(folder, world, sft, "grpo", rewards={"r_geo": 1.0, "r_distance": {"weight": 0.5, "scale_km": 200.0}})
    assert main(["grpo", recipe]) == 0
    log = [json.loads(line) for line in (folder / "grpo" / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {"rewards/r_geo/mean", "rewards/r_distance/mean", "kl"} <= set(log[0])


def test_a_finished_run_is_not_written_over(sft: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = (sft / "model.safetensors").read_bytes()
    for more in ([], ["--dry-run"]):
        assert main(["sft", str(folder / "sft.yaml"), *more]) == 2
        assert "a run is there already" in capsys.readouterr().err
    assert (sft / "model.safetensors").read_bytes() == weights


def test_a_reward_that_raises_ends_the_run_and_leaves_the_checkpoints(
    sft: Path, folder: Path, world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = {"max_steps": 4, "save_strategy": "steps", "save_steps": 1}
    recipe = grpo(folder, world, sft, "raises", rewards={"own:fails_later": 1.0}, trainer=trainer)
    assert main(["grpo", recipe]) == 2
    assert "reward 'own:fails_later': ZeroDivisionError" in capsys.readouterr().err
    assert [path.name for path in checkpoints(folder / "raises")] == ["checkpoint-1", "checkpoint-2"]


def test_a_dry_run_says_everything_and_trains_nothing(
    sft: Path, folder: Path, world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = grpo(folder, world, sft, "dry", rewards={"r_geo": {"weight": 2.0, "alpha": 0.5}, "r_format": 1.0})
    assert main(["grpo", recipe, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "departs from the paper: a test" in said
    assert " weights, " in said and "GiB" in said
    assert "steps: 2 of 2 pictures of 4 answers each" in said
    assert "r_geo (weight 2): 1.000, " in said and "r_format (weight 1): 1.000, 1.000, 0.000" in said
    assert not (folder / "dry" / "model.safetensors").exists()


def test_a_dry_run_rewards_three_answers_of_a_model_that_is_small(
    sft: Path, folder: Path, world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = grpo(folder, world, sft, "dry-sampled", rewards={"own:vowels": 1.0})
    said = []
    for _ in range(2):
        assert main(["grpo", recipe, "--dry-run"]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1], "the same seed, the same answers"
    answers = re.findall(r"^  [123]: (.*)$", said[0], re.M)
    assert len(answers) == 3 and len(set(answers)) == 3
    values = re.findall(r"own:vowels \(weight 1\): (.*)", said[0])
    vowels = [sum(letter in "aeiou" for letter in answer) / 10 for answer in answers]
    assert [float(value) for value in values[1].split(", ")] == vowels
    monkeypatch.setattr("globe_train.check.SMALL_BYTES", 1000)
    assert main(["grpo", recipe, "--dry-run"]) == 0
    assert "none was asked of the model, which is large or not on this machine" in capsys.readouterr().out
    assert main(["grpo", recipe, "--dry-run", "--sample"]) == 0
    assert capsys.readouterr().out == said[0]
    assert main(["grpo", recipe, "--sample"]) == 2
    assert "--sample: only --dry-run takes it" in capsys.readouterr().err


def test_an_argument_of_the_library_is_checked_before_a_model_is_loaded(
    folder: Path, world: Path, capsys: pytest.CaptureFixture[str], trl: Any
) -> None:
    recipe = written(folder, world, Path("no/such/model"), "sft", "typo", trainer={"lerning_rate": 1.0})
    assert main(["sft", recipe]) == 2
    assert "trainer: unknown key 'lerning_rate'; did you mean 'learning_rate'?" in capsys.readouterr().err
    recipe = grpo(folder, world, Path("no/such/model"), "odd", trainer={"per_device_train_batch_size": 3})
    for more in ([], ["--dry-run"]):  # trl's own check, told before the model is loaded
        assert main(["grpo", recipe, *more]) == 2
        said = capsys.readouterr().err
        assert "odd.yaml, line 9: trainer: " in said and "divisible by num_generations" in said
    recipe = written(folder, world, Path("no/such/model"), "sft", "absent")
    assert main(["sft", recipe]) == 2
    assert "model 'no/such/model' cannot be loaded" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda weights: dict(list(weights.items())[1:]), "of its weights are not there"),
        (lambda weights: {name: weight[:1] for name, weight in weights.items()}, "size"),
        (lambda weights: b"cut off", "eader"),
    ],
    ids=["one lacks", "of another size", "cut"],
)
def test_weights_that_are_not_the_models_are_refused(
    folder: Path, world: Path, student: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, change: Any, said: str
) -> None:
    """transformers makes up what is not there."""
    from safetensors.torch import load_file, save_file

    model = Path(shutil.copytree(student, tmp_path / "model"))
    file = model / "model.safetensors"
    changed = change(load_file(file))
    if isinstance(changed, bytes):
        file.write_bytes(changed)
    else:
        save_file({name: weight.contiguous() for name, weight in changed.items()}, file, {"format": "pt"})
    assert main(["sft", written(folder, world, model, "sft", "other-weights")]) == 2
    err = capsys.readouterr().err
    assert f"model '{model}' cannot be loaded: " in err and said in err


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"lora": {"r": 2, "target_modules": ["no_such_layer"]}}, "no_such_layer"),
        ({"trainer": {"max_length": 8}}, "max_length"),
    ],
)
def test_what_trl_refuses_before_the_first_step_is_one_line(
    folder: Path, world: Path, student: Path, capsys: pytest.CaptureFixture[str], values: dict[str, Any], said: str
) -> None:
    assert main(["sft", written(folder, world, student, "sft", "not-followed", **values)]) == 2
    assert re.search(rf"not-followed.yaml, line \d+: trainer: \w+Error: .*{said}", capsys.readouterr().err)


def launched(*words: str) -> None:
    """Run words of Python in two processes: `accelerate launch` with gloo, what many GPUs would do, without them."""
    root = Path(globe_train.__file__).parents[1]
    config = root / "globe_train" / "accelerate" / "cpu2.yaml"
    path = f"{root}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    done = subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config), *words],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_two_processes_train_to_the_losses_of_one_with_twice_the_accumulation(
    folder: Path, world: Path, student: Path
) -> None:
    trainer = {"max_steps": 3, "per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}
    one = written(folder, world, student, "sft", "one-process", trainer=trainer)
    assert main(["sft", one]) == 0
    two = written(folder, world, student, "sft", "two-processes", trainer={**trainer, "gradient_accumulation_steps": 1})
    launched("-m", "globe_train.cli", "sft", two)
    assert losses(folder / "two-processes") == pytest.approx(losses(folder / "one-process"), rel=1e-3)


def test_two_processes_reinforce_the_same_answers_as_one_with_twice_the_accumulation(
    sft: Path, folder: Path, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers come from a stand-in: trl seeds the sampling of each process with its number (grpo_trainer.py).

    Plain gradient descent, for Adam's first steps turn the last digit of a gradient near zero into a whole step.
    """
    import answering
    import trl.trainer.grpo_trainer
    from safetensors.torch import load_file

    from globe_train import vllm

    trainer: dict[str, Any] = {
        **{"max_steps": 3, "per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "loss_type": "grpo"},
        **{"use_vllm": True, "vllm_mode": "colocate", "vllm_importance_sampling_correction": False, "beta": 0.02},
        **{"optim": "sgd", "learning_rate": 0.05},
    }
    one = grpo(folder, world, sft, "one-reinforced", trainer=trainer)
    monkeypatch.setattr(trl.trainer.grpo_trainer, "VLLMGeneration", answering.Answers)
    monkeypatch.setattr(vllm, "version", lambda name: "0.31.0")
    assert main(["grpo", one]) == 0
    two = grpo(folder, world, sft, "two-reinforced", trainer={**trainer, "gradient_accumulation_steps": 1})
    launched(str(Path(answering.__file__)), "grpo", two)
    one_log, two_log = (
        [json.loads(line) for line in (folder / name / "log.jsonl").read_text(encoding="utf-8").splitlines()][:3]
        for name in ("one-reinforced", "two-reinforced")
    )
    # kl is reported as a mean of the parts' means, and the parts are cut otherwise; in the loss it is the same
    for name in ("loss", "grad_norm", "reward", "reward_std"):
        values = [entry[name] for entry in one_log]
        assert len(set(values)) == 3, f"{name}: it did learn"
        assert [entry[name] for entry in two_log] == pytest.approx(values, rel=1e-4, abs=1e-6), name
    before, one_after, two_after = (
        load_file(f / "model.safetensors") for f in (sft, folder / "one-reinforced", folder / "two-reinforced")
    )
    moved = max(float((before[name] - one_after[name]).abs().max()) for name in before)
    assert max(float((two_after[name] - one_after[name]).abs().max()) for name in before) < 1e-4 * moved


def test_an_adapter_is_trained_resumed_evaluated_and_merged(
    sft: Path, folder: Path, world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch
    from transformers import AutoModelForImageTextToText

    lora = {"r": 4, "target_modules": "all-linear", "exclude_modules": ".*visual.*"}
    trainer = {"max_steps": 2, "save_strategy": "steps", "save_steps": 1}
    recipe = grpo(folder, world, sft, "adapter", lora=lora, trainer=trainer)
    assert main(["grpo", recipe]) == 0
    saved = folder / "adapter"
    assert (saved / "adapter_model.safetensors").is_file() and not (saved / "model.safetensors").exists()
    assert main(["grpo", recipe, "trainer.max_steps=3", "--resume"]) == 0
    merged = folder / "merged"
    assert main(["merge", str(saved), str(merged)]) == 0
    before, after = (AutoModelForImageTextToText.from_pretrained(f).state_dict() for f in (sft, merged))
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and not any("visual" in name for name in changed)
    (saved / "checkpoint-3" / "adapter_model.safetensors").write_bytes(b"cut off")
    assert main(["grpo", recipe, "trainer.max_steps=4", "--resume"]) == 2
    assert "checkpoint-3: cannot be gone on from: " in capsys.readouterr().err
    assert main(["merge", str(sft), str(folder / "nothing")]) == 2
    assert "no such file; an adapter is what a recipe with lora writes" in capsys.readouterr().err
    for text, said in (
        ("{", "names no base"),
        ('{"base_model_name_or_path": "./no"}', "merged into ./no: no such folder"),
    ):
        (saved / "adapter_config.json").write_text(text, encoding="utf-8")
        assert main(["merge", str(saved), str(folder / "nothing")]) == 2
        assert said in capsys.readouterr().err and not (folder / "nothing").exists()


def test_a_frozen_vision_part_stays_as_it_was(folder: Path, world: Path, student: Path) -> None:
    import torch
    from safetensors.torch import load_file

    recipe = written(folder, world, student, "sft", "frozen", freeze_vision=True)
    assert main(["sft", recipe]) == 0
    before, after = (load_file(f / "model.safetensors") for f in (student, folder / "frozen"))
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert moved and "visual" not in moved


def test_the_demos_cells_are_percentages_and_mark_what_excludes_zero() -> None:
    import numpy as np

    from globe_train.laptop import ablation

    groups = [str(i // 2) for i in range(40)]
    assert ablation.cell(np.full(40, 100.0), groups) == "100.0 (100.0 – 100.0)"
    assert ablation.cell(np.array([5.0, 6.0] * 20), groups, signed=True).endswith("*")
    assert not ablation.cell(np.array([-50.0, -50.0, 50.0, 50.0] * 10), groups, signed=True).endswith("*")
    assert ablation.cell(np.full(40, np.nan), groups) == "–"
