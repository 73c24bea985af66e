"""A report in a real browser, from the disk and without a network; and what this browser notices."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from browser import Browser
from reported import Row, write_run

from globe_eval.reports.page import maps, worldmap
from globe_eval.reports.page.drawings import write_drawings
from globe_eval.reports.page.joined import join_runs
from globe_eval.reports.page.report import write_page

EVIL = "<script>window.stolen=1</script><img src=x onerror='window.stolen=2'><svg onload='window.stolen=3'>"
HOME, DOWN, ENTER, TAB = "\ue011", "\ue015", "\ue007", "\ue004"


def rows(near: bool) -> list[Row]:
    """60 photographs in Fiji, 25 in France; the farther model answers across the antimeridian, or not at all."""
    found = []
    for i in range(60):
        lon = 178.0 if near else -175.0 + i / 10
        said = f"{-17.5 + i / 1000}, {lon}\nconfidence: 0.{i + 10} {EVIL}"
        text = f"<think>{EVIL} A church, but no palm trees.</think> {said}"
        if i % 10 == 0 and not near:
            text = "I'm sorry, but I cannot determine where this is."
        found.append(Row(f"fiji-{i:02}", -17.5, 178.0, text, "Nadi" + EVIL, "Fiji", f"g{i % 9}", ("church",)))
    for i in range(25):
        text = f"{48.85 + i / 10}, 2.35"
        found.append(Row(f"paris-{i:02}", 48.85, 2.35, text, "Paris", "France", f"g{i % 9}", sha256=None))
    return found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    far = write_run(folder / "far", rows(near=False), model="far " + EVIL)
    near = write_run(folder / "near", rows(near=True), model="near")
    write_page(join_runs([far, near]), folder / "report.html")
    return folder / "report.html"


@pytest.fixture
def shown(browser: Browser, page: Path) -> Browser:
    browser.scheme("light")
    browser.size(1280, 900)
    browser.open(page)
    browser.wait(lambda: browser.script("return document.documentElement.dataset.ready") == "yes", "scripts have run")
    return browser


def choose(shown: Browser, css: str, text: str) -> None:
    """Choose the option that begins so, by the arrow keys."""
    options = [option.strip() for option in shown.texts(f"{css} option")]
    place = next(i for i, option in enumerate(options) if option.startswith(text))
    shown.focus(css)
    shown.press(HOME, *[DOWN] * place)
    index = "return document.querySelector(arguments[0]).selectedIndex"
    shown.wait(lambda: shown.script(index, css) == place, f"{text!r} is chosen")


def told(shown: Browser) -> str:
    return shown.texts("#gallery-told")[0]


def test_it_opens_in_silence_and_nothing_planted_runs(shown: Browser) -> None:
    shown.assert_quiet()
    assert len(shown.requested()) == 1, "the page itself, and nothing else"
    assert shown.script("return window.stolen") is None
    assert not shown.all("#cards script, #cards img, #cards svg"), "what was planted is text"
    for css in ("#cards .response", "#cards h3", "h1, h4.r0, .status strong", "#map-run option"):
        assert any("<img src=x onerror=" in text for text in shown.texts(css)), f"{css} shows it as text"


def test_the_gallery_obeys_the_keyboard(shown: Browser) -> None:
    assert told(shown) == "85 of 85 photographs; 1 to 10 shown."
    shown.focus("#pager-top button:nth-of-type(3)")
    shown.press(ENTER)
    shown.wait(lambda: told(shown).endswith("11 to 20 shown."), "Enter on `next` turns the page")
    shown.press(TAB, " ")
    shown.wait(lambda: told(shown).endswith("81 to 85 shown."), "Tab and space reach `last`")

    choose(shown, "#show", "refused")
    shown.wait(lambda: told(shown).startswith("6 of 85"), "only what was refused is shown")
    choose(shown, "#show", "all")
    choose(shown, "#country", "France")
    shown.wait(lambda: told(shown).startswith("25 of 85"), "only France is shown")
    choose(shown, "#sort", "worst")
    shown.wait(lambda: shown.texts("#cards .badge.km")[0] == "267 km", "the worst comes first")
    assert "paris-24" in shown.texts("#cards .truth p")[0]
    shown.focus("#words")
    shown.press("paris-07")
    shown.wait(lambda: told(shown).startswith("1 of 85"), "only the text that was typed is shown")
    shown.press(ENTER)
    assert len(shown.all("#cards .answer")) == 2, "both runs' answers stand side by side"
    shown.assert_quiet()


def test_cues_are_told_without_colour(shown: Browser) -> None:
    marks = shown.script(
        "return [...document.querySelectorAll('#cards mark')].map(m => [m.className, m.textContent, m.title])"
    )
    assert ["cue grounded", "church (grounded)", "church: in the photograph"] in marks
    assert any(name == "cue negated" and "palm trees (negated)" in text for name, text, _ in marks)


def test_tables_sort_by_keyboard_and_say_so(shown: Browser) -> None:
    shown.focus("#parts summary")
    shown.press(ENTER)
    assert shown.texts("#parts tbody th") == ["Fiji", "France"]
    shown.focus("#parts thead th:first-child button")
    shown.press(" ", " ")
    shown.wait(lambda: shown.texts("#parts tbody th") == ["France", "Fiji"], "sorted by country, the last letter first")
    assert shown.script("return document.querySelector('#parts thead th').getAttribute('aria-sort')") == "descending"
    assert shown.script("return document.querySelectorAll('#parts thead th[aria-sort]').length") == 1


def test_lines_are_cut_where_the_map_ends(shown: Browser) -> None:
    drawn = shown.script("return [...document.querySelectorAll('#world-lines .arc')].map(e => e.getAttribute('d'))")
    parts = [part.split("L") for d in drawn for part in d.split("M") if part]
    edges = 0
    for part in parts:
        xs = [float(point.split()[0]) for point in part]
        assert max(abs(a - b) for a, b in itertools.pairwise(xs)) < 60, "no line runs across the map"
        edges += xs[0] < 40 or xs[-1] > 960
    assert edges >= 2 * 54, "each of 54 ways from Fiji to the east is in two parts"


@pytest.mark.parametrize(
    "ends",
    [(35.0, 139.0, 37.0, -122.0), (0.0, 179.5, 1.0, -179.5), (60.0, 10.0, 70.0, -170.0), (-33.0, 151.0, -34.0, -58.0),
     (10.0, 20.0, 10.0, 20.0), (0.0, 0.0, 0.0, 180.0), (89.9, 5.0, -89.9, 100.0)],
)  # fmt: skip
def test_the_browser_draws_what_python_does(shown: Browser, ends: tuple[float, float, float, float]) -> None:
    drawn = shown.script("return globeEval.greatCircle(...arguments)", *ends)
    expected = worldmap.great_circle(*ends)
    assert [len(line) for line in drawn] == [len(line) for line in expected]
    for line, reference in zip(drawn, expected, strict=True):
        for point, other in zip(line, reference.tolist(), strict=True):
            assert point == pytest.approx(other, abs=1e-6)
    x, y = shown.script("return globeEval.project(arguments[0], arguments[1])", *ends[:2])
    assert (x, y) == pytest.approx(tuple(float(axis) for axis in worldmap.project(*ends[:2])), abs=1e-9)


def test_the_map_obeys_the_keyboard_and_its_classes(shown: Browser) -> None:
    box = "const b = document.getElementById('world').viewBox.baseVal; return [b.x, b.y, Math.round(b.width)]"
    whole = shown.script(box)
    shown.focus("#world")
    shown.press("+")
    shown.wait(lambda: shown.script(box) != whole, "plus zooms")
    shown.press("0")
    shown.wait(lambda: shown.script(box) == whole, "0 shows the whole again")
    assert shown.script("return document.querySelectorAll('#world-lines .spot.d4, #world-lines .spot.d3').length") > 0
    before = shown.texts("#world-told")[0]
    shown.focus("#map-classes button:last-child")
    shown.press(" ")
    shown.wait(lambda: shown.texts("#world-told")[0] != before, "a class can be left out")
    assert before.startswith("85 photographs") and shown.texts("#world-told")[0].startswith("79 photographs")
    shown.assert_quiet()


def test_it_fits_a_phone_and_has_a_dark_side(shown: Browser) -> None:
    light = shown.script("return getComputedStyle(document.body).backgroundColor")
    shown.size(360, 740)
    assert shown.script("return document.documentElement.scrollWidth") <= 360, "nothing is wider than a phone"
    shown.scheme("dark")
    assert shown.script("return getComputedStyle(document.body).backgroundColor") != light
    shown.scheme("light")


def test_runs_with_long_names_stand_side_by_side(browser: Browser, tmp_path: Path) -> None:
    runs = [write_run(tmp_path / one, rows(near=True)[:2], model=f"{one}_{'checkpoint_' * 6}final") for one in "ab"]
    write_page(join_runs(runs), tmp_path / "report.html")
    browser.size(1280, 900)
    browser.open(tmp_path / "report.html")
    table = "const box = document.querySelector('#results .scroll'); return box.scrollWidth - box.clientWidth"
    assert browser.script(table) == 0, "no figure lies beyond the edge"


def test_it_can_be_read_aloud(shown: Browser) -> None:
    """Landmarks, names of controls, captions and headings; what a tool such as axe would complain about first."""
    assert [e.tag_name for e in shown.all("body > header, body > main, body > footer")] == ["header", "main", "footer"]
    unnamed = shown.script(
        "return [...document.querySelectorAll('button, select, input, summary, a')].filter(e =>"
        " !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.[0]?.textContent.trim()))"
        ".map(e => e.outerHTML.slice(0, 80))"
    )
    assert unnamed == []
    assert shown.script("return [...document.querySelectorAll('table')].every(t => t.caption?.textContent)")
    assert shown.script(
        "return [...document.querySelectorAll('svg')].every(s => s.getAttribute('aria-hidden') === 'true' ||"
        " s.getAttribute('aria-label') || document.getElementById(s.getAttribute('aria-labelledby').split(' ')[0]))"
    )
    levels = [
        int(tag[1]) for tag in shown.script("return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => h.tagName)")
    ]
    assert levels[0] == 1 and all(b - a <= 1 for a, b in itertools.pairwise(levels))
    ids = shown.script("return [...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_requests_and_errors_do_not_pass_unnoticed(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text("<!doctype html><img src='https://example.invalid/x.png'><script>missing.call()</script>")
    browser.open(page)
    browser.wait(lambda: any("example.invalid" in url for url in browser.requested()), "the picture is asked for")
    browser.wait(lambda: any("missing is not defined" in line for line in browser.console()), "the error is told")
    with pytest.raises(AssertionError):
        browser.assert_quiet()


def test_a_good_page_is_quiet_and_obeys_the_keyboard(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "good.html"
    page.write_text(
        "<!doctype html><link rel=icon href='data:,'><style>body{color:#000}"
        "@media (prefers-color-scheme:dark){body{color:#fff}}</style>"
        "<button onclick='this.textContent=Number(this.textContent)+1'>0</button>"
    )
    browser.open(page)
    browser.focus("button")
    browser.press(" ")
    browser.wait(lambda: browser.texts("button") == ["1"], "the button counts")
    colours = []
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        colours.append(browser.script("return getComputedStyle(document.body).color"))
    assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    browser.scheme("light")
    browser.assert_quiet()


def test_of_many_photographs_the_map_shows_cells_and_those_that_are_chosen_below(
    browser: Browser, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "MOST_SHOWN", 20)
    data = join_runs([page.parent / "far"])
    write_page(data, tmp_path / "many.html")
    write_drawings(data, tmp_path)
    browser.scheme("light")
    browser.size(1280, 900)
    browser.open(tmp_path / "many.html")
    told = "return document.getElementById('world-told').textContent"
    browser.wait(lambda: browser.script(told) == "85 photographs in 2 cells.", "the cells are drawn")
    drawn = browser.script("return [...document.querySelectorAll('#world path.cell')].map(e => e.getAttribute('d'))")
    file = ElementTree.parse(tmp_path / "map-1.svg").getroot()
    expected = [one.attrib["d"] for one in file.iter() if one.attrib.get("class", "").startswith("cell")]
    numbers = [[float(number) for number in re.findall(r"-?[\d.]+", "".join(paths))] for paths in (drawn, expected)]
    assert numbers[0] == pytest.approx(numbers[1]) and numbers[0]
    choose(browser, "#map-what", "those chosen below")
    browser.wait(lambda: browser.script(told) == "20 photographs on the map.", "the sample is drawn")
    assert not browser.all("#world path.cell") and browser.all("#world path.spot")
    browser.assert_quiet()
