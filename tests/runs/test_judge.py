"""The optional judge, against a local server: what it is asked, what it costs, what is kept, and its agreement."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from servers import ChatServer, Reply, completion
from sklearn.metrics import cohen_kappa_score

from globe_eval.cli import main
from globe_eval.runs import judge, record
from globe_eval.runs.second_model import AnswerFile
from globe_eval.sample import Truth

TRUTH = "id,lat,lon,entities\n" + "".join(
    f'{name},{lat},{lon},"{seen}"\n'
    for name, lat, lon, seen in (
        ("a", 48.85, 2.35, '[""church"", ""red bus"", ""palm tree""]'),
        ("b", 35.68, 139.69, '[""temple"", ""bridge""]'),
        ("c", 51.5, -0.12, ""),
        ("d", -33.9, 151.2, '[""beach""]'),
    )
)
RESPONSES = {
    "a": "<think>A church and a red bus, but no palm trees.</think><answer>country: France\ncity: Paris</answer>",
    "b": "<think>A wooden temple.</think><answer>country: Japan\ncity: Tokyo</answer>",
    "c": "<think>A church.</think><answer>country: United Kingdom\ncity: London</answer>",
    "d": "<answer>country: Australia\ncity: Sydney</answer>",
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "truth.csv").write_text(TRUTH)
    (tmp_path / "answers.jsonl").write_text(
        "".join(json.dumps({"id": key, "response": text}) + "\n" for key, text in RESPONSES.items())
    )
    arguments = ["score", str(tmp_path / "answers.jsonl"), "--truth", str(tmp_path / "truth.csv")]
    assert main([*arguments, "--answer-form", "names", "-o", str(tmp_path / "run")]) == 0
    return tmp_path / "run"


def things(payload: dict[str, Any]) -> list[str]:
    return re.findall(r"^\d+\. (.+)$", payload["messages"][-1]["content"], re.MULTILINE)


def verdicts(payload: dict[str, Any], number: int) -> str:
    """A judge that takes every word of an entity in the text for evidence, denied or not, and the bridge for there."""
    text = payload["messages"][-1]["content"].split(">>>")[0].lower()
    said = {
        str(i): "evidence" if all(w in text for w in thing.split()) else "mentioned" if thing == "bridge" else "absent"
        for i, thing in enumerate(things(payload), 1)
    }
    return json.dumps(said)


def judged(run: Path, server: ChatServer, out: Path, *more: str) -> int:
    return main(["rescore", str(run), "--judge", f"base_url={server.base_url},max_retries=0", "-o", str(out), *more])


def test_each_entity_is_judged_and_the_agreement_is_cohen_s(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ChatServer(verdicts) as server:
        assert judged(run, server, tmp_path / "out") == 0
    samples = {one.id: one.judge for one in record.read_samples(tmp_path / "out")}
    result = record.read_results(tmp_path / "out").judge
    assert samples["a"] is not None and samples["a"].entities == {
        "church": "evidence",
        "red bus": "evidence",
        "palm tree": "evidence",
    }
    assert samples["c"] is None, "there are no entities"
    assert samples["d"] is not None and samples["d"].entities == {"beach": "absent"}, "nothing to ask about"
    assert len(server.asked) == 2
    assert result is not None and (result.n, result.n_entities, result.n_errors) == (3, 6, 0)
    ours, theirs = [1, 1, 0, 1, 0, 0], [1, 1, 1, 1, 1, 0]  # church, red bus, palm tree, temple, bridge, beach
    assert result.agreement == pytest.approx(4 / 6)
    assert result.kappa == pytest.approx(cohen_kappa_score(ours, theirs))
    assert (result.evidence, result.mentioned, result.absent) == pytest.approx((4 / 6, 1 / 6, 1 / 6))
    assert "judge tiny: evidence 66.7 %" in capsys.readouterr().out


def test_it_is_asked_at_temperature_zero_for_json_and_never_sees_the_truth_or_the_answer(
    run: Path, tmp_path: Path
) -> None:
    with ChatServer(verdicts) as server:
        assert judged(run, server, tmp_path / "out") == 0
    for asked in server.asked:
        payload = asked.payload
        assert payload["temperature"] == 0 and payload["model"] == "tiny"
        schema = payload["response_format"]["json_schema"]["schema"]
        assert len(schema["required"]) == len(things(payload)) and schema["additionalProperties"] is False
        assert "image_url" not in asked.raw.decode()
        assert not any(name in asked.raw.decode() for name in ("Paris", "Tokyo", "48.85"))


def test_the_order_is_shuffled_by_the_seed(run: Path) -> None:
    entities = ("church", "bus", "tree", "car", "beach", "bridge")
    sample = replace(record.read_samples(run)[0], truth=Truth(lat=1, lon=2, entities=entities))
    orders = {judge.question(sample, seed).entities for seed in range(6)}  # type: ignore[union-attr]
    assert len(orders) > 3 and judge.question(sample, 1) == judge.question(sample, 1)


def test_what_was_asked_once_is_not_asked_again_and_failures_are(run: Path, tmp_path: Path) -> None:
    with ChatServer(lambda payload, number: verdicts(payload, number) if number > 1 else "no idea") as server:
        assert judged(run, server, tmp_path / "out") == 0
        first = record.read_results(tmp_path / "out").judge
        assert first is not None and first.n_errors == 1 and len(server.asked) == 2
        assert judged(run, server, tmp_path / "out") == 0
        again = record.read_results(tmp_path / "out").judge
        assert again is not None and again.n_errors == 0 and len(server.asked) == 3
        assert judged(run, server, tmp_path / "out") == 0
        assert len(server.asked) == 3
        assert judged(run, server, tmp_path / "out", "--seed", "5") == 0, "another order is another question"
        assert len(server.asked) == 5 or len(server.asked) == 4


def test_verdicts_stay_with_a_run_that_is_scored_again(run: Path, tmp_path: Path) -> None:
    with ChatServer(verdicts) as server:
        assert judged(run, server, tmp_path / "one") == 0
    assert main(["rescore", str(tmp_path / "one"), "-o", str(tmp_path / "two")]) == 0
    one, two = record.read_results(tmp_path / "one"), record.read_results(tmp_path / "two")
    assert two.judge == one.judge and two.metrics == one.metrics
    assert (tmp_path / "two" / "samples.jsonl").read_bytes() == (tmp_path / "one" / "samples.jsonl").read_bytes()


@pytest.mark.parametrize(
    "reply, error",
    [
        ("I think so.", "no JSON object"),
        ('{"1": "perhaps", "2": "absent", "3": "absent"}', "allowed: evidence, mentioned, absent"),
        ('{"1": "absent"}', "allowed: evidence"),
        (Reply({"error": {"message": "too long"}}, 400), "HTTP 400"),
        (Reply(completion(None)), "no JSON object"),
    ],
)
def test_a_judge_that_does_not_answer_is_an_error_of_its_photograph(
    run: Path, tmp_path: Path, reply: str | Reply, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with ChatServer(lambda payload, number: reply) as server:
        assert judged(run, server, tmp_path / "out") == 3, "a judge that was never heard found nothing"
    assert f"the judge tiny answered no question ({error}" in re.sub(r"\d: found [^;]+; ", "", capsys.readouterr().err)
    said = next(one.judge for one in record.read_samples(tmp_path / "out") if one.id == "a")
    assert said is not None and said.entities == {} and error in (said.error or "")
    result = record.read_results(tmp_path / "out").judge
    assert result is not None and result.n_errors == 2 and result.n_entities == 1


def test_arguments_that_cannot_be_used_are_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rescore", str(run), "--judge", "model=x"]) == 2
    assert "--judge: base_url is missing" in capsys.readouterr().err
    assert main(["rescore", str(run), "--judge", "base_url=http://127.0.0.1:9/v1,modle=x"]) == 2
    assert "no argument 'modle'; did you mean 'model'" in capsys.readouterr().err


def test_an_answer_with_a_line_separator_is_kept(tmp_path: Path) -> None:
    AnswerFile(tmp_path / "kept.jsonl", "text").add("a", "one\u2028two")
    assert AnswerFile(tmp_path / "kept.jsonl", "text").known == {"a": "one\u2028two"}
