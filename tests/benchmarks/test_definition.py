from __future__ import annotations

from pathlib import Path

import pytest

from globe_eval.benchmarks import definition

GOOD = """\
task: my_city
class: !function globe_eval.GeoTask
dataset_kwargs: {truth: gt.csv, images: img}
metadata: {version: 1}
"""

SHIPPED = sorted(definition.tasks_folder().glob("*.yaml"))


def messages(folder: Path, text: str, name: str = "my_city.yaml") -> list[str]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return [str(problem) for problem in definition.problems(path)]


def test_four_lines_are_enough(tmp_path: Path) -> None:
    assert messages(tmp_path, GOOD) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_yamls_have_no_problem_and_all_metadata(path: Path) -> None:
    assert definition.problems(path) == []
    one = definition.read_definition(path)
    assert one.name == path.stem
    if not one.is_group:
        assert set(definition.METADATA_KEYS) == set(one.values["metadata"])


@pytest.mark.parametrize(
    "change, words",
    [
        (("task: my_city", "tsk: my_city"), ["line 1", "'tsk'", "did you mean 'task'"]),
        (("dataset_kwargs", "dataset_kwarg"), ["line 3", "did you mean 'dataset_kwargs'"]),
        (("truth: gt.csv", "thruth: gt.csv"), ["line 3", "'dataset_kwargs.thruth'", "did you mean 'truth'"]),
        (("{version: 1}", "{verson: 1}"), ["line 4", "did you mean 'version'"]),
        (("{version: 1}", "{}"), ["line 4", "'version' is missing"]),
        (("metadata", "task: other\nmetadata"), ["line 4", "'task' stands there twice, first in line 1"]),
        (("globe_eval.GeoTask", "globe_eval.GeoTsk"), ["line 2", "GeoTsk"]),
        (("!function globe_eval.GeoTask", "GeoTask"), ["line 2", "found 'GeoTask'"]),
        (("class: !function globe_eval.GeoTask\n", ""), ["class is missing"]),
        (("metadata", "prompt: globe_raedme\nmetadata"), ["line 4", "did you mean 'globe_readme'"]),
        (("metadata", "doc_to_text: '{{city}}?'\nmetadata"), ["line 4", "truth column 'city'"]),
        (("metadata", "x: !!python/object:os.system {}\nmetadata"), ["line 4", "not allowed"]),
        (("metadata: {", "metadata: [{"), ["line", "not valid YAML"]),
        (
            ("metadata", "metric_list: [{metric: m, aggregation: mean}]\nmetadata"),
            ["line 4", "'m' has no 'higher_is_better'"],
        ),
    ],
)
def test_a_typo_is_named_with_its_line_and_the_nearest_match(
    tmp_path: Path, change: tuple[str, str], words: list[str]
) -> None:
    text = GOOD.replace(*change)
    assert text != GOOD
    found = messages(tmp_path, text)
    assert any(all(word in message for word in words) for message in found), found


def test_a_group_names_its_unknown_member(tmp_path: Path) -> None:
    found = messages(tmp_path, "group: all\ntask:\n  - im2gps3k\n  - yfcc4\n", "all.yaml")
    assert found == [f"{tmp_path / 'all.yaml'}, line 4: task: no task 'yfcc4'; did you mean 'yfcc4k'?"]


def test_includes_are_merged_and_a_circle_is_refused(tmp_path: Path) -> None:
    messages(tmp_path, GOOD)
    assert messages(tmp_path, "include: my_city.yaml\ntask: mine\nprompt: coordinates\n", "mine.yaml") == []
    assert "includes itself" in messages(tmp_path, "include: loop.yaml\ntask: loop\n", "loop.yaml")[0]
