"""A run is a row only where everything about it can be believed; each way to tamper is refused with its reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import board_runs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globe_eval.cli import main
from globe_eval.metrics.accuracy import THRESHOLDS_KM, within
from globe_eval.reports.board import leaderboard, submission
from globe_eval.reports.board.submission import pack, unpack, whole_metres
from globe_eval.runs import record


@pytest.fixture(autouse=True)
def tasks_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaderboard, "known_tasks", lambda include_path=(): board_runs.known())


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return board_runs.write(tmp_path_factory.mktemp("good") / "run", board_runs.right(6))


@pytest.fixture(scope="module")
def row(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return leaderboard.add(good, tmp_path_factory.mktemp("boards"), name="A model", source="arXiv 2506.14674")


@pytest.fixture
def run(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "run"))


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def edit_samples(run: Path, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    path = run / "samples.jsonl"
    samples = [json.loads(line) for line in path.read_text().splitlines()]
    change(samples)
    path.write_text("".join(json.dumps(sample) + "\n" for sample in samples))


def refused(path: Path, capsys: pytest.CaptureFixture[str], leaderboards: Path) -> str:
    """What `leaderboard check` says of a file or folder that it refuses."""
    assert main(["leaderboard", "check", str(path), "--leaderboards", str(leaderboards)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"{path}: refused: ") and err.count("\n") == 1
    return err


def test_a_good_run_and_its_row_are_admitted(good: Path, row: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", "check", str(good), str(row), "--leaderboards", str(row.parents[1])]) == 0
    assert capsys.readouterr().out == f"{good}: ok\n{row}: ok, recomputable (its distances follow from its places)\n"


def test_the_same_run_gives_the_same_bytes(good: Path, row: Path, tmp_path: Path) -> None:
    again = leaderboard.add(good, tmp_path, name="A model", source="arXiv 2506.14674")
    assert again.name == row.name and again.read_bytes() == row.read_bytes()


def test_a_row_tells_nothing_of_a_photograph(row: Path) -> None:
    text = row.read_text()
    assert "mw-0" not in text and "photographer-" not in text and "Cusco" not in text


RUN_CHANGES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "metric": (lambda r: r["metrics"]["acc@25km"].update(value=0.9), "metrics: acc@25km: value is 0.9, the samples"),
    "interval": (lambda r: r["metrics"]["acc@1km"].update(high=0.9), "metrics: acc@1km: high is 0.9"),
    "valid only": (lambda r: r["valid_only"]["acc@25km"].update(value=1.0), "valid_only: acc@25km: value is 1"),
    "median": (lambda r: r["metrics"]["median_km"].update(value=1.0), "metrics: median_km: value is 1,"),
    "metric removed": (lambda r: r["metrics"].pop("acc@25km"), "metrics: acc@25km is missing"),
    "status": (lambda r: r["status"].update(refused=0), "status: found"),
    "limit": (lambda r: r.update(limit=300), "--limit 300"),
    "shard": (lambda r: r.update(shard="1/2"), "globe-eval merge"),
    "manifest": (lambda r: r.update(manifest_sha256="f" * 64), "another manifest (ffffffffffff…)"),
    "version": (lambda r: r.update(task_version="9"), "task_version: found '9', miniworld has version '2'"),
    "unnamed": (lambda r: r.update(task="score"), "task: none, a file was scored without the name of a benchmark"),
    "task": (lambda r: r.update(task="miniwrld"), "'miniwrld' is not known; did you mean 'miniworld'?"),
    "tomorrow": (lambda r: r.update(schema_version=2), "schema_version: found 2, this globe-eval knows 1"),
    "more fields": (lambda r: r.update(bonus=1), "bonus: Extra inputs are not permitted"),
}


@pytest.mark.parametrize("change", RUN_CHANGES)
def test_a_run_whose_results_were_edited_is_refused(
    run: Path, change: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    how, reason = RUN_CHANGES[change]
    edit(run / "results.json", how)
    assert reason in refused(run, capsys, tmp_path)


def test_what_check_refuses_add_does_not_write(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(run / "results.json", lambda r: (r.update(limit=5), r.update(task_version="9")))
    assert main(["leaderboard", "add", str(run), "--leaderboards", str(tmp_path / "boards")]) == 2
    told = capsys.readouterr().err
    assert "--limit 5" in told and "task_version: found '9'" in told, "every reason at once"
    assert not (tmp_path / "boards").exists()


SAMPLE_CHANGES: dict[str, tuple[Callable[[list[dict[str, Any]]], Any], str]] = {
    "removed": (lambda s: s.pop(), "samples.jsonl: holds 299 photographs, results.json says 300: samples were removed"),
    "twice": (lambda s: s.__setitem__(1, s[0]), "1 ids stand there twice"),
    "distance": (lambda s: s[8].update(distance_km=1.0), "has distance_km 1.0, its points are"),
    "truth": (lambda s: s[8]["truth"].update(lat=48.85), "the truths are not those of the manifest"),
    "photographer": (lambda s: s[8]["truth"].update(group="another"), "the truths are not those of the manifest"),
    "order": (lambda s: s.reverse(), "the truths are not those of the manifest"),
    "place": (
        lambda s: s[8].update(
            prediction=s[0]["prediction"] | {"lat": s[8]["truth"]["lat"], "lon": s[8]["truth"]["lon"]}, distance_km=0.0
        ),
        "1 photographs are scored otherwise than their responses say, the first 'mw-00008'",
    ),
    "dropped miss": (
        lambda s: s[9].update(status="city", distance_km=1.0, prediction=s[0]["prediction"]),
        "samples.jsonl: 'mw-00009' has distance_km 1.0",
    ),
    "name": (lambda s: s[8].update(country_correct=1 - s[8]["country_correct"]), "1 photographs are scored otherwise"),
}


@pytest.mark.parametrize("change", SAMPLE_CHANGES)
def test_a_run_whose_samples_were_edited_is_refused(
    run: Path, change: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    how, reason = SAMPLE_CHANGES[change]
    edit_samples(run, how)
    assert reason in refused(run, capsys, tmp_path)


def test_a_better_response_does_not_go_with_the_old_figures(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_samples(run, lambda s: s[8].update(response="country: Peru\ncity: Lima"))
    assert "scored otherwise than their responses say" in refused(run, capsys, tmp_path)


def test_figures_that_fit_edited_samples_do_not_help(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Samples removed, and the results made to fit: n, then the truth, give it away."""
    board_runs.write(run, board_runs.right(9), photographs=200)
    told = refused(run, capsys, tmp_path)
    assert "n: found 200, miniworld has 300 photographs" in told


def test_photographs_that_were_never_asked_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], good: Path
) -> None:
    run = Path(shutil.copytree(good, tmp_path / "run"))
    edit(run / "results.json", lambda r: (r.update(complete=False), r["status"].update(error=3, city=0)))
    assert "incomplete: 3 of 300 photographs have status error" in refused(run, capsys, tmp_path)


def test_a_run_read_by_another_parser_is_to_be_scored_again(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(run / "results.json", lambda r: r.update(parser_version="0"))
    assert "globe-eval rescore" in refused(run, capsys, tmp_path)


def test_a_limited_run_of_the_command_line_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("lm_eval")
    done = main(["--model", "constant", "--tasks", "miniworld", "--limit", "3", "-o", str(tmp_path / "run")])
    capsys.readouterr()
    assert done == 0 and "--limit 3 is of some photographs only" in refused(
        tmp_path / "run" / "miniworld", capsys, tmp_path
    )


def repacked(column: str, change: Callable[[list[int]], Any]) -> Callable[[dict[str, Any]], Any]:
    def edit(found: dict[str, Any]) -> None:
        values = submission.unpack(found["columns"][column], 300, -1, 30_000_000).tolist()
        change(values)
        found["columns"][column] = submission.pack(values)

    return edit


ROW_CHANGES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "metric": (
        lambda r: r["results"]["metrics"]["acc@25km"].update(value=0.9),
        "metrics: acc@25km: value is 0.9, the samples give",
    ),
    "sample edited": (repacked("distance_m", lambda v: v.__setitem__(8, 10)), "metrics: acc@1km: value is"),
    "samples removed": (
        repacked("distance_m", lambda v: v.pop()),
        "columns: holds 299 photographs, n is 300: samples were removed",
    ),
    "all samples removed": (lambda r: r["results"].update(n=250), "n: found 250, miniworld has 300"),
    "groups": (repacked("group", lambda v: v.__setitem__(slice(None), range(300))), "n_groups: found 69"),
    "miss dropped": (repacked("distance_m", lambda v: v.__setitem__(v.index(-1), 5)), "without being located"),
    "manifest": (lambda r: r["results"].update(manifest_sha256="f" * 64), "another manifest"),
    "limit": (lambda r: r["results"].update(limit=300.0), "--limit 300"),
    "shard": (lambda r: r["results"].update(shard="1/1"), "globe-eval merge"),
    "tomorrow": (lambda r: r.update(schema_version=2), "schema_version: found 2, this globe-eval knows 1: written by"),
    "results of tomorrow": (lambda r: r["results"].update(schema_version=9), "results.schema_version: found 9"),
    "field of tomorrow": (lambda r: r.update(stars=5), "stars: Extra inputs are not permitted"),
    "no column": (lambda r: r["columns"].update(status="!"), "columns: no packed column"),
    "name": (lambda r: r.update(name="Better model"), "sha256: found"),
    "command": (lambda r: r["results"].update(command="globe-eval --model other"), "command: gives the model 'other'"),
    "breakdowns": (
        lambda r: r["results"].update(
            breakdowns={"continent": {"EU": {"n": 1, "n_groups": 1, "metrics": r["results"]["metrics"]}}}
        ),
        "results.breakdowns: nothing in the file proves it",
    ),
}


@pytest.mark.parametrize("change", ROW_CHANGES)
def test_a_row_that_was_edited_is_refused(
    row: Path, change: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    how, reason = ROW_CHANGES[change]
    file = tmp_path / "runs" / row.name
    file.parent.mkdir()
    shutil.copy(row, file)
    edit(file, how)
    assert reason in refused(file, capsys, tmp_path)


@pytest.mark.parametrize(
    "text, reason", [("", "no JSON"), ("[1]", "found list"), ("{}", "schema_version"), ("[" * 10**5, "no JSON")]
)
def test_what_is_no_row_is_refused(text: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.json").write_text(text)
    assert reason in refused(tmp_path / "x.json", capsys, tmp_path)


def test_a_file_that_is_not_there_is_one_of_several(
    row: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = tmp_path / "nothing.json"
    assert main(["leaderboard", "check", str(nothing), str(row), "--leaderboards", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert (
        out.startswith(f"{row}: ok, recomputable")
        and err == f"{nothing}: refused: {nothing}: No such file or directory\n"
    )


def test_a_renamed_row_is_refused(row: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = Path(shutil.copy(row, tmp_path / "better.json"))
    assert f"is named better.json; allowed: {row.name}" in refused(other, capsys, tmp_path)


def test_a_sealed_forgery_of_another_set_of_photographs_is_refused(
    row: Path, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever seals an edited file anew still has to agree with the other rows of the manifest."""
    (tmp_path / "runs").mkdir()
    shutil.copy(row, tmp_path / "runs" / row.name)
    one = submission.read_submission(row)
    columns = replace(one.columns, ids_sha256="a" * 64, samples_sha256="b" * 64)
    forged = submission.with_seal(replace(one, columns=columns, name="Zz"))
    file = tmp_path / "runs" / forged.file_name
    file.write_text(submission.file_text(forged))
    assert "columns.ids_sha256: is not that of the manifest's photographs" in refused(file, capsys, tmp_path)


def test_one_run_stands_there_once(row: Path, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "runs").mkdir()
    shutil.copy(row, tmp_path / "runs" / row.name)
    for name in ("A model", "Zz renamed"):
        assert main(["leaderboard", "add", str(good), "--leaderboards", str(tmp_path), "--name", name]) == 2
        assert f"is there already, as {tmp_path / 'runs' / row.name}" in capsys.readouterr().err
    again = leaderboard.add(good, tmp_path / "elsewhere", name="Aa renamed")
    copy = shutil.copy(again, tmp_path / "runs" / again.name)
    assert f"is the same run as {row.name}" in refused(Path(copy), capsys, tmp_path)


def test_an_unknown_manifest_says_what_to_add(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = board_runs.write(tmp_path / "run", board_runs.right(3), task="yfcc4k", task_version="1")
    told = refused(run, capsys, tmp_path)
    assert f"adds to yfcc4k.yaml: metadata: manifest_sha256: {{1: {board_runs.MANIFEST}}}" in told


def test_every_figure_is_computed_again_from_the_row(good: Path, row: Path) -> None:
    """The row's columns give what the run's own scoring gave, within a metre."""
    results, one = record.read_results(good), submission.read_submission(row)
    again = submission.recompute(one)
    assert {name: again[name] for name in ("n_groups", "complete")} == {"n_groups": 69, "complete": True}
    assert again["status"] == results.status
    for part in ("metrics", "valid_only"):
        stored = {name: figure for name, figure in getattr(results, part).items() if name in again[part]}
        assert list(again[part]) == list(stored) == list(getattr(one.results, part)) and len(stored) == 13
        for name, figure in stored.items():
            within = 0.001 if name.endswith("_km") else 0.004 if name == "geoscore" else 1e-12
            for field in ("value", "low", "high"):
                a, b = getattr(again[part][name], field), getattr(figure, field)
                assert a == b or abs(a - b) <= within, (part, name, field)


@given(st.lists(st.integers(-1, 20_100_000), max_size=50))
@settings(derandomize=True)
def test_packed_numbers_come_back(values: list[int]) -> None:
    assert unpack(pack(values), len(values), -1, 20_100_000).tolist() == values


@given(st.floats(0, 20_100), st.sampled_from([0.5, *THRESHOLDS_KM.values()]), st.integers(-3, 3))
@settings(derandomize=True, max_examples=300)
def test_rounding_up_to_the_metre_moves_no_accuracy(km: float, threshold: float, steps: int) -> None:
    """Also on either side of a threshold, as near as floating point gets."""
    near = threshold
    for _ in range(abs(steps)):
        near = float(np.nextafter(near, np.inf if steps > 0 else 0))
    for distance in (km, near):
        kept = whole_metres(distance) / 1000
        assert distance <= kept + 1e-9 and kept - distance <= 0.001 + 1e-9
        assert within([kept], threshold)[0] == within([distance], threshold)[0]


@pytest.mark.parametrize(
    "text, n, reason",
    [
        (pack([1, 2, 3]), 2, "holds more than n"),
        (pack([1, 2]), 3, "holds 2 photographs, n is 3"),
        (pack([1, 99]), 2, "holds 1 to 99; allowed: 0 to 10"),
        ("no base64!", 2, "no packed column"),
        ("AAAA", 2, "no packed column"),
        (pack([0] * 10**6), 2, "holds more than n"),
    ],
)
def test_a_column_that_is_none_is_refused(text: str, n: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        unpack(text, n, 0, 10)
