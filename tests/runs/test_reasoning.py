"""Grounding, consistency, localizability and format through whole runs: fields, counts, rescore, merge, entities."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from servers import ChatServer, Reply, completion

from globe_eval import miniworld
from globe_eval.cli import main
from globe_eval.runs import record

RESPONSES = {
    "7e_c3_1.jpg": "<think>A red bus and a church. This suggests England, most likely London.</think>"
    "<answer>country: United Kingdom\ncity: London\nconfidence: 90%</answer>",
    "7e_c3_2.jpg": "<think>I see palm trees on a beach, so this is likely Thailand.</think>"
    "<answer>country: Brazil\ncity: Recife\nconfidence: 60%</answer>",
    "7e_c3_3.jpg": "<think>An empty road.</think><answer>country: Kenya\ncity: Nairobi\nconfidence: 20%</answer>",
    "7e_c3_4.jpg": "<think>Nothing tells where this is.</think>I'm sorry, I cannot determine the location.",
    "7e_c3_5.jpg": "<think>Links steht eine alte Kirche mit hohem Turm, daneben wachsen viele Bäume.</think>"
    "<answer>country: Germany\ncity: Munich</answer>",
    "7e_c3_6.jpg": "<answer>country: Japan\ncity: Kyoto\nconfidence: 70%</answer> a temple, a church",
}
ROWS: list[tuple[str, float, float, str, str, Any]] = [
    ("7e_c3_1.jpg", 51.5, -0.12, "London", "United Kingdom", [{"text": "red bus"}, {"text": "church"}]),
    ("7e_c3_2.jpg", -8.05, -34.9, "Recife", "Brazil", [{"text": "Palm tree"}, {"text": "beach"}, {"text": "boat"}]),
    ("7e_c3_3.jpg", 48.85, 2.35, "Paris", "France", None),
    ("7e_c3_4.jpg", 35.68, 139.69, "Tokyo", "Japan", [{"text": "road"}]),
    ("7e_c3_5.jpg", 48.14, 11.58, "Munich", "Germany", [{"text": "church"}]),
    ("7e_c3_6.jpg", 35.01, 135.77, "Kyoto", "Japan", [{"text": "temple"}]),
]


@pytest.fixture
def mp16(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A replica of MP16-Reason's test split, with the columns that public code reads, and answers to it."""
    data = tmp_path / "data"
    images = data / "mp16_reason" / "eval_images"
    images.mkdir(parents=True)
    lines = ["IMG_ID,LAT,LON,city,country,entities"]
    for index, (name, lat, lon, city, country, entities) in enumerate(ROWS):
        Image.new("RGB", (32, 32), (40 * index, 90, 90)).save(images / name)
        cell = "" if entities is None else '"' + repr(entities).replace('"', '""') + '"'  # as pandas writes a list
        lines.append(f"{name},{lat},{lon},{city},{country},{cell}")
    (data / "mp16_reason" / "mp16-reason-test-12k.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setenv("GLOBE_EVAL_DATA", str(data))
    answers = tmp_path / "answers.jsonl"
    answers.write_text("".join(json.dumps({"id": k, "response": v}) + "\n" for k, v in RESPONSES.items()))
    return answers


def evaluate(answers: Path, out: Path, *more: str) -> Path:
    arguments = ["--model", "replay", "--model_args", f"answers={answers}", "--tasks", "mp16_reason_test"]
    assert main([*arguments, "--output_path", str(out), *more]) == 0
    return out / "mp16_reason_test"


def test_one_run_of_mp16_reason_gives_all_four(mp16: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = evaluate(mp16, tmp_path / "out")
    shown = capsys.readouterr().out
    results = record.read_results(run)
    samples = {one.id: one for one in record.read_samples(run)}
    metrics = results.metrics

    assert metrics["acc@25km"].value == pytest.approx(4 / 6) and metrics["acc@25km"].n == 6
    assert metrics["grounding_recall"].n == 4, "one has no entities, one a language that the lexicon lacks"
    assert metrics["grounding_recall"].value == pytest.approx((1 + 2 / 3 + 0 + 0) / 4)
    assert metrics["grounding_f1"].n == 4 and metrics["grounding_lift"].n == 4
    assert metrics["globe_visual_match"].n == 5, "the released reward knows no languages"
    assert {name: metrics[f"reasoning_{name}"].value for name in ("consistent", "contradicts", "silent")} == {
        "consistent": pytest.approx(1 / 4),
        "contradicts": pytest.approx(1 / 4),
        "silent": pytest.approx(2 / 4),
    }
    assert metrics["localizability_auroc@25km"].n == 6 and metrics["localizability_brier@25km"].n == 6
    assert "localizability_auroc@label" not in metrics, "the benchmark has no labels"
    assert results.reasoning is not None
    assert (results.reasoning.with_entities, results.reasoning.without_entities) == (5, 1)
    assert (results.reasoning.not_covered, results.reasoning.no_reasoning) == (1, 1)
    assert results.reasoning.not_read == 1, "a reasoning in another language has no verdict"
    assert results.reasoning.confidence["stated"] == 4 and results.reasoning.confidence["refused"] == 1
    assert results.reasoning.risk_coverage["25km"][-1][0] == 1.0

    first = samples["7e_c3_1.jpg"]
    assert first.truth.entities == ("red bus", "church") and first.grounding is not None
    assert first.grounding.hits == ("church", "red bus") and first.grounding.recall == 1.0
    assert samples["7e_c3_3.jpg"].grounding is None and samples["7e_c3_3.jpg"].truth.entities is None
    foreign, silent = samples["7e_c3_5.jpg"].grounding, samples["7e_c3_6.jpg"].grounding
    assert foreign is not None and not foreign.covered and foreign.recall is None and foreign.lift is None
    assert silent is not None and (silent.recall, silent.precision, silent.lift) == (0.0, None, 0.0)
    verdict = samples["7e_c3_2.jpg"].consistency
    assert verdict is not None and (verdict.verdict, verdict.country) == ("contradicts", "TH")
    assert samples["7e_c3_4.jpg"].consistency is None, "there is no answer to compare with"
    for section in ("grounding of the reasoning", "consistency with the answer", "localizability, against", "format: "):
        assert section in shown
    assert "not measured: 1 without entities, 1 in a language that the lexicon lacks" in shown


def test_rescoring_gives_the_same_and_reads_entities_from_a_file(
    mp16: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = evaluate(mp16, tmp_path / "out")
    before = record.read_results(run)
    assert main(["rescore", str(run), "--output_path", str(tmp_path / "again")]) == 0
    assert "nothing changed" in capsys.readouterr().err
    assert (tmp_path / "again" / "samples.jsonl").read_bytes() == (run / "samples.jsonl").read_bytes()
    assert record.read_results(tmp_path / "again").metrics == before.metrics

    file = tmp_path / "entities.jsonl"
    file.write_text(json.dumps({"id": "7e_c3_3", "entities": ["road", "street lamp"]}) + "\n")
    assert main(["rescore", str(run), "--entities", str(file), "--output_path", str(tmp_path / "other")]) == 0
    error = capsys.readouterr().err
    other = record.read_results(tmp_path / "other")
    assert "entities.jsonl: has no row for 5 of 6 photographs" in error
    assert other.metrics["grounding_recall"].n == 1 and other.metrics["grounding_recall"].value == 0.5
    assert "grounding_lift" not in other.metrics, "there is no other photograph to compare with"
    assert other.entities_sha256 is not None and before.entities_sha256 is None
    assert other.manifest_sha256 == before.manifest_sha256

    file.write_text(json.dumps({"id": "unknown", "entities": ["road"]}) + "\n")
    assert main(["rescore", str(run), "--entities", str(file)]) == 2
    assert "knows none of the 6 photographs" in capsys.readouterr().err


def test_shards_together_are_the_whole_run(mp16: Path, tmp_path: Path) -> None:
    whole = evaluate(mp16, tmp_path / "whole")
    for number in (1, 2):
        evaluate(mp16, tmp_path / "out", "--shard", f"{number}/2")
    shards = [str(tmp_path / "out" / "mp16_reason_test" / f"shard-{number}-of-2") for number in (1, 2)]
    assert main(["merge", *shards, "--output_path", str(tmp_path / "merged")]) == 0
    merged, results = record.read_results(tmp_path / "merged"), record.read_results(whole)
    assert merged.metrics == results.metrics and merged.reasoning == results.reasoning
    assert (tmp_path / "merged" / "samples.jsonl").read_bytes() == (whole / "samples.jsonl").read_bytes()


def test_samples_of_earlier_versions_are_still_read(mp16: Path, tmp_path: Path) -> None:
    run = evaluate(mp16, tmp_path / "out")
    new = ("grounding", "consistency", "localizability", "format", "judge")
    lines = [json.loads(line) for line in (run / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
    for line in lines:
        for name in new:
            line.pop(name)
        for name in ("entities", "localizable"):
            line["truth"].pop(name)
        for name in ("stated_localizable", "p_yes"):
            line["answer"].pop(name)
    (run / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    old = json.loads((run / "results.json").read_text(encoding="utf-8"))
    for name in ("reasoning", "entity_classes", "entities_sha256", "lexicon_sha256", "judge"):
        old.pop(name)
    (run / "results.json").write_text(json.dumps(old), encoding="utf-8")
    assert all(one.grounding is None for one in record.read_samples(run))
    assert main(["rescore", str(run), "--output_path", str(tmp_path / "now")]) == 0
    assert record.read_results(tmp_path / "now").metrics["reasoning_consistent"].n == 4


def test_score_takes_entities_from_the_truth_or_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth, answers, file = tmp_path / "truth.csv", tmp_path / "answers.jsonl", tmp_path / "seen.json"
    truth.write_text("id,lat,lon\n" + "".join(f"{name},{lat},{lon}\n" for name, lat, lon, *_ in ROWS))
    answers.write_text("".join(json.dumps({"id": k, "response": v}) + "\n" for k, v in RESPONSES.items()))
    file.write_text(json.dumps({row[0]: row[5] for row in ROWS}))
    arguments = ["score", str(answers), "--truth", str(truth), "--answer-form", "names", "--format", "json"]
    assert main(arguments) == 0
    assert "grounding_recall" not in json.loads(capsys.readouterr().out)
    assert main([*arguments, "--entities", str(file)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["grounding_recall"] == pytest.approx((1 + 2 / 3) / 4) and found["entities_sha256"]
    file.write_text('{"7e_c3_1.jpg": "a bus"}')
    assert main([*arguments, "--entities", str(file)]) == 2
    assert "allowed: a list of texts" in capsys.readouterr().err


def yes_no(p_yes: float) -> Reply:
    top = [{"token": "Yes", "logprob": math.log(p_yes)}, {"token": "no", "logprob": math.log(0.9 - p_yes)}]
    body = completion("Yes")
    body["choices"][0]["logprobs"] = {"content": [{"token": "Yes", "logprob": -0.1, "top_logprobs": top}]}
    return Reply(body)


def test_the_released_yes_no_question_with_token_probabilities(mp16: Path, tmp_path: Path) -> None:
    def answer(payload: dict[str, Any], number: int) -> Reply:
        return yes_no(0.8 if "London" in json.dumps(payload) else 0.3)

    with ChatServer(answer) as server:
        run = evaluate(mp16, tmp_path / "out", "--ask_localizable", f"base_url={server.base_url}")
        samples = {one.id: one for one in record.read_samples(run)}
        asked = [one.payload for one in server.asked]
        evaluate(mp16, tmp_path / "out", "--ask_localizable", f"base_url={server.base_url}")
        assert len(server.asked) == 6, "what was asked once is not asked again"
    assert all(one["logprobs"] and one["top_logprobs"] == 5 and one["max_tokens"] == 1 for one in asked)
    system, user = asked[0]["messages"]
    assert system["content"].startswith("Given input image and its location reasoning text")
    assert user["content"][0]["type"] == "image_url"
    first = samples["7e_c3_1.jpg"].localizability
    assert first is not None and first.source == "probability"
    assert first.confidence == pytest.approx(0.8 / 0.9) and samples["7e_c3_1.jpg"].answer.p_yes == first.confidence
    assert main(["rescore", str(run), "--output_path", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "samples.jsonl").read_bytes() == (run / "samples.jsonl").read_bytes()


def test_a_server_without_probabilities_is_told(mp16: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", "replay", "--model_args", f"answers={mp16}", "--tasks", "mp16_reason_test"]
    with ChatServer(lambda payload, number: "yes") as server:
        more = ["--ask_localizable", f"base_url={server.base_url}", "--output_path", str(tmp_path / "out")]
        assert main([*arguments, *more]) == 2
    assert "answers no photograph with probabilities" in capsys.readouterr().err


def test_labels_of_the_benchmark_and_exhaustive_entities(tmp_path: Path) -> None:
    """Miniworld knows what can be located, and all that can be seen."""
    rows = miniworld.photographs("test", 30)
    answers = tmp_path / "answers.jsonl"
    with answers.open("w") as file:
        for index, row in enumerate(rows):
            sure = 90 if row["localizable"] else 10
            seen = " ".join(f"There is {cue}." for cue in [*row["entities"][:4], "a volcano" if index % 3 else "grass"])
            text = f"<think>{seen}</think><answer>country: {row['country']}\ncity: {row['city']}\n"
            file.write(
                json.dumps({"id": row["id"], "response": f"{text}localizable: yes\nconfidence: {sure}%</answer>"})
            )
            file.write("\n")
    arguments = [
        "--model",
        "replay",
        "--model_args",
        f"answers={answers}",
        "--tasks",
        "miniworld",
        "--prompt",
        "localizability",
    ]
    assert main([*arguments, "--limit", "30", "--output_path", str(tmp_path / "out")]) == 0
    results = record.read_results(tmp_path / "out" / "miniworld__localizability")
    assert results.prompt == "localizability"
    assert results.metrics["localizability_auroc@label"].value == 1.0
    assert results.metrics["localizability_brier@label"].value == pytest.approx(0.01)
    assert results.metrics["localizability_coverage@label"].value == pytest.approx(
        sum(row["localizable"] for row in rows) / 30, abs=0.25
    )
    wrong = [("volcano" if i % 3 else "grass") not in row["entities"] for i, row in enumerate(rows)]
    assert results.metrics["hallucination_any"].value == pytest.approx(sum(wrong) / 30)
    assert 0.05 < (results.metrics["hallucination_rate"].value or 0) < 0.3
    assert results.entity_classes is not None and "volcano" in results.entity_classes
