"""What a report says and what it must not say, read as text; `test_report_browser` opens it."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import piexif
import pytest
from PIL import Image
from reported import Row, write_run

import globe_eval as ge
from globe_eval import cli
from globe_eval.reports.page import joined, maps, payload, pictures
from globe_eval.reports.page.report import differing_settings, setting_texts
from globe_eval.runs import record

EVIL = "<script>window.stolen=1</script><img src=x onerror='window.stolen=2'>"


class _Reader(HTMLParser):
    """Every element of a page with its attributes, and the text of its scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, str]] = []
        self._within = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._within = tag if tag in ("script", "style") else ""
        if self._within:
            self.raw.append((f"{tag} {dict(attrs).get('type', '')}".strip(), ""))

    def handle_data(self, data: str) -> None:
        if self._within:
            name, before = self.raw[-1]
            self.raw[-1] = (name, before + data)

    def handle_endtag(self, tag: str) -> None:
        self._within = ""


def report(tmp_path: Path, *runs: Path, more: tuple[str, ...] = ()) -> str:
    out = tmp_path / "report.html"
    assert cli.main(["report", *map(str, runs), "-o", str(out), *more]) == 0
    return out.read_text(encoding="utf-8")


def embedded(page: str) -> dict:
    return json.loads(next(text for name, text in _Reader(page).raw if name == "script application/json"))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two models on four photographs; the order at 25 km depends on what becomes of refusals."""
    folder = tmp_path_factory.mktemp("runs")
    refusal = "I'm sorry, but I cannot determine where this is."
    often = ["10, 20", "0, 0", refusal, refusal]
    always = ["10, 20", "10, 21", "10, 20", "1, 1"]
    runs = []
    for name, texts in (("often", often), ("always", always)):
        rows = [Row(f"p{i}", 10.0, 20.0, text, group=f"g{i}") for i, text in enumerate(texts)]
        runs.append(write_run(folder / name, rows, model=name))
    return runs[0], runs[1]


def test_the_figures_are_those_of_results_json(two: tuple[Path, Path], tmp_path: Path) -> None:
    page = report(tmp_path, *two)
    text = re.sub(r"<[^>]+>", " ", page[: page.index('id="data"')])
    assert "25.0 %" in text and "50.0 %" in text
    data = embedded(page)
    for run, answers in zip(two, data["answers"], strict=True):
        samples = record.read_samples(run)
        assert [data["statuses"][s] for s in answers["s"]] == [sample.status for sample in samples]
        assert answers["km"] == pytest.approx([s.distance_km for s in samples], abs=0.005, nan_ok=True)


def test_an_order_that_depends_on_the_denominator_is_said(tmp_path: Path) -> None:
    refusal = "I'm sorry, but I cannot determine where this is."
    seldom = [Row(f"p{i}", 10.0, 20.0, "10, 20" if i == 0 else refusal) for i in range(4)]
    always = [Row(f"p{i}", 10.0, 20.0, "10, 20" if i < 2 else "0, 0") for i in range(4)]
    runs = [write_run(tmp_path / name, rows, model=name) for name, rows in (("seldom", seldom), ("always", always))]
    page = report(tmp_path, *runs)
    assert (
        "The order of seldom and always depends on the denominator" in page
        and "within 25 km 25.00 against 50.00 % of all, 100.00 against 50.00 % of the located" in page
    )


def test_the_order_of_two_real_models_depends_on_the_denominator(shared_data: Path, tmp_path: Path) -> None:
    runs = []
    for model in ("llama-3.2-90b-vision", "llama-3.2-11b-vision"):
        runs.append(tmp_path / model)
        columns = ["--id-column", "image_name", "--lat-column", "predicted_lat", "--lon-column", "predicted_long"]
        path = str(shared_data / "street_view" / f"{model}.csv")
        assert cli.main(["score", path, "--read", "coordinates", *columns, "-o", str(runs[-1])]) == 0
    assert "within 25 km 5.74 against 6.62 % of all, 8.80 against 7.04 % of the located" in report(tmp_path, *runs)


@pytest.mark.parametrize("texts", [[None], [""], ["10, 20"], [None, None, ""]])
def test_the_smallest_runs_have_a_report(texts: list[str | None], tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [Row(f"p{i}", 10.0, 20.0, text) for i, text in enumerate(texts)])
    page = report(tmp_path, run, run)
    assert len(embedded(page)["photos"]["id"]) == len(texts) and "nan" not in page[: page.index('id="data"')].lower()


def test_no_such_note_where_the_order_stays(two: tuple[Path, Path], tmp_path: Path) -> None:
    assert "depends on the denominator" not in report(tmp_path, two[1], two[1])


def test_the_same_input_gives_the_same_bytes(two: tuple[Path, Path], tmp_path: Path) -> None:
    assert report(tmp_path / "a", *two) == report(tmp_path / "b", *two)


def test_hostile_texts_are_only_ever_text(tmp_path: Path) -> None:
    rows = [Row("p" + EVIL, 10.0, 20.0, "10, 20 " + EVIL + "</script><!--", EVIL, EVIL), Row("q", 1.0, 2.0, None)]
    run = write_run(tmp_path / "run", rows, model=EVIL, task=EVIL, model_args={"x": EVIL})
    page = report(tmp_path, run, run)
    read = _Reader(page)
    assert [name for name, _ in read.raw] == ["style", "script application/json", "script"]
    assert not any("onerror" in attributes for _, attributes in read.elements)
    assert not any(tag in ("img", "iframe", "object", "base", "form") and "src" in a for tag, a in read.elements)
    assert embedded(page)["answers"][0]["text"][0].endswith("</script><!--")


def test_the_policy_allows_only_the_pages_own_style_and_script(two: tuple[Path, Path], tmp_path: Path) -> None:
    read = _Reader(report(tmp_path, *two))
    policy = next(a["content"] for tag, a in read.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and policy.startswith("default-src 'none'; img-src data:;") and "unsafe" not in policy
    for name, text in read.raw:
        if name in ("style", "script"):
            assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert not any("style" in attributes for _, attributes in read.elements), "inline styles would be refused"
    for tag, attributes in read.elements:
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), f"{tag} {name} asks for something else"


def test_nobody_who_took_a_photograph_is_named(tmp_path: Path) -> None:
    rows = [
        Row("1000_abc_1_91728102@N00.jpg", 10.0, 20.0, "10, 20"),
        Row("ada-lovelace/7.jpg", 11.0, 20.0, "11, 20", group="ada-lovelace"),
    ]
    run = write_run(tmp_path / "run", rows)
    table = tmp_path / "all.csv"
    page = report(tmp_path, run, more=("--csv", str(table), "--ids", "digest"))
    for text in (page, table.read_text(encoding="utf-8")):
        assert "91728102" not in text and "lovelace" not in text
    assert "1000_abc_1_….jpg" in page and "2 photographs" in page


def test_the_ids_of_the_table_join_with_the_benchmark_and_with_the_export(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [Row("1000_abc_1_91728102@N00.jpg", 10.0, 20.0, "10, 20")])
    for ids in ("whole", "digest"):
        report(tmp_path, run, more=("--csv", str(tmp_path / "all.csv"), "--ids", ids))
        assert cli.main(["export", str(run), "--to", "csv", "--ids", ids, "-o", str(tmp_path)]) == 0
        tables = [list(csv.DictReader((tmp_path / name).open(encoding="utf-8"))) for name in ("all.csv", "samples.csv")]
        assert tables[0][0]["id"] == tables[1][0]["id"]
        assert (tables[0][0]["id"] == "1000_abc_1_91728102@N00.jpg") == (ids == "whole")


def test_the_table_of_all_photographs(tmp_path: Path) -> None:
    rows = [Row("a", 10.0, 20.0, "10, -20", city="=HYPERLINK(1)", country="Chad"), Row("b", 1.0, 2.0, None)]
    run = write_run(tmp_path / "run", rows)
    table = tmp_path / "all.csv"
    report(tmp_path, run, more=("--csv", str(table)))
    first, second = csv.DictReader(io.StringIO(table.read_bytes().decode()))
    sample = record.read_samples(run)[0]
    assert float(first["distance_km"]) == sample.distance_km and first["id"] == "a" and first["truth.country"] == "Chad"
    assert first["truth.city"] == "'=HYPERLINK(1)", "a spreadsheet would run it"
    assert float(first["prediction.lon"]) == -20.0, "a number is no formula"
    assert second["status"] == "error" and second["distance_km"] == "" and second["error"] == "no connection"


def test_a_photograph_of_two_tables_is_one(tmp_path: Path) -> None:
    one = write_run(tmp_path / "one", [Row("a", 10.0, 20.0, "10, 20"), Row("b", 1.0, 2.0, "1, 2")])
    other = write_run(tmp_path / "other", [Row("b", 1.0, 2.0000001, "1, 2"), Row("a", 50.0, 20.0, "10, 20")])
    data = joined.join_runs([one, other])
    assert [p.id for p in data.photographs] == ["a", "b", "a"], "b is one photograph, the two a are not"
    assert [[s is not None for s in row] for row in data.answers] == [[True, True, False], [False, True, True]]
    assert "1 of 3 were answered in all" in report(tmp_path, one, other)


def test_marks_are_where_the_words_are(tmp_path: Path) -> None:
    text = "<think>🌍 A church and palm trees, but no bridge.</think><answer>country: France\ncity: Paris</answer>"
    run = write_run(tmp_path / "run", [Row("a", 48.85, 2.35, text, entities=("church",))], answer_form="names")
    units = text.encode("utf-16-le")
    found = {
        units[2 * mark.start : 2 * (mark.start + mark.length)].decode("utf-16-le"): mark.kind
        for mark in payload.marks(record.read_samples(run)[0], text)
    }
    assert found == {"church": payload.GROUNDED, "palm trees": payload.UNSUPPORTED, "bridge": payload.NEGATED}


def test_a_response_that_does_not_end_is_shortened_and_its_marks_fit(tmp_path: Path) -> None:
    text = f"<think>A church. {'It goes on. ' * 5000}A bridge.</think><answer>country: France\ncity: Paris</answer>"
    run = write_run(tmp_path / "run", [Row("a", 48.85, 2.35, text), Row("b", 1.0, 2.0, "1, 2")], answer_form="names")
    page = report(tmp_path, run)
    answers = embedded(page)["answers"][0]
    shown, other = answers["text"]
    assert len(shown) < payload.LONGEST + 50 and other == "1, 2" and "1 responses are shown to 8,000 characters" in page
    assert shown.startswith("<think>A church.") and shown.endswith("city: Paris</answer>") and "left out …]" in shown
    assert [shown[at : at + length] for at, length, _, _ in answers["cues"]["0"]] == ["church", "bridge"]


def test_without_entities_cues_are_only_named(tmp_path: Path) -> None:
    text = "A church. country: France\ncity: Paris"
    run = write_run(tmp_path / "run", [Row("a", 48.85, 2.35, text)])
    assert [mark.kind for mark in payload.marks(record.read_samples(run)[0], text)] == [payload.NAMED]


def test_what_readers_look_for_comes_first(tmp_path: Path) -> None:
    rows = [Row(f"p{i}", 0.0, 0.0, f"0, {i / 10}" if i != 50 else "I'm sorry, I cannot say.") for i in range(100)]
    data = joined.join_runs([write_run(tmp_path / "run", rows)])
    chosen = joined.notable_photographs(data, 10)
    assert len(chosen) == 10 and {99, 0, 50} <= set(chosen)
    assert joined.notable_photographs(data, 1000) == list(range(100))


def photograph(path: Path, colour: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    gps = piexif.dump({"GPS": {piexif.GPSIFD.GPSLatitudeRef: "N"}, "0th": {piexif.ImageIFD.Artist: b"Ada Lovelace"}})
    Image.new("RGB", (1000, 500), colour).save(path, "JPEG", exif=gps)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_pictures_are_small_clean_and_the_right_ones(tmp_path: Path) -> None:
    right = photograph(tmp_path / "images" / "deep" / "a.jpg", "red")
    photograph(tmp_path / "images" / "b.jpg", "blue")
    rows = [Row("a", 1.0, 2.0, "1, 2", sha256=right), Row("b", 1.0, 2.0, "1, 2", sha256="0" * 64), Row("c", 1, 2, "")]
    run = write_run(tmp_path / "run", rows)
    page = report(tmp_path, run, more=("--images", str(tmp_path / "images")))
    urls = embedded(page)["photos"]["picture"]
    assert list(urls) == ["0"], "b is another picture than the run saw, c is not there"
    data = base64.b64decode(urls["0"].removeprefix("data:image/jpeg;base64,"))
    assert Image.open(io.BytesIO(data)).size == (pictures.SIDE, pictures.SIDE // 2)
    assert b"Exif" not in data and b"Lovelace" not in data
    assert "1 pictures are not shown: their SHA-256" in page and "1 of 3 were not found" in page


def test_miniworld_brings_its_pictures_and_no_more_than_asked_for(tmp_path: Path) -> None:
    rows = [Row(f"mw-0000{i}", 1.0, 2.0 + i, "1, 2") for i in range(3)]
    run = write_run(tmp_path / "run", rows, task="miniworld")
    page = report(tmp_path, run, more=("--max_images", "2"))
    assert len(embedded(page)["photos"]["picture"]) == 2 and "2 of 3 photographs have their picture" in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{empty}"], "no results.json there, this is no run"),
        (["{run}x"], "{run}x: no such folder; did you mean 'often'?"),
        (["{unfinished}"], "no results.json there, the run is not finished; the command that began it goes on"),
        (["{run}/samples.jsonl"], "a file; a run is a folder with results.json and samples.jsonl, as {run}"),
        (["{run}/.."], "{run}/..: no results.json there, but runs in it: {run}/../"),
        (["{run}", "--images", "{tmp}/nowhere"], "--images {tmp}/nowhere: no such folder"),
        (["{run}", "--images", "{empty}"], "--images {empty}: holds none of the 4 pictures"),
        (["{run}", "-o", "{tmp}"], "--output_path {tmp}: is a folder"),
        (["{torn}"], "{torn}: samples.jsonl has 3 photographs, results.json is of 4"),
        (["{run}", "--max_images", "-1"], "--max_images"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    words: list[str], said: str, two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty, torn, unfinished = folders = [tmp_path / name for name in ("empty", "torn", "unfinished")]
    for folder in folders:
        folder.mkdir()
    (unfinished / "journal.jsonl").touch()
    (torn / "results.json").write_bytes((two[0] / "results.json").read_bytes())
    lines = (two[0] / "samples.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (torn / "samples.jsonl").write_text("".join(lines[:3]), encoding="utf-8")
    names = {"empty": empty, "run": two[0], "tmp": tmp_path, "torn": torn, "unfinished": unfinished}
    before = sorted(tmp_path.rglob("*"))
    output = [] if "-o" in words else ["-o", str(tmp_path / "out.html")]
    assert cli.main(["report", *(word.format(**names) for word in words), *output]) == 2
    error = capsys.readouterr().err
    assert said.format(**names) in error and error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before, "nothing is written"


def test_what_differs_between_runs_is_a_table(tmp_path: Path) -> None:
    rows = [Row("a", 10.0, 20.0, "10, 20")]
    runs = [
        write_run(tmp_path / name, rows, model_args={"pretrained": name, "dtype": "half"}, seed=seed, prompt_sha256=sha)
        for name, seed, sha in (("one", 0, "a" * 64), ("two", 7, "b" * 64))
    ]
    data = joined.join_runs(runs)
    differing = dict(differing_settings(data.runs))
    assert differing == {
        "model_args.pretrained": ["one", "two"], "seed": ["0", "7"], "prompt_sha256": ["a" * 64, "b" * 64],
    }  # fmt: skip
    settings = setting_texts(data.runs[0].results)
    assert settings["model_args.dtype"] == "half" and settings["gazetteer.sha256"] and settings["packages.numpy"]
    page = report(tmp_path, *runs)
    assert "b" * 64 in page and "do not differ in any setting" in report(tmp_path, runs[0], runs[0])


def test_open_shows_the_page(
    two: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["report", str(two[0]), "--open"]) == 0
    assert shown == [(tmp_path / "globe-eval-report.html").as_uri()]
    assert capsys.readouterr().out == "written: globe-eval-report.html\n"


def test_drawings_are_files_that_any_program_shows(tmp_path: Path) -> None:
    rows = [
        Row(
            f"p{i}",
            -40.0 + 5 * i,
            170.0,
            f"latitude: {-40 + 5 * i}\nlongitude: {-170 + i}\nconfidence: {i / 20}",
            group=f"g{i}",
        )
        for i in range(16)
    ]
    run = write_run(tmp_path / "run", rows, model="<x> & y")
    page = ""
    for folder in ("a", "b"):
        page = report(tmp_path, run, run, more=("--svg", str(tmp_path / folder)))
    names = ["distances.svg", "histogram.svg", "map-1.svg", "map-2.svg", "reliability.svg", "risk-coverage.svg"]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == names
    for name in names:
        text = (tmp_path / "a" / name).read_text(encoding="utf-8")
        assert text == (tmp_path / "b" / name).read_text(encoding="utf-8")
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg" and float(root.attrib["width"]) > 300
        assert "var(" not in text and "<x>" not in text
        lines = re.findall(r' d="(M[^"]{40,})"', text)
        if not name.startswith("map"):
            assert "&lt;x&gt; &amp; y (2)" in text and lines and all(line in page for line in lines), "drawn once"
    arcs = re.findall(r'class="arc d\d"', (tmp_path / "a" / "map-1.svg").read_text(encoding="utf-8"))
    assert arcs, "great circles"


def test_which_photographs_are_drawn_by_chance_depends_on_their_ids_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "MOST_SHOWN", 20)
    ids = [f"p{i:02}" for i in range(90)]
    drawn = []
    for name, order in (("there", ids), ("back", ids[::-1])):
        alike = [Row(one, 10.0, 20.0, "10, 20") for one in order]  # nobody is the worst or the best
        drawn.append({*embedded(report(tmp_path, write_run(tmp_path / name, alike)))["photos"]["id"]} - {*order[:20]})
    by_hash = sorted(ids, key=lambda one: hashlib.sha256(one.encode()).hexdigest())
    assert drawn[0] and drawn[0] | drawn[1] <= {*by_hash[:30]}


def test_of_many_photographs_some_are_shown_one_by_one_and_all_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = "0, 179"  # the farthest and the nearest answers stand where an even choice passes over them
    texts = ["10, 20" if i == 41 else far if i == 43 else f"10, {21 + i / 100}" for i in range(90)]
    run = write_run(tmp_path / "run", [Row(f"p{i:02}", 10.0, 20.0, text) for i, text in enumerate(texts)])
    whole = report(tmp_path, run)
    assert "one by one" not in whole
    monkeypatch.setattr(maps, "MOST_SHOWN", 12)
    page = report(tmp_path, run, more=("--svg", str(tmp_path / "svg")))
    shown = embedded(page)["photos"]["id"]
    assert len(shown) == 12 and shown == sorted(shown) and {"p41", "p43"} <= {*shown}
    assert (
        "12 of 90 photographs are shown one by one" in page and "all, by cells" in page and "all, by cells" not in whole
    )
    assert [cell[3] for cell in embedded(page)["cells"][0]] == [90], "all photographs, in one cell of the map"
    assert 'class="cell d2"' in (tmp_path / "svg" / "map-1.svg").read_text(encoding="utf-8")
    charts = [
        [one for one in re.findall(r"<figure>.*?</figure>", text, re.DOTALL) if "Share of all photographs" in one]
        for text in (whole, page)
    ]
    assert len(charts[0]) == 2 and charts[0] == charts[1]


def test_disclosure_and_intervals_of_few_are_on_the_page(tmp_path: Path) -> None:
    levels = ["abstain", "abstain", "city", "exact", "city", "exact"]
    truth = [{"id": str(i), "lat": 48.9, "lon": 2.3, "disclosure": level} for i, level in enumerate(levels)]
    answers = [{"id": str(i), "response": "It's Paris, France."} for i in range(6)]
    page = report(tmp_path, ge.score(answers, truth).write(tmp_path / "run"))
    assert "over-disclosure" in page and "abstention violated" in page
    assert "* of fewer than 5 photographers, or photographs of unknown ones" in page
    page = report(tmp_path, ge.score(answers[:1], truth[:1]).write(tmp_path / "one"))
    assert "1 photograph ·" in page and "One photograph: no intervals." in page
