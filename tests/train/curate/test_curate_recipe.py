"""What a curation's recipe may say, and what is said of one that is wrong: one line, exit code 2, nothing asked."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import ChatServer, Reply

from globe_eval.benchmarks.table import read_table
from globe_train.cli import main
from globe_train.curate.assemble import balance, place_of, train_test_split
from globe_train.curate.recipe import read_recipe, recipes_folder
from globe_train.laptop import simulation


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("few")
    simulation.write(folder, 8, seed=5, size=56)
    return folder


@pytest.mark.parametrize("path", sorted(recipes_folder().glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_recipes_are_right_and_say_where_they_leave_the_paper(path: Path) -> None:
    recipe = read_recipe(path.stem)
    assert recipe.path == path
    assert recipe["departures"] and len(recipe["teachers"]) >= 2
    assert recipe["split"]["place"] == "city", "a default is filled in"


WRONG = {
    "agreement.min_similarty=0.3": "agreement: unknown key 'min_similarty'; did you mean 'min_similarity'?",
    "agrement={}": "unknown key 'agrement'; did you mean 'agreement'?",
    "teachers.careful.modle=replay": "teachers, careful: unknown key 'modle'; did you mean 'model'?",
    "teachers={}": "teachers: found none",
    "teachers.a/b={model: replay}": "teachers: found 'a/b'",
    "teachers.gallery={model: replay}": "predictors: 'gallery' is a teacher's name too",
    "teachers.careful.prompt=coordinates": "teachers, careful: the prompt coordinates asks for coordinates",
    "predictors.gallery.prompt=globe_readme": "predictors, gallery: the prompt globe_readme asks for names",
    "localizability.votes=most": "localizability, votes: found 'most'",
    "localizability.min_score=null": "localizability: 'min_score' is missing",
    "localizability.min_score=1.5": "found 1.5; allowed: 0 to 1",
    "correctness={}": "correctness: allowed is 'within_km' or 'level', one of them",
    "correctness.level=city": "correctness: allowed is 'within_km' or 'level', one of them",
    "agreement.teachers=4": "agreement, teachers: found 4, there are 3 teachers",
    "agreement.predictors=2": "agreement, predictors: found 2, there are 1 predictors",
    "evidence.source=segmenter": "found 'segmenter'; did you mean 'segmentation'?",
    "evidence.source=segmentation": "evidence: 'model' is missing with source segmentation",
    "evidence.model=some/model": "evidence: 'model' does not belong with source known",
    "evidence.miss_rate=null": "evidence: 'miss_rate' is missing with source known",
    "evidence.named_by=0": "evidence, named_by: found 0; allowed: 1 and more",
    "against.remove=[contents]": "against, remove: found 'contents'; did you mean 'content'?",
    "balance.by=[continent]": "balance, by: found 'continent'",
    "balance.at_most=true": "balance, at_most: found True; allowed: a whole number",
    "split.test=0.6": "split, test: found 0.6; allowed: 0 to 0.5",
    "dataset.name=my data": "dataset, name: found 'my data'",
    "unanswered=ignore": "unanswered: found 'ignore'",
    "departures=null": "'departures' is missing",
    "vocabulary=nowhere.txt": "vocabulary: nowhere.txt: no such file",
    "data.license_column=licence": "has no 'licence'; did you mean 'license'?",
    "data.manifest=nowhere.jsonl": "data, manifest: nowhere.jsonl: no such file",
    "data.images=nowhere": "data, images: nowhere: no such folder",
    "teachers.careful.model=repaly": "unknown model 'repaly'; did you mean 'replay'?",
    "teachers.careful.model_args={answers: nowhere.jsonl}": "nowhere.jsonl: no such file",
    "teachers.careful.model_args={answer: nowhere.jsonl}": "no argument 'answer'; did you mean 'answers'?",
    "against.benchmarks=[no_such_task]": "'no_such_task' is neither prepared",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_said_in_one_line(
    wrong: str, pool: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = [*simulation.overrides(pool), "against.benchmarks=[]", f"output={tmp_path / 'out'}", wrong]
    assert main(["curate", "miniworld", *overrides]) == 2
    said = capsys.readouterr().err
    assert WRONG[wrong] in said and said.count("\n") == 1
    if not wrong.startswith("teachers.careful.model"):
        assert not (tmp_path / "out/teachers").exists(), "said before any teacher is asked"


def test_the_line_of_the_key_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (recipes_folder() / "miniworld.yaml").read_text(encoding="utf-8").replace("miss_rate", "mis_rate")
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    line = next(number for number, one in enumerate(text.splitlines(), 1) if "mis_rate" in one)
    assert main(["curate", str(path)]) == 2
    assert f"mine.yaml, line {line}: evidence: unknown key 'mis_rate'" in capsys.readouterr().err


def test_a_manifest_without_what_is_needed(pool: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = read_table(pool / "photographs.jsonl").rows
    bare = tmp_path / "bare.jsonl"
    bare.write_text("".join(json.dumps({k: row[k] for k in ("id", "image", "lat", "lon")}) + "\n" for row in rows))
    given = [*simulation.overrides(pool), "against.benchmarks=[]", f"output={tmp_path / 'out'}"]
    given += [f"data.manifest={bare}", "data.license_column=null"]
    assert main(["curate", "miniworld", *given]) == 2
    assert "source known, but bare.jsonl has no entities for 8 rows" in capsys.readouterr().err
    assert main(["curate", "miniworld", *given, "correctness={level: city}"]) == 2
    assert "correctness, level: bare.jsonl has no city" in capsys.readouterr().err
    bare.write_text("".join(json.dumps({k: row[k] for k in ("id", "image", "lat")}) + "\n" for row in rows))
    assert main(["curate", "miniworld", *given]) == 2
    assert "lon" in capsys.readouterr().err


ANSWER = (
    "<think>Sky: blue sky\nAround: road, cars</think><answer>country: Kenya\ncity: Nairobi\nconfidence: 90%</answer>"
)


def served(pool: Path, out: Path, url: str, **more: Any) -> list[str]:
    """Arguments of a curation whose one teacher is an endpoint."""
    values = yaml.safe_load((recipes_folder() / "miniworld.yaml").read_text(encoding="utf-8"))
    endpoint = {"base_url": url, "model": "tiny", "num_concurrent": 1, "max_retries": 0, "backoff": 0.0}
    values |= {"teachers": {"served": {"model": "endpoint", "model_args": endpoint}}, "predictors": {}, "against": {}}
    values |= {"output": str(out), "vocabulary": None, **more}
    values["data"] = {"manifest": str(pool / "photographs.jsonl"), "images": str(pool / "world")}
    values["agreement"]["teachers"] = 1
    path = out.parent / "served.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return ["curate", str(path)]


def test_what_a_teacher_never_answered_ends_in_3_and_is_asked_again(
    pool: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = {2, 5}

    def answer(payload: dict[str, Any], number: int) -> str | Reply:
        return Reply({"error": {"message": "no"}}, status=400) if number in broken else ANSWER

    with ChatServer(answer) as server:
        words = served(pool, tmp_path / "out", server.base_url)
        assert main(words) == 3
        assert "served: 2 of 8 photographs were never answered (HTTP 400" in capsys.readouterr().err
        assert not (tmp_path / "out/dataset").exists()
        assert len(server.asked) == 8
        assert main(words) == 0
        assert len(server.asked) == 10, "only what was not answered is asked again"
        assert main(words) == 0
        assert len(server.asked) == 10
    lines = [json.loads(line) for line in (tmp_path / "out/dataset/checks.jsonl").read_text().splitlines()]
    assert len(lines) == 8 and all(one["verdict"] != "unanswered" for one in lines)


def test_what_was_never_answered_can_be_left_out(pool: Path, tmp_path: Path) -> None:
    def answer(payload: dict[str, Any], number: int) -> str | Reply:
        return Reply({"error": {"message": "no"}}, status=400) if number in (2, 5) else ANSWER

    with ChatServer(answer) as server:
        assert main([*served(pool, tmp_path / "out", server.base_url), "unanswered=leave_out"]) == 0
    lines = [json.loads(line) for line in (tmp_path / "out/dataset/checks.jsonl").read_text().splitlines()]
    silent = [one for one in lines if one["verdict"] == "unanswered"]
    assert [one["unanswered"] for one in silent] == [["served"], ["served"]]


def test_where_nothing_is_verified_the_card_says_so(
    pool: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ChatServer(lambda payload, number: "I cannot tell.") as server:
        assert main(served(pool, tmp_path / "out", server.base_url)) == 0
    assert "no photograph was verified" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out/dataset").iterdir()) == ["README.md", "checks.jsonl"]
    text = (tmp_path / "out/dataset/README.md").read_text(encoding="utf-8")
    assert "| localizability | 8 | 100.0 % |" in text and "there is no data set" in text


def test_answers_of_another_recipe_are_not_taken(
    pool: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ChatServer(lambda payload, number: ANSWER) as server:
        words = served(pool, tmp_path / "out", server.base_url)
        assert main(words) == 0
        assert main([*words, "gen_kwargs.temperature=0.7"]) == 2
        said = capsys.readouterr().err
        assert "holds answers of another run: decoding.do_sample was" in said and "output=…" in said
        assert "decoding.temperature was 0.0, is 0.7" in said
        assert main([*words, "gen_kwargs.temperature=0.7", "--fresh"]) == 0
        assert len(server.asked) == 16
        assert main([*words, "gen_kwargs.temperature=0.7", "localizability.min_score=0.95"]) == 0
        assert len(server.asked) == 16, "another threshold asks nothing"


derandomized = settings(derandomize=True, deadline=None, max_examples=50)

CITIES = {
    "Lyon": ("France", 45.76, 4.84),
    "Paris": ("France", 48.86, 2.35),
    "Kyoto": ("Japan", 35.01, 135.77),
    "Tokyo": ("Japan", 35.68, 139.69),
    "Nairobi": ("Kenya", -1.29, 36.82),
    "Quito": ("Ecuador", -0.18, -78.47),
}


def row(index: int, city: str, group: str | None, scene: str | None = "urban") -> dict[str, Any]:
    country, lat, lon = CITIES[city]
    return {"id": f"r{index}", "city": city, "country": country, "lat": lat, "lon": lon, "group": group, "scene": scene}


ROWS = st.lists(
    st.tuples(st.sampled_from(sorted(CITIES)), st.sampled_from(["a", "b", "c", "d", None]), st.sampled_from("un")),
    max_size=40,
).map(lambda cells: [row(i, *cell) for i, cell in enumerate(cells)])


def sides(rows: list[dict[str, Any]], parts: dict[str, Any], key: str) -> dict[Any, set[str]]:
    found: dict[Any, set[str]] = {}
    for one in rows:
        if parts[one["id"]] != "between" and one[key] is not None:
            found.setdefault(one[key], set()).add(parts[one["id"]])
    return found


@derandomized
@given(ROWS, st.sampled_from([0.1, 0.3, 0.5]), st.sampled_from(["city", "country"]), st.integers(0, 3), st.randoms())
def test_train_and_test_share_neither_a_photographer_nor_a_place(
    rows: list[dict[str, Any]], test: float, place: str, seed: int, random: Any
) -> None:
    parts = train_test_split(rows, test, place, seed)
    assert set(parts) == {one["id"] for one in rows}
    for key in ("group", place):
        assert all(len(its) == 1 for its in sides(rows, parts, key).values())
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert train_test_split(shuffled, test, place, seed) == parts


def test_components_lose_nothing_and_hold_the_share() -> None:
    rows = [row(i, sorted(CITIES)[i % 6], f"lives in {sorted(CITIES)[i % 6]}") for i in range(60)]
    counts = Counter(train_test_split(rows, 0.2, "city", 0).values())
    assert counts == {"train": 50, "test": 10}, "a component is ten photographs"
    assert {tuple(sorted(train_test_split(rows, 0.2, "city", seed).items())) for seed in range(8)} != {()}
    assert len({tuple(sorted(train_test_split(rows, 0.2, "city", seed).items())) for seed in range(8)}) > 1


def test_where_everybody_travels_the_world_is_cut_and_what_joins_the_parts_is_left_out() -> None:
    cities = sorted(CITIES)
    # everyone lives somewhere and takes one photograph in each other city: one component
    rows = [
        row(len(cities) * p + k, cities[p % 6] if k < 20 else cities[(p + k) % 6], f"p{p}")
        for p in range(12)
        for k in range(25)
    ]
    for index, one in enumerate(rows):
        one["id"] = f"r{index}"
    parts = train_test_split(rows, 0.1, "city", 0)
    counts = Counter(parts.values())
    assert counts["test"] >= 0.1 * (counts["test"] + counts["train"])
    assert counts["between"] < 0.4 * len(rows)
    assert counts["train"] > 0.5 * len(rows)


def test_no_test_split_is_all_train() -> None:
    rows = [row(i, "Lyon", "a") for i in range(4)]
    assert set(train_test_split(rows, 0.0, "city", 0).values()) == {"train"}
    assert train_test_split([], 0.3, "city", 0) == {}


def test_a_place_without_names_is_the_nearest_known_one() -> None:
    unknown = {"country": None, "city": None, "lat": 48.8566, "lon": 2.3522}
    near = {"country": None, "city": None, "lat": 48.8570, "lon": 2.3530}
    far = {"country": None, "city": None, "lat": 35.01, "lon": 135.77}
    assert place_of(unknown, "city") == place_of(near, "city") != place_of(far, "city")
    assert place_of(unknown, "country") == ("FR",)


@derandomized
@given(ROWS, st.integers(1, 5), st.integers(0, 3), st.randoms())
def test_no_cell_has_more_than_its_cap(rows: list[dict[str, Any]], at_most: int, seed: int, random: Any) -> None:
    by = ["country", "scene"]
    kept = balance(rows, by, at_most, seed)
    cells = Counter(tuple(one[name] for name in by) for one in rows)
    left = Counter(tuple(one[name] for name in by) for one in rows if one["id"] in kept)
    assert left == {cell: min(n, at_most) for cell, n in cells.items()}
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert balance(shuffled, by, at_most, seed) == kept
    assert kept <= balance(rows, by, at_most + 1, seed)
    assert balance(rows, by, None, seed) == {one["id"] for one in rows}
