"""Cuts a text into sentences, each without Markdown and with the heading above it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from globe_eval import lazy_re as re
from globe_eval.answers import lexicon
from globe_eval.answers.languages import Cues, cues_of

_MOST = 400
_LONGEST_TITLE = 30
LONGEST = 1_200

_ABBREVIATED = re.compile(
    r"(?:\b(?:st|mt|ft|dr|mr|mrs|ms|no|ca|approx|e\.g|i\.e|etc|vs|u\.s|d\.c|ave|blvd|jr|sr)|\b\w)\.$"
)
_END = re.compile(  # begins with a set of signs, which a search looks for much faster than for alternatives
    r"[.!?。！？؟।…—–-](?:(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[^\W_a-z])|(?<=[。！？؟।])[」』”]?\s*(?!$)"
    r"|(?:(?<=\.)\.{1,2}|(?<=…)|(?<=\s[—–-]))\s+(?=(?:(?:oh,?\s)?(?:no,?\s)?wait|hm+|actually,|no,)\W))"
)
_WORD = re.compile(r"\w+")
_HEADING = re.compile(r"\s*(?:#{1,6}\s.*|.{1,400}:\s*)")
_DRESS = re.compile(r"\*{1,3}|`|(?<!\w)_{1,2}|_{1,2}(?!\w)")
_ITEM = re.compile(r"\s*(?:[-•*+]|\d{1,2}[.)])\s+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence without Markdown and in lower case, where it begins, and the heading above it with its beginning."""

    text: str
    lower: str
    start: int
    heading: str
    heading_start: int
    alone: bool
    """Whether it is the first or last of the text, or an item of a list: there a name needs no verb."""
    closes: bool
    """Whether it is the last line, a paragraph of its own: a place that is all of it is the stated final answer."""
    cues: Cues
    """The words of the text's language."""


def sentences(text: str) -> Iterator[Sentence]:
    """The sentences of a text with their headings; of very many the first quarter and the last ones."""
    cut = list(_cut(text))
    if len(cut) > _MOST:
        cut = cut[: _MOST // 4] + cut[-3 * _MOST // 4 :]
    last = max((i for i, (_, _, written) in enumerate(cut) if _WORD.search(written)), default=0)
    heading, heading_start, below, cues = "", 0, False, cues_of(text)
    for i, (start, begins_line, written) in enumerate(cut):
        if not written.strip():
            heading = "" if below else heading
            continue
        plain = _DRESS.sub("", written) if "*" in written or "_" in written or "`" in written else written
        lower = plain.replace("İ", "I").lower()  # else a letter longer
        concludes = begins_line and len(lower) < _LONGEST_TITLE and cues.final.fullmatch(lower.strip())
        if concludes or (_HEADING.fullmatch(plain) if begins_line else plain.rstrip().endswith(":")):
            yield Sentence(plain, lower, start, "", start, i == 0, False, cues)
            heading, heading_start, below = lower, start, False
            continue
        alone = (i in (0, last) and plain[:1] != "|") or (begins_line and bool(heading or _ITEM.match(plain)))
        closes = i == last > 0 and begins_line and not (heading or _WORD.search(cut[i - 1][2]) or _ITEM.match(plain))
        yield Sentence(plain, lower, start, heading if begins_line else "", heading_start, alone, closes, cues)
        below = True


def _cut(text: str) -> Iterator[tuple[int, bool, str]]:
    """Where each sentence begins, whether it begins a line, and its text; an empty line is an empty sentence."""
    position = 0
    for line in text.split("\n"):
        start = 0
        for end in _END.finditer(line):
            whole = line[start : end.end()]
            if end.start() - start < 2 or _ITEM.fullmatch(whole):
                continue
            following = _WORD.match(line, end.end())
            begins = following is not None and following[0].lower() in lexicon.UNNAMED
            if begins or not _ABBREVIATED.search(line[max(start, end.start() - 8) : end.start() + 1].lower()):
                yield position + start, start == 0, whole[:LONGEST]
                start = end.end()
        yield position + start, start == 0, line[start : start + LONGEST]
        position += len(line) + 1
