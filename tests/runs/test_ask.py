"""`globe-eval ask`: pictures without a truth, their answers as a page and a table."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from browser import Browser
from PIL import Image

from globe_eval.benchmarks import images
from globe_eval.cli import main

EVIL = "<script>window.stolen=1</script><img src=x onerror='window.stolen=2'>"
ANSWERS = {
    "quay.jpg": "<think>A tram \U0001f68b, cobblestone and signs in Portuguese.</think>"
    "<answer>country: Portugal\ncity: Lisbon\nlocalizable: yes\nconfidence: 85%</answer>",
    "day 2/beach.png": f"<think>{EVIL} Palm trees, no snow.</think>"
    "<answer>country: Fiji\ncity: Suva\nconfidence: 40%</answer>",
    "wall.webp": "I'm sorry, but I cannot determine where this is.",
    "road.jpg": "<think>A road sign.</think><answer>country: Kenya</answer>",
    "point.jpg": "latitude: -33.86\nlongitude: 151.21",
    "=1+1.jpg": "<answer>country: France\ncity: Atlantis Nova Zembla</answer>",
}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pictures and of answers to them, and the folder that `ask` wrote."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(ANSWERS):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (300, 200), (40 * number, 120, 200 - 30 * number)).save(path)
    lines = [json.dumps({"id": name, "response": text}) for name, text in ANSWERS.items()]
    (tmp_path / "answers.jsonl").write_text("\n".join(lines))
    assert main(ASK) == 0
    return tmp_path / "out" / "ask"


ASK = ["ask", "--images", "photos", "--model", "replay", "--model_args", "answers=answers.jsonl", "-o", "out"]


def test_each_picture_has_a_row_with_what_was_said(asked: Path) -> None:
    with (asked / "ask.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["file"].lstrip("'"): row for row in csv.DictReader(file)}
    assert set(rows) == set(ANSWERS)
    lisbon = rows["quay.jpg"]
    assert (lisbon["status"], lisbon["answer"], lisbon["confidence"]) == ("city", "Lisbon, Portugal", "0.85")
    assert float(lisbon["lat"]) == pytest.approx(38.72, abs=0.05) and "tram" in lisbon["cues"]
    assert lisbon["response"] == ANSWERS["quay.jpg"]
    assert rows["wall.webp"]["status"] == "refused" and rows["wall.webp"]["lat"] == ""
    assert (rows["point.jpg"]["lat"], rows["point.jpg"]["lon"]) == ("-33.86", "151.21")
    assert rows["road.jpg"]["status"] == "country"
    assert rows["=1+1.jpg"]["cues"] == "" and "snow" not in rows["day 2/beach.png"]["cues"]


def test_the_page_says_what_must_not_be_done_and_no_score(asked: Path) -> None:
    page = (asked / "ask.html").read_text(encoding="utf-8")
    for words in ("Nobody has checked these answers", "where a person lives, works or is", "have not agreed"):
        assert words in page
    assert "within 25" not in page and "acc@" not in page and "<script" not in page
    assert EVIL not in page and page.count("<article") == len(ANSWERS) and page.count("data:image/jpeg") == len(ANSWERS)
    drawn = page[page.index("<svg", page.index('class="map"')) :]
    drawing = ElementTree.fromstring(drawn[: drawn.index("</svg>") + 6])
    assert [one.get("href") for one in drawing.iter("a")] == ["#p0", "#p1", "#p2", "#p3", "#p4"]
    assert "tram" in page and '<mark class="cue named"' in page


def test_the_same_answers_give_the_same_bytes_and_are_not_asked_again(asked: Path) -> None:
    before = [(asked / name).read_bytes() for name in ("ask.html", "ask.csv", "journal.jsonl")]
    assert main(ASK) == 0
    assert before == [(asked / name).read_bytes() for name in ("ask.html", "ask.csv", "journal.jsonl")]


def test_a_picture_without_an_answer_makes_it_incomplete(
    asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos" / "new.jpg").write_bytes((tmp_path / "photos" / "quay.jpg").read_bytes())
    assert main([*ASK, "--fresh"]) == 3
    assert "1 of 7 pictures have no answer (new.jpg: no answer for id" in capsys.readouterr().err
    page = (asked / "ask.html").read_text(encoding="utf-8")
    assert "<dt>error</dt><dd>no answer for id" in page and "The model said nothing" not in page


def test_heic_without_pillow_heif_is_refused_before_the_model_is_made(
    asked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    images.reads_heic.cache_clear()
    (tmp_path / "photos" / "a.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    capsys.readouterr()
    assert main([*ASK[:-4], "--model_args", "answers=gone.jsonl", "-o", "other"]) == 2
    assert "a.HEIC: HEIC pictures need pillow-heif" in capsys.readouterr().err
    images.reads_heic.cache_clear()


@pytest.mark.parametrize("width", [390, 820, 1400])
def test_the_page_fits_and_is_quiet(asked: Path, browser: Browser, width: int) -> None:
    browser.size(width, 900)
    browser.open(asked / "ask.html")
    assert browser.script("return document.documentElement.scrollWidth") <= width
    assert browser.script("return window.stolen") is None
    assert browser.script("return [...document.images].every(one => one.naturalWidth > 0 || !one.complete)")
    browser.assert_quiet()
