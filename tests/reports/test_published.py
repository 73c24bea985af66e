from __future__ import annotations

import csv
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy import stats

from globe_eval.errors import InputError
from globe_eval.metrics.paired import paired_differences
from globe_eval.reports.board.boards import Range, rank_ranges
from globe_eval.reports.board.published import AlsoPrinted, PublishedRow, conflicts, printed_range, read_published

FOLDER = Path(__file__).parents[2] / "leaderboards" / "published"
KM = (1, 25, 200, 750, 2500)
IDENTIFIER = re.compile(
    r"arXiv \d{4}\.\d{5}|preprints\.org [\d.]+|github\.com/\w+/\w+/issues/\d+|2026-06-21|GeoEstimation|owlandauk|audit"
)


@pytest.fixture(scope="module")
def rows() -> list[PublishedRow]:
    return read_published(FOLDER)


@pytest.fixture(scope="module")
def facts(shared_data: Path) -> list[dict[str, str]]:
    found = []
    for name in ("baselines.csv", "published_new.csv"):
        with (shared_data.parent / "facts" / name).open(encoding="utf-8", newline="") as file:
            found += csv.DictReader(file)
    return found


def task_of(fact: dict[str, str]) -> str:
    if "OUTDOOR SUBSET" in fact["setting"]:
        return "im2gps3k_outdoor"
    return {"osv5m": "osv5m_test", "mapbench_v1_test": "mapbench_test"}.get(fact["task"], fact["task"])


def figures_of(fact: dict[str, str]) -> tuple[float | None, ...]:
    return tuple(float(text) if (text := fact[f"acc_{km}km"]) else None for km in KM)


def identifiers(text: str) -> set[str]:
    # The audit is of the paper that it quotes.
    found = {match.replace("audit", "arXiv 2506.14674") for match in IDENTIFIER.findall(text)}
    return found | ({"arXiv 2506.14674"} if "GLOBE paper notes" in text else set())


def test_every_fact_is_a_row_and_every_row_a_fact(rows: list[PublishedRow], facts: list[dict[str, str]]) -> None:
    written = Counter((row.task, row.year, row.confidence, tuple(row.accuracy[km] for km in KM)) for row in rows)
    known = Counter((task_of(fact), int(fact["year"]), fact["confidence"], figures_of(fact)) for fact in facts)
    assert written == known
    assert len(rows) == 179


def test_no_source_is_lost_and_none_invented(rows: list[PublishedRow], facts: list[dict[str, str]]) -> None:
    by_figures = {(row.task, tuple(row.accuracy[km] for km in KM)): row for row in rows}
    for fact in facts:
        row = by_figures[task_of(fact), figures_of(fact)]
        assert identifiers(" ".join(row.sources)) == identifiers(fact["source"]), row
        name = re.sub(r"[^a-z0-9]", "", fact["method"].lower())
        first = re.split(r"[^a-z0-9]", row.method.lower().lstrip("["))[0]
        assert first in name, f"{row.method} for {fact['method']}"
        for paper in re.findall(r"arXiv \d{4}\.\d{5}", fact["paper"]):
            assert paper in row.paper
        assert fact["setting"] in row.detail


def test_what_the_facts_note_stands_in_the_row(rows: list[PublishedRow], facts: list[dict[str, str]]) -> None:
    """Every number of a note, and whether it speaks of a conflict, an overlap or a teacher."""
    contradicted = conflicts(rows)
    by_figures = {(row.task, tuple(row.accuracy[km] for km in KM)): row for row in rows}
    for fact in facts:
        row = by_figures[task_of(fact), figures_of(fact)]
        written = f"{row.model_dump()} {row.n:,}" if row.n else str(row.model_dump())
        for number in re.findall(r"\d+\.\d+|\d,\d{3}", fact["notes"]):
            assert number in written or f"{float(number.replace(',', '')):.2f}" in written, (number, row)
        if "CONFLICT" in fact["notes"]:
            assert (row.method, row.task) in contradicted
        if "overlap" in fact["notes"]:
            assert "trained on MP-16" in row.caveats
        if "TEACHER" in fact["notes"]:
            assert "teacher of the benchmark" in row.caveats
        assert bool(fact["notes"]) <= bool(row.caveats or row.also_printed or fact["notes"] == "README only")


def test_globe_stands_beside_its_reproductions(rows: list[PublishedRow]) -> None:
    globe = {(row.task, row.reported_by): row for row in rows if row.method == "GLOBE-7B"}
    paper, rerun = globe["im2gps3k", None], globe["im2gps3k", "a user, GLOBE issue 3"]
    assert (paper.accuracy[25], rerun.accuracy[25], rerun.n) == (40.18, 36.95, 2912)
    assert "35.90" in rerun.caveats["unscored left out"]
    assert globe["mp16_reason_test", None].accuracy[25] == 62.85
    assert globe["mp16_reason_test", "GeoBridge"].accuracy[25] == 60.95


def test_conflicts_are_found_where_one_model_has_several_values(rows: list[PublishedRow]) -> None:
    found = conflicts(rows)
    qwen = found["Qwen2.5-VL-7B", "im2gps3k"]
    assert [row.accuracy[25] for row in qwen] == [16.62, 21.93, 24.3, 32.53]
    assert printed_range(qwen, 25) == pytest.approx(15.91)
    assert found["GeoCLIP", "im2gps3k"][0].also_printed[0].accuracy == {750: 69.97}
    assert printed_range(found["Img2Loc (GPT-4V)", "im2gps3k"], 25) == pytest.approx(5.27)
    assert ("GeoReasoner", "im2gps3k") in found and ("GeoDecoder", "im2gps3k") not in found
    for row in rows:
        if "conflicting values" in row.caveats:
            assert (row.method, row.task) in found


def test_rounding_is_no_conflict(rows: list[PublishedRow]) -> None:
    row = rows[0]
    figure = row.accuracy[25]
    assert figure is not None
    rounded = row.model_copy(update={"also_printed": (AlsoPrinted(source="a copy", accuracy={25: figure + 0.05}),)})
    assert not conflicts([rounded])
    assert conflicts([rounded, row.model_copy(update={"accuracy": {**row.accuracy, 25: figure + 0.06}})])


def test_names_of_people_who_reported_are_not_written(rows: list[PublishedRow]) -> None:
    assert not [row for row in rows if "@" in f"{row.reported_by}{row.detail}"]


ROW = """\
rows:
  - method: mine
    year: 2026
    paper: arXiv 2601.00001
    task: im2gps3k
    setting: VLM trained
    detail: trained
    answer_form: null
    geocoder: null
    n: null
    accuracy: {1: 1.0, 25: 2.0, 200: null, 750: 4.0, 2500: 5.0}
    confidence: B
    sources: [the paper]
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("task: im2gps3k", "task: im2gps3", "line 5, row 1 (mine): task: no such task; did you mean 'im2gps3k'?"),
        ("detail:", "detial:", "line 7, row 1 (mine): detial: Extra inputs are not permitted; found 'trained'"),
        ("detail:", "detial:", "did you mean 'detail'?"),
        ("2500: 5.0", "2500: 105.0", "line 11, row 1 (mine): accuracy.2500: Input should be less than or equal to 100"),
        ("750: 4.0", "750: 1.5", "accuracy: falls with the distance, which cannot be"),
        ("750: 4.0, ", "", "found the distances 1, 25, 200, 2500; allowed: 1, 25, 200, 750, 2500, each once"),
        ("VLM trained", "VLM taught", "line 6, row 1 (mine): setting: Input should be 'retrieval'"),
        ("n: null", "n: 0", "line 10, row 1 (mine): n: Input should be greater than or equal to 1; found 0"),
        ("    n: null\n", "", "row 1 (mine): n: Field required"),
        ("confidence: B", "confidence: C", "confidence: Input should be 'A+', 'A' or 'B'; found 'C'"),
        ("sources: [the paper]", "sources: []", "sources: Tuple should have at least 1 item"),
        ("  - method: mine", "  - method: mine\n    method: yours", "key 'method' stands there twice"),
        ("rows:", "row:", "found the keys row; allowed: rows, a list"),
        ("answer_form: null\n    geocoder: null", "answer_form: coordinates\n    geocoder: Azure", "allowed: none"),
    ],
)
def test_a_row_that_is_wrong_is_refused_with_where_and_what(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert ROW.count(old) == 1
    (tmp_path / "mine.yaml").write_text(ROW.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as refused:
        read_published(tmp_path)
    assert message in str(refused.value) and "\n" not in str(refused.value)
    assert str(tmp_path / "mine.yaml") in str(refused.value)


def test_a_row_stands_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(ROW, encoding="utf-8")
    assert len(read_published(tmp_path)) == 1
    shutil.copy(tmp_path / "a.yaml", tmp_path / "b.yaml")
    with pytest.raises(InputError, match=r"b\.yaml, line 2, row 1 \(mine, im2gps3k\): stands there already, .*a\.yaml"):
        read_published(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        read_published(tmp_path / "none")


def test_the_files_are_plain_yaml_that_any_tool_reads() -> None:
    files = sorted(FOLDER.glob("*.yaml"))
    assert sum(len(yaml.safe_load(path.read_text(encoding="utf-8"))["rows"]) for path in files) == 179
    assert all(path.read_text(encoding="utf-8").startswith("# ") for path in files)


def models(seed: int, shares: list[float], n: int = 300, n_groups: int = 40) -> tuple[list[np.ndarray], np.ndarray]:
    """Hits of models that see the same photographs: what is hard for one is hard for all, and by photographer."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, n_groups, n)
    ease = rng.normal(0, 0.7, n_groups)[groups] + rng.normal(0, 1, n)
    return [(ease + rng.normal(0, 0.4, n) > stats.norm.ppf(1 - share)).astype(float) for share in shares], groups


def by_loops(rows: list[np.ndarray], groups: np.ndarray) -> list[Range]:
    """Holm's step-down procedure as its definition has it, on the p-value of each pair."""
    pairs = [(i, j) for i in range(len(rows)) for j in range(i + 1, len(rows))]
    p = {(i, j): paired_differences({"hit": rows[i]}, {"hit": rows[j]}, groups)["hit"].p for i, j in pairs}
    significant = []
    for step, pair in enumerate(sorted(pairs, key=lambda pair: p[pair])):
        if p[pair] > 0.05 / (len(pairs) - step):
            break
        significant.append(pair)
    ranges = []
    for row in range(len(rows)):
        others = [(set(pair) - {row}).pop() for pair in significant if row in pair]
        better = sum(rows[other].mean() > rows[row].mean() for other in others)
        worse = sum(rows[other].mean() < rows[row].mean() for other in others)
        ranges.append((1 + better, len(rows) - worse))
    return ranges


@pytest.mark.parametrize("seed", range(4))
def test_ranks_equal_those_of_a_second_computation(seed: int) -> None:
    rows, groups = models(seed, [0.3, 0.33, 0.36, 0.5, 0.52, 0.1])
    found = [row["hit"] for row in rank_ranges([{"hit": row} for row in rows], groups)]
    assert found == by_loops(rows, groups)
    assert len({*found}) > 1 and any(best != worst for best, worst in found)


def test_the_order_of_rows_and_of_photographs_does_not_matter() -> None:
    rows, groups = models(5, [0.3, 0.4, 0.45, 0.6])
    found = rank_ranges([{"hit": row} for row in rows], groups)
    order = np.random.default_rng(0).permutation(len(groups))
    again = rank_ranges([{"hit": row[order]} for row in rows[::-1]], groups[order])
    assert again[::-1] == found


def test_equal_rows_share_every_rank_and_one_alone_is_first() -> None:
    (row,), groups = models(6, [0.4])
    assert rank_ranges([{"hit": row}] * 3, groups) == [{"hit": (1, 3)}] * 3
    assert rank_ranges([{"hit": row}], groups) == [{"hit": (1, 1)}]
    assert rank_ranges([], groups) == []


def test_a_few_photographers_cannot_tell_rows_apart() -> None:
    """3,000 photographs by 4 people: a gap of 20 points is theirs, not the world's."""
    rows, _ = models(7, [0.3, 0.5], n=3000)
    four = np.arange(3000) % 4
    assert rank_ranges([{"hit": row} for row in rows], four) == [{"hit": (1, 2)}] * 2
    assert rank_ranges([{"hit": row} for row in rows], np.arange(3000)) == [{"hit": (2, 2)}, {"hit": (1, 1)}]
