"""A run in a terminal: its table, its sentences, how it was made, and tables of it for papers."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import board_runs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from globe_eval.cli import main
from globe_eval.reports import terminal
from globe_eval.reports.board import leaderboard
from globe_eval.reports.sentences import of_many, sentences
from globe_eval.reports.signature import signature
from globe_eval.runs import record
from globe_eval.runs.assemble import assemble, empty_results
from globe_eval.sample import Results, Sample, Truth, to_dict

SETTING = empty_results("mine", "2", "coordinates", "0" * 64, "my-model")


def results(*texts: str, group: str | None = None) -> Results:
    samples = [Sample.of(str(i), Truth(10.0, 20.0, group=group), text) for i, text in enumerate(texts)]
    return assemble(SETTING, samples, started=datetime.now(UTC))[1]


def test_what_is_missing_is_shown_beside_the_score() -> None:
    shown = terminal.result_table(results("10, 20", "I cannot tell where this is, sorry."))
    assert "mine version 2 · my-model · coordinates · 2 photographs" in shown
    assert "street, 1 km" in shown and "50.0 %" in shown and "100.0 %" in shown
    assert "∞" in shown, "half of the answers are missing: the median is infinite"
    assert "status: coordinates 1, refused 1" in shown


def test_unknown_photographers_are_not_counted_as_known_ones() -> None:
    groups = ["ann", "ann", "bob", None, None, None, None]
    samples = [Sample.of(str(i), Truth(10.0, 20.0, group=group), "10, 20") for i, group in enumerate(groups)]
    some, none, all_known = (assemble(SETTING, part)[1] for part in (samples, samples[3:], samples[:3]))
    shown = terminal.result_table(some)
    assert "7 photographs, 3 by 2 photographers, 4 by unknown ones" in shown
    assert "The photographers of 4 photographs are not known" in shown
    assert " · 4 photographs · " in terminal.heading(none) and "n_unattributed" not in to_dict(all_known)


def test_where_one_photographer_took_most_the_intervals_are_said_to_be_too_narrow() -> None:
    groups = ["ann"] * 20 + [None] * 5
    samples = [Sample.of(str(i), Truth(10.0, 20.0, group=group), "10, 20") for i, group in enumerate(groups)]
    whole, part = assemble(SETTING, samples)[1], assemble(SETTING, samples[:3])[1]
    assert whole.effective_groups == 1.543, "625 / (400 + 5)"
    assert "Few photographers took most photographs (1.5 in effect)" in terminal.result_table(whole)
    assert part.effective_groups is None, "one photographer has no interval at all"


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


def test_a_number_and_its_percent_sign_stay_on_one_line() -> None:
    for columns in range(20, 60):
        said = terminal.prose("within 25 km 0.0 %, and 17 %) of them, 100.0 % in all", columns)
        assert "\n%" not in said and " ".join(said.split()) == "within 25 km 0.0 %, and 17 %) of them, 100.0 % in all"


def test_a_result_opens_with_plain_sentences() -> None:
    shown = terminal.result_table(results("10, 20", "10, 20.01"))
    heading, _, said = shown.splitlines()[:3]
    assert heading.startswith("mine version 2") and said.startswith("Half of the photographs are placed within 0.5 km")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("show")
    for share, name in ((6, "a"), (4, "b")):
        board_runs.write(folder / name, board_runs.right(share), model=name)
    leaderboard.add(folder / "b", folder, name="b")
    return folder


def test_show_says_how_a_run_was_made_on_one_screen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(folder / "a")]) == 0
    out = capsys.readouterr().out
    line = signature(record.read_results(folder / "a"))
    assert f"Signature:\n{line}\n" in out and out.count("\n") <= 24 and "to cite:" in out
    assert all(len(text) <= 80 for text in out.splitlines() if text != line)
    assert line.startswith("task:miniworld|version:2|manifest:54879990|n:300|prompt:globe_readme.") and " " not in line
    (row,) = (folder / "runs").iterdir()
    assert main(["show", str(row)]) == 0 and signature(record.read_results(folder / "b")) in capsys.readouterr().out
    assert main(["show", str(folder / "a" / "results.json")]) == 2
    assert (
        f"a file; a run is a folder with results.json and samples.jsonl, as {folder / 'a'}" in capsys.readouterr().err
    )
    for what in ("check", "build"):  # a check of nothing is no check
        assert main(["leaderboard", what, "--leaderboards", str(folder / "none")]) == 2
        assert "none: no such folder; give the leaderboards' with --leaderboards" in capsys.readouterr().err


def test_a_row_is_compared_as_its_run_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = (folder / "runs").iterdir()
    tables = []
    for other in (folder / "b", row):
        assert main(["compare", str(folder / "a"), str(other)]) == 0
        lines = capsys.readouterr().out.splitlines()
        tables.append(
            [line for line in lines if line.startswith(("street", "city", "region", "country", "located"))][:7]
        )
    assert tables[0] == tables[1] and len(tables[0]) == 7
    assert main(["compare", str(row), str(row)]) == 2
    assert "one of the runs must be a folder" in capsys.readouterr().err


def test_a_row_of_other_photographs_is_not_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = (folder / "runs").iterdir()
    board_runs.write(folder / "few", board_runs.right(6), photographs=200)
    assert main(["compare", str(folder / "few"), str(row)]) == 2
    assert "not of the same photographs and truths" in capsys.readouterr().err


def test_tables_for_papers_and_spreadsheets_have_the_run_s_figures(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["table", str(folder / "a"), str(folder / "b"), "--format"]
    assert main([*words, "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    figure = record.read_results(folder / "a").metrics["acc@25km"]
    assert float(rows[0]["acc@25km_value"]) == figure.value and float(rows[0]["acc@25km_high"]) == figure.high
    assert main([*words, "markdown"]) == 0
    assert [line[:2] for line in capsys.readouterr().out.splitlines()] == ["| ", "|-", "| ", "| "]
    assert main([*words, "latex"]) == 0
    out = capsys.readouterr().out
    assert out.count(r"\\") == 3 and r"\toprule" in out and r"\%" in out


def test_ids_are_whole_or_digests(folder: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    whole = [sample.id for sample in record.read_samples(folder / "a")]
    for how, wanted in (("whole", whole), ("digest", [hashlib.sha256(i.encode()).hexdigest()[:16] for i in whole])):
        assert main(["export", str(folder / "a"), "--to", "csv", "--ids", how]) == 0
        rows = list(csv.DictReader(io.StringIO(capsysbinary.readouterr().out.decode(), newline="")))
        assert [row["id"] for row in rows] == wanted and rows[0]["response"].startswith("country:")


REFUSAL = "I cannot tell where this is, sorry."


def placed(*texts: str | None, country: str | None = None, group: str | None = None) -> Results:
    samples = [
        Sample.of(str(i), Truth(48.85, 2.35, country, group=group), text, error=None if text else "no connection")
        for i, text in enumerate(texts)
    ]
    return assemble(SETTING, samples, started=datetime.now(UTC))[1]


def test_half_of_the_photographs_and_the_city_and_the_country() -> None:
    (distance, near) = sentences(placed("48.85, 2.35", "48.85, 2.36", "45.76, 4.84", country="France"))
    assert distance == "Half of the photographs are placed within 0.7 km of where they were taken."
    assert near.startswith("2 of 3 are placed within 25 km, about a city (95 % interval: ")
    assert ", all are in the right country (" in near


def test_what_is_missing_is_counted_with_the_most_frequent_reason() -> None:
    *_, missing = sentences(placed("48.85, 2.35", "48.85, 2.36", "48.85, 2.35", REFUSAL))
    assert missing == "1 of 4 has no usable answer, because the model refused; what is missing counts as a miss."
    *_, missing = sentences(placed(*["48.85, 2.35"] * 4, REFUSAL, REFUSAL, None))
    assert (
        missing == "3 of 7 have no usable answer, mostly because the model refused; what is missing counts as a miss."
    )
    *_, missing = sentences(placed(*["48.85, 2.35"] * 4, REFUSAL, REFUSAL, None, "A street."))
    assert "no usable answer, most often because the model refused;" in missing, "half is not most"


def test_half_of_them_missing_is_no_infinite_distance() -> None:
    distance, near, missing = sentences(placed("48.85, 2.35", REFUSAL))
    assert distance == "Half of the photographs or more have no usable answer, so that there is no median distance."
    assert near.startswith("1 of 2 is placed within 25 km") and missing.startswith("1 of 2 has no usable answer")


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ((None, None), "None of the 2 photographs has a usable answer, because no response came."),
        (
            (None, REFUSAL),
            "None of the 2 photographs has a usable answer, because the model refused or no response came.",
        ),
        ((REFUSAL, REFUSAL, ""), "None of the 3 photographs has a usable answer, mostly because the model refused."),
        ((None,), "The one photograph has no usable answer, because no response came."),
        (("48.85, 2.36",), "The one photograph is placed 0.7 km from where it was taken."),
        (("48.85, 2.35",), "The one photograph is placed 0.1 km from where it was taken."),
    ],
)
def test_no_answer_at_all_and_one_photograph_have_one_sentence(texts: tuple[str | None, ...], said: str) -> None:
    assert sentences(placed(*texts)) == [said]


def test_one_photographer_has_no_interval() -> None:
    _, near = sentences(placed("48.85, 2.35", "10, 20", group="ada"))
    assert near == "1 of 2 is placed within 25 km, about a city, 1 of 2 is in the right country."


def test_what_a_result_does_not_have_is_not_spoken_of() -> None:
    whole = placed("48.85, 2.35", "10, 20", REFUSAL, country="France")
    for lacking in whole.metrics:
        some = replace(whole, metrics={name: one for name, one in whole.metrics.items() if name != lacking})
        said = " ".join(sentences(some))
        assert ("25 km" in said) == (lacking != "acc@25km") and "None" not in said
        assert ("right country" in said) == (lacking != "country_accuracy")
    assert sentences(replace(whole, metrics={})) == []


@given(st.integers(0, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))).filter(lambda pair: pair[1]))
def test_a_share_is_never_rounded_to_none_or_all(pair: tuple[int, int]) -> None:
    k, n = pair
    said = of_many(k / n, n)
    assert (said == "none") == (k == 0) and (said == "all") == (k == n)
    if " of " in said and n < 100:
        assert said == f"{k} of {n}"
    elif said.endswith(" of 100") and said[0].isdigit():
        assert abs(int(said.split()[0]) - 100 * k / n) <= 0.5
    assert not said.startswith(("0 of", "100 of 100"))
