"""Dry runs of the 7B and 8B recipes against the arithmetic by hand; the extras that a training needs."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires, version
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from globe_train import check, cli, train, vllm
from globe_train.recipe import read_recipe, recipes_folder

LARGE = sorted(path.stem for path in recipes_folder().glob("*.yaml") if not path.stem.startswith("miniworld"))
QWEN, QWEN_SEES, INTERNVL = 8_292_166_656, 676_550_144, 7_944_373_760
"""Weights of Qwen2.5-VL-7B-Instruct and InternVL3-8B-hf as their files have them."""


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    import socket

    def refuse(*_: Any) -> None:
        raise AssertionError("a dry run asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(tmp_path))


def figures(name: str, *overrides: str) -> dict[str, float]:
    recipe = read_recipe(name, overrides)
    config = train.trl_configuration(recipe)
    size = check.model_size(recipe)
    _, n, _ = check.data(recipe)
    disk = check.disk(recipe, config, size, check.steps(recipe, config, n))
    text = "\n".join([check.memory(recipe, config, size), *disk, check.hours(recipe, config, n, None)])
    found = {"trained": float(size.trained), "steps": float(check.steps(recipe, config, n).total)}
    for key, pattern in (
        ("gib", r"memory: ([\d.,]+) GiB"),
        ("gib_each", r"GPUs, ([\d.,]+) GiB"),
        ("checkpoint_gb", r"disk: ([\d.,]+) GB"),
        ("saves", r"checkpoint, ([\d.,]+) of"),
        ("written_gb", r"at once, ([\d.,]+) GB"),
        ("at_once_gb", r"steps: ([\d.,]+) GB"),
        ("hours", r"hours: ([\d.,]+) at"),
    ):
        if match := re.search(pattern, text):
            found[key] = float(match[1].replace(",", ""))
    return found


@pytest.mark.parametrize("name", LARGE)
def test_a_dry_run_ends_well_and_says_sizes_steps_and_prompt(
    trl: Any, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    verb = read_recipe(name)["kind"].replace("_", "-")
    assert cli.main([verb, name, "--dry-run"]) == 0
    said = capsys.readouterr().out
    total = INTERNVL if "internvl" in name else QWEN
    assert f"model: {total:,} weights" in said and "is not on this machine; 33,721 rows" in said
    assert all(
        f"\n{word}: " in said for word in ("memory", "steps", "disk", "hours", "first picture", "system", "user")
    )


def test_sizes_are_those_of_the_published_weights(trl: Any) -> None:
    assert check.model_size(read_recipe("sft")) == check.Size(QWEN, QWEN_SEES, QWEN - QWEN_SEES)
    assert check.model_size(read_recipe("reward_model")).trained == 40_370_176
    assert check.model_size(read_recipe("internvl3_8b_grpo_two_rewards")).total == INTERNVL


def test_memory_steps_disk_and_hours_are_those_by_hand(trl: Any) -> None:
    """By hand: ZeRO-3 in bf16 takes 2 bytes a weight and 14 more a trained one, a reference model 2 more a weight."""
    sft = figures("sft")
    assert sft["gib"] == pytest.approx(114.7, rel=0.05) and sft["gib_each"] == pytest.approx(14.3, rel=0.05)
    assert sft["steps"] == pytest.approx(2 * 33_721 / 64, rel=0.05)
    every = ("freeze_vision=false", "trainer.save_steps=50", "trainer.save_total_limit=3")
    grpo = figures("grpo_two_rewards", *every)
    assert grpo["gib"] == pytest.approx(139.0, rel=0.05) and grpo["gib_each"] == pytest.approx(23.2, rel=0.05)
    assert grpo["steps"] == 5_620 and grpo["hours"] == pytest.approx(21, rel=0.05)
    assert grpo["checkpoint_gb"] == pytest.approx(116, rel=0.05) and grpo["saves"] == 112
    assert grpo["written_gb"] == pytest.approx(13_000, rel=0.05) and grpo["at_once_gb"] == pytest.approx(464, rel=0.05)
    assert figures("lora_grpo_two_rewards")["steps"] == 8_430
    assert figures("grpo_all_rewards")["steps"] == 5_620


def test_one_process_that_trains_all_weights_holds_them_in_float32(trl: Any) -> None:
    assert figures("sft", "gpus=1")["gib"] == pytest.approx((4 * QWEN + 12 * (QWEN - QWEN_SEES)) / 2**30, rel=1e-3)


def test_hours_are_at_the_rate_that_is_stated(trl: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sft", "--rate", "10", "sft", "--dry-run", "seed=2"]) == 0
    assert "hours: 1.9 at 10 photographs a second (as stated)" in capsys.readouterr().out
    assert cli.main(["sft", "sft", "--dry-run"]) == 0
    assert "hours: not known; --rate" in capsys.readouterr().out
    for words, said in (
        (["--rate", "0", "--dry-run"], "allowed: photographs a second above 0"),
        (["--rate", "1"], "--rate: only --dry-run"),
    ):
        assert cli.main(["sft", "sft", *words]) == 2 and said in capsys.readouterr().err


def test_arguments_stand_in_any_order(trl: Any, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["sft", "trainer.max_steps=7", "--dry-run"]
    for order in permutations(words):
        assert cli.main(["sft", *order]) == 0
        assert "steps: 7 of" in capsys.readouterr().out
    for word, said in (("--dryrun", "did you mean '--dry-run'"), ("x", "allowed: key=value")):
        assert cli.main(["sft", "sft", word]) == 2
        assert said in capsys.readouterr().err


def test_a_data_set_of_the_hub_of_unknown_size(trl: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["sft", "sft", "--dry-run", "data.hub=someone/something"]) == 2
    assert "say how many rows it has: data.limit=N" in capsys.readouterr().err
    assert cli.main(["sft", "sft", "--dry-run", "data.hub=someone/something", "data.limit=640"]) == 0
    assert "steps: 20 of 64 examples" in capsys.readouterr().out


EXTRAS = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]


def named(extra: str) -> dict[str, Requirement]:
    return {one.name: one for one in map(Requirement, EXTRAS[extra])}


def test_trl_is_held_to_the_minor_version_whose_private_methods_are_overridden(trl: object) -> None:
    major, minor = version("trl").split(".")[:2]
    specifier = named("train")["trl"].specifier
    assert specifier.contains(version("trl")) and not specifier.contains(f"{major}.{int(minor) + 1}.0")


def test_gpu_takes_a_vllm_that_trl_works_with_and_our_check_accepts(trl: object) -> None:
    ours = named("gpu")["vllm"].specifier
    (theirs,) = {str(one.specifier) for one in map(Requirement, requires("trl") or []) if one.name == "vllm"}
    assert ours.contains("0.31.0") and not ours.contains("0.32.0") and not ours.contains("0.33.0"), theirs
    assert vllm.outside("0.31.0") is None and vllm.outside("0.33.0") is not None


def test_gpu_brings_what_the_launcher_starts() -> None:
    assert {"globe-eval", "vllm", "deepspeed"} <= named("gpu").keys()
    assert named("gpu")["globe-eval"].extras == {"train"}


@pytest.mark.parametrize("name", ["transformers", "trl", "peft", "accelerate"])
def test_what_is_installed_here_is_what_the_extra_takes(trl: object, name: str) -> None:
    assert named("train")[name].specifier.contains(version(name))
