"""The confidence that a response states, in [0, 1], from percentages, scales and words; its answer to "localizable".

A scale of five steps is read at the middle of each step, words by WORDS. Nothing is read where no scale is known.
"""

from __future__ import annotations

from collections.abc import Iterator

from globe_eval import lazy_re as re

WORDS: dict[str, float] = {
    "very high": 0.95,
    "extremely high": 0.95,
    "certain": 0.95,
    "high": 0.8,
    "medium": 0.5,
    "moderate": 0.5,
    "fair": 0.5,
    "low": 0.2,
    "very low": 0.05,
    "extremely low": 0.05,
    "none": 0.0,
}
"""What a word is worth. No study fixes these; what they must do is keep the order, which is all that AUROC and AURC
see. Two words together ("medium-high", "low to moderate") are worth the mean of both."""

_RANGE = re.compile(r"\W*(\d{1,3})\s?%?\s?(?:to|-|–)\s?(\d{1,3})\s?(?:%|percent)", re.I)
_PERCENT = re.compile(r"\W*(\d{1,3}(?:\.\d{1,10})?)\s?(?:%|percent|per cent)", re.I)
_OF = re.compile(r"\W*(\d{1,3}(?:\.\d{1,10})?)\s?(?:/|out of|of)\s?(\d{1,3})(?![\d.])", re.I)
_SHARE = re.compile(r"[\s\"'*~≈]*(0?\.\d{1,10}|1\.0{1,10}|0)(?![\d.]|\s?[-–/])")
_BARE = re.compile(r"[\s\"'*~≈]*([1-9]\d{0,2})[\s\"'*.]*(?:[,;(].*)?$", re.DOTALL)
_LEVEL = r"(?:(?:very|extremely)\s)?(?:high|low)|medium|moderate(?:ly)?|fair(?:ly)?|certain|none"
_WORD = re.compile(rf"\W*(?:quite |fairly |rather )?({_LEVEL})(?:\s?(?:-|–|/|to)\s?({_LEVEL}))?(?![\w-]|\s?/)", re.I)
_ABOUT = re.compile(r"\W*(?:about|around|approximately|roughly|approx\.?|circa)\s", re.I)

_ADVERBS = {
    "extremely high": "absolutely completely extremely totally almost virtually entirely nearly",
    "high": "highly very quite pretty strongly rather",
    "medium-high": "fairly reasonably relatively mostly",
    "medium": "moderately somewhat partly",
}
_BY_ADVERB = {adverb: level for level, adverbs in _ADVERBS.items() for adverb in adverbs.split()}
_DENIED = re.compile(
    r"(?:\bnot\b|n't\b|\b(?:cannot|without|unable|no|never|hard|difficult|challenging|impossible|tough|lacks?|if|could"
    r"|would(?!\s(?:say|put|estimate|guess|rate|give|assign|place))|i'd be|hesitat\w+|rul(?:es?|ed|ing) out"
    r"|less|insufficient|to be|being|were|until|before)\b)[^.;:]{0,140}$|\b(?:says?|reads?|reading):?\s[\"“']$",
    re.I,
)
_CLAUSE = re.compile(r",\s|\b(?:but|although|though|however|still|yet|and)\b")
"""Where a new statement of the first person begins: "I can't be certain, but I'm fairly sure"."""
_UNRELATED = re.compile(
    r"\sin\smy\s(?:ability|abilities|skills?|knowledge|expertise)|\s(?:is|was)(?:\sin|\snot|n't)", re.I
)
_SELF = r"\b(?:i(?:'m|\ am|\ remain|\ feel)|we(?:'re|\ are)|i\ can\ be|i\ can\ say\ with)"
_PERCENTAGE = r"(?:\d{1,3}\s?%?\s?[-–]\s?)?\d{1,3}(?:\.\d{1,10})?\s?(?:%|percent|per\ cent)"
_NUMBER = rf"(?:{_PERCENTAGE}|(?<![\d.])0?\.\d{{1,4}}(?!\d)|(?<![\d.])\d{{1,2}}/10(?!\d))"
_IN_TEXT = re.compile(
    rf"""(?P<percent>{_NUMBER})\s(?:(?!not\s)\w+\s)?(?:confiden\w+|sure|certain\w*)
      |(?:confiden\w+|certain\w*)(?:\s(?:level|score|rating))?(?:\sin\s(?:\w+\s?){{1,3}})?\s?(?:is|of|at|:|(?=[~\d]))\s?(?:\w+\s)?~?
        (?P<after>{_NUMBER})
      |\b(?P<level>(?:{_LEVEL})(?:\s?(?:-|–|/|to)\s?(?:{_LEVEL}))?)\s(?:degree\sof\s|level\sof\s)?(?:confidence|certainty)
      |\b(?:confidence|certainty)\s(?:level\s)?(?:in\s(?:[^\W\d]+\s){{1,5}}?)?(?:is|as|remains)\s(?:\w+\s)??(?P<called>{_LEVEL})\b
      |{_SELF}\s(?:(?P<adverb>{"|".join(_BY_ADVERB)})\s)?(?P<adjective>confident|certain|sure)\b
      |{_SELF}\ not\ (?:very|too|that|so|particularly|especially|at\ all|terribly)\ (?P<hardly>confident|certain|sure)\b
      |\b(?:i|we)\s(?:can|could\stherefore|would)\s(?P<confidently>confidently)\b""",
    re.I | re.X,
)
_SURE = re.compile(r"onfiden|ertain|sure\b", re.I)
_REACH = 120
_YES_NO = re.compile(
    r"[\W_]*(?:(?P<yes>yes|true|y|localizable|locatable|definitely|1)|(?P<no>no|not|false|n|0))\b", re.I
)


def share(value: str) -> float | None:
    """A stated confidence as a share of 1, or None where its scale is not known.

    Percentages, parts ("4/5", "8 out of 10"), shares and words are what they say. A bare whole number has a scale by
    its size: up to 5 it is a step of five, worth the middle of the step; up to 10 a tenth; up to 100 a percentage. A
    range is worth its middle.

    >>> share("80%"), share("0.8"), share("4/5"), share("8 out of 10"), share("very high"), share("medium-high")
    (0.8, 0.8, 0.8, 0.8, 0.95, 0.65)
    >>> share("4"), share("8"), share("85"), share("101"), share("quite good")
    (0.7, 0.8, 0.85, None, None)
    """
    value = _ABOUT.sub("", value, count=1) if _ABOUT.match(value) else value
    if match := _RANGE.match(value):
        low, high = float(match[1]), float(match[2])
        if (low, high) == (0, 100):  # the prompt's own words
            return None
        part, total = (low + high) / 2, 100.0
    elif match := _PERCENT.match(value):
        part, total = float(match[1]), 100.0
    elif match := _OF.match(value):
        part, total = float(match[1]), float(match[2])
    elif match := _SHARE.match(value):
        part, total = float(match[1]), 1.0
    elif match := _BARE.match(value):
        part = float(match[1])
        part, total = (part - 0.5, 5.0) if part <= 5 else (part, 10.0) if part <= 10 else (part, 100.0)
    else:
        return _word(value)
    return part / total if 0 <= part <= total and total else None


def _word(value: str) -> float | None:
    match = _WORD.match(value)
    if match is None:
        return None
    worth = [WORDS[" ".join(word.lower().removesuffix("ly").split())] for word in match.groups() if word]
    return sum(worth) / len(worth)


def in_text(text: str) -> float | None:
    """The last confidence that free text states ("I am 80 % sure", "with high confidence"), or None.

    What is denied or hypothetical is not stated: "I cannot be 100 % certain", "difficult to say with high confidence".

    >>> [in_text(text) for text in ("I'm about 80% sure.", "I cannot be 100% certain.", "I am fairly confident.")]
    [0.8, None, 0.65]
    """
    found = None
    for match in _statements(text):
        before = text[max(match.start() - 160, 0) : match.start()]
        if match["adjective"]:  # begins with "I am"
            before = before[max((end.end() for end in _CLAUSE.finditer(before)), default=0) :]
        if _DENIED.search(before):
            continue
        if _UNRELATED.match(text, match.end()):
            continue
        if match["hardly"]:
            found = WORDS["low"]
        elif match["adjective"] or match["confidently"]:
            plain = "certain" if (match["adjective"] or "").lower() in ("certain", "sure") else "high"
            found = share(_BY_ADVERB[match["adverb"].lower()] if match["adverb"] else plain)
        else:
            found = share(next(match[kind] for kind in ("percent", "after", "level", "called") if match[kind]))
    return found


def _statements(text: str) -> Iterator[re.Match[str]]:
    """The matches near a word of confidence, which each has: elsewhere the pattern need not be tried."""
    start = end = 0
    for word in _SURE.finditer(text):
        if word.start() - _REACH > end:
            yield from _IN_TEXT.finditer(text, max(start, 0), end)
            start = word.start() - _REACH
        end = word.end() + _REACH
    if end:
        yield from _IN_TEXT.finditer(text, max(start, 0), end)


def yes_no(value: str) -> bool | None:
    """Whether a value begins with a yes or a no; None where it does with neither.

    >>> yes_no("**Yes**, clearly"), yes_no("no"), yes_no("false"), yes_no("[yes or no]"), yes_no("maybe")
    (True, False, False, None, None)
    """
    if re.match(r"\W*yes (?:or|/) no", value, re.I) or re.match(r"\W*yes/no", value, re.I):
        return None
    match = _YES_NO.match(value)
    return None if match is None else match["yes"] is not None
