"""The README of each folder of `tasks/` is what its YAMLs say, and lm-eval's checklist is filled in."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from globe_eval.benchmarks.definition import METADATA_KEYS, shipped, tasks_folder
from globe_eval.benchmarks.prompts import PROMPT_NAMES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def readmes() -> dict[Path, str]:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import task_readmes
    finally:
        sys.path.pop(0)
    return task_readmes.readmes()


def test_none_is_stale_and_none_is_missing(readmes: dict[Path, str]) -> None:
    assert {*readmes} == {*tasks_folder().glob("*/README.md")} == {p / "README.md" for p in tasks_folder().glob("*/")}
    for path, text in readmes.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.parent.name}/README.md is stale: make tasks"


def test_each_says_what_the_metadata_says_and_names_every_task_and_prompt(readmes: dict[Path, str]) -> None:
    for name, one in shipped().items():
        if one.path.parent == tasks_folder():
            continue
        text = readmes[one.path.parent / "README.md"]
        assert f"`{name}`" in text
        if not one.is_group and "include" not in one.values:
            metadata = one.values["metadata"]
            said = [str(metadata[key]) for key in METADATA_KEYS if key != "n"] + [f"{metadata['n']:,}"]
            assert all(words in text for words in [*said, *metadata.get("defects", ())]), name
        assert all(f"`{prompt}`" in text for prompt in PROMPT_NAMES if not prompt.startswith("globe_")), name


def test_a_published_setting_is_named_for_each_variant_that_has_a_yaml(readmes: dict[Path, str]) -> None:
    for text in readmes.values():
        table = text.split("## Tasks and variants")[1].split("Any of them")[0]
        lines = [line.split(" | ") for line in table.splitlines() if line.startswith("| `")]
        assert lines
        for cells in lines:
            variant = cells[0].endswith(("_globe_readme`", "_globe_eval`", "_coordinates`"))
            assert (cells[-1] == "none: the main variant |") is not variant, cells


def test_what_was_never_compared_with_the_original_is_not_ticked(readmes: dict[Path, str]) -> None:
    for path, text in readmes.items():
        compared = path.parent.name in ("im2gps", "im2gps3k")
        assert ("- [x] If yes, does the original paper" in text) is compared, path.parent.name
        assert text.count("- [x]") + text.count("- [ ]") == 6
