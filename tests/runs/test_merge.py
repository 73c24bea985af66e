"""Shards put together give the run that was never split, and nothing else is put together."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from globe_eval.cli import main
from globe_eval.errors import InputError
from globe_eval.runs import record
from globe_eval.runs.assemble import assemble, empty_results
from globe_eval.runs.merge import merge
from globe_eval.sample import Images, Sample, Truth, Usage

SETTING = empty_results(
    "t",
    "1",
    "names",
    "0" * 64,
    "endpoint",
    model_args={"model": "m", "base_url": "http://node/v1"},
    model_info={"model": "m"},
    decoding={"temperature": 0.0},
)
TEXTS = ["country: France\ncity: Paris", "country: Japan\ncity: Kyoto", "", "country: Kenya", "I cannot tell.", None]
USAGE = Usage(
    prompt_tokens=900,
    completion_tokens=10,
    seconds=2.0,
    images_per_second=1.0,
    seconds_to_first_answer=0.5,
    cost=0.25,
    resumed=1,
)
IMAGES = Images(with_coordinates=2, reencoded=1, max_pixels=1000)


def photographs(n: int) -> list[Sample]:
    return [
        Sample.of(
            f"p{i}",
            Truth(48.8566 - 7 * (i % 13), 2.3522 + 11 * (i % 7), "France", "Paris", f"g{i % 3}"),
            TEXTS[i % len(TEXTS)],
            error="HTTP 500" if TEXTS[i % len(TEXTS)] is None else None,
        )
        for i in range(n)
    ]


def write(folder: Path, samples: list[Sample], **fields: Any) -> Path:
    samples, results = assemble(SETTING, samples, started=datetime.now(UTC))
    record.write_run(folder, samples, replace(results, **fields))
    return folder


def split(folder: Path, n: int, count: int, **fields: Any) -> list[Path]:
    samples = photographs(n)
    return [
        write(folder / f"shard-{i + 1}", samples[i::count], shard=f"{i + 1}/{count}", **fields) for i in range(count)
    ]


def change(folder: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    results = json.loads((folder / "results.json").read_text())
    edit(results)
    (folder / "results.json").write_text(json.dumps(results))


@pytest.mark.parametrize("n, count", [(20, 1), (20, 3), (21, 3), (5, 5), (20, 2)])
def test_shards_in_any_order_are_the_run_that_was_not_split(tmp_path: Path, n: int, count: int) -> None:
    whole = write(tmp_path / "whole", photographs(n))
    shards = split(tmp_path, n, count)
    merged = merge(shards[::-1])
    record.write_run(tmp_path / "merged", merged.samples, merged.results)
    assert (tmp_path / "merged" / "samples.jsonl").read_bytes() == (whole / "samples.jsonl").read_bytes()
    ours, theirs = (json.loads((folder / "results.json").read_text()) for folder in (tmp_path / "merged", whole))
    differing = {name for name in theirs if ours[name] != theirs[name]}
    assert differing <= {"started", "duration_seconds"}
    assert merged.notes == []


def test_a_run_in_shards_is_the_whole_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", "knn", "--tasks", "miniworld", "--limit", "11"]
    assert main([*arguments, "-o", str(tmp_path / "whole")]) == 0
    for i in (1, 2, 3):
        assert main([*arguments, "-o", str(tmp_path / "parts"), "--shard", f"{i}/3"]) == 0
    shards = sorted((tmp_path / "parts" / "miniworld").glob("shard-*"))
    assert len(shards) == 3
    output = tmp_path / "parts" / "miniworld"
    capsys.readouterr()
    assert main(["merge", *map(str, shards), "-o", str(output), "--format", "json"]) == 0
    whole = tmp_path / "whole" / "miniworld"
    assert (output / "samples.jsonl").read_bytes() == (whole / "samples.jsonl").read_bytes()
    shown = json.loads(capsys.readouterr().out)
    theirs = record.read_results(whole)
    assert shown["n"] == 11 and shown["shard"] is None
    assert {name: shown[name] for name in theirs.metrics} == {name: f.value for name, f in theirs.metrics.items()}
    assert (
        replace(
            record.read_results(output),
            **{name: getattr(theirs, name) for name in ("started", "duration_seconds", "usage", "command")},
        )
        == theirs
    )


def test_overlap_and_gap_are_named(tmp_path: Path) -> None:
    one, two, three = split(tmp_path, 9, 3)
    with pytest.raises(InputError, match=r"gap, shards are missing: 2/3$"):
        merge([one, three])
    with pytest.raises(InputError, match=r"shard-2: overlap, shard 2/3 is also in .*shard-2$"):
        merge([one, two, two, three])
    again = write(tmp_path / "again", photographs(9)[1::3], shard="2/3")
    with pytest.raises(InputError, match=r"again: overlap, shard 2/3 is also in .*shard-2$"):
        merge([one, two, three, again])
    other = split(tmp_path / "other", 9, 2)
    with pytest.raises(InputError, match=r"shards of 2, but .*shard-1 is one of 3"):
        merge([one, other[1], three])
    whole = write(tmp_path / "whole", photographs(9))
    with pytest.raises(InputError, match=r"whole: is no shard"):
        merge([one, two, whole])


def test_a_shard_that_lost_photographs_or_holds_anothers_is_named(tmp_path: Path) -> None:
    one, two, three = split(tmp_path, 9, 3)
    lines = (two / "samples.jsonl").read_text().splitlines(keepends=True)
    (two / "samples.jsonl").write_text("".join(lines[:-1]))
    with pytest.raises(InputError, match=r"shard-2: gap or overlap, holds 2 photographs"):
        merge([one, two, three])
    (two / "samples.jsonl").write_text("".join([*lines[:-1], (one / "samples.jsonl").read_text().splitlines()[0]]))
    with pytest.raises(InputError, match=r"overlap, photograph 'p0' is in .*shard-1 and .*shard-2"):
        merge([one, two, three])


@pytest.mark.parametrize(
    "field, value, words",
    [
        ("seed", 7, "seed was 0, is 7"),
        ("task_version", "2", "task_version was '1', is '2'"),
        ("manifest_sha256", "1" * 64, "manifest_sha256 was '000"),
        ("distance", "haversine", "distance was 'geodesic', is 'haversine'"),
        ("resolver_version", "0", "resolver_version was"),
        ("limit", 5, "limit was None, is 5"),
        ("decoding", {"temperature": 1.0}, "decoding.temperature was 0.0, is 1.0"),
        ("model_args", {"model": "other", "base_url": "http://node/v1"}, "model_args.model was 'm', is 'other'"),
    ],
)
def test_shards_of_two_runs_are_refused_with_both_values(tmp_path: Path, field: str, value: Any, words: str) -> None:
    shards = split(tmp_path, 6, 2)
    change(shards[1], lambda results: results.update({field: value}))
    with pytest.raises(InputError) as error:
        merge(shards)
    assert words in str(error.value) and str(shards[0]) in str(error.value) and str(shards[1]) in str(error.value)


def test_shards_may_have_asked_different_servers(tmp_path: Path) -> None:
    shards = split(tmp_path, 6, 2)
    change(shards[1], lambda results: results["model_args"].update(base_url="http://other/v1"))
    assert merge(shards).results.n == 6


def test_different_packages_are_all_named(tmp_path: Path) -> None:
    shards = split(tmp_path, 6, 2)
    change(shards[0], lambda results: results["packages"].update(torch="1.0"))
    change(shards[1], lambda results: results["packages"].update(torch="2.0"))
    merged = merge(shards)
    assert merged.results.packages["torch"] == "1.0 and 2.0"
    assert "packages" in merged.notes[0]


def test_what_the_shards_took_is_summed(tmp_path: Path) -> None:
    shards = split(tmp_path, 12, 3, usage=USAGE, images=IMAGES, duration_seconds=4.0)
    change(shards[1], lambda results: results["usage"].update(seconds_to_first_answer=0.2, seconds=1.0))
    merged = merge(shards).results
    assert merged.duration_seconds == 12.0
    assert merged.images == Images(with_coordinates=6, reencoded=3, max_pixels=1000)
    assert merged.usage == Usage(
        prompt_tokens=2700,
        completion_tokens=30,
        seconds=5.0,
        images_per_second=2.0,  # ten of twelve were heard
        seconds_to_first_answer=0.2,
        cost=0.75,
        resumed=3,
    )


def test_what_one_shard_does_not_know_is_unknown_and_not_a_part(tmp_path: Path) -> None:
    shards = split(tmp_path, 12, 3, usage=USAGE)
    change(shards[1], lambda results: results["usage"].update(prompt_tokens=None, cost=None))
    usage = merge(shards).results.usage
    assert usage is not None and usage.prompt_tokens is None and usage.cost is None and usage.completion_tokens == 30
    change(shards[1], lambda results: results.update(usage=None))
    assert merge(shards).results.usage is None


def test_points_that_may_not_be_written_are_not_needed(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole", photographs(20))
    shards = split(tmp_path, 20, 3)
    for folder in shards:
        lines = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
        (folder / "samples.jsonl").write_text("".join(json.dumps({**x, "prediction": None}) + "\n" for x in lines))
    merged, theirs = merge(shards).results, record.read_results(whole)
    assert merged.accuracy_by_distance == theirs.accuracy_by_distance
    assert merged.metrics == theirs.metrics and merged.valid_only == theirs.valid_only


def test_an_incomplete_run_stays_incomplete_and_a_shard_is_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shards = [str(folder) for folder in split(tmp_path, 9, 3)]
    assert main(["merge", *shards, "-o", str(tmp_path / "merged")]) == 3
    assert "1 of 9" in capsys.readouterr().err
    assert record.read_results(tmp_path / "merged").complete is False
    before = Path(shards[0], "samples.jsonl").read_bytes()
    assert main(["merge", *shards, "-o", shards[0]]) == 2
    assert "the run itself" in capsys.readouterr().err
    assert Path(shards[0], "samples.jsonl").read_bytes() == before
    assert main(["merge", *shards]) == 2
    assert "--output_path" in capsys.readouterr().err
