"""The site and the leaderboards of this repository: no generated file is stale, every metric is explained."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import board_runs
import pytest
from browser import Browser

from globe_eval.cli import main
from globe_eval.metrics.catalogue import METRICS
from globe_eval.reports import notation
from globe_eval.reports.board import leaderboard, site
from globe_eval.reports.board.boards import Board, boards
from globe_eval.reports.board.published import PublishedRow, read_published
from globe_eval.reports.board.submission import read_submission

EVIL = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>\"' {{ 7 * 7 }}"
SITE = Path(__file__).parents[2] / "leaderboards" / "site" / "index.html"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Board]:
    """Three runs, one of which plants scripts wherever its maker may write, and a published row that does so too."""
    folder = tmp_path_factory.mktemp("site")
    rows = []
    for name, share in (("alpha", 7), ("beta", 6), ("constant", 0)):
        run = board_runs.write(
            folder / name,
            board_runs.right(share),
            model=name,
        )
        row = read_submission(leaderboard.add(run, folder, name=name, source=EVIL))
        if name == "beta":  # such a name is refused; a page does not count on it
            row = replace(
                row,
                name=f"beta {EVIL}"[:120],
                results=replace(row.results, model_args={"pretrained": EVIL}, command=f"globe-eval --model {EVIL}"),
            )
        rows.append(row)
    published = PublishedRow.model_validate(
        {
            **{"method": EVIL, "year": 2025, "paper": "javascript:alert(1)", "task": "miniworld", "setting": None},
            **{"detail": EVIL, "answer_form": None, "geocoder": EVIL, "n": None, "confidence": "B", "sources": (EVIL,)},
            "accuracy": {1: 1, 25: 2, 200: 3, 750: 4, 2500: 5},
            "caveats": {"quoted": EVIL},
        }
    )
    return boards(rows, [published], board_runs.known())


@pytest.fixture
def page(made: list[Board], tmp_path: Path) -> Path:
    path = tmp_path / "index.html"
    path.write_text(site.page(made), encoding="utf-8")
    return path


def names(browser: Browser, table: int = 0) -> list[str]:
    return [
        str(text)
        for text in browser.script(
            "return [...document.querySelectorAll('table')[arguments[0]].querySelectorAll('tr.row')]"
            ".filter(r => !r.hidden).map(r => r.dataset.name.slice(0, 5))",
            table,
        )
    ]


def test_the_shipped_page_is_quiet_and_asks_for_nothing(browser: Browser) -> None:
    browser.open(SITE)
    assert browser.texts("h2")[0].startswith("im2gps3k") and len(browser.all("section.board")) >= 4
    browser.assert_quiet()
    assert browser.requested() == [SITE.resolve().as_uri()]
    assert browser.script("return document.querySelectorAll('[id]').length") == browser.script(
        "return new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size"
    )


def test_rows_are_sorted_by_keyboard_and_ranks_follow(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert names(browser) == ["best ", "alpha", "beta ", "const"]
    browser.focus("[data-sort='acc@1km']")
    browser.press("\ue007")  # Enter
    assert browser.texts(".by")[0] == "1 km"
    assert (
        browser.script("return document.querySelector('[data-sort=\"acc@1km\"]').parentNode.ariaSort") == "descending"
    )
    browser.press(" ")
    assert names(browser) == ["best ", "const", "beta ", "alpha"], "the ceiling stays on top"
    browser.focus("[data-sort='name']")
    browser.press("\ue007")
    assert names(browser) == ["best ", "alpha", "beta ", "const"]
    ranks = browser.texts(".rank")
    shown = browser.script(
        "return [...document.querySelectorAll('[data-key=\"acc@1km\"]')].map(e => e.dataset.rank || '')"
    )
    assert ranks == shown[: len(ranks)]
    browser.focus("[data-sort='median_km']")
    browser.press("\ue007")
    assert names(browser)[1] == "alpha", "the nearest first"
    browser.assert_quiet()


def test_rows_are_found_by_keyboard(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.focus(".find")
    browser.press("alpha")
    assert names(browser) == ["alpha"] and browser.texts(".counted") == ["1 of 5 rows"]
    for _ in range(5):
        browser.press("\ue003")  # Backspace
    browser.press(board_runs.MANIFEST[:20])
    assert len(names(browser)) == 3, "what a row opens to is searched too"
    browser.script("const f = document.querySelector('.find'); f.value = ''; f.dispatchEvent(new Event('input'))")
    browser.focus(".show")
    browser.press("f")  # a closed list takes the first letter: floors
    browser.wait(lambda: names(browser) == ["const"], "only the floor is shown")
    browser.assert_quiet()


def test_a_row_opens_and_closes_by_keyboard(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.focus(".open")
    more = "return document.querySelector('tr.more').offsetHeight > 0"
    assert not browser.script(more)
    browser.press("\ue007")
    assert browser.script(more)
    text = browser.script("return document.querySelector('tr.more').innerText")
    assert board_runs.MANIFEST in text and "globe-eval --model alpha" in text and "numpy" in text
    assert browser.script("return document.activeElement.getAttribute('aria-expanded')") == "true"
    browser.press(" ")
    assert not browser.script(more)


def test_every_row_can_be_reached_and_no_row_goes_astray(browser: Browser, page: Path) -> None:
    """Tab goes through the page in its order: from the first control to each row that opens."""
    browser.open(page)
    browser.focus(".find")
    reached = set()
    for _ in range(40):
        browser.press("\ue004")  # Tab
        reached.add(browser.script("return document.activeElement.getAttribute('aria-controls')"))
    wanted = set(
        browser.script("return [...document.querySelectorAll('.open')].map(e => e.getAttribute('aria-controls'))")
    )
    assert len(wanted) == 4 and wanted <= reached


def test_planted_scripts_do_nothing(browser: Browser, page: Path) -> None:
    browser.open(page)
    for button in browser.all(".open"):
        browser.script("arguments[0].click()", button)
    assert browser.script("return window.hacked") is None
    assert browser.script("return document.querySelectorAll('main img, main script, main [onerror]').length") == 0
    assert browser.script("return [...document.links].every(a => /^(https?|file):/.test(a.href))")
    assert "<script>window.hacked" in browser.script("return document.querySelector('main').innerText")
    assert "{{ 7 * 7 }}" in browser.script("return document.querySelector('main').innerText")
    browser.assert_quiet()


def test_a_script_that_got_in_all_the_same_would_not_run(browser: Browser, made: list[Board], tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    whole = site.page(made)
    path.write_text(whole.replace("<main", "<script>window.hacked = 1</script><main", 1), encoding="utf-8")
    browser.open(path)
    assert browser.script("return window.hacked") is None
    assert browser.console(), "the page's policy tells of it"


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_but_tables_is_wider_than_the_view(browser: Browser, width: int) -> None:
    browser.size(width, 844)
    try:
        browser.open(SITE)
        assert browser.script("return document.documentElement.scrollWidth") <= width
        browser.script("document.querySelector('.open').click()")
        inside = browser.script("return document.querySelector('tr.more dl').getBoundingClientRect().right")
        assert 0 < inside <= width, "what a row opens to is read without scrolling sideways"
    finally:
        browser.size(1280, 900)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_on_its_ground(browser: Browser, scheme: str) -> None:
    """WCAG's contrast of 4.5 for the text of tables, in both schemes."""
    browser.scheme(scheme)
    try:
        browser.open(SITE)
        browser.script("document.querySelector('.open').click()")
        for css in ("td", ".between", ".about", ".open", "dt", "tr.more dd", ".soft", ".best", "tr.ceiling td"):
            assert browser.script(CONTRAST, css) >= 4.5, (scheme, css)
    finally:
        browser.scheme("light")


CONTRAST = """
  const e = document.querySelector('main ' + arguments[0]);
  const parts = (c) => c.match(/[\\d.]+/g).map(Number);
  let ground = e, colour = 'rgba(0, 0, 0, 0)';
  while (ground && parts(colour).length === 4 && parts(colour)[3] === 0) {
    colour = getComputedStyle(ground).backgroundColor; ground = ground.parentElement;
  }
  const light = (c) => { const [r, g, b] = parts(c).map((x) => x / 255)
    .map((x) => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const [a, b] = [light(getComputedStyle(e).color), light(colour)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
"""


def test_without_a_browser_too_the_page_escapes_and_reads_the_published_rows(made: list[Board]) -> None:
    page = site.page(made)
    assert "<script>window" not in page and "<img" not in page and page.count("<script>") == 1
    assert len(read_published(SITE.parents[1] / "published")) > 100
    assert site.page(made) == page


ROOT = Path(__file__).parents[2]
LEADERBOARDS = ROOT / "leaderboards"


@pytest.mark.skipif(os.environ.get("GITHUB_EVENT_NAME") == "pull_request", reason="boards are built after the merge")
def test_no_generated_file_is_stale(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever adds a row, edits one or changes a format runs `globe-eval leaderboard build`."""
    monkeypatch.chdir(ROOT)
    assert main(["leaderboard", "build", "--check"]) == 0, capsys.readouterr().err


def test_every_row_is_admitted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", "check", "--leaderboards", str(LEADERBOARDS)]) == 0, capsys.readouterr().err
    assert capsys.readouterr().out.count(": ok") == len([*LEADERBOARDS.glob("runs/*.json")]) + 1


def test_each_board_is_written_in_every_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("runs", "published", "responses"):
        shutil.copytree(LEADERBOARDS / part, tmp_path / part)
    words = ["leaderboard", "build", "--leaderboards", str(tmp_path), "--format"]
    assert main([*words, "md,csv,tex,json"]) == 0
    for board in ("im2gps3k", "yfcc4k", "mp16_reason_test", "miniworld"):
        for suffix in ("md", "csv", "tex", "json"):
            assert (tmp_path / "boards" / f"{board}.{suffix}").stat().st_size > 500
        assert f'id="{board}"' in (LEADERBOARDS / "site" / "index.html").read_text()
    assert main([*words, "csv,xlsx"]) == 2
    assert "--format: found 'xlsx' (allowed: md, csv, tex, json)" in capsys.readouterr().err


def test_the_readme_shows_the_boards_and_links_the_site() -> None:
    readme = (LEADERBOARDS / "README.md").read_text()
    for board, name in (("im2gps3k", "ISN (M, f"), ("miniworld", "*knn* (floor)")):
        found = re.search(rf"<!-- board {board} -->(.*?)<!-- end of board {board} -->", readme, re.DOTALL)
        assert found and name in found[1] and "(ceiling)" in found[1] and "*constant* (floor)" in found[1]
    assert "](site/index.html)" in readme and "](leaderboards/README.md)" in (ROOT / "README.md").read_text()
    assert (ROOT / "leaderboards/site/index.html").is_file()


def test_a_clean_copy_is_built_to_the_same_bytes(tmp_path: Path) -> None:
    """From the rows alone, elsewhere, in a folder of another name's parent."""
    for part in ("runs", "published", "responses"):
        shutil.copytree(LEADERBOARDS / part, tmp_path / "leaderboards" / part)
    assert main(["leaderboard", "build", "--leaderboards", str(tmp_path / "leaderboards")]) == 0
    for name in ("boards.md", "site/index.html"):
        assert (tmp_path / "leaderboards" / name).read_bytes() == (LEADERBOARDS / name).read_bytes()
    written = {path.name for path in (tmp_path / "leaderboards").iterdir()}
    assert written == {"runs", "published", "responses", "boards.md", "site"}


def test_the_page_of_all_boards_lists_each_with_a_link_to_its_own() -> None:
    text = (LEADERBOARDS / "boards.md").read_text()
    headings = re.findall(r"^## (\S+)$", text, re.MULTILINE)
    assert headings == re.findall(r"^- \[(\S+)\]\(#\1\): \S", text, re.MULTILINE) and len(set(headings)) == 12
    ranked = text.partition("## miniworld\n")[2].partition("\n## ")[0]
    assert "*knn* (floor)" in ranked and "](site/index.html)" in text


def test_a_stale_file_and_a_left_over_one_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "leaderboards"
    for part in ("runs", "site", "published", "responses"):
        shutil.copytree(LEADERBOARDS / part, copy / part)
    shutil.copy(LEADERBOARDS / "boards.md", copy)
    assert main(["leaderboard", "build", "--check", "--leaderboards", str(copy)]) == 0
    table = copy / "boards.md"
    table.write_text(table.read_text().replace("knn", "kNN"))
    (copy / "boards").mkdir()
    (copy / "boards" / "gone.md").write_text("x")
    assert main(["leaderboard", "build", "--check", "--leaderboards", str(copy)]) == 2
    told = capsys.readouterr().err
    assert f"{table}: stale" in told and f"{copy / 'boards' / 'gone.md'}: stale" in told
    assert main(["leaderboard", "build", "--leaderboards", str(copy)]) == 0
    assert table.read_bytes() == (LEADERBOARDS / "boards.md").read_bytes()
    assert not (copy / "boards" / "gone.md").exists()


def test_a_refused_row_stops_the_build(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "leaderboards"
    shutil.copytree(LEADERBOARDS / "runs", copy / "runs")
    row = sorted((copy / "runs").glob("*.json"))[0]
    row.write_text(row.read_text().replace('"limit": null', '"limit": 10.0'))
    assert main(["leaderboard", "build", "--leaderboards", str(copy)]) == 2
    assert "1 rows are refused" in capsys.readouterr().err and not (copy / "boards").exists()


def test_no_photographer_and_no_id_is_in_a_row(shared_data: Path) -> None:
    ids = (shared_data / "im2gps3k" / "im2gps3k_places365.csv").read_text().splitlines()[1:]
    people = {line.split(",")[1] for line in ids} | {line.split(",")[0] for line in ids}
    people -= {""}
    for path in LEADERBOARDS.glob("runs/im2gps3k*.json"):
        text = path.read_text()
        assert not [name for name in people if name in text]


def test_ls_prints_every_metric_with_its_meaning_and_when_it_misleads(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "72")
    assert main(["ls", "metrics"]) == 0
    out = capsys.readouterr().out
    paragraphs = out.strip().split("\n\n")
    assert len(paragraphs) == len(METRICS)
    for metric, paragraph in zip(METRICS, paragraphs, strict=True):
        head, *body = paragraph.splitlines()
        assert head.startswith(f"{metric.label} ({metric.name}") and all(len(line) <= 72 for line in body)
        said = " ".join(line.strip() for line in body)
        assert metric.meaning in said and metric.misleads[1:] in said


def test_every_entry_has_an_anchor_of_its_own() -> None:
    found = notation.glossary(metric.name for metric in METRICS)
    assert len({notation.anchor(one.name) for one in found}) == len(found) == len(METRICS)
    assert notation.glossary(["of_my_own", "acc@0.5km", "acc@0.5km"])[0].label == "within 0.5 km"
