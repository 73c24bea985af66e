"""What `pip install 'globe-eval[gpu]'` takes is what the checks before a training accept."""

from __future__ import annotations

import tomllib
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from globe_train import vllm

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
