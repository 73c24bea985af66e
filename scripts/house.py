"""Write docs/house.md: the tree, a file a line, each with the first sentence of its docstring."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "house.md"
TOP = """\
# The house

Every import points to a floor below (a test holds that):

    cli, api > commands > reports > runs > models > benchmarks > scoring > columns > metrics > cues
        > places, answers, miniworld > sample > files, errors > lazy_re

`globe_train` stands on `globe_eval`, never the other way.

A response goes from a model to a `Response`, with its truth to a `Sample` (`sample.py`), is scored (`scoring.py`: the
one place where an answer meets a truth) and written to `samples.jsonl`. Figures are functions of the samples' columns
(`columns.py`, `metrics/catalogue.py`). Reports, comparisons and leaderboards read the two files and nothing else.

To read it in an hour: a benchmark (`tasks/im2gps3k/im2gps3k.yaml`, whose keys
[a benchmark of your own](new_benchmark.md) explains), the record (`sample.py`), how an answer is read
(`answers/parse.py`) and located (`places/resolve.py`), where it meets the truth (`scoring.py`), what is counted
(`metrics/catalogue.py`) with which interval (`metrics/intervals.py`), and a run from its command to its two files
(`runs/run.py`).

This page is written by `python scripts/house.py`, from the first sentence of each file.
"""
FOLDERS = {
    "tasks/": "a folder a benchmark: its YAML, a README made of its metadata",
    "leaderboards/": "published/ what papers print, runs/ a row a run; boards.md and site/ are written from them",
    "tests/": "mirrors the tree; helpers/; golden/ cases as JSON; real servers",
    "perf/": "measurements against the alternatives, each one command",
    "scripts/": "what made the embedded data; freeze.py, what a refactoring changed; house.py, this page",
    "docs/": "this site; decisions/",
}
ROOMS = ("globe_eval", "globe_train", "perf", "scripts", "tests/helpers")
"""Folders of which every file is named."""
SHOWN = (".py", ".js", ".css", ".j2")


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The page as it should be."""
    folders = "\n".join(f"| `{name}` | {what} |" for name, what in FOLDERS.items())
    rooms = "\n".join("\n".join(_tables(files(package))) + "\n" for package in ROOMS)
    return f"{TOP}\n| | |\n|---|---|\n{folders}\n{rooms}"


def files(package: str) -> list[str]:
    """The files of a package that the page names, in the order of a tree."""
    listed = subprocess.run(["git", "ls-files", package], cwd=ROOT, capture_output=True, text=True, check=True)
    shown = [name for name in listed.stdout.splitlines() if name.endswith(SHOWN) and (ROOT / name).is_file()]
    return sorted(shown, key=lambda name: name.rpartition("/")[::2])


def _tables(names: list[str]) -> Iterator[str]:
    folder = None
    for name in names:
        room, _, file = name.rpartition("/")
        if room != folder:
            yield f"\n## {room}/\n\n| | |\n|---|---|"
            folder = room
        if first := _sentence(ROOT / name):
            yield f"| `{file}` | {first} |"
        else:
            yield f"| `{file}` | |"


def _sentence(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        tree = ast.parse(text)
        named = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
        text = ast.get_docstring(tree) or (ast.literal_eval(named["SENTENCE"]) if "SENTENCE" in named else "")
    elif path.suffix == ".js":
        lines = text.removeprefix('"use strict";\n').splitlines()
        text = "\n".join(line.removeprefix("//") for line in takewhile(lambda line: line.startswith("//"), lines))
    else:
        text = text.split("*/")[0].lstrip("/*{# \n") if text.startswith(("/*", "{#")) else ""
    paragraph = " ".join(text.split("\n\n")[0].split())
    return paragraph.split(". ")[0].rstrip(".").replace("|", "\\|")


if __name__ == "__main__":
    main()
