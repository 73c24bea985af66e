"""The browser that pages are tested in does notice what they must not do."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import Browser


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
