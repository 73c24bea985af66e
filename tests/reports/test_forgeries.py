# ruff: noqa: E501
"""Rows that somebody made up and sealed as `leaderboard add` seals them: each is refused, or is no more than reported."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import shutil
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import board_runs
import numpy as np
import pytest

from globe_eval.benchmarks.prompts import PROMPTS, SYSTEM
from globe_eval.cli import main
from globe_eval.errors import InputError
from globe_eval.reports.board import leaderboard, provenance, submission
from globe_eval.reports.board.contradictions import identity_of_name
from globe_eval.reports.board.submission import NOWHERE, file_text, pack, read_submission, recompute, unpack, with_seal
from globe_eval.sample import STATUSES, Sample, Truth, adapter

CASES = next((p for up in Path(__file__).parents if (p := up / "shared" / "cases" / "rows").is_dir()), Path("none"))
Forge = Callable[[dict[str, Any]], Any]


@pytest.fixture(autouse=True)
def tasks_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaderboard, "known_tasks", lambda include_path=(): board_runs.known())


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A leaderboard with two rows; the first of them is what forgeries are made of, and is then taken away."""
    folder = tmp_path_factory.mktemp("boards")
    for share, name in ((6, "A model"), (4, "B model")):
        run = board_runs.write(folder / f"run{share}", board_runs.right(share), model=f"m{share}", command=None)
        leaderboard.add(run, folder, name=name, responses=name == "A model")
    return folder


@pytest.fixture(scope="module")
def genuine(boards: Path) -> Path:
    return next(iter((boards / "runs").glob("*A-model*")))


def forged(genuine: Path, folder: Path, change: Forge, *, again: bool = False) -> Path:
    """The file of a row that was changed and sealed anew; `again`: with the figures that its columns then give."""
    found = json.loads(genuine.read_text())
    change(found)
    one = adapter(submission.Submission).validate_python(found)
    if again:
        fresh = recompute(one)
        one = replace(one, results=replace(one.results, **fresh))
    one = with_seal(one)
    (folder / "runs").mkdir(exist_ok=True)
    path = folder / "runs" / one.file_name
    path.write_text(file_text(one))
    return path


def verdict(path: Path, folder: Path) -> str:
    """`refused: …`, or the level."""
    ((_, wrong),) = leaderboard.check([path], folder)
    return f"refused: {'; '.join(wrong)}" if wrong else leaderboard.level(path, board_runs.known()).level


def packed(found: dict[str, Any], column: str, change: Callable[[list[int]], Any]) -> None:
    values = unpack(found["columns"][column], 300, NOWHERE, 180_000_000).tolist()
    change(values)
    found["columns"][column] = pack(values)


def results(**fields: Any) -> Forge:
    return lambda row: row["results"].update(fields)


def perfect(row: dict[str, Any]) -> None:
    row["columns"].update(status=pack([STATUSES.index("city")] * 300), distance_m=pack([0] * 300), lat="", lon="")
    row["columns"]["names"] = {name: pack([1] * 300) for name in row["columns"]["names"]}
    for km in (1, 25, 200, 750, 2500):
        row["results"]["accuracy_by_distance"]["geodesic"][f"acc@{km}km"] = 1.0
        row["results"]["accuracy_by_distance"]["haversine"][f"acc@{km}km"] = 1.0


def without_places(row: dict[str, Any]) -> None:
    row["columns"].update(lat="", lon="")


def nearer(row: dict[str, Any]) -> None:
    packed(row, "distance_m", lambda values: values.__setitem__(slice(0, 9), [max(v - 5, -1) for v in values[:9]]))


def of_another_gazetteer(row: dict[str, Any]) -> None:
    """Everything right, and a ceiling that allows it because nobody has the gazetteer that it is of."""
    perfect(row)
    truths = [truth for _, truth in sorted(board_runs.truths().items())]
    row["columns"].update({axis: pack([round(getattr(t, axis) * 1e6) for t in truths]) for axis in ("lat", "lon")})
    row["results"]["gazetteer"]["sha256"] = "b" * 64
    for part in ("ceiling", "attainable"):
        row["results"][part].update({f"acc@{km}km": 1.0 for km in (1, 25, 200, 750, 2500)})


def repacked(row: dict[str, Any], level: int = 1, after: bytes = b"") -> None:
    for name in ("status", "distance_m"):
        inflated = zlib.decompress(base64.b64decode(row["columns"][name]))
        row["columns"][name] = base64.b64encode(zlib.compress(inflated, level) + after).decode()


def answers_of_b(row: dict[str, Any]) -> None:
    """Another model's row under a new name, its columns compressed otherwise."""
    row["results"].update(model="other", command=None)
    row["columns"].update(samples_sha256="d" * 64)
    repacked(row)


def moved(part: str, metric: str, field: str, by: float) -> Forge:
    def change(row: dict[str, Any]) -> None:
        row["results"][part][metric][field] += by

    return change


FORGERIES: dict[str, tuple[Forge, bool, str]] = {
    "a floor under another name": (lambda r: (r["results"].update(model="knn"), r.update(name="GPT-6")), False, "named knn"),
    "a floor's name": (lambda r: r.update(name="Constant"), False, "is what boards call their constant"),
    "the ceiling's name": (lambda r: r.update(name="Best-possible"), False, "is what boards call their best possible"),
    "another row's name": (lambda r: r.update(name="b-MODEL"), False, "has the name of another model"),
    "zero-width space": (lambda r: r.update(name="B​ model"), False, "U+200B"),
    "right to left": (lambda r: r.update(source="‮gro.vixra"), False, "U+202E"),
    "line break": (lambda r: r.update(name="A\nmodel"), False, "U+000A"),
    "escape sequence": (lambda r: r.update(name="A \x1b[31mmodel"), False, "U+001B"),
    "markup": (lambda r: r.update(name="A --> model"), False, "no markup"),
    "Cyrillic letters": (lambda r: r.update(name="B mоdel"), False, "mixes Latin letters"),
    "spaces alone": (lambda r: r.update(name="   "), False, "letters and digits"),
    "prompt of another name": (results(prompt="be_right"), False, "prompt: found 'be_right'"),
    "prompt with another's hash": (results(prompt_sha256="a" * 64), False, "prompt_sha256: found aaaaaaaaaaaa"),
    "a hash without a prompt": (results(prompt=None), False, "without a prompt there is none"),
    "another answer form": (results(answer_form="address"), False, "asks for 'names'"),
    "coordinates by prompt and hash": (
        results(
            answer_form="coordinates",
            prompt="coordinates",
            prompt_sha256=hashlib.sha256(f"{SYSTEM}\0<image>{PROMPTS['coordinates'].text}".encode()).hexdigest(),
            ceiling=None,
            attainable=None,
        ),
        False,
        "answers that are coordinates have no city",
    ),
    "another model than the command's": (results(command="globe-eval --model other --tasks miniworld"), False, "the model 'other'"),
    "weights that the command lacks": (
        results(model_args={"pretrained": "gpt-6"}, command="globe-eval --model m6 --tasks miniworld"),
        False,
        "does not give model_args.pretrained",
    ),
    "a limit in the command": (results(command="globe-eval --model m6 --tasks miniworld --limit 5"), False, "has --limit"),
    "another task in the command": (results(command="globe-eval --model m6 --tasks im2gps3k"), False, "gives the task"),
    "another seed": (results(seed=7, command="globe-eval --model m6 --tasks miniworld"), False, "gives the seed '0'"),
    "another program": (results(command="rm -rf runs"), False, "allowed: globe-eval"),
    "a parser of tomorrow": (results(parser_version="999"), False, "parser_version: found '999'"),
    "a resolver that is none": (results(resolver_version="2x"), False, "resolver_version: found '2x'"),
    "geocoder and resolver apart": (results(geocoder={"name": "geonames", "version": "resolver 1"}), False, "geocoder: found"),
    "an unknown geocoder": (results(geocoder={"name": "oracle", "version": "1"}), False, "allowed: geonames"),
    "other intervals": (results(intervals="my own, version 1"), False, "intervals: found 'my own"),
    "started in the year 3000": (results(started="3000-01-01T00:00:00+00:00"), False, "a time of the past"),
    "negative duration": (results(duration_seconds=-1.0), False, "duration_seconds: found -1"),
    "a cost of 1e300": (lambda r: r["results"].update(model_info={"parameters": 1e300}), False, "1e+300"),
    "more pictures than photographs": (results(images={"with_coordinates": 301, "reencoded": 0}), False, "found 301 of 300"),
    "a threshold of its own": (results(thresholds_km=[19000.0]), False, "thresholds_km: found"),
    "a metric of its own": (results(own_directions={"charm": True}), False, "charm"),
    "a higher ceiling": (lambda r: r["results"]["ceiling"].update({"acc@1km": 1.0}), False, "ceiling: is not that of the manifest"),
    "no ceiling": (results(ceiling=None), False, "ceiling: is missing"),
    "a ceiling of 2": (lambda r: r["results"]["attainable"].update({"acc@1km": 2.0}), False, "allowed: 0 to 1"),
    "the other distance model": (
        lambda r: r["results"]["accuracy_by_distance"]["haversine"].update({"acc@25km": 0.99}), False, "the columns give"
    ),
    "everything right": (perfect, True, "is above the ceiling"),
    "each photograph its own photographer": (
        lambda r: r["columns"].update(group=pack(np.random.default_rng(0).permutation(300))), True, "photographers are not those"
    ),
    "photographers exchanged": (
        lambda r: packed(r, "group", lambda v: v.reverse()), True, "photographers are not those of the manifest"
    ),
    "other photographs": (lambda r: r["columns"].update(ids_sha256="a" * 64), False, "is not that of the manifest's photographs"),
    "five metres nearer": (nearer, True, "distances are not those of the places"),
    "places at the pole": (lambda r: packed(r, "lat", lambda v: v.__setitem__(3, 90_000_000)), False, "not those of the places"),
    "a place beyond the earth": (lambda r: packed(r, "lat", lambda v: v.__setitem__(3, -900_000_000)), False, "beyond the earth"),
    "a place for a miss": (lambda r: packed(r, "lat", lambda v: v.__setitem__(9, 0)), False, "a place without a distance"),
    "an interval a millionth higher": (moved("metrics", "acc@25km", "low", 1e-6), False, "acc@25km: low is"),
    "an interval a millionth narrower": (moved("valid_only", "acc@1km", "high", -1e-6), False, "acc@1km: high is"),
    "another denominator": (moved("valid_only", "acc@25km", "n", -1), False, "acc@25km: n is 269"),
    "one photographer more": (moved("metrics", "acc@25km", "n_groups", 1), False, "acc@25km: n_groups is 70"),
    "a metre off the median": (moved("metrics", "median_km", "value", -0.002), False, "median_km: value is"),
    "no figure": (lambda r: r["results"]["metrics"]["acc@25km"].update(value=None), False, "value is null"),
    "a figure left out": (lambda r: r["results"]["metrics"].pop("acc@25km"), False, "acc@25km is missing"),
    "another manifest": (results(manifest_sha256="c" * 64), False, "another manifest"),
    "a benchmark's later version": (results(task_version="999"), False, "task_version: found '999'"),
    "a task with a space": (results(task="miniworld "), False, "'miniworld ' is not known"),
    "a prompt with a space": (results(prompt="globe_readme "), False, "prompt: found 'globe_readme '"),
    "a model with a space": (results(model="m6 ", command=None), False, "model: found 'm6 '"),
    "a release of tomorrow": (lambda r: r["results"]["packages"].update({"globe-eval": "99.0.0"}), False, "found '99.0.0'"),
    "a parser before the first": (results(parser_version="0"), False, "a number from 1 to"),
    "a commit that is markup": (results(git_commit="<b>"), False, "git_commit: found '<b>'"),
    "a huge text": (results(model_args={"a" * 100_000: "b"}), False, "has 100,000 characters"),
    "negative counts": (results(repaired=-1), False, "repaired: found -1"),
    "negative status": (lambda r: r["results"]["status"].update(refused=-5), False, "status.refused: found -5"),
    "wide letters": (lambda r: r.update(name="Ｂ ｍｏｄｅｌ"), False, "has the name of another model"),
    "accents in a heap": (lambda r: r.update(name="A" + "\u0301" * 60), False, "accents on one letter"),
    "a letter of nothing": (lambda r: r.update(name="\u3164"), False, "U+3164"),
    "blank Braille": (lambda r: r.update(name="A\u2800model"), False, "U+2800"),
    "a variation selector": (lambda r: r.update(name="A\ufe0f model"), False, "U+FE0F"),
    "spaces of another kind": (lambda r: r.update(name="A\u00a0 model"), False, "single spaces"),
    "another's answers": (answers_of_b, False, "has the same answers as"),
    "bytes after a column": (lambda r: repacked(r, 9, b"more"), False, "does not end where its numbers do"),
    "a column that nobody reads": (lambda r: r["columns"]["names"].update(charm=pack([1] * 300)), False, "found 'charm'"),
    "values of no metric": (lambda r: r["columns"].update(own={"charm": [1.0] * 300}), False, "columns.own: found charm"),
    "a model that is called a floor": (
        lambda r: (r.update(name="constant"), r["results"].update(model="x/constant.csv", prompt=None, prompt_sha256=None, command=None)),
        False,
        "answers one place",
    ),
    "a gazetteer that nobody has": (of_another_gazetteer, True, "reported"),
    "no places": (without_places, False, "reported"),
    "no places, another model": (lambda r: (r["columns"].update(lat="", lon=""), r["results"].update(model="gpt-6")), False, "reported"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FORGERIES)
def test_a_forgery_is_refused_or_reported(kind: str, boards: Path, genuine: Path, tmp_path: Path) -> None:
    change, again, reason = FORGERIES[kind]
    (tmp_path / "runs").mkdir()
    for path in [*(boards / "runs").glob("*B-model*"), *([genuine] if change is answers_of_b else [])]:
        shutil.copy(path, tmp_path / "runs")
    said = verdict(forged(genuine, tmp_path, change, again=again), tmp_path)
    assert reason in said and (said == "reported" or said.startswith("refused: "))


def test_a_row_with_most_of_another_s_answers_is_said_to_have_them(
    boards: Path, genuine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def copied(row: dict[str, Any]) -> None:
        """A metre farther off, so that no two columns are equal."""
        answers_of_b(row)
        without_places(row)
        row.update(name="Other")
        packed(row, "distance_m", lambda values: values.__setitem__(slice(None), [v + (v > 20_000) for v in values]))

    shutil.copytree(boards / "runs", tmp_path / "runs")
    path = forged(genuine, tmp_path, copied, again=True)
    shutil.copytree(boards / "responses", tmp_path / "responses")
    rows = [str(path), str(tmp_path / "runs" / genuine.name)]
    assert main(["leaderboard", "check", *rows, "--leaderboards", str(tmp_path)]) == 0
    copy, original = capsys.readouterr().out.splitlines()
    assert "100.0 % of its answers are where those of 'A model' are" in copy
    assert "verified" in original and original.endswith("are where those of 'Other' are")


def test_the_genuine_row_is_verified_by_its_responses_and_recomputable_without(genuine: Path, tmp_path: Path) -> None:
    assert verdict(genuine, genuine.parents[1]) == "verified"
    (tmp_path / "runs").mkdir()
    assert verdict(Path(shutil.copy(genuine, tmp_path / "runs")), tmp_path) == "recomputable"


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda lines: lines[0].update(response="country: Peru\ncity: Lima"), "1 responses are read otherwise"),
        (lambda lines: lines.pop(), "its ids are not those of the manifest"),
        (lambda lines: lines[0].pop("response"), "no responses"),
    ],
)
def test_published_responses_that_say_otherwise_refuse_the_row(
    genuine: Path, tmp_path: Path, change: Callable[[list[dict[str, Any]]], Any], reason: str
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "responses").mkdir()
    path = Path(shutil.copy(genuine, tmp_path / "runs"))
    there = gzip.decompress(provenance.responses_of(genuine).read_bytes()).decode()
    lines = [json.loads(line) for line in there.splitlines()]
    change(lines)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    provenance.responses_of(path).write_bytes(gzip.compress(text.encode()))
    assert reason in verdict(path, tmp_path)


def test_a_line_separator_in_a_response_ends_no_line(tmp_path: Path) -> None:
    said = "country: France\u2028city: Paris"
    path = tmp_path / "row.jsonl.gz"
    path.write_bytes(provenance.publishable([Sample.of("a", Truth(48.9, 2.3), said)]))
    assert dict(provenance._responses(path)) == {"a": (said, None)}


@pytest.mark.parametrize(
    "old, new, reason",
    [
        ('"schema_version": 1', '"schema_version": true', "schema_version"),
        ('"schema_version": 1', '"schema_version": 1.0', "schema_version"),
        ('"name": "A model"', '"name": "B", "name": "A model"', "key 'name' stands there twice"),
        ('"n": 300,', '"n": 300.0,', "results.n: found 300.0"),
        ('"seed": 0', '"seed": false', "results.seed: "),
        ('"complete": true', '"complete": 1', "results.complete: "),
        ('"duration_seconds": ', '"duration_seconds": 1e999, "duration": ', "results"),
        ('"seed": 0', '"seed": NaN', "found NaN"),
        ('"n": 300,', f'"n": {10**30},', "results.n: found 1000"),
        ('"seed": 0', f'"seed": {"9" * 5000}', "no JSON"),
        ('"model_args": {}', '"model_args": ' + '{"a":' * 20_000 + "1" + "}" * 20_000, "no JSON"),
        ('"model_args": {}', '"model_args": ' + '{"a":' * 300 + "1" + "}" * 300, "no row"),
    ],
)
def test_another_spelling_of_a_row_is_refused_in_one_line_quickly(
    genuine: Path, tmp_path: Path, old: str, new: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = genuine.read_text()
    assert old in text
    path = tmp_path / genuine.name
    path.write_text(text.replace(old, new, 1))
    began = time.monotonic()
    assert main(["leaderboard", "check", str(path), "--leaderboards", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert time.monotonic() - began < 5 and err.count("\n") <= 1 and len(err) < 1200 and reason in err


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with path.open("wb") as file:
        file.truncate(submission.MOST_BYTES + 1)
    with pytest.raises(Exception, match="a row has at most"):
        read_submission(path)


def test_a_row_is_no_link_no_folder_and_no_device(genuine: Path, tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(genuine)
    (tmp_path / "endless.json").symlink_to("/dev/zero")
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    for path in sorted(tmp_path.glob("*.json")):
        with pytest.raises(InputError, match="is no plain file"):
            read_submission(path)


def test_add_says_what_the_row_is_worth_and_what_to_hand_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = board_runs.write(tmp_path / "run", board_runs.right(6), model="m6", command=None)
    assert main(["leaderboard", "add", str(run), "--leaderboards", str(tmp_path)]) == 0
    said = capsys.readouterr()
    (path,) = (tmp_path / "runs").iterdir()
    assert said.out == f"written: {path}\n"
    assert "this row is recomputable: " in said.err and f"git add {path}" in said.err


def test_names_that_are_drawn_alike_are_one() -> None:
    assert identity_of_name("СОР-5") == identity_of_name("cop 5")  # Cyrillic
    assert identity_of_name("ΒΑΤ") == identity_of_name("bat")  # Greek
    assert identity_of_name("Модель") != identity_of_name("Model")


def test_the_order_of_files_decides_nothing(boards: Path, genuine: Path, tmp_path: Path) -> None:
    """A forgery whose file comes first by name does not refuse the rows that were there."""
    shutil.copytree(boards / "runs", tmp_path / "runs")
    path = forged(
        genuine, tmp_path, lambda r: (r["results"]["ceiling"].update({"acc@1km": 1.0}), r.update(name="0 first"))
    )
    said = {one.name: wrong for one, wrong in leaderboard.check([], tmp_path)}
    others = [wrong for name, wrong in said.items() if name != path.name]
    assert said[path.name] and not any("ceiling" in text for wrong in others for text in wrong)


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases lie beside the checkout")
def test_the_forged_rows_of_the_cases_are_refused_or_reported(tmp_path: Path) -> None:
    real = Path(__file__).parents[2] / "leaderboards" / "runs"
    for case in sorted(CASES.glob("*.json")):
        folder = tmp_path / case.stem
        shutil.copytree(real, folder / "runs", ignore=shutil.ignore_patterns("miniworld__constant__names*"))
        said = verdict(Path(shutil.copy(case, folder / "runs")), folder)
        assert said.startswith("refused: ") or said == "reported", case.name
