"""`globe-eval score`: files as people keep them are read, or refused in one line; never scored as something else."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import globe_eval as ge
from globe_eval.benchmarks.formats import load_json
from globe_eval.benchmarks.points import as_degrees, coordinate_pair, position_notes, predicted_points, refuse_radians
from globe_eval.benchmarks.table import Table
from globe_eval.cli import main
from globe_eval.errors import InputError

TRUTH = "id,lat,lon\na.jpg,48.8584,2.2945\nb.jpg,-33.8568,151.2153\nc.jpg,40.6892,-74.0445\n"
POINTS = {"a.jpg": (48.85, 2.29), "b.jpg": (-33.85, 151.2), "c.jpg": (40.7, -74.0)}
ROWS = [{"id": name, "lat": lat, "lon": lon} for name, (lat, lon) in POINTS.items()]
SAID = [
    {"id": name, "reply": f"It's rural.\n\nLatitude: {lat}\nLongitude: {lon}"} for name, (lat, lon) in POINTS.items()
]
CSV = "id,lat,lon\n" + "".join(f"{name},{lat},{lon}\n" for name, (lat, lon) in POINTS.items())
MANY = [(f"p{i}.jpg", round(-60 + 3.01 * i, 4), round(-170 + 8.3 * i, 4)) for i in range(40)]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(TRUTH)


def score(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[dict[str, Any], str]:
    assert main(["score", *words, "--format", "json"]) == code
    out, err = capsys.readouterr()
    assert code != 2 or err.count("\n") == 1, err
    return json.loads(out) if out else {}, err


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


KEYED = {name: {"latitude": str(lat), "longitude": str(lon), "reasoning": "x"} for name, (lat, lon) in POINTS.items()}
KEEPINGS = {
    "array.json": json.dumps(ROWS, indent=1),
    "lines.json": lines(ROWS),
    "keyed.json": json.dumps(KEYED),
    "keyed_texts.json": json.dumps({row["id"]: row["reply"] for row in SAID}),
    "keyed_pairs.json": json.dumps(POINTS),
    "under_a_key.json": json.dumps({"model": "m", "results": ROWS}),
    "keyed_under_a_key.json": json.dumps({"model": "m", "n": 3, "results": KEYED}),
    "columns.json": json.dumps({key: [row[key] for row in ROWS] for key in ("id", "lat", "lon")}),
    "frame.json": pd.DataFrame(ROWS).to_json(),
    "collection.geojson": json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "geometry": {"type": "Point", "coordinates": [row["lon"], row["lat"]]},
                    "properties": {"id": row["id"]},
                }
                for row in ROWS
            ],
        }
    ),
    "escaped.csv": "id,output\n" + "".join(
        f'{name},"{abs(x)}\\u00b0 {"NS"[x < 0]}, {abs(y)}\\u00b0 {"EW"[y < 0]}"\n' for name, (x, y) in POINTS.items()
    ),
    "guess.csv": CSV.replace("lat,lon", "guess_lat,guessLng"),
    "windows.csv": CSV.replace("\na", "\nC:\\img\\a").replace("\nb", "\nC:\\img\\b").replace("\nc", "\nC:\\img\\c"),
    "addresses.csv": CSV.replace(".jpg", ".jpg?w=1").replace("\n", "\nhttps://a.test/").removesuffix("https://a.test/"),
    "one_column.csv": "id,coordinates\n" + "".join(f'{name},"{lat}, {lon}"\n' for name, (lat, lon) in POINTS.items()),
    "tensors.csv": "id,lat,lon\n" + "".join(f"{n},tensor({x}),np.float64({y})\n" for n, (x, y) in POINTS.items()),
    "acutes.csv": "id,lat,lon\na.jpg,48º51´0´´ N,2º17´24´´E\nb.jpg,33º51´0´´S,151º12´0´´E\nc.jpg,40º42´ N,74ºW\n",
    "letters_first.csv": "id,coordinates\n"
    'a.jpg,"N 48 51 0.0, E 2 17 24.0"\nb.jpg,"S 33 51 0, E 151 12 0"\nc.jpg,"N 40 42 0.0, W 74 0 0.0"\n',
    "sklearn.csv": CSV.replace("lat,lon", "y_pred_lat,y_pred_lon"),
    "small_letters.csv": "id,lat,lon\na.jpg,48.85 n,2.29e\nb.jpg,33.85s,151.2 e\nc.jpg,40.7° n,74.0°w\n",
    "damaged.csv": "id,lat,lon\n" + "".join(f"{n},{x}Â°,{y}Â°\n" for n, (x, y) in POINTS.items()),
    "degrees.csv": "id,lat,lon\na.jpg,48.85° N,2.29° E\nb.jpg,33°51'0\" S,151.2E\nc.jpg,40.7N,74.0W\n",
    "sixty.csv": "id,lat,lon\na.jpg,48°51'0\"N,2°16'60\"E\nb.jpg,33°51'0\"S,151°11'60.0\"E\nc.jpg,40.7N,74.0W\n",
    "pipes.csv": CSV.replace(",", "|"),
    "excel.csv": "sep=;\n" + CSV.replace(",", ";"),
    "commas.csv": CSV.replace(",", ";").replace(".", ",").replace(",jpg", ".jpg"),
    "units.csv": CSV.replace("id,lat,lon", " id , Latitude (deg) , Longitude (deg) "),
    "north_and_east.csv": CSV.replace("lat,lon", "Latitude [°N],Longitude [°E]"),
    "samples_of_lm_eval.jsonl": lines(
        [{"id": row["id"], "resps": [[row["reply"]]], "filtered_resps": [row["reply"]]} for row in SAID]
    ),
    "chats.jsonl": lines(
        [
            {
                "id": row["id"],
                "messages": [
                    {"role": "user", "content": "Say Latitude: 1.5, Longitude: 2.5"},
                    {"role": "assistant", "content": row["reply"]},
                ],
            }
            for row in SAID
        ]
    ),
    "vllm.jsonl": lines([{"image": row["id"], "outputs": [{"index": 0, "text": row["reply"]}]} for row in SAID]),
    "pipeline.jsonl": lines([{"id": row["id"], "output": [{"generated_text": row["reply"]}]} for row in SAID]),
    "message.jsonl": lines([{"image": r["id"], "message": {"role": "assistant", "content": r["reply"]}} for r in SAID]),
    "conversations.jsonl": lines(
        [
            {
                "id": row["id"],
                "conversations": [{"from": "human", "value": "At 1.5, 2.5?"}, {"from": "gpt", "value": row["reply"]}],
            }
            for row in SAID
        ]
    ),
    "langchain.jsonl": lines(
        [
            {"id": r["id"], "messages": [{"type": "human", "content": "?"}, {"type": "ai", "content": r["reply"]}]}
            for r in SAID
        ]
    ),
    "custom.jsonl": lines([{"custom_id": row["id"], "output": row["reply"]} for row in SAID]),
    "replies.jsonl": lines(
        [{"id": row["id"], "response": {"choices": [{"message": {"content": row["reply"]}}]}} for row in SAID]
    ),
    "blocks.jsonl": lines(
        [{"id": row["id"], "result": {"content": [{"type": "text", "text": row["reply"]}]}} for row in SAID]
    ),
    "objects.jsonl": lines([{"id": row["id"], "response": {"lat": row["lat"], "lon": row["lon"]}} for row in ROWS]),
    "candidates.jsonl": lines([{"id": r["id"], "response": [{**r, "id": 1}, {"lat": 1, "lon": 2}]} for r in ROWS]),
    "split.json": pd.DataFrame(ROWS).to_json(orient="split"),
    "split_by_id.json": pd.DataFrame(ROWS).set_index("id").to_json(orient="split"),
    "columns_by_id.json": pd.DataFrame(ROWS).set_index("id").to_json(),
    "split_unnamed.json": json.dumps(
        {"columns": ["url", "lat", "lon"], "index": [0, 1, 2], "data": [[*row.values()] for row in ROWS]}
    ),
    "rows_under_a_key.json": json.dumps(
        {"model": "m", "results": [{"url": row["id"], "output": row["reply"]} for row in SAID]}
    ),
    "columns_of_texts.json": json.dumps({"url": list(POINTS), "output": [row["reply"] for row in SAID]}),
    "pairs_to_360.csv": "id,output\n" + "".join(f'{name},"{x}, {y % 360}"\n' for name, (x, y) in POINTS.items()),
    "pairs_of_minutes.csv": 'id,output\na.jpg,"48:51, 2:17"\nb.jpg,"-33:51, 151:12"\nc.jpg,"40:42, -74:0"\n',
    "deep.json": json.dumps({"model": {"name": "m"}, "output": {"results": ROWS}}),
    "texts_under_a_key.json": json.dumps({"model": "m", "predictions": {row["id"]: row["reply"] for row in SAID}}),
    "pairs_under_a_key.json": json.dumps({"predictions": POINTS}),
    "keyed_mixed.json": json.dumps({**POINTS, "a.jpg": {"lat": 48.85, "lon": 2.29}}),
    "keyed_texts_of_numbers.json": json.dumps({name: [str(lat), str(lon)] for name, (lat, lon) in POINTS.items()}),
    "keyed_replies.json": json.dumps(
        {row["id"]: {"id": "x", "choices": [{"message": {"content": row["reply"]}}]} for row in SAID}
    ),
    "batch.jsonl": lines(
        [
            {
                "id": f"r{row['id']}",
                "custom_id": row["id"],
                "response": {"body": {"choices": [{"message": {"content": row["reply"]}}]}},
            }
            for row in SAID
        ]
    ),
    "thoughts.jsonl": lines(
        [
            {"key": row["id"], "response": {"parts": [{"text": "1.5, 2.5", "thought": True}, {"text": row["reply"]}]}}
            for row in SAID
        ]
    ),
    "standard.csv": "id,output\n" + "".join(f"{name},{x:+06.2f}{y:+07.2f}/\n" for name, (x, y) in POINTS.items()),
    "confidence.csv": "id,coordinates\n" + "".join(f'{name},"{x}, {y}, 0.9"\n' for name, (x, y) in POINTS.items()),
    "blanks.csv": "id,output\na.jpg,48 51 0 N 2 17 24 E\nb.jpg,33 51 0 S 151 12 0 E\nc.jpg,40 42 0 N 74 0 0 W\n",
    "unnamed.csv": "\n\n" + CSV.replace("\n", ",,\n").replace("id", ",id", 1).replace("\na", "\n0,a")
    .replace("\nb", "\n1,b").replace("\nc", "\n2,c") + ",,,,,\n",
    "commas_at_the_end.csv": CSV.replace("\n", ",\n").replace("lon,", "lon"),
    "chinese.csv": CSV.replace("lat,lon", "纬度,经度"),
    "signs.csv": CSV.replace("-", "−"),
    "before.csv": "id,lat,lon\na.jpg,N 48.85,E 2.29\nb.jpg,33.85 south,151.2 east\nc.jpg,40.7°,−74.0°\n",
    "letters.csv": "id,coordinates\na.jpg,48.85N 2.29E\nb.jpg,geo:-33.85,151.2\nc.jpg,POINT(-74 40.7)\n"
    .replace("geo:-33.85,151.2", '"geo:-33.85,151.2"'),
}  # fmt: skip


@pytest.mark.parametrize("name", KEEPINGS)
def test_what_people_keep_is_scored(capsys: pytest.CaptureFixture[str], name: str) -> None:
    Path(name).write_text(KEEPINGS[name])
    found, _ = score(capsys, name, "--truth", "t.csv")
    assert (found["acc@25km"], found["status"]["coordinates"]) == (1.0, 3)
    assert ge.score(name, "t.csv").metrics.loc["acc@25km", "value"] == 1.0


def test_compressed_text_and_spreadsheets_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    Path("a.jsonl.gz").write_bytes(gzip.compress(lines(ROWS).encode()))
    Path("a.csv.bz2").write_bytes(bz2.compress(CSV.encode()))
    Path("a.csv.xz").write_bytes(lzma.compress(CSV.encode("utf-16")))
    for name in ("a.csv.gz", "a.jsonl.gz", "a.csv.bz2", "a.csv.xz"):
        assert score(capsys, name, "--truth", "t.csv")[0]["acc@25km"] == 1.0
    Path("packed.csv").write_bytes(gzip.compress(CSV.encode()))
    Path("windows.csv").write_text(CSV, encoding="utf-16")
    for name in ("packed.csv", "windows.csv"):
        assert score(capsys, name, "--truth", "t.csv")[0]["acc@25km"] == 1.0
    os.mkfifo("pipe")
    assert "pipe: a pipe or a device; save the table" in score(capsys, "pipe", "--truth", "t.csv", code=2)[1]
    Path("latin.csv").write_text("id,city\na.jpg,Orléans\n", encoding="latin-1")
    assert "save it as UTF-8" in score(capsys, "latin.csv", "--truth", "t.csv", code=2)[1]
    for name in ("a.csv.gz", "a.csv.bz2", "a.csv.xz"):
        Path(name).write_bytes(Path(name).read_bytes()[:-12])
        assert f"{name}: not a whole compressed file" in score(capsys, name, "--truth", "t.csv", code=2)[1]
    table = pa.Table.from_pylist([{"id": row["id"], "response": row["reply"].encode()} for row in SAID])
    pq.write_table(table, "bytes.parquet")
    with pa.ipc.new_file("a.arrow", table.schema) as file:
        file.write_table(table)
    for name in ("bytes.parquet", "a.arrow"):
        assert score(capsys, name, "--truth", "t.csv")[0]["acc@25km"] == 1.0
    pytest.importorskip("openpyxl")
    with pd.ExcelWriter("two.xlsx") as book:
        for sheet, table in {"About": pd.DataFrame({"note": ["x"]}), "m": pd.DataFrame(ROWS)}.items():
            table.to_excel(book, sheet_name=sheet, index=False)
    assert score(capsys, "two.xlsx", "--truth", "t.csv")[0]["acc@25km"] == 1.0
    with pd.ExcelWriter("two.xlsx") as book:
        for sheet in ("m", "n"):
            pd.DataFrame(ROWS).to_excel(book, sheet_name=sheet, index=False)
    assert "the sheets 'm' and 'n' have rows" in score(capsys, "two.xlsx", "--truth", "t.csv", code=2)[1]
    frame = pd.DataFrame([{**row, "id": number} for number, row in enumerate(ROWS)])
    frame.to_excel("a.xlsx", index=False)
    Path("n.csv").write_text(TRUTH.replace("a.jpg", "0").replace("b.jpg", "1").replace("c.jpg", "2"))
    assert score(capsys, "a.xlsx", "--truth", "n.csv")[0]["acc@25km"] == 1.0


def test_a_folder_has_a_file_a_photograph(capsys: pytest.CaptureFixture[str]) -> None:
    Path("said").mkdir()
    Path("said/a.json").write_text('{"lat": 48.85, "lon": 2.29}')
    found, err = score(capsys, "said", "--truth", "t.csv", code=3)
    assert "said: a folder, read as one file a photograph (1 of them)" in err and found["status"]["error"] == 2
    for row in SAID:
        Path(f"said/{row['id']}.txt").write_text(row["reply"])
    Path("said/a.json").unlink()
    Path("said/README.md").write_text("# Answers")
    assert score(capsys, "said", "--truth", "t.csv")[0]["acc@25km"] == 1.0
    Path("said/table.csv").write_text(CSV)
    assert (
        "this is a folder; name a table in it: said/table.csv" in score(capsys, "said", "--truth", "t.csv", code=2)[1]
    )


def test_a_folder_of_a_data_set_or_of_replies_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    Path("set").mkdir()
    Path("set/dataset_info.json").write_text("{}")
    for i in range(3):
        table = pa.Table.from_pylist(ROWS[i : i + 1])
        with pa.ipc.new_stream(f"set/data-0000{i}-of-00003.arrow", table.schema) as file:
            file.write_table(table)
    assert score(capsys, "set", "--truth", "t.csv")[0]["acc@25km"] == 1.0
    Path("said").mkdir()
    for row in SAID:
        reply = {"id": "x", "choices": [{"message": {"role": "assistant", "content": row["reply"]}}]}
        Path(f"said/{row['id'][0]}.json").write_text(json.dumps(reply))
    assert score(capsys, "said", "--truth", "t.csv")[0]["acc@25km"] == 1.0


def test_a_folder_of_folders_names_one_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    Path("out/test").mkdir(parents=True)
    Path("out/test/a.txt").write_text("Paris, France")
    assert "name one of the folders in it: out/test" in score(capsys, "out", "--truth", "t.csv", code=2)[1]
    Path("out/dataset_dict.json").write_text('{"splits": ["test"]}')
    assert "name one of the folders in it: out/test" in score(capsys, "out", "--truth", "t.csv", code=2)[1]


def test_how_a_reply_ended_counts_as_in_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    ends: list[dict[str, Any]] = [
        {"choices": [{"finish_reason": "length", "message": {"content": "The image shows"}}]},
        {"body": {"choices": [{"finish_reason": "content_filter", "message": {"content": None}}]}},
        {"status_code": 500, "body": {"error": {"message": "overloaded"}}},
    ]
    Path("a.jsonl").write_text(lines([{"id": name, "response": end} for name, end in zip(POINTS, ends, strict=True)]))
    found, err = score(capsys, "a.jsonl", "--truth", "t.csv", code=3)
    assert found["status"]["truncated"] == found["status"]["refused"] == found["status"]["error"] == 1
    assert "1 of 3 replies in a.jsonl are errors, the first: 'overloaded'; they count as misses" in err
    rows = "a.jpg,,timed out,\nb.jpg,It is,None,length\nc.jpg,,0.5,content_filter\n"
    Path("a.csv").write_text(f"id,response,error,finish_reason\n{rows}")
    found, _ = score(capsys, "a.csv", "--truth", "t.csv", code=3)
    assert found["status"]["truncated"] == found["status"]["refused"] == found["status"]["error"] == 1


@pytest.mark.parametrize("end", ["expired", "canceled", "errored"])
def test_a_request_of_a_batch_that_was_never_answered_is_an_error(capsys: pytest.CaptureFixture[str], end: str) -> None:
    said = {
        "type": "succeeded",
        "message": {"role": "assistant", "content": [{"type": "text", "text": "Paris, France"}]},
    }
    rows = [{"custom_id": name, "result": {"type": end} if name == "c.jpg" else said} for name in POINTS]
    Path("a.jsonl").write_text(lines(rows))
    found, err = score(capsys, "a.jsonl", "--truth", "t.csv", code=3)
    assert (found["status"]["city"], found["status"]["error"]) == (2, 1) and f"the first: '{end}'" in err


def test_several_samples_of_a_request_are_several_responses(capsys: pytest.CaptureFixture[str]) -> None:
    choices = [
        {"index": i, "message": {"role": "assistant", "content": place}} for i, place in enumerate(("Rome", "Oslo"))
    ]
    for many, path in (
        (choices, "reply.body.choices"),
        ([{"content": {"parts": [{"text": "Rome"}]}}] * 2, "reply.body.candidates"),
    ):
        rows = [{"id": name, "reply": {"body": {path.rpartition(".")[2]: many}}} for name in POINTS]
        Path("a.jsonl").write_text(lines(rows))
        err = score(capsys, "a.jsonl", "--truth", "t.csv", code=2)[1]
        assert f"found 2 responses; allowed: one a photograph (--response-column '{path}.0' takes the first)" in err
        found, _ = score(capsys, "a.jsonl", "--truth", "t.csv", "--response-column", f"{path}.0")
        assert found["status"]["city"] == 3


def test_an_id_and_the_file_named_after_it_are_one_id(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"id": name[0], "image": f"photos/{name}", "output_text": said["reply"]}
        for name, said in zip(POINTS, SAID, strict=True)
    ]
    Path("a.jsonl").write_text(lines(rows))
    assert score(capsys, "a.jsonl", "--truth", "t.csv")[0]["acc@25km"] == 1.0
    shown = [{**row, "image": {"bytes": None, "path": row["image"]}} for row in rows]
    Path("a.jsonl").write_text(lines(shown))
    assert score(capsys, "a.jsonl", "--truth", "t.csv")[0]["acc@25km"] == 1.0
    Path("a.jsonl").write_text(lines([{**row, "id": number} for number, row in enumerate(rows)]))
    assert "columns 'id', 'image' could each be the id" in score(capsys, "a.jsonl", "--truth", "t.csv", code=2)[1]


@pytest.mark.parametrize(
    ("cell", "degrees"),
    [
        ("33:51:30S", -33.8583),
        ("33:51:30 S", -33.8583),
        ("33d51m30s", 33.8583),
        ("33d51m30sS", -33.8583),
        ("33d51m30S", -33.8583),
        ("33D51M30S", 33.8583),
        ("33D51M30SS", -33.8583),
        ("33:51S", -33.85),
    ],
)
def test_an_s_is_south_but_for_the_unit_of_seconds(cell: str, degrees: float) -> None:
    assert as_degrees(cell, 0) == pytest.approx(degrees, abs=1e-4)


def test_a_plus_code_before_a_town_is_no_part_of_its_name() -> None:
    answer = ge.read_answer("46J5+FP Sydney, Australia")
    assert (answer.city, answer.country) == ("Sydney", "Australia")


def test_a_row_by_id_with_a_generated_text_keeps_its_truth(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {
        r["id"]: {"generated_text": r["reply"], "true_lat": x, "true_lon": y}
        for r, (x, y) in zip(SAID, POINTS.values(), strict=True)
    }
    Path("a.json").write_text(json.dumps(rows))
    assert score(capsys, "a.json")[0]["acc@25km"] == 1.0


@pytest.mark.parametrize("key", ["response", "predictions", "Results", "guesses", "data", "answers"])
def test_rows_by_id_may_stand_under_one_key(capsys: pytest.CaptureFixture[str], key: str) -> None:
    Path("t.csv").write_text(TRUTH.replace(".jpg", ""))
    texts = {row["id"][0]: row["reply"] for row in SAID}
    objects = {row["id"][0]: {"lat": row["lat"], "lon": row["lon"]} for row in ROWS}
    for inner in (texts, objects, {name: list(point.values()) for name, point in objects.items()}):
        Path("a.json").write_text(json.dumps({key: inner}))
        assert score(capsys, "a.json", "--truth", "t.csv")[0]["acc@25km"] == 1.0
    Path("a.json").write_text(json.dumps({"a": {"lat": 48.85, "lon": 2.29}}))  # one photograph
    assert score(capsys, "a.json", "--truth", "t.csv", code=3)[0]["status"]["coordinates"] == 1


def test_a_path_leads_into_nested_values(capsys: pytest.CaptureFixture[str]) -> None:
    nested = [
        {"id": row["id"], "out": {"say": [{"text": row["reply"]}]}, "ground_truth": {"lat": at[0], "lon": at[1]}}
        for row, at in zip(SAID, POINTS.values(), strict=True)
    ]
    Path("a.jsonl").write_text(lines(nested))
    assert score(capsys, "a.jsonl", "--response-column", "out.say.0.text")[0]["acc@1km"] == 1.0
    words = ("--response-column", "out.say.0.text", "--truth-lat-column", "ground_truth.lat")
    assert score(capsys, "a.jsonl", *words, "--truth-lon-column", "ground_truth.lon")[0]["acc@1km"] == 1.0
    assert "did you mean 'out.say.0.text'" in score(capsys, "a.jsonl", "--response-column", "out.say.text", code=2)[1]
    found = ge.score(nested, columns={"response": "out.say.0.text"})
    assert found.metrics.loc["acc@1km", "value"] == 1.0


def with_cell(cell: str, row: int) -> str:
    cells = [
        f"{name},{cell if i == row else lat},{cell if i == row else lon}\n" for i, (name, lat, lon) in enumerate(MANY)
    ]
    return "id,lat,lon\n" + "".join(cells)


@pytest.mark.parametrize("cell", ["N/A", "None", "nan", "unknown", "cannot say", "1_0", '"[]"', "refused"])
@pytest.mark.parametrize("row", [3, 33, 39])
@pytest.mark.parametrize("footer", [[], ["--skip-footer"]])
def test_a_cell_that_is_no_number_is_a_miss_wherever_it_stands(
    capsys: pytest.CaptureFixture[str], cell: str, row: int, footer: list[str]
) -> None:
    Path("a.csv").write_text(with_cell(cell, row))
    Path("t.csv").write_text(with_cell("1.5", row))
    found, _ = score(capsys, "a.csv", "--truth", "t.csv", *footer)
    assert (found["acc@25km"], found["status"]["empty"]) == (39 / 40, 1)


def test_angles_at_the_end_are_no_second_table(capsys: pytest.CaptureFixture[str]) -> None:
    ids = {"a.jpg": "0", "b.jpg": "17-b", "c.jpg": "c 18"}
    for name, text in (
        ("t.csv", TRUTH),
        ("a.csv", "id,lat,lon\na.jpg,48.85N,2.29E\nb.jpg,33.85S,151.2E\nc.jpg,40.7N,74W\n"),
    ):
        for old, new in ids.items():
            text = text.replace(old, new)
        Path(name).write_text(text)
    assert score(capsys, "a.csv", "--truth", "t.csv")[0]["acc@25km"] == 1.0


@pytest.mark.parametrize("cell", ["N/A", "somewhere", "1_0", "", "1;2", "(12.5)", "-90.5", "nan", "inf", "true"])
def test_in_the_truth_it_is_an_error_with_its_line(capsys: pytest.CaptureFixture[str], cell: str) -> None:
    Path("a.csv").write_text(with_cell("1.5", 33))
    Path("t.csv").write_text(with_cell(cell, 33))
    assert "t.csv, line 35, column 'lat'" in score(capsys, "a.csv", "--truth", "t.csv", code=2)[1]


@pytest.mark.parametrize(
    "change, told",
    [
        (
            ("-33.85,151.2", "-157.8,21.3"),
            "1 of 3 answers are out of range and count as misses; the first: a.csv, line 3",
        ),
        (("-33.85,151.2", "1.0,212"), "a.csv, line 3, column 'lon': '212'"),
        (("-33.85,151.2", "-33.85,"), "1 of 3 answers are half a position"),
        (("-33.85,151.2", "1_0,151.2"), "1 of 3 answers are no position and count as misses; the first: a.csv, line 3"),
    ],
)
def test_what_is_no_position_is_counted_and_said(
    capsys: pytest.CaptureFixture[str], change: tuple[str, str], told: str
) -> None:
    Path("a.csv").write_text(CSV.replace(*change))
    found, err = score(capsys, "a.csv", "--truth", "t.csv")
    assert found["n"] == 3 and found["acc@25km"] == pytest.approx(2 / 3) and told in err


@pytest.mark.parametrize(
    "header, rows, words",
    [
        ("id,lon,lat", CSV[11:], ["latitude and longitude swapped", "--lat-column 'lon' --lon-column 'lat'"]),
        ("id,lat,lon", CSV[11:].replace(".", ","), ["a.csv, line 2: 6 cells under a header of 3"]),
        ("id,lat,lon", "a.jpg,north,x\nb.jpg,south,y\nc.jpg,1,2\n", ["line 2, column 'lat': found 'north'", "2 of 3"]),
    ],
)
def test_a_column_of_something_else_is_refused(
    capsys: pytest.CaptureFixture[str], header: str, rows: str, words: list[str]
) -> None:
    Path("a.csv").write_text(f"{header}\n{rows}")
    err = score(capsys, "a.csv", "--truth", "t.csv", code=2)[1]
    assert all(word in err for word in words), err


def test_a_decimal_comma_is_read_or_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text("id;lat;lon\na.jpg;48,85;2,29\nb.jpg;-33.85;151.2\nc.jpg;40.7;-74\n")
    assert "a.csv, line 2, column 'lat': found '48,85'" in score(capsys, "a.csv", "--truth", "t.csv", code=2)[1]
    rows = [
        {"id": name, "at": {"lat": lat, "lon": lon}}
        for name, lat, lon in (("a.jpg", "48,85", "2,29"), ("b.jpg", "-33,85", "151,2"), ("c.jpg", "40,7", "-74"))
    ]
    options = ("a.jsonl", "--truth", "t.csv", "--lat-column", "at.lat", "--lon-column", "at.lon")
    Path("a.jsonl").write_text(lines(rows))
    score(capsys, *options)
    rows[0]["at"]["lat"] = 48.85
    Path("a.jsonl").write_text(lines(rows))
    err = score(capsys, *options, code=2)[1]
    assert "a.jsonl, line 1, column 'at.lon': found '2,29'; allowed: degrees from -180 to 180" in err
    Path("a.csv").write_text(CSV)
    Path("t.csv").write_text(TRUTH.replace(",", ";").replace(".", ",").replace(",jpg", ".jpg"))
    assert score(capsys, "a.csv", "--truth", "t.csv")[0]["acc@25km"] == 1.0


BOTH = "id,{},{},{},{}\na.jpg,10,10,48.8584,2.2945\nb.jpg,10,10,-33.8568,151.2153\n"


@pytest.mark.parametrize(
    "names, words",
    [
        (("lat", "lon", "lat_gt", "lon_gt"), ["--lat-column", "lat", "--lon-column", "lon"]),
        (("guess_lat", "guess_lng", "actual_lat", "actual_lng"), ["--truth", "a.csv", "--lat-column", "guess_lat",
                                                                 "--lon-column", "guess_lng"]),
        (("guess_lat", "guess_lng", "actual_lat", "actual_lng"), []),
        (("u", "v", "y", "x"), ["--lat-column", "u", "--lon-column", "v", "--truth-lat-column", "y",
                                "--truth-lon-column", "x"]),
        (("lat", "lon", "y", "x"), ["--lat-column", "lat", "--lon-column", "lon", "--truth-lat-column", "y",
                                    "--truth-lon-column", "x"]),
    ],
)  # fmt: skip
def test_answers_are_never_compared_with_themselves(
    capsys: pytest.CaptureFixture[str], names: tuple[str, ...], words: list[str]
) -> None:
    Path("a.csv").write_text(BOTH.format(*names))
    assert score(capsys, "a.csv", *words)[0]["acc@2500km"] == 0.0


@pytest.mark.parametrize("truth", [[], ["--truth", "a.csv"], ["--truth", "./a.csv"]])
def test_the_same_columns_as_answer_and_truth_are_refused(capsys: pytest.CaptureFixture[str], truth: list[str]) -> None:
    Path("a.csv").write_text(CSV)
    err = score(capsys, "a.csv", *truth, "--lat-column", "lat", "--lon-column", "lon", code=2)[1]
    assert "column 'lat' would be the answer and the truth" in err and "--truth-lat-column" in err
    Path("a.csv").write_text(BOTH.format("guess_lat", "guess_lng", "y", "x"))
    err = score(capsys, "a.csv", *truth, "--lat-column", "guess_lat", "--lon-column", "guess_lng", code=2)[1]
    assert "no lat column of the truth; give it with --truth-lat-column" in err


def test_named_cities_of_a_table_of_positions_are_the_answers(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text("id,lat,lon,city,country\na,48.86,2.35,Lyon,France\nb,-33.9,151.2,Sydney,Australia\n")
    found, _ = score(capsys, "a.csv", "--city-column", "city", "--country-column", "country")
    assert found["acc@25km"] == 0.5 and "city_accuracy" not in found
    found, _ = score(capsys, "a.csv", "--truth", "a.csv", "--city-column", "city", "--truth-lat-column", "lat")
    assert found["status"]["city"] == 2
    Path("t.csv").write_text("id,lat,lon\na,48.86,2.35\nb,-33.9,151.2\n")
    assert score(capsys, "a.csv", "--truth", "t.csv", "--city-column", "city")[0]["status"]["city"] == 2


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("a.jsonl", json.dumps(ROWS), ["a.jsonl, line 1", "a JSON array, not JSON lines", ".json"]),
        ("a.jsonl", json.dumps(ROWS).replace("},", "},\n"), ["a.jsonl, line 1", "a JSON array, not JSON lines"]),
        ("a.jsonl", '{"id": "a.jpg", "lat": 1, "lat": 2, "lon": 3}\n', ["line 1", "the key 'lat' stands there twice"]),
        ("a.json", '{"a.jpg": {"lat": 1},\n "a.jpg": {"lat": 2}}', ["a.json", "the key 'a.jpg' stands there twice"]),
        ("a.json", '{"acc": 0.5, "n": 3}', ["a.json", "key 'acc': found 0.5"]),
        ("a.json", '"x"', ["a.json", "found a JSON str"]),
        ("a.json", "{}", ["a.json: the file has no rows"]),
        ("a.json", "[1]", ["a.json, row 1", "found a JSON int"]),
        ("a.json", '[{"id": 1', ["a.json: not valid JSON"]),
        ("a.json", "[" * 100_000, ["a.json: not valid JSON"]),
        ("a.jsonl", lines([{"id": "a", "city": {"name": "Paris"}}]), ["a.jsonl, line 1, column 'city'", "city.name"]),
        ("a.jsonl", lines([{"id": "a.jpg", "lat": {"deg": 1}, "lon": 2}]), ["a.jsonl, line 1, column 'lat'"]),
        ("a.jsonl", lines([{"id": {"$oid": "1"}, "response": "x"}]), ["a.jsonl, line 1, column 'id'"]),
        ("a.csv", "id,city\na.jpg,\"['Paris', 'France']\"\n", ["line 2, column 'city'", "found \"['Paris'", "city.0"]),
        ("a.csv", CSV.partition("\n")[2], ["line 1 looks like data ('a.jpg'), not like a header"]),
        ("a.csv", CSV.partition("\n")[2].replace(".jpg", ""), ["line 1 looks like data ('48.85'), not like a header"]),
        ("a.csv", "id,Q7-gen\na.jpg,It's Paris\n", ["no column of answers; 'Q7-gen' looks like the responses"]),
        ("a.jsonl", lines([{"doc": {"id": "a.jpg"}, "Q7-gen": "It's Paris"}]), ["'Q7-gen' looks like the responses"]),
        ("a.jsonl", lines([{"id": "a.jpg", "response": ["1.5, 2.5", "3.5, 4.5"]}]), ["2 responses", "response.0"]),
        ("a.json", json.dumps({"truth": ROWS, "mine": ROWS}), ["'truth' and 'mine' are lists of rows"]),
        ("a.csv", lines(ROWS), ["a.csv: this is JSON; name it .jsonl"]),
        ("a.csv", "<!DOCTYPE html>\n", ["a.csv: this is a page of HTML"]),
        ("a.jsonl", "version https://git-lfs.github.com/spec/v1\n", ["a.jsonl: this is a pointer of Git LFS"]),
        ("a.xlsx", "PAR1", ["a.xlsx: this is a Parquet file; name it .parquet"]),
        ("a.csv", "Results of m\n" + CSV, ["line 2: 3 cells under a header of 1; is line 1 a title?"]),
        ("a.csv", "id,lat,lat_ref,lon\na.jpg,33.85,S,151.2\n", ["'lat_ref' says N or S, and no 'lat' is below zero"]),
        ("a.csv", "图,lat_1\na.jpg,1\n", ["no column of answers; name it"]),
        ("a.csv", "id,group\na.jpg,It is Paris\n", ["no column of answers; name it"]),
        ("a.csv", "id,my_lat,my_lon\na.jpg,48.85 N,2.29 E\n", ["(--lat-column 'my_lat' --lon-column 'my_lon')"]),
        ("a.jsonl", lines([{"id": "a.jpg", "north": "48,85"}]), ["no column of answers; name it"]),
        ("a.jsonl", lines([{"id": "a.jpg", "label": "Paris, France", "xx": "1.5, 2.5"}]), ["'xx' looks like"]),
        ("a.jsonl", lines([{"doc": {"id": "a.jpg"}, "filtered_resps": ["Paris"]}]), ["--id-column 'doc.id'"]),
        (
            "a.jsonl",
            lines([{"parts": [{"text": "?"}, {"file": {"uri": "gs://x/a.jpg"}}], "response": "Paris"}]),
            ["--id-column 'parts.1.file.uri'"],
        ),
        (
            "a.jsonl",
            lines([{"id": "a.jpg", "response": {"data": {"say": SAID[0]["reply"]}, "ms": 3}}]),
            ["no answer is read in it; 'response.data.say' looks like the responses"],
        ),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(
    capsys: pytest.CaptureFixture[str], name: str, text: str, words: list[str]
) -> None:
    Path(name).write_text(text)
    err = score(capsys, name, "--truth", "t.csv", code=2)[1]
    assert all(word in err for word in words), err


@pytest.mark.parametrize(
    "ids, truths, cause",
    [
        (["x1", "x2"], ["a", "b"], "here 'x1', there 'a'\n"),
        (["17", "18"], ["yfcc-17", "yfcc-18"], "those of the truth begin with 'yfcc-'"),
        (["17_m", "18_m"], ["17", "18"], "those of the answers end with '_m'"),
        (["007", "008"], ["7", "8"], "the zeros in front differ"),
        (["IMG_1", "IMG_2"], ["img_1", "img_2"], "upper and lower case differ"),
        (["a.json", "b.json"], ["a", "b"], "the extensions differ"),
        (["a%20b", "c"], ["a b", "d"], "percent-encoded"),
        (["'a.jpg'", "c"], ["a.jpg", "d"], "quotation marks"),
        (["1.23457E+11", "2.5E+11"], ["123456789012", "250000000001"], "a spreadsheet has rounded long numbers"),
    ],
)
@pytest.mark.parametrize("skip", [[], ["--skip-unknown-ids"]])
def test_no_id_in_common_shows_one_of_each_side_and_the_cause(
    capsys: pytest.CaptureFixture[str], ids: list[str], truths: list[str], cause: str, skip: list[str]
) -> None:
    for name, names in (("a.csv", ids), ("t.csv", truths)):
        Path(name).write_text("id,lat,lon\n" + "".join(f"{one},1,{i}\n" for i, one in enumerate(names)))
    err = score(capsys, "a.csv", "--truth", "t.csv", *skip, code=2)[1]
    assert f"no id in common with t.csv: here {ids[0]!r}, there {truths[0]!r}" in err and cause in err


def test_some_ids_that_differ_are_explained_and_not_to_be_set_aside(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text(CSV.replace("a.jpg", "A.jpg"))
    err = score(capsys, "a.csv", "--truth", "t.csv", code=2)[1]
    assert "'A.jpg' has no truth in t.csv (1 of 3 answers have none); upper and lower case differ" in err


def test_ids_counted_from_one_are_not_those_counted_from_zero(capsys: pytest.CaptureFixture[str]) -> None:
    for name, first in (("a.csv", 1), ("t.csv", 0)):
        Path(name).write_text("id,lat,lon\n" + "".join(f"{i + first},{i},{i}\n" for i in range(4)))
    err = score(capsys, "a.csv", "--truth", "t.csv", code=2)[1]
    assert "'4' has no truth in t.csv (1 of 4 answers have none); ids begin with 1 here and with 0 there" in err
    _, err = score(capsys, "a.csv", "--truth", "t.csv", "--skip-unknown-ids", code=3)
    assert "were set aside, the first: a.csv, line 5, column 'id': '4'; ids begin with 1 here and with 0 there" in err


def test_columns_of_the_truth_in_another_file_are_no_columns_of_the_answers(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text(CSV)
    words = ("--truth-id-column", "id", "--truth-lat-column", "lat", "--truth-lon-column", "lon")
    assert score(capsys, "a.csv", "--truth", "t.csv", *words)[0]["acc@25km"] == 1.0


@pytest.mark.parametrize("option", ["--", "--truth-"])
def test_one_number_is_no_position(capsys: pytest.CaptureFixture[str], option: str) -> None:
    Path("a.csv").write_text(CSV.replace("lat,lon", "pred_lat,pred_lon"))
    words = (f"{option}lat-column", f"{'' if option != '--' else 'pred_'}lat", f"{option}lon-column")
    err = score(capsys, "a.csv", "--truth", "t.csv", *words, words[1], code=2)[1]
    assert "line 2, column" in err and "allowed: " in err


def test_paths_meet_below_the_folder_that_all_lie_in(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text("id,lat,lon\nC:\\x\\e\u0301\\1.JPG,48.85,2.29\nC:\\x\\s\\1.JPG,-33.85,151.2\n")
    Path("t.csv").write_text("id,lat,lon\n\u00e9/1,48.8584,2.2945\ns/1,-33.8568,151.2153\n")
    assert score(capsys, "a.csv", "--truth", "t.csv")[0]["acc@25km"] == 1.0


def test_a_run_is_scored_again_and_not_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text(CSV)
    score(capsys, "a.csv", "--truth", "t.csv", "-o", "run")
    assert "run: this is a run that was scored; globe-eval rescore" in score(capsys, "run", code=2)[1]
    assert "no row has a response; globe-eval rescore run" in score(capsys, "run/samples.jsonl", code=2)[1]


def test_a_column_without_a_value_is_not_the_answers(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.jsonl").write_text(lines([{**row, "response": None, "country": ""} for row in ROWS]).replace('""', "null"))
    assert score(capsys, "a.jsonl", "--truth", "t.csv")[0]["acc@25km"] == 1.0
    assert score(capsys, "a.jsonl", "--truth", "t.csv", "--read", "response")[0]["status"]["empty"] == 3


def test_what_is_likely_a_mistake_is_noted(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text(TRUTH)
    assert "3 of 3 positions are the truth to their last digit" in score(capsys, "a.csv", "--truth", "t.csv")[1]
    Path("a.csv").write_text("id,lat,lon,output\na,48.858,2.2945,Rome\nb,-33.857,151.215,Rome\nc,40.689,-74.044,Rome\n")
    assert "3 of 3 positions are the truth to their last digit" in score(capsys, "a.csv", "--truth", "t.csv")[1]
    Path("a.csv").write_text(CSV.replace("-74.0", "286.0"))
    found, err = score(capsys, "a.csv", "--truth", "t.csv")
    assert found["acc@25km"] == 1.0 and "'lon': 1 longitudes beyond 180 and none below 0: read as from 0 to 360" in err
    cities = "id,country,city\na.jpg,Paris,France\nb.jpg,Sydney,Australia\nc.jpg,New York,USA\n"
    Path("a.csv").write_text(cities)
    assert "3 of 3 answers have a country as city ('France')" in score(capsys, "a.csv", "--truth", "t.csv")[1]
    Path("a.csv").write_text(cities.replace("country,city", "city,country"))
    assert "as city" not in score(capsys, "a.csv", "--truth", "t.csv")[1]
    Path("a.jsonl").write_text(lines([{"id": name, "response": "zzz 12"} for name in POINTS]))
    assert (
        "3 of 3 responses are unparsed, no names found, as of 'a.jpg'"
        in score(capsys, "a.jsonl", "--truth", "t.csv")[1]
    )


@pytest.mark.parametrize(
    "cells",
    [
        "48°51'30\"N,2°17'40\"E",
        "48.8584 N,E 2.2945",
        "+48.8584°,2.2945°",
        "'48.8584','2.2945'",
        "48 51 30 N,2:17:40",
        "48d51m30s,E 2 17.67",
    ],
)
def test_the_truth_may_be_written_as_angles(capsys: pytest.CaptureFixture[str], cells: str) -> None:
    Path("t.csv").write_text(TRUTH.replace("48.8584,2.2945", cells).replace("-", "−"))
    Path("a.csv").write_text(CSV)
    assert score(capsys, "a.csv", "--truth", "t.csv")[0]["acc@25km"] == 1.0


def test_photographers_within_the_truth_are_its_groups(capsys: pytest.CaptureFixture[str]) -> None:
    who = {"a.jpg": "p1", "b.jpg": "p1", "c.jpg": "p2"}
    rows = [{**row, "gt": {"lat": row["lat"], "lon": row["lon"], "photographer": who[row["id"]]}} for row in ROWS]
    Path("a.jsonl").write_text(
        lines([{"id": row["id"], "pred": [row["lat"], row["lon"]], "gt": row["gt"]} for row in rows])
    )
    run = ge.score("a.jsonl")
    assert (run.results.n, run.metrics.loc["acc@25km", "n_groups"]) == (3, 2)
    named = [
        {"id": row["id"], "response": "Rome", "truth": {"lat": 1, "lon": 2, "group": who[row["id"]]}} for row in ROWS
    ]
    assert ge.score(named).samples["truth.group"].tolist() == ["p1", "p1", "p2"]


def test_another_column_with_the_ids_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text("id,photograph,lat,lon\n1,a.jpg,1,2\n2,b.jpg,1,2\n")
    assert "--id-column 'photograph'" in score(capsys, "a.csv", "--truth", "t.csv", code=2)[1]
    Path("a.csv").write_text("who,lat,lon\na.jpg,1,2\nb.jpg,1,2\n")
    err = score(capsys, "a.csv", "--truth", "t.csv", code=2)[1]
    assert "no id column; column 'who' has the ids of the truth (--id-column 'who')" in err
    Path("a.csv").write_text("who,lat,lon,guess_lat,guess_lon\na.jpg,1,2,1,2\n")
    assert "no id column; give it with --id-column" in score(capsys, "a.csv", code=2)[1]


def test_whole_numbers_that_a_spreadsheet_wrote_are_ids(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text("id,lat,lon\n1.0,48.85,2.29\n2.0,-33.85,151.2\n")
    Path("t.csv").write_text("id,lat,lon\n1,48.8584,2.2945\n2,-33.8568,151.2153\n")
    assert score(capsys, "a.csv", "--truth", "t.csv")[0]["acc@25km"] == 1.0


def test_placeholders_that_recur_are_noted(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text("id,lat,lon\na.jpg,0,0\nb.jpg,0.0,0\nc.jpg,40.7,-74\n")
    assert "2 of 3 positions are at (0, 0)" in score(capsys, "a.csv", "--truth", "t.csv")[1]
    Path("a.csv").write_text("id,lat,lon\na.jpg,0,0\nb.jpg,1,0\nc.jpg,40.7,-74\n")
    assert "(0, 0)" not in score(capsys, "a.csv", "--truth", "t.csv")[1]


def test_a_form_that_would_read_a_fifth_more_is_named_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.jsonl").write_text(lines([{"id": row["id"], "response": row["reply"]} for row in SAID]))
    _, err = score(capsys, "a.jsonl", "--truth", "t.csv", "--answer-form", "names")
    assert "3 of 3 answers are coordinates, and names are read, as of 'a.jpg': \"It's rural." in err
    assert "--answer-form any, or coordinates" in err
    _, err = score(capsys, "a.jsonl", "--truth", "t.csv", "--answer-form", "coordinates")
    assert "--answer-form" not in err


@pytest.mark.parametrize("code", ["8FW4V75V+8Q", "V75V+8Q Paris-like", "31U DQ 48251 11932", "///filled.count.soap"])
def test_codes_that_are_no_position_are_named(capsys: pytest.CaptureFixture[str], code: str) -> None:
    Path("a.jsonl").write_text(lines([{"id": name, "response": f"The place is {code}."} for name in POINTS]))
    _, err = score(capsys, "a.jsonl", "--truth", "t.csv", "--answer-form", "any")
    assert "3 of 3 answers give a plus code, a grid reference or what3words, as of 'a.jpg': 'The place is" in err
    assert "ask for latitude and longitude in decimal degrees" in err


def test_a_sum_is_no_plus_code(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.jsonl").write_text(lines([{"id": name, "response": "It has 2345+67 steps, C++17."} for name in POINTS]))
    assert "plus code" not in score(capsys, "a.jsonl", "--truth", "t.csv", "--answer-form", "any")[1]


def test_the_truth_may_be_one_column_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text("id,lat,lon\n" + "".join(f"{name},{lat},{lon}\n" for name, lat, lon in MANY))
    Path("t.csv").write_text("id,coord\n" + "".join(f'{name},"[{lat}, {lon}]"\n' for name, lat, lon in MANY))
    for words in ([], ["--lat-column", "coord", "--lon-column", "coord"]):
        assert score(capsys, "a.csv", "--truth", "t.csv", *words)[0]["acc@1km"] == 1.0
    Path("t.json").write_text(json.dumps({name: {"location": {"lat": lat, "lon": lon}} for name, lat, lon in MANY}))
    words = ["--truth-lat-column", "location.lat", "--truth-lon-column", "location.lon"]
    assert score(capsys, "a.csv", "--truth", "t.json", *words)[0]["acc@1km"] == 1.0


def test_python_takes_mappings_and_names_an_unknown_role() -> None:
    truth = {name: {"lat": lat, "lon": lon} for name, (lat, lon) in POINTS.items()}
    assert ge.score(POINTS, truth).metrics.loc["acc@1km", "value"] == 1.0
    with pytest.raises(InputError, match=r"columns: no role 'respons'; did you mean 'response'\?"):
        ge.score(POINTS, truth, columns={"respons": "x"})


@given(st.floats(-90, 90), st.floats(-180, 180), st.sampled_from(["{}, {}", "({}, {})", "[{},{}]", "{} {}", "{};{}"]))
def test_a_position_in_one_cell_is_the_one_in_two(lat: float, lon: float, form: str) -> None:
    rows = [{"at": form.format(lat, lon), "lat": lat, "lon": str(lon)}]
    table, notes = Table.of(Path("a.csv"), list(enumerate(rows, 2))), list[str]()
    assert predicted_points(table, "at", "at", notes).tolist() == [[lat, lon]]
    assert predicted_points(table, "lat", "lon", notes).tolist() == [[lat, lon]] and not notes


def test_geojson_has_the_longitude_first() -> None:
    assert coordinate_pair({"type": "Point", "coordinates": [2.29, 48.85]}) == (48.85, 2.29)


@pytest.mark.parametrize("of_truth", [True, False])
def test_radians_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], of_truth: bool) -> None:
    rows = ["id,true_lat,true_lon,lat,lon"]
    for i in range(6):
        degrees = (40.0 + i, -75.25 + i)
        radians = tuple(math.radians(value) for value in degrees)
        row = (*radians, *degrees) if of_truth else (*degrees, *radians)
        rows.append(",".join(map(str, (f"p{i}", *row))))
    (tmp_path / "a.csv").write_text("\n".join(rows))
    assert main(["score", str(tmp_path / "a.csv"), "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "are they radians? allowed: degrees" in said and ("'true_lat'" if of_truth else "'lat'") in said
    assert not (tmp_path / "out").exists()


def test_a_model_that_always_answers_null_island_is_scored() -> None:
    points = np.zeros((9, 2))
    points[:4] = (0.5, 0.5)
    refuse_radians(Table.of(Path("a.csv"), []), "lat", "lon", points)


def test_a_swap_is_refused_where_a_latitude_is_impossible_and_else_only_noted() -> None:
    truth = np.array(list(POINTS.values()))
    assert position_notes("a.csv", "lat", "lon", truth, truth) == []
    with pytest.raises(InputError, match="3 of 3 answers are nearer the truth with latitude and longitude swapped"):
        position_notes("a.csv", "lat", "lon", truth[:, ::-1], truth)
    europe = truth[[0, 0, 0]]
    (told,) = position_notes("a.csv", "lat", "lon", europe[:, ::-1], europe)
    assert "--lat-column 'lon' --lon-column 'lat'" in told


@pytest.mark.parametrize("factor", [10, 100, 0.1, 57.2958])
def test_answers_that_are_the_truth_but_for_a_factor_get_a_note(factor: float) -> None:
    truth = np.array(list(POINTS.values()))
    told = position_notes("a.csv", "lat", "lon", truth / factor + 0.001, truth)
    assert told == [f"3 of 3 answers are nearer the truth with all degrees times {factor:g}"]


@pytest.mark.parametrize(
    ("last", "is_told"), [("14.", True), ("1", True), ("14.30", True), ("14.3061", False), ("N/A", False)]
)
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_last_number_that_is_cut_off_gets_a_note(capsys, last: str, is_told: bool, end: str) -> None:
    rows = [f"p{i},{i}.1234,{i}.2345,{i}.1235,{i}.2346" for i in range(12)] + [f"p12,12.1234,14.3061,12.1235,{last}"]
    Path("cut.csv").write_text("id,true_lat,true_lon,lat,lon\n" + "\n".join(rows) + end)
    _, told = score(capsys, "cut.csv")
    note = f"cut.csv, line 14: 'lon' is '{last}', with fewer decimals than all others"
    assert (note in told) == (is_told and not end)


NAMED = [
    ("Lisbon", "Portugal", 38.72, -9.14), ("Madrid", "Spain", 40.42, -3.7), ("Rome", "Italy", 41.9, 12.5),
    ("Berlin", "Germany", 52.52, 13.4), ("Vienna", "Austria", 48.21, 16.37), ("Oslo", "Norway", 59.91, 10.75),
    ("Lima", "Peru", -12.05, -77.04), ("Nairobi", "Kenya", -1.29, 36.82), ("Bangkok", "Thailand", 13.75, 100.5),
    ("Accra", "Ghana", 5.56, -0.2), ("Hanoi", "Vietnam", 21.03, 105.85), ("Quito", "Ecuador", -0.18, -78.47),
]  # fmt: skip


def test_names_of_the_truth_beside_responses_are_not_the_answers(capsys: pytest.CaptureFixture[str]) -> None:
    Path("t.csv").write_text("id,lat,lon\n" + "".join(f"{i},{x},{y}\n" for i, (_, _, x, y) in enumerate(NAMED)))
    rows = [f"{i},{city},{country},I'd say Osaka.\n" for i, (city, country, *_) in enumerate(NAMED)]
    Path("a.csv").write_text("id,city,country,output\n" + "".join(rows))
    err = score(capsys, "a.csv", "--truth", "t.csv", code=2)[1]
    assert "choose --read 'names' (city, country); --read 'response' (output)" in err
    assert score(capsys, "a.csv", "--truth", "t.csv", "--read", "response")[0]["acc@2500km"] == 0.0
    columns = ["--city-column", "city", "--country-column", "country"]
    assert score(capsys, "a.csv", "--truth", "t.csv", *columns)[0]["acc@25km"] == 1.0
    Path("a.csv").write_text("id,city,country,gpt-5\n" + "".join(rows))
    told = (
        "nearly all of 12 answers name the right country, 12 the right town: is it the truth in 'city' and 'country'?"
    )
    assert told in score(capsys, "a.csv", "--truth", "t.csv")[1]
    Path("a.csv").write_text("id,answer\n" + "".join(f"{i},{city}\n" for i, (city, *_) in enumerate(NAMED)))
    assert "is it the truth in 'answer'?" in score(capsys, "a.csv", "--truth", "t.csv")[1]
    Path("a.csv").write_text("id,city,country,gpt-5\n0,Osaka,Japan,\n" + "".join(rows[1:]))
    assert "is it the truth" not in score(capsys, "a.csv", "--truth", "t.csv")[1]


def test_marked_columns_are_the_answers_and_plain_ones_beside_them_the_truth(
    capsys: pytest.CaptureFixture[str],
) -> None:
    head = "id,lat,lon,city,country,prompt,{},{}\n"
    rows = [f"{row},Osaka,Japan,Where?" for row in TRUTH.splitlines()[1:]]
    points = [f",{lat},{lon}\n" for lat, lon in POINTS.values()]
    Path("a.csv").write_text(head.format("pred_lat", "pred_lon") + "".join(map(str.__add__, rows, points)))
    found, err = score(capsys, "a.csv", "--truth", "t.csv")
    assert (found["answer_form"], found["acc@25km"], err) == ("coordinates", 1.0, "")
    found, _ = score(capsys, "a.csv", "--truth", "t.csv", "--city-column", "city")
    assert (found["answer_form"], found["acc@25km"]) == ("names", 0.0)
    Path("a.csv").write_text(
        head.format("pred_city", "pred_country") + "".join(f"{row},Paris,France\n" for row in rows)
    )
    assert score(capsys, "a.csv", "--truth", "t.csv")[0]["acc@25km"] == 1 / 3
    columns = ["--lat-column", "lat", "--lon-column", "lon"]
    assert "choose --read 'coordinates' (lat, lon)" in score(capsys, "a.csv", "--truth", "t.csv", *columns, code=2)[1]


def test_a_prompt_that_all_rows_share_is_not_the_response(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.jsonl").write_text(lines([{"id": r["id"], "text": "Where is it?", "answer": r["reply"]} for r in SAID]))
    assert score(capsys, "a.jsonl", "--truth", "t.csv")[0]["acc@25km"] == 1.0
    for text in ("New York, USA", "I'm sorry, I can't tell where this is."):  # of a model that always says so
        Path("a.jsonl").write_text(lines([{"id": r["id"], "text": text, "answer": r["reply"]} for r in SAID]))
        assert "columns 'text', 'answer' could each be" in score(capsys, "a.jsonl", "--truth", "t.csv", code=2)[1]


def test_truth_within_objects_is_named_with_its_paths(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"doc": {"image_id": r["id"], "lat": 1, "lng": 2}, "resps": "x", "response": "Rome"} for r in SAID]
    Path("a.jsonl").write_text(lines(rows))
    assert "no id column; give it with --id-column 'doc.image_id'" in score(capsys, "a.jsonl", code=2)[1]
    err = score(capsys, "a.jsonl", "--id-column", "doc.image_id", code=2)[1]
    assert "give it with --truth-lat-column 'doc.lat' --truth-lon-column 'doc.lng'" in err
    Path("a.jsonl").write_text(lines([{"id": r["id"], "response": "x", "parsed": {"lat": 1, "lon": 2}} for r in SAID]))
    assert "give it with --truth-lat-column NAME --truth-lon-column NAME" in score(capsys, "a.jsonl", code=2)[1]


def test_one_of_several_candidates_is_not_named_as_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.jsonl").write_text(lines([{"id": r["id"], "tops": [{"lat": 1.5, "lon": 2.5}] * 2} for r in SAID]))
    assert "tops.0" not in score(capsys, "a.jsonl", "--truth", "t.csv", code=2)[1]


def test_positions_in_responses_get_the_same_notes(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": name, "response": f"I'd say {lon:.4f}, {lat:.4f}."} for name, (lat, lon) in POINTS.items()]
    Path("a.jsonl").write_text(lines(rows))
    err = score(capsys, "a.jsonl", "--truth", "t.csv")[1]
    assert "2 of 2 answers are nearer the truth with latitude and longitude swapped; is it longitude, latitude?" in err


@pytest.mark.parametrize(
    "signs, told",
    [
        ((1, -1), "3 of 3 answers are nearer the truth with the longitude's other sign ('lon')"),
        ((-1, 1), "3 of 3 answers are nearer the truth with the latitude's other sign ('lat')"),
        ((-1, -1), "3 of 3 answers are nearer the truth with both signs the other way round"),
        (None, "2 of 2 answers are nearer the truth with the signs of the truth"),
        ((1, 1), None),
    ],
)
def test_wrong_and_lost_signs_are_noted(signs: tuple[int, int] | None, told: str | None) -> None:
    truth = np.array(list(POINTS.values()))
    points = truth + 0.1
    points = np.abs(points) if signs is None else points * signs
    found = position_notes("a.csv", "lat", "lon", points, truth)
    unsigned = position_notes("a.csv", "lat", "lon", truth + 0.1, np.abs(truth))
    assert unsigned == [
        "2 of 2 answers are nearer the truth with no signs, as the truth has none: are south and west lost there?"
    ]
    below = position_notes("a.csv", "lat", "lon", np.roll(truth, 1, axis=0), truth)
    assert below == ["3 of 3 answers are nearer the truth with the answer one row below"]
    assert [note[: len(told or "")] for note in found] == ([] if told is None else [told])
    assert len(position_notes("a.csv", "at", "at", points, truth)) == len(found)


PLACES = {"a.jpg": "Paris, France", "b.jpg": "Sydney, Australia", "c.jpg": "New York City, USA"}


@pytest.mark.parametrize(
    "printed",
    [
        lambda name: f"Trams.\\n\\nLatitude: {POINTS[name][0]}\\nLongitude: {POINTS[name][1]}",
        lambda name: f"Trams.\\r\\nCountry: {PLACES[name].split(', ')[1]}\\r\\nCity: {PLACES[name].split(', ')[0]}",
        lambda name: json.dumps(
            "```json\n" + json.dumps(dict(zip(("lat", "lon"), POINTS[name], strict=True)), indent=1)
        )[1:-1],
        lambda name: str([PLACES[name]]),
        lambda name: str(PLACES[name].split(", ")),
        lambda name: str([{"role": "assistant", "content": PLACES[name]}]),
        lambda name: str([{"generated_text": PLACES[name]}]),
        lambda name: str({"city": PLACES[name].split(", ")[0], "country": PLACES[name].split(", ")[1], "why": None}),
        lambda name: "(np.float64({}), np.float64({}))".format(*POINTS[name]),
        lambda name: "tensor([{}, {}], dtype=torch.float64)".format(*POINTS[name]),
    ],
)
def test_what_a_program_printed_is_read_as_it_was(
    capsys: pytest.CaptureFixture[str], printed: Callable[[str], str]
) -> None:
    pd.DataFrame({"id": list(POINTS), "response": [printed(name) for name in POINTS]}).to_csv("a.csv", index=False)
    assert score(capsys, "a.csv", "--truth", "t.csv")[0]["acc@25km"] == 1.0


def test_line_ends_within_the_texts_of_json_stay(capsys: pytest.CaptureFixture[str]) -> None:
    said = [json.dumps({"why": "Trams.\n\nSigns.", "lat": lat, "lon": lon}) for lat, lon in POINTS.values()]
    pd.DataFrame({"id": list(POINTS), "response": said}).to_csv("a.csv", index=False)
    assert score(capsys, "a.csv", "--truth", "t.csv", "-o", "run")[0]["acc@25km"] == 1.0
    assert [json.loads(line)["response"] for line in Path("run/samples.jsonl").read_text().splitlines()] == said


@given(st.recursive(st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)))
def test_json_without_repeated_keys_is_what_it_was(value: Any) -> None:
    assert load_json(json.dumps(value)) == value


def test_what_is_not_asked_for_is_not_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.csv").write_text('id,response\na.jpg,"<think>A church, so Paris.</think><answer>Paris, France</answer>"\n')
    words = ("a.csv", "--truth", "t.csv", "--answer-form", "names")
    whole, _ = score(capsys, *words, code=3)
    assert {"acc@25km", "reasoning_consistent", "n_words"} <= whole.keys()
    measures = ("metrics.consistency.consistencies", "metrics.grounding.ground", "scoring.localizability")
    for name in (*measures, "scoring.response_format"):
        monkeypatch.setattr(f"globe_eval.{name}", lambda *_, **__: pytest.fail("measured"))
    places, _ = score(capsys, *words, "--metrics", "accuracy", code=3)
    assert places["interval"] == {name: one for name, one in whole["interval"].items() if name in places["interval"]}
    assert places["acc@25km"] == whole["acc@25km"] and "n_words" not in places and places["reasoning"] is None
    _, err = score(capsys, *words, "--metrics", "acuracy", code=2)
    assert "--metrics: found 'acuracy'; did you mean 'accuracy'?" in err
