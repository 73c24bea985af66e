from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean

import pytest

from globe_eval import cli
from globe_eval.errors import InputError
from globe_eval.metrics import grounding
from globe_eval.places import geodesic_km
from globe_eval.reports import terminal
from globe_eval.runs import record
from globe_eval.runs.assemble import assemble, unscored
from globe_eval.sample import LOCATED, Answer, Results, Sample, Truth

SETTING = unscored("mine", "1", "names", "0" * 64, "m")
CITIES = {
    "Paris, France": (48.8566, 2.3522, "urban"),
    "Lyon, France": (45.7640, 4.8357, "urban"),
    "Nairobi, Kenya": (-1.2864, 36.8172, "natural"),
    "Kyoto, Japan": (35.0116, 135.7681, None),
}


def run(
    n: int, said: str = "country: France\ncity: Paris", exclude: frozenset[str] | None = None, **changes: object
) -> tuple[list[Sample], Results]:
    """n photographs from the four cities in turn, each by one of five people, all answered alike."""
    names = list(CITIES)
    samples = []
    for i in range(n):
        lat, lon, scene = CITIES[names[i % 4]]
        samples.append(Sample.of(f"photo-{i}", Truth(lat, lon, group=f"p{i % 5}", scene=scene), said))
    return assemble(replace(SETTING, **changes), samples, started=datetime.now(UTC), exclude=exclude)


def test_a_part_has_the_figures_of_its_photographs_alone() -> None:
    _, results = run(80)
    parts = results.breakdowns
    assert {by: {label: part.n for label, part in found.items()} for by, found in parts.items()} == {
        "continent": {"AF": 20, "AS": 20, "EU": 40},
        "country": {"FR": 40, "JP": 20, "KE": 20},
        "scene": {"natural": 20, "urban": 40},
        "city_size": {"metropolis": 60, "city": 20},
    }
    assert parts["continent"]["EU"].metrics["acc@25km"].value == 0.5
    assert parts["continent"]["AF"].metrics["country_accuracy"].value == 0.0
    assert parts["scene"]["urban"].n_groups == 5
    lyon_to_paris = geodesic_km(45.7640, 4.8357, 48.8566, 2.3522)
    assert parts["country"]["FR"].metrics["mean_km"].value == pytest.approx(float(lyon_to_paris) / 2, abs=0.5)


def test_the_only_part_is_the_whole() -> None:
    lat, lon, _ = CITIES["Paris, France"]
    paris = Answer(country="France", city="Paris")
    samples = [Sample.of(str(i), Truth(lat, lon + i / 10, group=f"p{i % 7}"), answer=paris) for i in range(60)]
    _, results = assemble(SETTING, samples, started=datetime.now(UTC))
    assert results.breakdowns["continent"]["EU"].metrics == results.metrics


def test_small_countries_and_missing_answers() -> None:
    _, results = run(79, said="I cannot tell.")
    assert set(results.breakdowns["country"]) == {"FR", "KE"}, "Japan has 19 photographs"
    europe = results.breakdowns["continent"]["EU"].metrics
    assert europe["acc@2500km"].value == 0.0 and europe["acc@2500km"].n == 40
    assert europe["median_km"].value is None and europe["mean_km"].value is None


def test_parts_can_be_written_and_older_results_read(tmp_path: Path) -> None:
    samples, results = run(8)
    record.write_run(tmp_path, samples, results)
    assert record.read_results(tmp_path) == results
    assert [sample.truth.scene for sample in record.read_samples(tmp_path)][:4] == ["urban", "urban", "natural", None]
    older = json.loads((tmp_path / "results.json").read_text())
    for name in ("ceiling", "attainable", "breakdowns", "clean"):
        del older[name]
    (tmp_path / "results.json").write_text(json.dumps(older))
    old = record.read_results(tmp_path)
    assert (old.ceiling, old.breakdowns, old.clean) == (None, {}, None)
    assert "ceiling" not in terminal.result_table(old)


def test_the_ceiling_stands_beside_the_score() -> None:
    _, results = run(8)
    assert results.ceiling is not None and results.attainable is not None
    assert results.ceiling["acc@25km"] == 1.0 and results.attainable["acc@1km"] is not None
    shown = terminal.result_table(results)
    line = next(line for line in shown.splitlines() if line.startswith("city, 25 km"))
    assert line.split()[-2:] == ["100.0", "%"] and "ceiling: what answers of this form score" in shown
    _, coordinates = run(8, answer_form="coordinates")
    assert coordinates.ceiling == dict.fromkeys(results.ceiling, 1.0)
    assert "ceiling" not in terminal.result_table(coordinates)


def test_figures_without_what_another_set_knows() -> None:
    known = frozenset(f"photo-{i}" for i in range(80) if i % 4 == 0) | {"a photograph that --limit left out"}
    samples, results = run(80, exclude=known)
    assert results.clean is not None
    assert (results.clean.excluded, results.clean.n) == (20, 60)
    kept = [sample for sample in samples if sample.id not in known]
    right = sum(sample.distance_km is not None and sample.distance_km <= 750 for sample in kept)
    assert results.clean.metrics["acc@750km"].value == right / 60
    assert results.metrics == run(80)[1].metrics, "the figures of all photographs stay"
    assert "without 20 photographs of the other set, 60 left: " in terminal.result_table(results)


def test_excluding_nothing_and_everything() -> None:
    assert run(8)[1].clean is None
    _, nothing = run(8, exclude=frozenset())
    assert nothing.clean is not None and nothing.clean.metrics == nothing.metrics
    _, everything = run(8, exclude=frozenset(f"photo-{i}" for i in range(8)))
    assert everything.clean is not None and everything.clean.n == 0
    assert "acc@25km" not in everything.clean.metrics, "of no photograph there is no accuracy, least of all 0"
    assert "without 8 photographs" in terminal.result_table(everything)


def test_a_run_can_be_read_by_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples, results = run(84)
    record.write_run(tmp_path, samples, results)
    assert cli.main(["table", str(tmp_path), "--by", "continent"]) == 0
    shown = capsys.readouterr().out
    assert "Europe" in shown and "Africa" in shown and "50.0 %" in shown
    assert terminal.breakdown_table(results, "country").index("FR") < terminal.breakdown_table(
        results, "country"
    ).index("JP")
    assert cli.main(["table", str(tmp_path), "--by", "contnent"]) == 2
    assert "did you mean 'continent'" in capsys.readouterr().err
    bare = replace(results, breakdowns={})
    with pytest.raises(InputError, match="no such breakdown"):
        terminal.breakdown_table(bare, "scene")


def test_each_reasoning_is_read_once_and_all_figures_are_of_the_recorded_lifts(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str | None] = []
    whole = grounding.read_reasoning
    monkeypatch.setattr(grounding, "read_reasoning", lambda text: read.append(text) or whole(text))
    samples = [
        Sample.of(
            f"photo-{i}",
            Truth(48.8566, 2.3522, group=f"p{i % 5}", entities=(["bus", "church", "tree"][i % 3], "road")),
            f"<think>A {['bus', 'tree'][i % 2]} ({i}).</think><answer>country: {'France' if i % 4 else '?'}</answer>",
        )
        for i in range(24)
    ]
    scored, results = assemble(SETTING, samples, started=datetime.now(UTC))
    assert len(read) == 24, "one for each photograph, for all figures, breakdowns and the samples' own fields"
    lifts = {one.id: one.grounding.lift for one in scored if one.grounding is not None}
    located = [one.id for one in scored if one.status in LOCATED]
    assert 0 < len(located) < 24 and len(set(lifts.values())) > 2
    assert results.metrics["grounding_lift"].value == pytest.approx(fmean(lifts.values()))
    assert results.valid_only["grounding_lift"].value == pytest.approx(fmean(lifts[name] for name in located))
