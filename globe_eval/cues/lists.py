"""Items of lists and tables that are denied by their value: "3. Signs: none.", "| church | no |", "Bridge ✗"."""

from __future__ import annotations

import re

_NO = (
    r"(?:no|nope|none|nothing|nil|absent|missing|false|n/?a|n|0|unclear|unknown|uncertain|[✗✘×❌]|[-–—]"
    r"|not\s(?:visible|seen|present|clear|apparent|applicable|found|observed|identified|identifiable|discernible|sure)"
    r"|(?:none|nothing)\s(?:visible|seen|present|found|apparent|observed|identified|detected|noted))"
)
_ENDS = r"(?=\s*(?:[.,;|)\n•]|[-–—*]\s|$))"
_DENIED = re.compile(rf"(?:[:=|?(]|\s[-–—])[*_\s]{{0,4}}{_NO}{_ENDS}|\s?[✗✘❌]", re.IGNORECASE)
_ANSWER = re.compile(rf"(?<=[:=|?(\-–—])([*_ ]{{0,4}})(?:no|none|nothing|absent|missing|not \w+){_ENDS}", re.IGNORECASE)
_EDGE = re.compile(r"[.;:,|\n()?=✓✔✗✘❌•]|\s[-–—*]\s")
_LONGEST = 60


def denied_items(text: str) -> list[tuple[int, int]]:
    """The character spans of what is denied by its value, in order.

    >>> text = "1. Road: paved. 2. Signs: none. | bus | no |"
    >>> [text[start:end].strip() for start, end in denied_items(text)]
    ['2. Signs', 'bus']
    """
    spans = []
    for match in _DENIED.finditer(text):
        start = max(0, match.start() - _LONGEST)
        edge = start
        for found in _EDGE.finditer(text, start, match.start()):
            if not (found[0] == "." and text[max(0, found.start() - 2) : found.start()].strip().isdigit()):
                edge = found.end()
        spans.append((edge, match.start()))
    return spans


def without_cells(text: str) -> str:
    """The text, every cell of a table ended by a mark, and every value that is a denial as marks, of equal length.

    >>> without_cells("| bus | no |"), without_cells("Signs: none. Trees: yes")
    ('; bus ; ;; ;', 'Signs: ;;;;. Trees: yes')
    """
    text = _ANSWER.sub(lambda found: found[1] + ";" * (len(found[0]) - len(found[1])), text)
    return text.replace("|", ";")
