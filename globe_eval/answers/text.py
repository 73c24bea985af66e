"""The text of a response before anything is read from it: cleaned, cut into thought and answer, bounded in length."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

LONGEST = 100_000
"""A longer passage is read at both ends and around its last labels (`excerpt`): no honest answer is that long."""

_MANY = 64

_INVISIBLE = "\0\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
_SIGNS = str.maketrans(
    "\r\x85\u2028\u2029\u2212\ufe63\uff0d\u2010\u2011\u2012．，：；（）º˚\u2019０１２３４５６７８９",
    "\n\n\n\n------.,:;()°°'0123456789",
    _INVISIBLE,
)
_SPECIAL = re.compile("[" + "".join(map(chr, _SIGNS)) + "]")
_ENTITIES = {
    "&deg;": "°",
    "&#176;": "°",
    "&#xb0;": "°",
    "&nbsp;": " ",
    "&#160;": " ",
    "&prime;": "′",
    "&Prime;": "″",
    "&minus;": "-",
    "&quot;": '"',
    "&#34;": '"',
    "&apos;": "'",
    "&#39;": "'",
    "&lt;": "<",
    "&gt;": ">",
    "&amp;": "&",
}
_LATEX = {
    "{}^{\\circ}": "°",
    "^{\\circ}": "°",
    "^\\circ": "°",
    "\\circ": "°",
    "\\degree": "°",
    "\\textdegree": "°",
    "\\,": " ",
    "\\;": " ",
    "\\_": "_",
    "\\*": "*",
}
_LATEX_WORD = re.compile(r"\\(?:text|mathrm|mathbf|textbf)\s?\{([^{}\\\n]{0,40})\}")

_THOUGHT = re.compile(r"<(/?)(?:think|thinking|thought|reasoning)>|\[(/?)THINK\]|◁(/?)think▷", re.IGNORECASE)
_ANSWER = re.compile(  # its alternatives begin with two signs: a search for these passes over the rest of a text
    r"<(?:(?P<close>/?)(?:final[_ ])?answer\s?>|\|begin_of_box\|>|(?P<unbox>\|end_of_box\|>))|\\boxed\s?\{",
    re.IGNORECASE,
)
_ANCHORS = ("lat", "lon", "country", "city", "Lat", "Lon", "Country", "City", "<answer", "{")


def clean(response: str) -> str:
    """The response without what the eye cannot see and with one spelling for each sign that a coordinate is written in.

    NUL, zero-width and direction marks disappear, line ends become "\\n", degree signs of HTML and LaTeX become "°",
    the Unicode minus and full-width digits become ASCII, and a lone surrogate becomes "?".

    >>> clean("48.85^\\\\circ \\\\text{N},\\u200b 2.35&deg; E")
    '48.85° N, 2.35° E'
    """
    text = response.replace("\r\n", "\n")
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    # Of ASCII only these two are special, and looking for them takes no regular expression.
    if ("\r" in text or "\0" in text) if text.isascii() else _SPECIAL.search(text):
        text = text.translate(_SIGNS)
    for sign, spellings in (("&", _ENTITIES), ("\\", _LATEX)):
        if sign in text:
            for written, plain in spellings.items():
                text = text.replace(written, plain)
    return _LATEX_WORD.sub(r"\1", text)


@dataclass(frozen=True, slots=True)
class Parts:
    """A response cut in two: the thought, and everything outside it."""

    thought: str | None
    said: str
    unfinished: bool
    """True where the last thought never ends: the model was cut off, or forgot its tag."""


def split_thought(text: str) -> Parts:
    """Separate `<think>…</think>` from what was said outside; without an opening tag the thought begins the text.

    >>> split_thought("<think>a red bus</think>country: Malta")
    Parts(thought='a red bus', said='country: Malta', unfinished=False)
    >>> split_thought("a red bus</think>country: Malta").thought
    'a red bus'
    """
    tags = deque(_THOUGHT.finditer(text), maxlen=_MANY)
    thoughts: list[str] = []
    said: list[str] = []
    position, inside = 0, bool(tags) and _closes(tags[0])
    for tag in tags:
        (thoughts if inside else said).append(text[position : tag.start()])
        position, inside = tag.end(), not _closes(tag)
    (thoughts if inside else said).append(text[position:])
    joined = "\n".join(part.strip() for part in thoughts if part.strip())
    return Parts(joined or None, "".join(said), inside)


def _closes(tag: re.Match[str]) -> bool:
    return "/" in tag[0]


@dataclass(frozen=True, slots=True)
class Block:
    """What stands in one `<answer>` tag, and where the tag begins."""

    text: str
    start: int


def answer_blocks(text: str) -> list[Block]:
    """The last answers in tags, in their order; one that is not closed ends at the next tag or at the end of the text.

    `\\boxed{…}` and GLM's `<|begin_of_box|>…<|end_of_box|>` are answers, too.

    >>> [block.text for block in answer_blocks("<answer>Rome</answer> no: <ANSWER>Bari")]
    ['Rome', 'Bari']
    """
    tags = list(deque(_ANSWER.finditer(text), maxlen=2 * _MANY))
    ends = [tag.start() for tag in tags[1:]] + [len(text)]
    blocks = []
    for tag, end in zip(tags, ends, strict=False):
        if tag["close"] or tag["unbox"]:
            continue
        if tag[0].startswith("\\") and (brace := text.find("}", tag.end(), end)) >= 0:
            end = brace
        blocks.append(Block(text[tag.end() : end], tag.start()))
    return blocks


def excerpt(text: str) -> str:
    """A text of bounded length: a long one's beginning, its end, and what surrounds its last labels between them."""
    if len(text) <= LONGEST:
        return text
    head, tail, margin = LONGEST // 4, len(text) - LONGEST // 2, 1_000
    windows = [(0, head), (tail, len(text))]
    for anchor in _ANCHORS:
        end = tail
        for _ in range(4):
            end = text.rfind(anchor, head, end)
            if end < 0:
                break
            windows.append((max(end - margin, 0), min(end + margin, len(text))))
    pieces, position = [], 0
    for start, stop in sorted(windows):
        if stop > position:
            pieces.append(text[max(start, position) : stop])
            position = stop
    return "\n".join(pieces)
