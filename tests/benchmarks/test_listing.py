"""`ls tasks`, `ls tasks --details`, `validate`: what a person reads in a terminal of 80 columns."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from globe_eval import miniworld
from globe_eval.benchmarks import listing
from globe_eval.benchmarks.ceilings import of_every_form
from globe_eval.benchmarks.definition import METADATA_KEYS, definitions, find, shipped, task_folders, tasks_folder
from globe_eval.benchmarks.prompts import PROMPT_NAMES
from globe_eval.cli import main


def test_a_benchmark_is_one_line_within_the_terminal() -> None:
    known = shipped()
    for width in (80, 132):
        lines = listing.table(known, width).splitlines()
        assert max(map(len, lines)) <= width
        benchmarks = [line.split()[0] for line in lines[2 : lines.index("")]]
        assert benchmarks == sorted(set(benchmarks))
        assert set(benchmarks) == {name for name, one in known.items() if not one.is_group} - {
            *listing.variants_of(known)
        }
    assert "2,997 Flickr photographs by 198 people (Vo, Jacobs & Hays 2017), 3,000" in listing.table(known, 132)


def test_variants_are_folded_into_the_benchmark_whose_photographs_they_have() -> None:
    assert listing.variants_of(shipped())["im2gps3k_globe_eval"] == "im2gps3k"
    assert "im2gps3k_outdoor" not in listing.variants_of(shipped()), "other photographs are another benchmark"
    shown = listing.table(shipped()).replace(",", " ").split()
    assert {"im2gps3k_globe_eval", "published_coordinates", "imageo", "coordinates"} <= {*shown}


def test_a_users_variant_of_a_shipped_benchmark_is_folded_too(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"include: {shipped()['yfcc4k'].path}\ntask: mine\nprompt: address\n")
    known = definitions([*task_folders(), tmp_path])
    assert listing.variants_of(known)["mine"] == "yfcc4k"


def test_the_list_says_whose_data_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(tmp_path))
    (tmp_path / "yfcc4k" / "images").mkdir(parents=True)

    def here() -> set[str]:
        return {line.split()[0] for line in listing.table(shipped()).splitlines() if line.split()[2:3] == ["here"]}

    assert here() == {"miniworld"}, "a folder of pictures without its table is not enough"
    (tmp_path / "yfcc4k" / "yfcc4k.csv").touch()
    (tmp_path / "im2gps3k").mkdir()
    for name in ("manifest.parquet", "prepare.json"):
        (tmp_path / "im2gps3k" / name).touch()
    assert here() == {"miniworld", "yfcc4k", "im2gps3k", "im2gps3k_outdoor"}


def test_details_are_a_paragraph_a_benchmark_within_the_terminal() -> None:
    paragraphs = listing.details(shipped(), 80).split("\n\n")
    assert max(len(line) for one in paragraphs for line in one.splitlines()) <= 80
    names = [one.splitlines()[0] for one in paragraphs]
    assert names == sorted({*shipped()} - {*listing.variants_of(shipped())})
    (shown,) = (one for one in paragraphs if one.startswith("osv5m_mini3k\n"))
    for words in ("3,000, version 1", "CC BY-SA 4.0", "n, id, latitude", "osv5m_mini3k_globe_eval: names"):
        assert words in shown


def test_what_is_wrong_with_a_yaml_is_read_at_eighty_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").write_text("task: x\nclass: !function globe_eval.GeoTask\nqqqq: 1\nmetadata: {version: 1}\n")
    assert main(["validate", "x.yaml"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line[:14] for line in lines if not line.startswith(" ")] == ["x.yaml, line 1", "x.yaml, line 3"]


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
        fixed = "doc_to_text" in one.values  # a prompt of its own has no others
        assert fixed or all(f"`{prompt}`" in text for prompt in PROMPT_NAMES if not prompt.startswith("globe_")), name


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


def test_the_ceilings_that_miniworlds_folder_states_are_those_of_its_photographs() -> None:
    one = find("miniworld")
    stated = json.loads((one.path.parent / listing.CEILINGS).read_text(encoding="utf-8"))
    assert stated == {"miniworld": of_every_form(miniworld.photographs("test"))}
    assert "address 37.7 / 100.0 / 100.0 / 100.0 / 100.0; " in listing.details({"miniworld": one}, 200)
