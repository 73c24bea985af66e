"""Prepares the text of a response for parsing: repaired, cleaned, split into reasoning and answer, limited in length.

Repaired is text that was decoded wrongly on its way: "Â°" and "â€™" (UTF-8 read as cp1252), "¬∞" (as MacRoman).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial

from globe_eval import lazy_re as re

LONGEST = 100_000
"""A longer passage is read at both ends and around its last labels (`excerpt`): no honest answer is that long."""

_MANY = 64

_INVISIBLE = "\0\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
_FLAGS = "".join(map(chr, range(0x1F1E6, 0x1F200))) + "\ufe0f"
_SIGNS = str.maketrans(
    "\r\x85\u2028\u2029\u2212\ufe63\uff0d\u2010\u2011\u2012．，،：；（）º˚\u2019０１２３４５６７８９",
    "\n\n\n\n------.,,:;()°°'0123456789",
    _INVISIBLE + _FLAGS,
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
    "^\\circ$": "°",
    "^\\circ": "°",
    "\\circ$": "°",
    "\\circ": "°",
    "\\degree": "°",
    "\\textdegree": "°",
    "\\left(": "(",
    "\\left[": "[",
    "\\right)": ")",
    "\\right]": "]",
    "\\,": " ",
    "\\;": " ",
    "\\ ": " ",
    "\\_": "_",
    "\\*": "*",
}
_MATH = re.compile(
    r"\${1,2}(?=[^$\n]{0,60}(?:°|\d\.\d))([^$\n]{1,120}?[\w°)}])\${1,2}(?!\d)|\$(?=[-+]?\d{1,3}(?:\.\d{1,40})?\s?°)"
)
"""Numbers between LaTeX's signs for mathematics, or behind the first of them."""
_PROMPT = re.compile(
    r"\W{0,9}(?:(?:begin_of_text|im_start|start_header_id|start_of_turn)\W{1,9}){0,2}(?:system|user|human|INST)\s?[:>|\]<\n].*"
    r"(?:\b(?:assistant|model)(?::|\n|\|>|<\|end_header_id\|>)|\[/INST\])",
    re.IGNORECASE | re.DOTALL,
)
"""A conversation that the text repeats, up to the last turn of the model."""
_HASHTAG = re.compile(r"(?:(?<=\w)(\s)|(?<![\w&/#]))#(?=[^\W\d_])")
_PLUS_CODE = re.compile(r"(?<![\w+])(?=\d{0,7}[A-Z])[2-9CFGHJMPQRVWX]{4,8}\+[2-9CFGHJMPQRVWX]{2,3},?\s(?=[^\W\d_])")
"""The plus code before a town, as maps write it: `V942+HV Paris, France`."""
_HTML = re.compile(r"</?(?:b|strong|i|em|u|mark|code|span|p|li|ul|ol|h[1-6]|div)>", re.IGNORECASE)
_HTML_BREAK = re.compile(r"<br\s?/?>|(?<=\S)(?=</(?:p|li|h[1-6]|div)>)", re.IGNORECASE)
_LATEX_WORD = re.compile(r"\\(?:text|mathrm|mathbf|textbf)\s?\{([^{}\\\n]{0,40})\}")

_TOOL = (
    "tool[_-]?calls?|tool[_-]?(?:response|result|output)s?|function[_-]?(?:call|response|result)s?|function|observation"
)
_THOUGHT = re.compile(
    rf"<(/?)(?:(?:\w{{1,20}}:)?think|thinking|thought|reasoning|reflection|(?P<tool>{_TOOL}))>|\[(/?)THINK\]|◁(/?)think▷",
    re.IGNORECASE,
)
_CHANNEL = re.compile(
    r"(?:<\|start\|>\w{0,20})?<\|channel\|>\s?(\w{1,20})[^<>]{0,80}<\|message\|>|<\|(?:end|return|call)\|>"
)
_ANSWER = re.compile(  # its alternatives begin with two signs: a search for these passes over the rest of a text
    r"<(?:(?P<close>/?)(?:(?:final[_ ])?answer|final[_ ](?:location|guess|prediction|output))\s?>"
    r"|\|begin_of_box\|>|(?P<unbox>\|end_of_box\|>))|\\boxed\s?\{",
    re.IGNORECASE,
)
_ANCHORS = ("lat", "lon", "country", "city", "Lat", "Lon", "Country", "City", "<answer", "{")


def clean(response: str) -> str:
    """The response without what the eye cannot see and with one spelling for each sign that a coordinate is written in.

    NUL, zero-width and direction marks and flags disappear, line ends become "\\n", degree signs of HTML and LaTeX
    become "°", tags of plain HTML disappear, the Unicode minus and full-width digits become ASCII, and a lone surrogate
    becomes "?".

    >>> clean("48.85^\\\\circ \\\\text{N},\\u200b 2.35&deg; E")
    '48.85° N, 2.35° E'
    >>> clean("A \\\\rightarrow B: \\\\left(48.85, 2.35\\\\right)")
    'A \\\\rightarrow B: (48.85, 2.35)'
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
    if "$" in text:
        text = _MATH.sub(r"\1", text)
    if "</" in text or "<br" in text:
        text = _HTML.sub("", _HTML_BREAK.sub("\n", text))
    if "+" in text:
        text = _PLUS_CODE.sub("", text)
    if "#" in text:
        text = _HASHTAG.sub(lambda tag: ", " if tag[1] else "", text)
    if (echo := _PROMPT.match(text)) is not None:
        text = text[echo.end() :]
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

    What stands in the tags of a tool's call or reply is neither. Of a text in channels the last "final" one is said.

    >>> split_thought("<think>a red bus</think>country: Malta")
    Parts(thought='a red bus', said='country: Malta', unfinished=False)
    >>> split_thought("a red bus</think>country: Malta").thought
    'a red bus'
    """
    if "<|channel|>" in text and (parts := _channels(text)):
        return parts
    tags = deque(_THOUGHT.finditer(text), maxlen=_MANY)
    thoughts: list[str] = []
    said: list[str] = []
    tools: list[str] = []
    position, into = 0, said
    if tags and _closes(tags[0]):
        into = tools if tags[0]["tool"] else thoughts
    for tag in tags:
        into.append(text[position : tag.start()])
        position, into = tag.end(), said if _closes(tag) else tools if tag["tool"] else thoughts
    into.append(text[position:])
    inside = into is not said
    joined = "\n".join(part.strip() for part in thoughts if part.strip())
    return Parts(joined or None, "".join(said), inside)


@dataclass(frozen=True, slots=True)
class Cut:
    """A response that was cleaned and cut once, for everything that reads it."""

    text: str
    parts: Parts

    @classmethod
    def of(cls, response: str) -> Cut:
        """Clean and cut a response."""
        text = clean(response)
        return cls(text, split_thought(text))


def _channels(text: str) -> Parts | None:
    """The last final channel as what was said, and the channels before it as the thought; None without a final one."""
    marks = list(deque(_CHANNEL.finditer(text), maxlen=_MANY))
    final = [i for i, mark in enumerate(marks) if mark[1] and mark[1].lower() == "final"]
    if not final:
        return None
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    thoughts = [text[mark.end() : end].strip() for mark, end in zip(marks[: final[-1]], ends, strict=False) if mark[1]]
    said = text[marks[final[-1]].end() : ends[final[-1]]]
    return Parts("\n".join(filter(None, thoughts)) or None, said, False)


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


_TIMES = 3
_LONGEST = 200_000
"""No longer text is looked at sequence by sequence."""
_UNHEARD_OF = re.compile("[\u0700-\u08ff]")
"""Scripts that no answer is written in: "ß°" is no letter of N'Ko."""
_AGAIN = re.compile("[ÂÃâ¬√‚]|[\u00c2-\u00f4][\x80-\x9f]")
"""What damage that was damaged again begins with."""
_FOREIGN = re.compile(r"[\x00-\x7f]+")
"""Some text was damaged more than once."""


def _bytes(*codecs: str) -> dict[str, int]:
    """Character -> the byte that it was read from, for the bytes beyond ASCII; the first codec that has it counts."""
    found: dict[str, int] = {}
    for codec in codecs:
        for byte in range(0x80, 0x100):
            try:
                found.setdefault(bytes([byte]).decode(codec), byte)
            except UnicodeDecodeError:
                continue
    return found


def _sequences(codes: dict[str, int], leads: str) -> re.Pattern[str]:
    """What a UTF-8 sequence of two to four bytes looks like in a wrong encoding."""

    def signs(low: int, high: int) -> str:
        return "".join(
            re.escape(char) for char, byte in codes.items() if low <= byte < high and (high <= 0xC0 or byte >= 0xC0)
        )

    def lead(low: int, high: int) -> str:
        return "".join(
            re.escape(char) for char, byte in codes.items() if low <= byte < high and (not leads or char in leads)
        )

    more = f"[{signs(0x80, 0xC0)}]"
    sizes = [(lead(0xC2, 0xE0), 1), (lead(0xE0, 0xF0), 2), (lead(0xF0, 0xF5), 3)]
    return re.compile("|".join(f"[{first}]{more}{{{n}}}" for first, n in sizes if first))


_WINDOWS = _bytes("cp1252", "latin-1")
_MAC = _bytes("mac_roman")
_WRONG = [
    (re.compile("[\u00c2-\u00f4]"), _sequences(_WINDOWS, ""), _WINDOWS),
    (re.compile("[¬√‚]"), _sequences(_MAC, "¬√‚"), _MAC),
]


def repaired(text: str) -> str:
    r"""The text with every sequence decoded again that is UTF-8 in the bytes it was read from.

    Only where such sequences are nearly all that is beyond ASCII: "café\xa0»" in French is no damage.

    >>> repaired("43.77Â° N, SÃ£o Paulo, canâ\x80\x99t"), repaired("36¬∞51'"), repaired("Ångström, São Paulo, 48°")
    ('43.77° N, São Paulo, can’t', "36°51'", 'Ångström, São Paulo, 48°')
    """
    if text.isascii():
        return text
    for trace, sequences, codes in _WRONG:
        for time in range(_TIMES):
            if not (_AGAIN if time else trace).search(text) or len(text) > _LONGEST:
                break
            pieces = [piece for match in sequences.finditer(text) if _decoded(piece := match[0], codes) != piece]
            strange = sum(char in codes for char in _FOREIGN.sub("", text))
            if not pieces or 5 * sum(map(len, pieces)) < 4 * strange:
                break
            text = sequences.sub(partial(_decoded_match, codes), text)
    return text


def _decoded_match(codes: dict[str, int], match: re.Match[str]) -> str:
    return _decoded(match[0], codes)


def _decoded(run: str, codes: dict[str, int]) -> str:
    """The characters of a sequence, or the sequence where it is none."""
    try:
        decoded = bytes(codes[char] for char in run).decode()
    except UnicodeDecodeError:
        return run
    return run if _UNHEARD_OF.match(decoded) else decoded
