from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from globe_eval import cli
from globe_eval.errors import InputError
from globe_eval.reports import compare_text
from globe_eval.reports.compare import compare
from globe_eval.runs import record
from globe_eval.runs.assemble import assemble, empty_results
from globe_eval.sample import Sample, Truth

SETTING = empty_results("mine", "1", "coordinates", "0" * 64, "first")


def truths(n: int = 12) -> list[Truth]:
    """Photographs in Paris and New York by four people."""
    places = ((48.8566, 2.3522), (40.7128, -74.0060))
    return [Truth(*places[i % 2], group=f"person {i % 4}", scene=("urban", "natural")[i % 2]) for i in range(n)]


def at(km: float, truth: Truth) -> str:
    """Coordinates so many kilometres north."""
    return f"{truth.lat + km / 111.2:.5f}, {truth.lon}"


def written(folder: Path, texts: Sequence[str | None], *, known: list[Truth] | None = None, **setting: object) -> Path:
    """A run in a folder; None was never heard."""
    known = truths(len(texts)) if known is None else known
    samples = [
        Sample.of(f"p{i:02}", truth, text, error="HTTP 500" if text is None else None)
        for i, (truth, text) in enumerate(zip(known, texts, strict=True))
    ]
    record.write_run(
        folder,
        *assemble(replace(SETTING, **setting), samples, started=datetime.now(UTC)),  # type: ignore[arg-type]
    )
    return folder


def distances(folder: Path, km: Sequence[float | None], **setting: object) -> Path:
    """A run whose answers lie so far off; None is a refusal."""
    known = truths(len(km))
    texts = [
        "I cannot tell where this is, sorry." if one is None else at(one, truth)
        for one, truth in zip(km, known, strict=True)
    ]
    return written(folder, texts, **setting)


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = cli.main([str(word) for word in words])
    return code, *capsys.readouterr()


def test_wins_losses_and_flips_are_those_of_a_loop(tmp_path: Path) -> None:
    km_a = [0.5, 30, 10, None, 900, 100, 2, 3000, 24, 26, None, 5]
    km_b = [0.5, 10, 30, 20, 700, None, 3, 2000, 26, 24, None, 6]
    (found,) = compare([distances(tmp_path / "a", km_a), distances(tmp_path / "b", km_b)])
    near = found.rows["acc@25km"]
    hits = [(a is not None and a <= 25, b is not None and b <= 25) for a, b in zip(km_a, km_b, strict=True)]
    assert near.wins == sum(b and not a for a, b in hits) == 3
    assert near.losses == sum(a and not b for a, b in hits) == 2
    assert near.a == pytest.approx(sum(a for a, _ in hits) / 12)
    assert near.difference.value == pytest.approx((3 - 2) / 12)
    flips = found.flips(25)
    assert [(flip.id, flip.only) for flip in flips] == [
        ("p01", "b"), ("p03", "b"), ("p09", "b"), ("p02", "a"), ("p08", "a"),
    ]  # fmt: skip
    assert flips[1].a_km is None and flips[1].a_says == "refused"
    assert flips[1].b_km == pytest.approx(20, abs=0.1)
    nearer = found.rows["median_km"]
    pairs = [(math.inf if a is None else a, math.inf if b is None else b) for a, b in zip(km_a, km_b, strict=True)]
    assert (nearer.wins, nearer.losses) == (sum(b < a for a, b in pairs), sum(a < b for a, b in pairs))
    assert found.n_located == (10, 10, 9) and "mean_km" not in found.rows and "mean_km" in found.both


def test_each_of_three_denominators_is_what_it_says(tmp_path: Path) -> None:
    km_a = [1, 1, 1, 1, None, None, None, None, None, None, 500, 500]
    km_b = [1, 1, 1, 900, 900, 900, 1, 1, 900, 900, 900, 900]
    (found,) = compare([distances(tmp_path / "a", km_a), distances(tmp_path / "b", km_b)])
    row, own, both = (rows["acc@25km"] for rows in (found.rows, found.own, found.both))
    assert (row.a, row.b) == (4 / 12, 5 / 12)
    assert (own.a, own.b) == (4 / 6, 5 / 12)
    assert (both.a, both.b) == (4 / 6, 3 / 6)
    assert "acc@25km" in found.disputed
    sentence = compare_text.denominator_sentence(found)
    assert "depends on the denominator" in sentence
    assert "of all photographs B is ahead (city, 25 km: 41.67 against 33.33 %)" in sentence
    assert "of those that each located A is ahead (66.67 against 41.67 %)" in sentence
    (back,) = compare([tmp_path / "b", tmp_path / "a"])
    assert back.disputed == found.disputed
    assert "of all photographs A is ahead (city, 25 km: 41.67 against 33.33 %)" in compare_text.denominator_sentence(
        back
    )
    assert back.rows["acc@25km"].difference.value == -row.difference.value


def test_the_order_need_not_depend_on_the_denominator(tmp_path: Path) -> None:
    (found,) = compare([distances(tmp_path / "a", [900] * 11 + [None]), distances(tmp_path / "b", [10] * 12)])
    assert not found.disputed
    assert "The order is the same" in compare_text.comparison_text([found])
    (found,) = compare([tmp_path / "b", distances(tmp_path / "c", [20] * 12)])
    assert "there is one denominator" in compare_text.comparison_text([found])


def test_who_located_nothing_leaves_nothing_to_compare(tmp_path: Path) -> None:
    (found,) = compare([distances(tmp_path / "a", [None] * 12), distances(tmp_path / "b", [1.0] * 12)])
    assert not found.own and not found.both and not found.disputed
    text = compare_text.comparison_text([found], flips_km=25)
    assert "A located no photograph" in text and "which count" not in text and "12 photographs that only B has" in text
    (alone,) = compare([distances(tmp_path / "c", [1.0]), distances(tmp_path / "d", [900.0])])
    row = alone.rows["acc@25km"].difference
    assert (row.value, row.p) == (-1, 1) and math.isnan(row.low)
    assert "tie" in compare_text.comparison_text([alone]) and "1 photograph ·" in compare_text.comparison_text([alone])


def test_two_identical_runs_tie(tmp_path: Path) -> None:
    km = [0.5, 30, 10, None, 900, 100, 2, 3000, 24, 26, None, 5]
    (found,) = compare([distances(tmp_path / "a", km), distances(tmp_path / "b", km)])
    for rows in (found.rows, found.both, *(part.rows for part in found.breakdowns.get("scene", {}).values())):
        for row in rows.values():
            paired = row.difference
            assert (paired.value, paired.p, row.wins, row.losses, row.order) == (0, 1, 0, 0, 0)
            assert paired.low <= 0 <= paired.high or math.isnan(paired.low)
    assert not found.disputed and not found.flips(25) and not found.settings
    text = compare_text.comparison_text([found])
    assert "The settings are the same" in text and " B  " not in text.split("better")[1].split("which count")[0]


def test_what_differs_in_the_settings_is_said(tmp_path: Path) -> None:
    km = [10.0] * 12
    a = distances(tmp_path / "a", km, prompt="Where?", decoding={"temperature": 0.0}, model_args={"dtype": "half"})
    b = distances(
        tmp_path / "b", km, model="second", prompt="Where is it?\nThink.", decoding={"temperature": 0.6}, seed=1
    )
    (found,) = compare([a, b])
    assert found.settings == {
        "prompt": ("Where?", "Where is it?\nThink."),
        "model": ("first", "second"),
        "model_args.dtype": ("half", None),
        "decoding.temperature": (0.0, 0.6),
        "seed": (0, 1),
    }
    assert "Where is it? Think." in compare_text.comparison_text([found])


def test_parts_are_compared_on_their_own(tmp_path: Path) -> None:
    known = truths(40)
    km_a = [10 if truth.scene == "urban" else 900 for truth in known]
    (found,) = compare([distances(tmp_path / "a", km_a), distances(tmp_path / "b", [900] * 40)])
    scenes = found.breakdowns["scene"]
    assert {name: (part.n, part.rows["acc@25km"].difference.value) for name, part in scenes.items()} == {
        "natural": (20, 0.0),
        "urban": (20, -1.0),
    }
    assert set(found.breakdowns["continent"]) == {"EU", "NA"}
    text = compare_text.comparison_text([found])
    assert "Europe" in text and "North America" in text and "urban" in text


def test_a_run_that_was_not_heard_misses(tmp_path: Path) -> None:
    known = truths()
    a = written(tmp_path / "a", [None, *(at(1, truth) for truth in known[1:])])
    (found,) = compare([a, distances(tmp_path / "b", [1.0] * 12)])
    assert found.rows["acc@25km"].a == 11 / 12
    assert "A has no answer to 1 photograph (status error)" in compare_text.comparison_text([found])


def test_the_order_of_the_lines_does_not_matter(tmp_path: Path) -> None:
    a, b = distances(tmp_path / "a", [1, 30, None] * 4), distances(tmp_path / "b", [30, 1, 2] * 4)
    before = json.dumps(compare_text.comparison_json(compare([a, b]), flips_km=25))
    lines = (b / "samples.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (b / "samples.jsonl").write_text("".join(reversed(lines)), encoding="utf-8")
    assert json.dumps(compare_text.comparison_json(compare([a, b]), flips_km=25)) == before


def test_several_runs_are_each_compared_with_the_first(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    base = np.where(rng.random(80) < 0.4, 10, 900).tolist()
    better = np.where(rng.random(80) < 0.3, 10, base).tolist()
    folders = [distances(tmp_path / "a", base), distances(tmp_path / "b", base), distances(tmp_path / "c", better)]
    folders += [distances(tmp_path / "d", [900.0] * 80)]
    many = compare(folders)
    whole = compare_text.comparison_json(many)
    p = [one["all"]["acc@25km"]["p"] for one in whole["comparisons"]]
    ranked = sorted(p)
    assert p[0] == 1.0 and [one["all"]["acc@25km"]["p_holm"] for one in whole["comparisons"]] == pytest.approx(
        [1.0, *(max(min(1, 3 * ranked[0]), min(1, 2 * x)) if x != ranked[0] else min(1, 3 * x) for x in p[1:])]
    )
    text = compare_text.comparison_text(many)
    assert "D against A" in text and "Holm p" in text and "adjusted for 3 comparisons" in " ".join(text.split())


@pytest.mark.parametrize("n", [1, 27])
def test_two_to_twenty_six_runs(tmp_path: Path, n: int) -> None:
    with pytest.raises(InputError, match=f"found {n} runs; allowed: 2 to 26"):
        compare([tmp_path] * n)


def test_what_cannot_be_compared_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = distances(tmp_path / "a", [1.0] * 12)
    fewer = distances(tmp_path / "fewer", [1.0] * 11)
    moved = written(
        tmp_path / "moved", [at(1, t) for t in truths()], known=[*truths()[:-1], replace(truths()[-1], lat=41.0)]
    )
    haversine = distances(tmp_path / "haversine", [1.0] * 12, distance="haversine")
    twice = distances(tmp_path / "twice", [1.0] * 12)
    with (twice / "samples.jsonl").open("a", encoding="utf-8") as file:
        file.write((twice / "samples.jsonl").read_text(encoding="utf-8").splitlines()[3] + "\n")
    for other, words in (
        (fewer, f"are not of the same photographs: 12 and 11, 11 of them in both; only {a} has 'p11'"),
        (moved, "have different truths: photograph 'p11' lies at 40.7128, -74.006 and at 41.0, -74.006"),
        (haversine, f"globe-eval rescore {haversine} --distance geodesic -o DIR makes them alike"),
        (twice, "photograph 'p03' stands there twice"),
        (tmp_path / "nothing", "nothing: no such folder"),
    ):
        code, out, err = run(capsys, "compare", a, other)
        assert (code, out) == (2, "") and words in err and err.count("\n") == 1
    code, out, err = run(capsys, "compare", a, a, "-o", a)
    assert (code, out) == (2, "") and "that is the run itself" in err
    assert not (a / "comparison.json").exists()


def test_truths_that_name_more_are_compared_and_said(tmp_path: Path) -> None:
    named = [replace(truth, country="France") if truth.lat > 45 else truth for truth in truths()]
    a = distances(tmp_path / "a", [1.0] * 12)
    (found,) = compare([a, written(tmp_path / "b", [at(1, t) for t in named], known=named)])
    assert found.settings == {"truth.country": ("known of 0", "known of 6")}


def test_what_a_model_writes_steers_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = [replace(truth, country="France", city="Paris") for truth in truths()]
    hostile = "<answer>country: France\ncity: \x1b[31mParis\x07</answer>"
    a = written(tmp_path / "a", [hostile] * 12, known=known, answer_form="names")
    b = written(
        tmp_path / "b", ["country: France\ncity: Paris"] * 12, known=known, answer_form="names", model="\x1b[2J"
    )
    code, out, _ = run(capsys, "compare", a, b, "--flips", 25)
    assert code == 0 and "\x1b" not in out and "\x07" not in out


def test_the_table_fits_and_the_files_are_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = distances(tmp_path / "a", [1, 30, None, 2000.5] * 12)
    b = distances(tmp_path / "b", [30, 1, 2, None] * 12)
    code, out, err = run(capsys, "compare", a, b, "--flips", 25, "-o", tmp_path / "out")
    assert code == 0 and "written" in err
    body = out.splitlines()[3:]  # the folders above are as long as they are
    assert max(map(len, body)) <= 100
    assert (tmp_path / "out" / "comparison.txt").read_text(encoding="utf-8") == out
    code, out, _ = run(capsys, "compare", a, b, "--flips", 25, "--format", "json")
    assert (tmp_path / "out" / "comparison.json").read_text(encoding="utf-8") == out
    whole = json.loads(out)
    (one,) = whole["comparisons"]
    assert one["all"]["acc@25km"]["n"] == whole["n"] == 48 and one["flips"]["km"] == 25
    assert len(one["flips"]["photographs"]) == 36
    assert one["own_located"]["median_km"]["low"] is None


def scored(capsys: pytest.CaptureFixture[str], out: Path, *words: object) -> Path:
    code, _, err = run(capsys, "score", *words, "-o", out)
    assert code == 0, err
    return out


def test_two_networks_on_im2gps3k_against_scipy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shared_data: Path
) -> None:
    """Point 3: the paired interval over photographers, from the raw files, with nothing of this project."""
    truth = shared_data / "im2gps3k" / "im2gps3k_places365.csv"
    names = ("ISNs_M-fstar-S3", "base_L-m")
    folders = [
        scored(
            capsys, tmp_path / name, shared_data / "isn" / f"{name}.csv", "--truth", truth, "--skip-footer",
            "--distance", "haversine",
        )
        for name in names
    ]  # fmt: skip
    with truth.open(encoding="utf-8", newline="") as file:
        author = {row["IMG_ID"]: row["AUTHOR"] for row in csv.DictReader(file)}
    hits: list[dict[str, float]] = []
    for name in names:
        with (shared_data / "isn" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["img_id"] in author]
        lat1, lat2, lon1, lon2 = np.radians(
            [[float(row[key]) for row in rows] for key in ("gt_lat", "predicted_lat", "gt_long", "predicted_long")]
        )
        chord = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
        within = 2 * 6371.0 * np.arcsin(np.sqrt(chord)) <= 25
        hits.append(dict(zip((row["img_id"] for row in rows), 100.0 * within, strict=True)))
    people = sorted(set(author.values()))
    index = np.array([people.index(author[name]) for name in author])
    sums = [np.bincount(index, weights=[of[name] for name in author]) for of in hits]
    size = np.bincount(index)

    def difference(a: np.ndarray, b: np.ndarray, n: np.ndarray, axis: int) -> np.ndarray:
        return (b.sum(axis) - a.sum(axis)) / n.sum(axis)

    reference = stats.bootstrap((*sums, size), difference, paired=True, n_resamples=9999, method="percentile", rng=1)
    code, out, _ = run(capsys, "compare", *folders, "--format", "json")
    ours = json.loads(out)["comparisons"][0]["all"]["acc@25km"]
    assert code == 0 and ours["n"] == 2997 and ours["n_groups"] == len(people) == 198
    assert 100 * ours["difference"] == pytest.approx((sum(hits[1].values()) - sum(hits[0].values())) / 2997)
    low, high = reference.confidence_interval
    assert 100 * ours["low"] <= low and high <= 100 * ours["high"]
    assert 100 * (ours["high"] - ours["low"]) < 1.25 * (high - low)
    assert ours["p"] < 0.01 and ours["losses"] - ours["wins"] == round(-2997 * ours["difference"])
    (same,) = compare([folders[0], folders[0]])
    assert all((row.difference.value, row.difference.p) == (0.0, 1.0) for row in same.rows.values())


def test_two_llamas_on_street_view_change_places_with_the_denominator(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shared_data: Path
) -> None:
    """Point 4."""
    folders = [
        scored(
            capsys, tmp_path / name, shared_data / "street_view" / f"llama-3.2-{name}-vision.csv", "--read",
            "coordinates",
        )
        for name in ("90b", "11b")
    ]  # fmt: skip
    code, out, _ = run(capsys, "compare", *folders, "--format", "json")
    (one,) = json.loads(out)["comparisons"]
    everyone, own = one["all"]["acc@25km"], one["own_located"]["acc@25km"]
    assert code == 0 and one["n_located"] == {"a": 1045, "b": 1505, "both": 984}
    assert [round(100 * everyone[side], 2) for side in "ab"] == [5.74, 6.62]
    assert [round(100 * own[side], 2) for side in "ab"] == [8.80, 7.04]
    assert "acc@25km" in one["order_depends_on_denominator"]
    code, out, _ = run(capsys, "compare", *folders)
    text = " ".join(out.split())
    assert "The order depends on the denominator" in text
    assert "of all photographs B is ahead (city, 25 km: 6.62 against 5.74 %)" in text
    assert "of those that each located A is ahead (8.80 against 7.04 %)" in text


def test_it_opens_with_who_is_ahead_and_whether_that_is_chance(tmp_path: Path) -> None:
    alone = [Truth(48.8566, 2.3522)] * 12
    for name, km in (("a", [900.0] * 12), ("b", [1.0] * 12), ("c", [1.0] + [900.0] * 11)):
        written(tmp_path / name, [at(one, alone[0]) for one in km], known=alone)
    texts = {name: compare_text.comparison_text(compare([tmp_path / "a", tmp_path / name])) for name in "abc"}
    said = {name: " ".join(text.split()) for name, text in texts.items()}
    assert "and B 0.00 %: no difference." in said["a"]
    assert "Within 25 km A has 0.00 % of the photographs and B 100.00 %: B is ahead, by more than chance" in said["b"]
    assert "and B 8.33 %: that may be chance." in said["c"]


def test_a_model_that_does_not_reason_is_not_compared_by_its_reasoning(tmp_path: Path) -> None:
    known = [Truth(48.8566, 2.3522, country="France", city="Paris", entities=("sign",))] * 12
    answer = "<answer>country: France\ncity: Paris</answer>"
    reasoned = f"<think>A sign says that this is Paris, France.</think>{answer}"
    for name, text in (("plain", answer), ("a", reasoned), ("b", reasoned)):
        written(tmp_path / name, [text] * 12, known=known, answer_form="names")
    of_reasoning = {"grounding_recall", "reasoning_consistent", "reasoning_contradicts"}
    (one,) = compare([tmp_path / "a", tmp_path / "b"])
    assert of_reasoning <= one.rows.keys()
    (one,) = compare([tmp_path / "a", tmp_path / "plain"])
    assert not of_reasoning & one.rows.keys() and "acc@25km" in one.rows


def test_many_photographs_of_one_photographer_show_nothing_however_many_others_there_are(tmp_path: Path) -> None:
    known = [Truth(48.8566, 2.3522, group="ann")] * 8 + [Truth(48.8566, 2.3522)] * 4
    for name, km in (("a", 900.0), ("b", 1.0)):
        written(tmp_path / name, [at(km, known[0])] * 12, known=known)
    text = compare_text.comparison_text(compare([tmp_path / "a", tmp_path / "b"]))
    assert "12 photographs, 8 by 1 photographer, 4 by unknown ones" in text
    line = next(line for line in text.splitlines() if line.startswith("city, 25 km, %"))
    assert "+100.00" in line and " tie " in line
    assert "so few photographers cannot show whether that is chance" in " ".join(text.split())


def test_in_a_narrow_terminal_every_column_is_there_and_ids_are_whole(tmp_path: Path) -> None:
    (found,) = compare([distances(tmp_path / "a", [900.0] * 12), distances(tmp_path / "b", [1.0] * 12)])
    for columns in (80, 100):
        text = compare_text.comparison_text([found], flips_km=25, columns=columns)
        assert max(len(line) for line in text.splitlines() if str(tmp_path) not in line) <= columns
        assert text.count("A wins") == 1 and all(f"\n{one.id} " in text for one in found.flips(25))
        assert "so few photographers cannot show whether that is chance" in " ".join(text.split())
