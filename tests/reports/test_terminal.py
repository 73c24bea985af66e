from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from globe_eval.reports import terminal
from globe_eval.runs.assemble import assemble, unscored
from globe_eval.sample import Results, Sample, Truth

SETTING = unscored("mine", "2", "coordinates", "0" * 64, "my-model")


def results(*texts: str, group: str | None = None) -> Results:
    samples = [Sample.of(str(i), Truth(10.0, 20.0, group=group), text) for i, text in enumerate(texts)]
    return assemble(SETTING, samples, started=datetime.now(UTC))[1]


def test_what_is_missing_is_shown_beside_the_score() -> None:
    shown = terminal.result_table(results("10, 20", "I cannot tell where this is, sorry."))
    assert "mine version 2 · my-model · coordinates · 2 photographs" in shown
    assert "street, 1 km" in shown and "50.0 %" in shown and "100.0 %" in shown
    assert "∞" in shown, "half of the answers are missing: the median is infinite"
    assert "status: coordinates 1, refused 1" in shown


def test_one_group_has_no_interval() -> None:
    shown = terminal.result_table(results("10, 20", "10, 21", group="p")).splitlines()
    line = next(line for line in shown if line.startswith("city, 25 km"))
    assert "–" not in line and "50.0 %" in line


def test_runs_stand_side_by_side() -> None:
    shown = terminal.compact_table([results("10, 20", "10, 21"), results("1, 2", "3, 4")])
    said, _, table = shown.partition("┌")
    assert said.count("my-model on mine: Half of the photographs") == table.count("my-model") == 2
    assert "50.0 %" in shown and "0.0 %" in shown


def test_a_row_says_which_weights() -> None:
    setting = replace(SETTING, model="hf-multimodal", model_args={"pretrained": "globe-project/GLOBE-Qwen2.5VL-7B/"})
    _, one = assemble(setting, [Sample.of("a", Truth(10.0, 20.0), "10, 20")], started=datetime.now(UTC))
    assert "hf-multimodal GLOBE-Qwen2.5VL-7B" in terminal.result_table(one)


def test_a_narrow_terminal_gets_every_column_one_below_the_other() -> None:
    many = [results("10, 20", "10, 21"), results("1, 2", "I cannot tell where this is, sorry.")]
    wide = terminal.compact_table(many)
    for columns in (60, 80, 100):
        narrow = terminal.compact_table(many, columns=columns)
        assert max(map(len, narrow.splitlines())) <= columns
        for word in ("2,500 km", "GeoScore", "located", "100.0 %"):
            assert narrow.count(word) == wide.count(word)
        table = terminal.result_table(many[1], columns)
        assert max(map(len, table.splitlines())) <= max(columns, 80)


def test_a_result_opens_with_plain_sentences() -> None:
    shown = terminal.result_table(results("10, 20", "10, 20.01"))
    heading, _, said = shown.splitlines()[:3]
    assert heading.startswith("mine version 2") and said.startswith("Half of the photographs are placed within 0.5 km")
