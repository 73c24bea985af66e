from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from lm_eval.api.instance import Instance

from globe_eval.answers import parse
from globe_eval.errors import InputError
from globe_eval.models.replay import Replay
from globe_eval.models.response import Response
from globe_eval.sample import Sample, Truth, from_json, to_json


def ask(model: Replay, *ids: str) -> list[Any]:
    return model.generate_until([Instance("generate_until", {"id": key}, ("Where?", {}), 0) for key in ids])


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_each_photograph_gets_its_own_response_whatever_the_order(tmp_path: Path) -> None:
    file = write(tmp_path, "a.csv", 'img_id,model_response\nb,"two,\nlines"\na,one\nc,three\n')
    assert ask(Replay(file), "c", "a", "b", "a") == ["three", "one", "two,\nlines", "one"]


def test_jsonl_tsv_and_parquet_say_the_same(tmp_path: Path) -> None:
    import pandas as pd

    rows = [{"id": "a", "response": "country: Perú"}, {"id": "b", "response": None}]
    jsonl = write(tmp_path, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    tsv = write(tmp_path, "a.tsv", "id\tresponse\na\tcountry: Perú\nb\t\n")
    pd.DataFrame(rows).to_parquet(tmp_path / "a.parquet")
    for file in (jsonl, tsv, tmp_path / "a.parquet"):
        assert ask(Replay(file), "a", "b") == ["country: Perú", ""]


def test_an_empty_answer_is_an_answer_and_a_missing_one_an_error(tmp_path: Path) -> None:
    file = write(tmp_path, "a.jsonl", '{"id": "a", "response": ""}\n')
    empty, missing = ask(Replay(file), "a", "b")
    assert (empty, empty.error) == ("", None)
    assert missing == ""
    assert missing.error == "no answer for id 'b' in a.jsonl"


def test_ids_with_and_without_extension_meet(tmp_path: Path) -> None:
    file = write(tmp_path, "a.csv", "id,response\nx/1.jpg,one\nx/2.jpg,two\n")
    assert ask(Replay(file), "2", "1") == ["two", "one"]


def test_a_reply_in_a_cell_gives_its_text_and_a_text_stays_as_it_is(tmp_path: Path) -> None:
    reply = {"choices": [{"message": {"role": "assistant", "content": "It's Rome."}}]}
    rows = [{"id": "a", "response": reply}, {"id": "b", "response": "['Rome']\\nItaly"}]
    file = tmp_path / "answers.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert ask(Replay(file), "a", "b") == ["It's Rome.", "['Rome']\\nItaly"]


def test_samples_of_a_run_keep_how_they_ended(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "response": "cut o", "finish_reason": "length", "error": None},
        {"id": "b", "response": None, "finish_reason": None, "error": "HTTP 500"},
    ]
    file = write(tmp_path, "samples.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    cut, failed = ask(Replay(file), "a", "b")
    assert (cut, cut.finish_reason, cut.error) == ("cut o", "length", None)
    assert (failed, failed.error) == ("", "HTTP 500")


def test_columns_of_predictions_become_an_answer_that_is_read_back_exactly(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "a.csv",
        "id,predicted_lat,predicted_lon,pred_city,pred_country,lat,lon\n"
        "a,-33.868819999999999,151.2,Sydney,Australia,1,2\n"
        "b,0.0000001,-179.5,,,1,2\n"
        "c,,,Springfield,United States,1,2\n"
        "d,,,,,1,2\n",
    )
    a, b, c, d = (parse(response) for response in ask(Replay(file), "a", "b", "c", "d"))
    assert (a.lat, a.lon, a.city, a.country) == (-33.868819999999999, 151.2, "Sydney", "Australia")
    assert (b.lat, b.lon, b.city, b.country) == (1e-7, -179.5, None, None)
    assert (c.lat, c.city, c.country) == (None, "Springfield", "United States")
    assert d.status == "empty"
    truth_beside = write(tmp_path, "b.csv", "id,lat,lon,city,pred_country\na,48.8,2.3,Paris,Kenya\n")
    (e,) = (parse(response) for response in ask(Replay(truth_beside), "a"))
    assert (e.lat, e.city, e.country) == (None, None, "Kenya")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id,response\na,x\nb,y\na,z\n", "a.csv, line 4, column 'id': 'a' stands there twice, first in line 2"),
        ("who,response\na,x\n", "a.csv: no id column"),
        ("id,says\na,x\n", "a.csv: no response column"),
        ("id,lat,lon\na,91,0\n", "a.csv, line 2, column 'lat': found '91'"),
        ("id,response,raw_response\na,x,y\n", "a.csv: columns 'response', 'raw_response' could each be"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, expected: str) -> None:
    file = write(tmp_path, "a.csv", text)
    with pytest.raises(InputError) as caught:
        Replay(file)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_positions_are_read_as_score_reads_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, "a.csv", 'id,coordinates\na,"48.85 N, 2.35 E"\nb,N/A\nc,"12.5"\nd,"1, 2"\n')
    a, b, c, _ = (parse(response) for response in ask(Replay(file), "a", "b", "c", "d"))
    assert (a.lat, a.lon, b.status, c.status) == (48.85, 2.35, "empty", "empty")
    assert "1 of 3 answers are no position and count as misses; the first: a.csv, line 4" in capsys.readouterr().err


def test_an_error_counts_only_beside_nothing_and_columns_may_be_paths(tmp_path: Path) -> None:
    rows = [{"id": "a", "out": {"text": "Rome"}, "error": 12.5}, {"id": "b", "error": {"message": "timed out"}}]
    file = write(tmp_path, "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    a, b = ask(Replay(file, response_column="out.text"), "a", "b")
    assert (a, a.error, b, b.error) == ("Rome", None, "", "timed out")


def test_columns_can_be_given(tmp_path: Path) -> None:
    file = write(tmp_path, "a.csv", "photo,says\na,x\n")
    assert ask(Replay(file, id_column="photo", response_column="says"), "a") == ["x"]
    with pytest.raises(InputError, match="no column 'foto'; did you mean 'photo'"):
        Replay(file, id_column="foto")


def test_arguments_are_checked_as_lm_eval_passes_them(tmp_path: Path) -> None:
    file = write(tmp_path, "a.csv", "id,response\na,x\n")
    assert ask(Replay.create_from_arg_string(f"answers={file}", {"batch_size": 1, "device": None}), "a") == ["x"]
    with pytest.raises(InputError, match="no argument 'answer'; did you mean 'answers'"):
        Replay.create_from_arg_obj({"answer": str(file)})
    with pytest.raises(InputError, match="the argument 'answers' is missing"):
        Replay.create_from_arg_obj({})


def test_half_a_surrogate_pair_is_the_same_escape_whichever_back_end_wrote_it() -> None:
    response = Response("Par\ud800is", error=None, finish_reason="stop")
    assert response == "Par\\ud800is" and pickle.loads(pickle.dumps(response)) == response
    assert Response(error="no \udfff").error == "no \\udfff"
    sample = Sample.of("a", Truth(48.85, 2.35), response)
    assert from_json(Sample, to_json(sample)) == sample
