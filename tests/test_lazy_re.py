"""Patterns that are compiled when they are first used, and those of the package: that each can be."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from globe_eval import lazy_re


def test_a_pattern_is_the_standard_librarys() -> None:
    text, source = "One cat, two Cats", r"\bc(at)s?"
    ours, theirs = lazy_re.compile(source, lazy_re.IGNORECASE), re.compile(source, re.IGNORECASE)
    for method in ("findall", "split"):
        assert getattr(ours, method)(text) == getattr(theirs, method)(text)
    assert ours.sub("dog", text) == theirs.sub("dog", text)
    assert [found.span() for found in ours.finditer(text)] == [found.span() for found in theirs.finditer(text)]
    assert ours.search(text, 5)[1] == "at"
    assert (ours.pattern, ours.flags, ours.groups) == (theirs.pattern, theirs.flags, theirs.groups)


def test_what_is_no_pattern_is_refused_at_the_first_use() -> None:
    broken = lazy_re.compile("(")
    with pytest.raises(re.error):
        broken.search("")


def test_every_pattern_of_the_package_can_be_compiled() -> None:
    script = (
        "import re\n"
        "from globe_eval import lazy_re, scoring, secrets, finish\n"
        "import gc\n"
        "made = [one for one in gc.get_objects() if type(one).__name__ == '_Pattern']\n"
        "print(len(made), all(isinstance(one.groups, int) for one in made))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    n, fine = done.stdout.split()
    assert int(n) > 100
    assert fine == "True"
