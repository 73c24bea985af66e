"""The whole pipeline on a few photographs of miniworld: what comes out, after a kill, in shards, and where it goes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_models
import vllm_server
import yaml
from PIL import Image
from vllm_server import VLLM_ENV, served

from globe_eval import cli as evaluation
from globe_eval.benchmarks.table import read_table
from globe_train.cli import main
from globe_train.curate import evidence
from globe_train.curate.recipe import recipes_folder
from globe_train.laptop import curation, data_ablation, simulation

N = 48
SMALL = ["against.benchmarks=[]", "split.test=0.15", "balance.at_most=4"]

Curate = Callable[..., int]


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs, and what the simulated teachers say about them."""
    folder = tmp_path_factory.mktemp("pool")
    simulation.write(folder, N, seed=5, size=56)
    return folder


@pytest.fixture(scope="module")
def words(pool: Path) -> list[str]:
    return ["curate", "miniworld", *simulation.overrides(pool), *SMALL]


@pytest.fixture(scope="module")
def curated(pool: Path, words: list[str]) -> Path:
    """A finished curation."""
    assert main(words) == 0
    return pool / "curated"


def files(folder: Path) -> dict[str, bytes]:
    found = [*(folder / "dataset").rglob("*"), *(folder / "teachers").glob("*/*/samples.jsonl")]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in found if file.is_file()}


def verdicts(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "dataset/checks.jsonl").read_text(encoding="utf-8").splitlines()]


def test_every_photograph_has_one_fate_and_what_is_kept_passed_every_check(curated: Path, pool: Path) -> None:
    lines = verdicts(curated)
    assert [one["id"] for one in lines] == [row["id"] for row in read_table(pool / "photographs.jsonl").rows]
    rows = {part: read_table(curated / f"dataset/{part}.parquet").rows for part in ("train", "test")}
    for part, its in rows.items():
        assert [row["id"] for row in its] == [one["id"] for one in lines if one["verdict"] == part]
    assert len(rows["train"]) >= 10 and len(rows["test"]) >= 1
    by_id = {one["id"]: one for one in lines}
    for row in rows["train"] + rows["test"]:
        kept, local = by_id[row["id"]]["kept"], by_id[row["id"]]["localizability"]
        chosen = by_id[row["id"]]["teachers"][row["teacher"]]
        assert local["yes"] == 3 and local["score"] >= 0.6 and row["localizability_score"] == local["score"]
        assert chosen["correctness"]["km"] <= 25 and row["distance_km"] <= 25
        assert chosen["agreement"]["with"] and chosen["evidence"]["passed"]
        assert row["reasoning"] == kept["reasoning"] and row["localizable"] is True
        assert row["license"] in simulation.LICENSES
        names = {entity["text"] for entity in row["entities"]}
        assert len(names) >= 2 and set(kept["cues"]) <= names
        for entity in row["entities"]:
            assert entity["source"] == "known" and entity["score"] == 1.0 and entity["teachers"]
            for name in entity["teachers"]:
                assert entity["text"] in by_id[row["id"]]["teachers"][name]["cues"]
    people = [{row["group"] for row in its} for its in rows.values()]
    places = [{(row["country"], row["city"]) for row in its} for its in rows.values()]
    assert people[0].isdisjoint(people[1]) and places[0].isdisjoint(places[1])


def test_the_card_counts_what_the_files_hold(curated: Path) -> None:
    text = (curated / "dataset/README.md").read_text(encoding="utf-8")
    fates = [one["verdict"] for one in verdicts(curated)]
    for fate in set(fates):
        assert f"| {fate} | {fates.count(fate)} |" in text
    assert f"| all | {N} |" in text
    head = yaml.safe_load(text.split("---")[1])
    assert head["license"] == "apache-2.0"
    assert [one["path"] for one in head["configs"][0]["data_files"]] == ["train.parquet", "test.parquet"]


def test_the_pipeline_never_reads_what_only_the_truth_knows(curated: Path) -> None:
    asked = read_table(curated / "photographs.jsonl")
    assert not {"entities", "localizable", "localizable_to"} & set(asked.columns)
    sample = json.loads((curated / "teachers/hasty/curate_localizability/samples.jsonl").read_text().splitlines()[0])
    assert sample["truth"]["entities"] is None and sample["truth"]["localizable"] is None


def test_started_again_nothing_is_asked_and_nothing_changes(
    curated: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(curated)
    monkeypatch.setattr("globe_eval.runs.run.load_model", lambda request: pytest.fail("a model was loaded"))
    monkeypatch.setattr(evidence.SimulatedDetector, "look", lambda *_: pytest.fail("a picture was looked at"))
    assert main(words) == 0
    assert files(curated) == before


def test_killed_at_any_point_and_started_again_the_output_is_the_same(tmp_path: Path, pool: Path) -> None:
    words = ["curate", "miniworld", *simulation.overrides(pool), *SMALL, f"output={tmp_path / 'out'}", "data.limit=24"]
    script = Path(__file__).with_name("curate_killed.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "out"), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == 8
    for point, one in found.items():
        assert one["codes"] == [-9, 0], f"{point}: {done.stderr[-2000:]}"
        assert one["same"] and one["files"] >= 7, point


def test_two_shards_and_what_follows_are_one_run(curated: Path, words: list[str], pool: Path) -> None:
    once = pool / "once"
    shutil.copytree(curated, once)
    shutil.rmtree(curated)
    try:
        assert main([*words, "--shard", "2/2"]) == 0
        assert not (curated / "dataset").exists()
        assert main(words) == 2, "a shard is missing"
        assert main([*words, "--shard", "1/2"]) == 0
        assert main(words) == 0
        assert files(curated) == files(once)
        looked = [path.name for path in (curated / "evidence").iterdir() if path.stat().st_size]
        assert sorted(looked) == ["shard-1-of-2.jsonl", "shard-2-of-2.jsonl"], "nothing was looked at again"
    finally:
        shutil.rmtree(curated, ignore_errors=True)
        shutil.move(once, curated)


def test_teachers_can_be_asked_one_by_one(words: list[str], pool: Path, tmp_path: Path, curated: Path) -> None:
    out = [*words, f"output={tmp_path / 'out'}"]
    for name in ("fluent", "gallery", "hasty", "careful"):
        assert main([*out, "--teacher", name]) == 0
    assert not (tmp_path / "out/dataset").exists()
    assert main([*out, "--teacher", "flurent"]) == 2
    assert main(out) == 0
    assert verdicts(tmp_path / "out") == verdicts(curated)


def test_the_test_split_is_a_benchmark(curated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(curated / "dataset/miniworld_reason.yaml")
    assert evaluation.main(["validate", path]) == 0
    arguments = ["--model", "constant", "--tasks", path, "-o", str(tmp_path / "run"), "--format", "json"]
    assert evaluation.main(arguments) == 0
    results = json.loads((tmp_path / "run/miniworld_reason_test/results.json").read_text(encoding="utf-8"))
    assert results["n"] == len(read_table(curated / "dataset/test.parquet").rows)
    assert results["reasoning"]["with_entities"] == results["n"]
    capsys.readouterr()


def recipe_of(folder: Path, kind: str, model: Path, curated: Path, pool: Path, **more: Any) -> str:
    data = {"manifest": str(curated / "dataset/train.parquet"), "images": str(pool / "world")}
    trainer = {"max_steps": 1, "per_device_train_batch_size": 4, "num_generations": 4} if kind == "grpo" else {}
    values = {"kind": kind, "departures": [], "model": str(model), "output": str(folder / kind), "data": data}
    path = folder / f"{kind}.yaml"
    path.write_text(yaml.safe_dump({**values, "trainer": trainer, **more}), encoding="utf-8")
    return str(path)


def test_the_training_split_is_what_sft_and_grpo_take(
    curated: Path, pool: Path, student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    n = len(read_table(curated / "dataset/train.parquet").rows)
    assert main(["sft", recipe_of(tmp_path, "sft", student, curated, pool), "--dry-run"]) == 0
    assert f"train.parquet, {n} rows" in capsys.readouterr().out
    rewards = {"r_geo": 1.0, "r_f1": 0.5, "r_lift": 0.5}
    assert main(["grpo", recipe_of(tmp_path, "grpo", student, curated, pool, rewards=rewards), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "r_geo (weight 1): 1.000, 0.000, 0.000" in said
    assert "r_f1 (weight 0.5): 1.000" not in said and "r_f1 (weight 0.5): 0." in said


def test_pictures_can_be_embedded_without_metadata(words: list[str], pool: Path, tmp_path: Path) -> None:
    import datasets

    photographs = tmp_path / "photographs"
    shutil.copytree(pool / "world", photographs)
    secret = Image.Exif()
    secret[0x010E] = "taken at 48.8566, 2.3522"
    for path in photographs.glob("*.png"):
        Image.open(path).save(path, exif=secret)
    out = tmp_path / "out"
    embed = [*words, "dataset.images=embed", f"data.images={photographs}", f"output={out}", "data.limit=20"]
    assert main(embed) == 0
    (path,) = (out / "dataset/data").glob("train-*.parquet")
    assert path.name == "train-00000-of-00001.parquet"
    train = datasets.load_dataset("parquet", data_files=str(path), cache_dir=str(tmp_path / "cache"), split="train")
    assert [row["id"] for row in train] == [row["id"] for row in read_table(out / "dataset/train.parquet").rows]
    assert train[0]["image"].size == (56, 56)
    assert b"48.8566" in next(photographs.glob("*.png")).read_bytes()
    assert b"48.8566" not in path.read_bytes()
    assert main([word for word in embed if word != "dataset.images=embed"]) == 0
    assert not list((out / "dataset/data").glob("*.parquet")), "what an earlier start left is gone"


def test_photographs_that_a_benchmark_knows_are_left_out(
    words: list[str], pool: Path, curated: Path, tmp_path: Path
) -> None:
    rows = read_table(curated / "dataset/train.parquet").rows
    known = [{"id": "theirs", "lat": 1.0, "lon": 1.0, "image_sha256": rows[0]["image_sha256"]}]
    known += [{"id": "by the same", "lat": 2.0, "lon": 2.0, "group": rows[1]["group"]}]
    benchmark = tmp_path / "benchmark.jsonl"
    benchmark.write_text("".join(json.dumps(row) + "\n" for row in known), encoding="utf-8")
    out = [*words, f"against.benchmarks=[{benchmark}]", f"output={tmp_path / 'out'}"]
    assert main(out) == 0
    assert [one["id"] for one in verdicts(tmp_path / "out") if one["verdict"] == "overlap"] == [rows[0]["id"]]
    assert main([*out, "against.remove=[content, photographer]"]) == 0
    gone = {one["id"] for one in verdicts(tmp_path / "out") if one["verdict"] == "overlap"}
    assert {rows[0]["id"], rows[1]["id"]} <= gone


def test_the_judge_counts_as_by_hand() -> None:
    truth = {
        "a": {"country": "France", "city": "Lyon", "localizable": True, "entities": ["bus", "road"], "group": "p"},
        "b": {"country": "Japan", "city": "Kyoto", "localizable": False, "entities": ["road"], "group": "q"},
    }

    def said(city: str, country: str, passed: bool, cues: list[str], **seen: list[str]) -> dict[str, Any]:
        verdict = {"passed": passed}
        answer = {"city": city, "country": country, "cues": cues, "correctness": verdict, "agreement": verdict}
        return {**answer, **({"evidence": {"confirmed": [], "refuted": [], **seen}} if seen else {})}

    lines = [
        {
            "id": "a",
            "localizability": {"passed": True},
            "teachers": {
                "x": said("Lyon", "France", True, ["bus"], confirmed=["bus"]),
                "y": said("Paris", "France", True, ["bus", "tram"], confirmed=["bus", "tram"]),
                "z": said("lyon", "france", False, ["road"], refuted=["road"]),
            },
            "kept": {
                "teacher": "x",
                "country": "France",
                "city": "Lyon",
                "cues": ["bus"],
                "entities": [{"text": "bus"}, {"text": "tram"}],
            },
        },
        {"id": "b", "localizability": {"passed": True}, "teachers": {"x": said("Kyoto", "Japan", False, ["bus"])}},
        {"id": "c", "verdict": "unanswered"},
    ]
    labels = {"a": {"country": "France", "city": "Lyon"}, "b": {"country": "Japan", "city": "Kyoto"}}
    found = curation.judge(lines, truth, labels)
    values = {check: [(figure.value, figure.n) for figure in figures] for check, figures in found.items()}
    assert values["before"] == [(1.0, 2), (0.75, 4), (0.6, 5)]
    assert values["localizability"] == [(0.5, 2), (1.0, 1)]
    assert values["correctness"] == values["agreement"] == [(0.5, 2), (pytest.approx(1 / 3), 3)]
    assert values["evidence"] == [(0.5, 2), (0.5, 2)]
    assert values["whole"] == [(1.0, 1), (1.0, 1), (0.5, 2), (1.0, 1), (1.0, 1), (0.5, 2)]


def test_the_verified_are_better_than_the_teachers(curated: Path, pool: Path) -> None:
    figures = curation.read(curated / "dataset", pool / "truth.jsonl", pool / "photographs.jsonl")
    assert curation.targets_met(figures) == {"places": True, "entities": True, "recall": True}
    text = curation.report(figures)
    assert "NO" not in text and text.count("\n|") == 18


def test_the_sets_of_table_5_are_equally_large_and_hold_what_they_say(
    pool: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(tmp_path / "t5"), "--n", "40", "--seed", "5"]
    assert data_ablation.main(["sets", *arguments, "--size", "41"]) == 2
    assert data_ablation.main(["sets", *arguments]) == 0
    sets = {name: read_table(tmp_path / f"t5/sets/{name}.jsonl").rows for name in data_ablation.SETS}
    (n,) = {len(rows) for rows in sets.values()}
    assert n >= 15
    assert all(len({row["id"] for row in rows}) == n for rows in sets.values())
    assert {row["teacher"] for row in sets["single"]} == {"hasty"}
    assert len({row["teacher"] for row in sets["random"]}) == 3
    wrong = {name: sum(row["city"] != row["teacher_city"] for row in rows) for name, rows in sets.items()}
    assert wrong["verified"] == 0 < min(wrong["random"], wrong["single"])
    capsys.readouterr()


@pytest.mark.skipif(not VLLM_ENV, reason="GLOBE_VLLM_ENV names no environment with a vLLM")
def test_two_served_models_go_through_all_stages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As real ones: two models, each behind a vLLM of its own (tests/helpers/vllm_server.py)."""
    monkeypatch.setattr(vllm_server, "START_S", 1200)  # the second server starts while the first takes its turns
    simulation.write(tmp_path / "pool", 8, seed=5)
    checkpoints = [tiny_models.build(tmp_path / f"tiny{seed}", seed=seed) for seed in (0, 1)]
    values = yaml.safe_load((recipes_folder() / "miniworld.yaml").read_text(encoding="utf-8"))
    values |= {"predictors": {}, "against": {}, "gen_kwargs": {"max_gen_toks": 48}, "vocabulary": None}
    values |= {"output": str(tmp_path / "out")}
    values["data"] = {"manifest": str(tmp_path / "pool/photographs.jsonl"), "images": str(tmp_path / "pool/world")}
    with served(checkpoints[0], tmp_path / "a.log") as a, served(checkpoints[1], tmp_path / "b.log") as b:
        values["teachers"] = {
            name: {"model": "endpoint", "model_args": {"base_url": url, "model": "tiny", "num_concurrent": 4}}
            for name, url in (("one", a), ("other", b))
        }
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
        assert main(["curate", str(tmp_path / "recipe.yaml")]) == 0
    said = {}
    for name in ("one", "other"):
        lines = (tmp_path / f"out/teachers/{name}/curate_localizability/samples.jsonl").read_text(encoding="utf-8")
        samples = [json.loads(line) for line in lines.splitlines()]
        assert len(samples) == 8 and all(sample["error"] is None and sample["response"] for sample in samples)
        said[name] = [sample["response"] for sample in samples]
    assert said["one"] != said["other"], "two models"
    judged = verdicts(tmp_path / "out")
    assert len(judged) == 8 and {one["verdict"] for one in judged} <= {"localizability", "correctness"}
    assert "no photograph was verified" in capsys.readouterr().out, "random weights know no place"
    assert main(["curate", str(tmp_path / "recipe.yaml")]) == 0, "again, without servers: nothing is asked"
