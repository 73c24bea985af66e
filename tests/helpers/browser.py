"""A real Chromium without a network, driven through selenium: the `browser` fixture.

Debian's `chromium` and `chromium-driver` are looked for on PATH (or $CHROMIUM and $CHROMEDRIVER); without them the
tests skip. Nothing is downloaded: the driver's path is given, so selenium's own manager never runs, and every host name
resolves to nothing inside the browser. It starts once a session; `open` starts each page afresh.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
PATIENCE_S = 60.0
"""How long anything is waited for: a page of 12,000 samples on a machine that does other things too."""


class Browser:
    """One tab. What the console said and what was requested since `open` is kept until it is asked for."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self._console: list[str] = []
        self._requested: list[str] = []

    def open(self, path: Path) -> None:
        """Show a file of the disk, and wait until it is read and its scripts have run once."""
        self.driver.get("about:blank")
        self._read_logs()
        self._console.clear()
        self._requested.clear()
        self.driver.get(path.resolve().as_uri())
        self.wait(lambda: self.script("return document.readyState") == "complete", f"{path.name} is read")

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until something is so, and return it; fails with `what` it was."""
        from selenium.common.exceptions import TimeoutException
        from selenium.webdriver.support.ui import WebDriverWait

        try:
            return WebDriverWait(self.driver, PATIENCE_S, poll_frequency=0.05).until(lambda _: condition())
        except TimeoutException:
            pytest.fail(f"after {PATIENCE_S:g} s it is still not so: {what}")

    def script(self, code: str, *arguments: Any) -> Any:
        """Run JavaScript in the page; elements may be given and come back."""
        return self.driver.execute_script(code, *arguments)

    def find(self, css: str) -> Any:
        """The first element that a CSS selector names."""
        return self.driver.find_element("css selector", css)

    def all(self, css: str) -> list[Any]:
        """Every element that a CSS selector names."""
        return list(self.driver.find_elements("css selector", css))

    def texts(self, css: str) -> list[str]:
        """What stands in each of them, hidden ones included."""
        return list(
            self.script("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent.trim())", css)
        )

    def focus(self, css: str) -> None:
        """Put the keyboard's focus on an element; fails where it cannot have it."""
        self.script("document.querySelector(arguments[0]).focus()", css)
        assert self.script("return document.activeElement.matches(arguments[0])", css), f"{css} cannot be focused"

    def press(self, *keys: str) -> None:
        """Type into whatever has the focus, as a keyboard does."""
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def scheme(self, name: str) -> None:
        """`light` or `dark`: what the page is told that its reader prefers."""
        self._devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def size(self, width: int, height: int) -> None:
        """The size of the view in CSS pixels; a phone's too, which no window could have."""
        self._devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    def screenshot(self, path: Path) -> None:
        """What the view shows, as PNG."""
        self.driver.save_screenshot(str(path))

    def console(self) -> list[str]:
        """Warnings and errors of the console since `open`."""
        self._read_logs()
        return list(self._console)

    def requested(self) -> list[str]:
        """The addresses that the page asked for since `open`, data: and the page itself included."""
        self._read_logs()
        return list(self._requested)

    def assert_quiet(self) -> None:
        """No word in the console, and nothing asked of any network."""
        assert self.console() == []
        assert {urlsplit(url).scheme for url in self.requested()} <= {"file", "data", "about"}, self.requested()

    def _devtools(self, command: str, **arguments: Any) -> None:
        self.driver.execute_cdp_cmd(command, arguments)

    def _read_logs(self) -> None:
        self._console += [
            f"{entry['level']}: {entry['message']}"
            for entry in self.driver.get_log("browser")
            if entry["level"] in ("WARNING", "SEVERE")
        ]
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self._requested.append(message["params"]["request"]["url"])
            elif message["method"] == "Network.webSocketCreated":
                self._requested.append(message["params"]["url"])


def programs() -> tuple[str, str] | None:
    """Paths of the browser and its driver; None where either is missing."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    driver = os.environ.get("CHROMEDRIVER") or shutil.which("chromedriver")
    return (chromium, driver) if chromium and driver else None


@contextmanager
def started(profile: Path, chromium: str, chromedriver: str) -> Iterator[Browser]:
    """A headless Chromium with a profile of its own, ended at the end."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}", "--window-size=1280,900"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(executable_path=chromedriver))
    driver.set_page_load_timeout(PATIENCE_S)
    driver.set_script_timeout(PATIENCE_S)
    try:
        yield Browser(driver)
    finally:
        driver.quit()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium, or a skip where none is installed."""
    found = programs()
    if found is None:
        pytest.skip("no chromium and chromedriver on PATH (Debian: apt-get install chromium chromium-driver)")
    pytest.importorskip("selenium")
    with started(tmp_path_factory.mktemp("chromium"), *found) as page:
        yield page
