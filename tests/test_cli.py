"""The command line as a user types it: exit codes, one line on standard error, nothing half-written."""

from __future__ import annotations

import gc
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from globe_eval import cli, lazy_re
from globe_eval.cli import main
from globe_eval.collector import without_collector
from globe_eval.commands.arguments import command_line

TRUTH = "id,lat,lon,country,city\n"
TRUTH += "a,48.8566,2.3522,France,Paris\nb,-33.87,151.21,Australia,Sydney\nc,35.68,139.69,Japan,Tokyo\n"
ANSWERS = "id,pred_lat,pred_lon\na,48.8566,2.3522\nb,,\nc,35.0,135.7\n"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    found = {"truth": tmp_path / "truth.csv", "answers": tmp_path / "answers.csv"}
    found["truth"].write_text(TRUTH)
    found["answers"].write_text(ANSWERS)
    return found


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_json_is_one_object_with_the_promised_keys(capsys: pytest.CaptureFixture[str], files: dict[str, Path]) -> None:
    code, out, _ = run(capsys, "score", files["answers"], "--truth", files["truth"], "--format", "json")
    assert code == 0
    result = json.loads(out)
    assert result["n"] == 3
    assert result["acc@1km"] == result["acc@25km"] == result["acc@200km"] == pytest.approx(1 / 3)
    assert result["acc@750km"] == pytest.approx(2 / 3)
    assert result["status"]["coordinates"] == 2 and result["status"]["empty"] == 1
    assert result["valid_only"]["n"] == 2 and result["valid_only"]["acc@25km"] == 0.5
    assert result["mean_km"] is None, "one answer is missing: no finite mean is honest"
    assert {"acc@2500km", "median_km", "geoscore", "distance", "gazetteer", "manifest_sha256"} <= set(result)


def test_the_table_shows_intervals_and_status(capsys: pytest.CaptureFixture[str], files: dict[str, Path]) -> None:
    code, out, _ = run(capsys, "score", files["answers"], "--truth", files["truth"])
    assert code == 0
    assert "street, 1 km" in out and "33.3 %" in out and "located\n" in out
    assert "status: coordinates 2, empty 1" in out


def test_written_files_are_read_back(
    capsys: pytest.CaptureFixture[str], files: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    code, _, _ = run(capsys, "score", files["answers"], "--truth", files["truth"], "-o", folder)
    assert code == 0
    assert sorted(p.name for p in folder.iterdir()) == ["results.json", "samples.jsonl"]
    samples = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    assert [s["distance_km"] is None for s in samples] == [False, True, False]
    code, out, _ = run(capsys, "table", folder)
    assert code == 0 and "33.3 %" in out


@pytest.mark.parametrize(
    "change, arguments, words",
    [
        (("answers", "pred_lat", "height"), [], ["answers.csv", "no column of answers", "height"]),
        (("answers", "c,35.0", "a,35.0"), [], ["answers.csv, line 4", "'a'", "twice", "line 2"]),
        (("answers", "c,35.0", "d,35.0"), [], ["answers.csv, line 4", "'d' has no truth in truth.csv"]),
        (("answers", "48.8566", "148,8566"), [], ["answers.csv, line 2"]),
        (("truth", "48.8566", "91"), [], ["truth.csv, line 2", "'lat'", "'91'"]),
        (("truth", "48.8566", "NaN"), [], ["truth.csv, line 2", "'lat'", "'NaN'"]),
        (("truth", "lat", "north"), [], ["truth.csv", "no lat column", "--truth-lat-column"]),
        (("truth", TRUTH, ""), [], ["truth.csv", "empty"]),
        (None, ["--task", "im2gps3"], ["unknown task 'im2gps3'", "did you mean 'im2gps3k'"]),
        (None, ["--read", "response"], ["answers.csv", "read response"]),
        (None, ["--id-column", "name"], ["--id-column", "no column 'name'"]),
        (None, ["--distance", "flat"], ["flat", "geodesic"]),
        (None, ["--nonsense"], ["--nonsense"]),
    ],
)
def test_bad_input_is_one_line_exit_2_and_nothing_written(
    capsys: pytest.CaptureFixture[str],
    files: dict[str, Path],
    tmp_path: Path,
    change: tuple[str, str, str] | None,
    arguments: list[str],
    words: list[str],
) -> None:
    if change:
        name, old, new = change
        text = files[name].read_text()
        assert old in text
        files[name].write_text(text.replace(old, new))
    folder = tmp_path / "run"
    code, out, err = run(capsys, "score", files["answers"], "--truth", files["truth"], "-o", folder, *arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1, err
    for word in words:
        assert word in err
    assert not folder.exists()


def test_answers_without_truth_can_be_set_aside(capsys: pytest.CaptureFixture[str], files: dict[str, Path]) -> None:
    files["answers"].write_text(ANSWERS + "x,1,1\n")
    code, out, err = run(
        capsys, "score", files["answers"], "--truth", files["truth"], "--skip-unknown-ids", "--format", "json"
    )
    assert code == 0 and json.loads(out)["n"] == 3
    assert "1 answers without truth were set aside" in err


def test_a_photograph_without_a_row_is_a_miss_and_the_result_incomplete(
    capsys: pytest.CaptureFixture[str], files: dict[str, Path]
) -> None:
    files["answers"].write_text("id,pred_lat,pred_lon\na,48.8566,2.3522\n")
    code, out, err = run(capsys, "score", files["answers"], "--truth", files["truth"], "--format", "json")
    result = json.loads(out)
    assert code == 3 and result["n"] == 3 and result["status"]["error"] == 2 and not result["complete"]
    assert result["acc@25km"] == pytest.approx(1 / 3)
    assert "2 of 3 photographs" in err


def test_several_kinds_of_column_must_be_chosen_from(
    capsys: pytest.CaptureFixture[str], files: dict[str, Path]
) -> None:
    files["answers"].write_text("id,response,pred_lat,pred_lon,pred_city,pred_country\na,1 2,1,2,Paris,France\n")
    code, _, err = run(capsys, "score", files["answers"], "--truth", files["truth"])
    assert code == 2
    for choice in ("--read 'response' (response)", "--read 'coordinates' (pred_lat, pred_lon)", "--read 'names'"):
        assert choice in err


def test_names_are_resolved_and_their_level_is_the_status(
    capsys: pytest.CaptureFixture[str], files: dict[str, Path]
) -> None:
    files["answers"].write_text("id,city,country\na,Paris,France\nb,,Australia\nc,Nowhereville,\n")
    code, out, _ = run(capsys, "score", files["answers"], "--truth", files["truth"], "--format", "json")
    result = json.loads(out)
    assert code == 0
    assert (result["status"]["city"], result["status"]["country"], result["status"]["unresolved"]) == (1, 1, 1)
    assert result["country_accuracy"] == pytest.approx(2 / 3) and result["city_accuracy"] == pytest.approx(1 / 3)


def test_the_second_table_at_the_end_of_the_file_is_named_and_set_aside(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "published.csv"
    path.write_text(
        "img_id,gt_lat,predicted_lat,gt_long,predicted_long,km\na,1,1,2,2,0\nb,1,1,2,3,0\n"
        "\nstreet acc (1km),city acc (25km),region,country,continent,mean\n0.5,0.5,1,1,1,55\n"
    )
    code, _, err = run(capsys, "score", path)
    assert code == 2
    assert "published.csv, lines 4 to 6" in err and "'street acc (1km)'" in err and "--skip-footer" in err
    code, out, err = run(capsys, "score", path, "--skip-footer", "--format", "json")
    assert code == 0 and json.loads(out)["n"] == 2
    assert "lines 4 to 6: set aside" in err


@pytest.mark.parametrize("name", ["ISNs_M-fstar-S3", "base_L-m"])
def test_published_predictions_give_their_published_accuracies(
    capsys: pytest.CaptureFixture[str], shared_data: Path, name: str
) -> None:
    path = shared_data / "isn" / f"{name}.csv"
    published = [float(cell) for cell in path.read_text().splitlines()[-1].split(",")]
    arguments = ("score", path, "--distance", "haversine", "--format", "json")
    code, _, err = run(capsys, *arguments)
    assert code == 2 and "lines 2999 to 3001" in err
    code, out, _ = run(capsys, *arguments, "--skip-footer")
    result = json.loads(out)
    assert code == 0 and result["n"] == 2997
    ours = [result[f"acc@{km}km"] for km in (1, 25, 200, 750, 2500)]
    assert [round(x, 4) for x in ours] == [round(x, 4) for x in published[:5]]
    assert result["mean_km"] == pytest.approx(published[5], abs=0.01)


def test_with_the_truth_apart_the_same_predictions_score_the_same(
    capsys: pytest.CaptureFixture[str], shared_data: Path
) -> None:
    path = shared_data / "isn" / "ISNs_M-fstar-S3.csv"
    truth = shared_data / "im2gps3k" / "im2gps3k_places365.csv"
    arguments = ("score", path, "--distance", "haversine", "--format", "json", "--skip-footer")
    _, alone, _ = run(capsys, *arguments)
    code, apart, _ = run(capsys, *arguments, "--truth", truth, "--task", "im2gps3k_coordinates")
    assert code == 0
    assert json.loads(apart)["n_groups"] == 198
    for key in ("acc@1km", "acc@25km", "mean_km", "median_km", "geoscore"):
        assert json.loads(alone)[key] == json.loads(apart)[key]
    low, high = json.loads(apart)["interval"]["acc@25km"]
    assert low == pytest.approx(0.240, abs=0.005) and high == pytest.approx(0.324, abs=0.005)


def test_the_swapped_header_is_refused(capsys: pytest.CaptureFixture[str], shared_data: Path) -> None:
    truth = shared_data / "im2gps3k" / "im2gps3k_places365.2018-07-25_LONLAT-HEADER-SWAPPED.csv"
    answers = shared_data / "isn" / "base_L-m.csv"
    code, out, err = run(capsys, "score", answers, "--truth", truth, "--skip-footer")
    assert (code, out) == (2, "")
    assert "line 5, column 'LAT'" in err and "swapped" in err


@pytest.mark.parametrize(
    "model, everyone, answered", [("llama-3.2-90b-vision", 5.74, 8.80), ("llama-3.2-11b-vision", 6.62, 7.04)]
)
def test_the_denominator_reverses_a_ranking_and_both_are_shown(
    capsys: pytest.CaptureFixture[str], shared_data: Path, model: str, everyone: float, answered: float
) -> None:
    path = shared_data / "street_view" / f"{model}.csv"
    code, out, _ = run(capsys, "score", path, "--read", "coordinates", "--distance", "haversine", "--format", "json")
    result = json.loads(out)
    assert code == 0 and result["n"] == 1602
    assert round(100 * result["acc@25km"], 2) == everyone
    assert round(100 * result["valid_only"]["acc@25km"], 2) == answered


def test_responses_are_read_and_give_the_published_median(
    capsys: pytest.CaptureFixture[str], shared_data: Path
) -> None:
    path = shared_data / "street_view" / "gpt-4o.csv"
    code, out, err = run(capsys, "score", path, "--read", "response", "--distance", "haversine", "--format", "json")
    result = json.loads(out)
    assert code == 0 and "answer form: coordinates" in err
    assert round(result["valid_only"]["median_km"], 2) == 216.13


def test_imageo_answers_meet_their_truth_by_stem(capsys: pytest.CaptureFixture[str], shared_data: Path) -> None:
    folder = shared_data / "imageo_pcw"
    answers = folder / "dataset3_Llama-3.2-11B-Vision-Instruct-Turbo.jsonl"
    arguments = ("score", answers, "--truth", folder / "dataset3_info.csv", "--distance", "haversine")
    code, _, err = run(capsys, *arguments)
    assert code == 2 and "has no truth in dataset3_info.csv (2 of 271" in err
    code, out, _ = run(capsys, *arguments, "--skip-unknown-ids", "--format", "json")
    result = json.loads(out)
    assert code == 3 and result["n"] == 270
    assert result["status"]["error"] == 1 + 14, "one photograph has no row, 14 have 'Error code: 400' for a response"
    assert result["acc@25km"] > 0.304, "82 of 270 is what the authors' parser left; answers in Markdown count here"


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--model", "konstant", "--tasks", "miniworld"], ["unknown model 'konstant'", "did you mean 'constant'"]),
        (["--model", "constant", "--tasks", "miniwrld"], ["unknown task 'miniwrld'", "did you mean 'miniworld'"]),
        (["--model", "constant"], ["--tasks is missing"]),
        (["--model", "constant", "--tasks", ""], ["--tasks is missing"]),
        (["--model", "constant", "--tasks", "miniworld", "--batch_size", "x"], ["--batch_size/-b: found 'x'"]),
        (["--tasks", "miniworld"], ["--model is missing"]),
        (["--model", "constant", "--model_args", "txt=1", "--tasks", "miniworld"], ["'txt'", "did you mean 'text'"]),
        (["--model", "constant", "--model_args", "x", "--tasks", "miniworld"], ["--model_args", "key=value"]),
        (["--model", "constant", "--tasks", "miniworld", "--limit", "-1"], ["--limit", "'-1'"]),
        (["--model", "constant", "--tasks", "miniworld", "--limit", "inf"], ["--limit", "'inf'"]),
        (["--model", "gpt2", "--tasks", "miniworld"], ["unknown model 'gpt2'"]),
    ],
)
def test_a_run_that_cannot_start_says_why(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    code, out, err = run(capsys, *arguments, "--output_path", tmp_path / "run")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1, err
    for word in words:
        assert word in err
    assert not (tmp_path / "run").exists()


def test_a_broken_yaml_is_named_instead_of_skipped(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "task: mine\nclass: !function globe_eval.GeoTask\ndataset_kwargs: {truth: x}\n"
        "metadata: {version: 1, verson: 1}\n"
    )
    code, _, err = run(capsys, "--model", "constant", "--tasks", "mine", "--include_path", tmp_path)
    assert code == 2 and "mine.yaml, line 4" in err and err.count("\n") == 1
    (tmp_path / "mine.yaml").write_text("task: mine\n  class: x\n")
    code, _, err = run(capsys, "--model", "constant", "--tasks", "mine", "--include_path", tmp_path)
    assert code == 2 and "mine.yaml, line 2" in err


def test_absent_data_says_where_it_is_looked_for(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(tmp_path))
    code, _, err = run(capsys, "--model", "constant", "--tasks", "im2gps3k")
    assert code == 2 and "im2gps3k_places365.csv" in err and "GLOBE_EVAL_DATA" in err and err.count("\n") == 1


def test_lists_and_validation(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = run(capsys, "ls", "tasks")
    assert code == 0 and "im2gps3k_coordinates" in out and "2997" in out
    code, out, _ = run(capsys, "ls", "models")
    assert code == 0 and all(name in out for name in ("endpoint", "replay", "constant", "knn", "vllm-vlm"))
    assert max(map(len, out.splitlines())) <= 80 and "needs globe-eval[vllm]" in " ".join(out.split())
    code, out, _ = run(capsys, "validate", "miniworld")
    assert code == 0 and out.endswith("miniworld.yaml: ok\n")
    code, _, err = run(capsys, "validate", "miniwrld")
    assert code == 2 and "did you mean 'miniworld'?" in err
    path = tmp_path / "x.yaml"
    path.write_text("tsk: x\n")
    code, out, err = run(capsys, "validate", path)
    assert (code, out) == (2, "") and "line 1" in " ".join(err.split())


COMMANDS = [*cli.COMMANDS, "leaderboard add", "leaderboard check", "leaderboard build"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_begins_with_a_sentence_and_ends_with_an_example(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as stop:
        main([*command.split(), "--help"])
    lines = capsys.readouterr().out.rstrip().splitlines()
    assert stop.value.code == 0 and max(map(len, lines)) <= 80
    assert lines[0][0].isupper() and lines[0].endswith(".") and lines[1] == ""
    assert lines[2].startswith(f"usage: globe-eval {command}")
    assert lines[-2] == "example:" and lines[-1].startswith("  globe-eval ")
    words = shlex.split(lines[-1])[1:]
    if words[0].startswith("-"):
        words = ["run", *words]
    assert cli._parser().parse_args(words).command, "the example can be typed"


def test_a_flag_may_be_written_with_either_stroke(tmp_path: Path, files: dict[str, Path]) -> None:
    words = ["score", str(files["answers"]), "--truth", str(files["truth"])]
    for flag in ("--output_path", "--output-path", "-o"):
        assert main([*words, flag, str(tmp_path / flag)]) == 0
        assert (tmp_path / flag / "results.json").is_file()
    assert main([*words, "--id_column=id", "--skip_unknown_ids", "--output-p", str(tmp_path / "short")]) == 0
    assert (tmp_path / "short" / "results.json").is_file()


@pytest.mark.parametrize(
    "words, told",
    [
        (
            "score a.csv --truht b.csv",
            "unknown option '--truht'; did you mean '--truth'? (see globe-eval score --help)",
        ),
        (
            "--modle knn --tasks miniworld",
            "unknown option '--modle'; did you mean '--model'? (see globe-eval run --help)",
        ),
        ("leaderboard build --chekc", "'--chekc'; did you mean '--check'? (see globe-eval leaderboard build --help)"),
        ("new x --output--path y", "'--output--path'; did you mean '--output-path'?"),
        ("--m x", "ambiguous option '--m': --model, --model_args"),
        ("scroe a.csv", "invalid choice: 'scroe'; did you mean 'score'?"),
        ("export run --to modelcard", "invalid choice: 'modelcard'; did you mean 'model-card'?"),
    ],
)
def test_an_unknown_word_gets_its_nearest(capsys: pytest.CaptureFixture[str], words: str, told: str) -> None:
    code, out, err = run(capsys, *words.split())
    assert (code, out, err.count("\n")) == (2, "", 1) and told in err


@pytest.mark.parametrize(
    "given, shown",
    [
        (["--model", "knn", "--tasks", "a,b"], "globe-eval --model knn --tasks a,b"),
        (["run", "--model", "knn"], "globe-eval --model knn"),
        (["-a", "api_key=sk-1,model=m"], "globe-eval -a 'api_key=(removed),model=m'"),
        (["--model_args=token=hf_1"], "globe-eval '--model_args=token=(removed)'"),
        (["-a", "base_url=http://u:p@h/v1?key=1"], "globe-eval -a base_url=http://h/v1"),
        (["-a", 'headers={"Authorization": "Bearer x"}'], 'globe-eval -a \'headers={"Authorization": "(removed)"}\''),
        (["score", "my answers.csv"], "globe-eval score 'my answers.csv'"),
    ],
)
def test_a_command_as_it_was_given_but_for_secrets(given: list[str], shown: str) -> None:
    assert command_line(given) == shown


def test_a_scored_file_knows_its_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("id,lat,lon,predicted_lat,predicted_lon\n1,10,20,10,20\n2,30,40,30,41\n")
    words = ["score", str(tmp_path / "a.csv"), "-o", str(tmp_path / "out")]
    assert main(words) == 0
    assert json.loads((tmp_path / "out" / "results.json").read_text())["command"].startswith("globe-eval score ")


def test_a_shell_completes_commands_flags_and_choices(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("shtab")
    bash = shutil.which("bash")
    assert cli.main(["completion", "bash"]) == 0
    script = tmp_path / "completion.bash"
    script.write_text(capsys.readouterr().out, encoding="utf-8")
    if bash is None:
        pytest.skip("no bash")
    for words, said in (("lea", "leaderboard"), ("score --ans", "--answer-form"), ("table --format l", "latex")):
        typed = ["globe-eval", *words.split()]
        tried = f"source {script}; COMP_WORDS=({' '.join(typed)}); COMP_CWORD={len(typed) - 1}; _shtab_globe_eval; "
        done = subprocess.run([bash, "-c", tried + 'echo "${COMPREPLY[@]}"'], capture_output=True, text=True)
        assert done.stdout.split() == [said], done.stderr


def test_the_collector_is_as_it_was() -> None:
    for was in (gc.enable, gc.disable):
        was()
        before = gc.isenabled()
        with pytest.raises(KeyError), without_collector():
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled() == before
    gc.enable()


@pytest.mark.parametrize(
    ("words", "meant"), [(["globe_eval", "ls", "taks"], "tasks"), (["globe_train", "sfft"], "sft")]
)
def test_the_packages_are_the_command_lines(words: list[str], meant: str) -> None:
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"did you mean {meant!r}?" in done.stderr


def test_a_pattern_is_the_standard_librarys() -> None:
    text, source = "One cat, two Cats", r"\bc(at)s?"
    ours, theirs = lazy_re.compile(source, lazy_re.IGNORECASE), re.compile(source, re.IGNORECASE)
    for method in ("findall", "split"):
        assert getattr(ours, method)(text) == getattr(theirs, method)(text)
    assert ours.sub("dog", text) == theirs.sub("dog", text)
    assert [found.span() for found in ours.finditer(text)] == [found.span() for found in theirs.finditer(text)]
    assert ours.search(text, 5)[1] == "at"
    assert (ours.pattern, ours.flags, ours.groups) == (theirs.pattern, theirs.flags, theirs.groups)


def test_what_is_no_pattern_is_refused_at_the_first_use() -> None:
    broken = lazy_re.compile("(")
    with pytest.raises(re.error):
        broken.search("")


def test_every_pattern_of_the_package_can_be_compiled() -> None:
    script = (
        "import re\n"
        "from globe_eval import lazy_re, scoring, secrets, finish\n"
        "import gc\n"
        "made = [one for one in gc.get_objects() if type(one).__name__ == '_Pattern']\n"
        "print(len(made), all(isinstance(one.groups, int) for one in made))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    n, fine = done.stdout.split()
    assert int(n) > 100
    assert fine == "True"
