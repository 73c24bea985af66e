from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from globe_eval import sample
from globe_eval.errors import InputError
from globe_eval.models.response import Response
from globe_eval.runs import record
from globe_eval.runs.assemble import assemble, unscored
from globe_eval.sample import Sample, Truth

SETTING = unscored("t", "1", "coordinates", "0" * 64, "m", {"api_key": "sk-planted", "base_url": "http://u:pw@h/v1"})
TRUTHS = {"a": Truth(10.0, 20.0, group="p"), "b": Truth(-10.0, 179.0, group="q")}


def samples(*texts: str | None) -> list[Sample]:
    return [
        Sample.of(name, truth, Response(error="no answer") if text is None else Response(text))
        for (name, truth), text in zip(TRUTHS.items(), texts, strict=True)
    ]


def written(folder: Path, *texts: str | None) -> tuple[str, dict]:
    scored, results = assemble(SETTING, samples(*texts), started=datetime.now(UTC))
    record.write_run(folder, scored, results)
    assert record.read_samples(folder) == scored and record.read_results(folder) == results
    return (folder / "samples.jsonl").read_text(), json.loads((folder / "results.json").read_text())


def test_the_shipped_json_schemas_are_the_models() -> None:
    folder = Path(sample.__file__).parent / "schema"
    for name, schema in sample.json_schemas().items():
        assert json.loads((folder / name).read_text()) == schema, "run `make schema`"


def test_what_is_written_fits_the_shipped_schema_and_is_read_back(tmp_path: Path) -> None:
    samples, results = written(tmp_path, "10.0, 20.0", None)
    schemas = sample.json_schemas()
    jsonschema.validate(results, schemas["results.schema.json"])
    for line in samples.splitlines():
        jsonschema.validate(json.loads(line), schemas["sample.schema.json"])
    assert [s.status for s in record.read_samples(tmp_path)] == ["coordinates", "error"]
    assert record.read_results(tmp_path).complete is False


def test_infinite_and_missing_are_null_and_never_zero(tmp_path: Path) -> None:
    samples, results = written(tmp_path, "10.0, 20.0", "I cannot tell.")
    assert json.loads(samples.splitlines()[1])["distance_km"] is None
    assert results["metrics"]["mean_km"]["value"] is None
    assert results["metrics"]["median_km"]["value"] is None
    assert results["metrics"]["acc@25km"]["value"] == 0.5
    for token in ("NaN", "Infinity"):
        assert token not in (tmp_path / "results.json").read_text()


def test_secrets_are_not_written(tmp_path: Path) -> None:
    written(tmp_path, "10.0, 20.0", "1, 2")
    text = (tmp_path / "results.json").read_text() + (tmp_path / "samples.jsonl").read_text()
    assert "sk-planted" not in text and "pw@" not in text


def test_the_same_answers_give_the_same_bytes(tmp_path: Path) -> None:
    one, _ = written(tmp_path / "one", "10.5, 20.25", "1, 2")
    two, _ = written(tmp_path / "two", "10.5, 20.25", "1, 2")
    assert one == two


def test_lone_surrogates_do_not_lose_the_run(tmp_path: Path) -> None:
    samples, _ = written(tmp_path, "10.0, 20.0 \ud800", "1, 2")
    assert "\\\\ud800" in samples


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, _ = written(tmp_path, "10.0, 20.0", "1, 2")

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("globe_eval.files.os.fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        written(tmp_path, "10.0, 20.0", "3, 4")
    assert (tmp_path / "samples.jsonl").read_text() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["results.json", "samples.jsonl"]


def test_a_tampered_file_is_named(tmp_path: Path) -> None:
    written(tmp_path, "10.0, 20.0", "1, 2")
    path = tmp_path / "samples.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1].replace('"status":"coordinates"', '"status":"fine"')]))
    with pytest.raises(InputError, match=r"samples\.jsonl, line 2: status"):
        record.read_samples(tmp_path)


def test_accuracies_stand_there_under_both_distances(tmp_path: Path) -> None:
    _, results = written(tmp_path, "10.0, 20.0", "1, 2")
    both = results["accuracy_by_distance"]
    assert set(both) == {"geodesic", "haversine"}
    assert both["geodesic"]["acc@25km"] == results["metrics"]["acc@25km"]["value"]
    assert math.isclose(both["haversine"]["acc@25km"], 0.5)
