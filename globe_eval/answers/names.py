"""Cleans place names as models write them: without decoration, brackets and hedges; None where nothing is named."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from globe_eval import lazy_re as re

LONGEST_NAME = 90

DECORATION = " \t\n\r\"'`*_“”„«»‘[]{}<>|\\~#•·:=>"
_HEDGE = re.compile(
    r"(?:(?:most|very|quite|highly)\s+)?(?:likely|probably|possibly|perhaps|maybe|presumably|potentially|approximately"
    r"|close to|the city of|the country of|could be|might be|would be|is|appears to be"
    r"|(?-i:within|in|near|around))[\s:]+",
    re.IGNORECASE,
)
_REMARK = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]?\s*$")
_IDLE_REMARK = re.compile(
    r"\b(?:likely|possibl[ey]|probabl[ey]|guess|uncertain|unknown|confiden\w+|speculat\w+|estimat\w+|or|not|based|could"
    r"|assum\w+|without|very|rough|best|high|low|medium|capital|if|inferred|e\.?g)\b|%",
    re.IGNORECASE,
)
_COMMENT = re.compile(
    r"\s+(?:-{1,2}|–|—|//|#)\s.*|\s*—\s*\S.*|(?<=[^\W\d_]{4})[.!?](?:\s.*)?$|(?<=[)\]\"'*])\.\s.*|[;|]\s.*"
    r"|,\s(?:in|near|on|at|likely|possibly|specifically|most|probably|around|within|close|just|which|located)\b.*"
    r"|,?\s+(?:because|since|based on|given|which|as (?:it|the|this|there|seen|suggested|indicated)|due to|although"
    r"|but|with (?:a|some|high|low|moderate))\b.*",
    re.IGNORECASE | re.DOTALL,
)
_PLACEHOLDER = re.compile(
    r"(?:the |your |a |enter |insert )*(?:predicted |guessed |estimated |most likely |full )?"
    r"(?:country|city|state|province|region|place|location|address|town|admin)?[ _/-]?"
    r"(?:name|guess|here|answer|string|str|text|value|placeholder)"
    r"(?: of (?:the |a )?(?:country|city|state|place|location))?(?: here)?"
    r"|(?:the |your )?(?:country|city|state|province|region|country here|city here)|\.{3,}|…+|x{2,}|float|number",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(
    r"(?:unknown|n\.?\s?/?\s?a\.?|none|null|nil|(?-i:nan|NaN)|undefined|nowhere|anywhere|various|generic|tbd|missing|\?+|-+|–|—"
    r"|inconnue?|desconocid[oa]|desconhecid[oa]|unbekannt|sconosciut[oa]|onbekend|nieznan[aey]|неизвестно|неизвестен"
    r"|未知|不明|不确定|无法确定|알 수 없음|미상|غير معروف|अज्ञात)"
    r"|(?:unknown|not|no|cannot|can't|can not|could not|couldn't|unable|unsure|uncertain|also uncertain|unclear"
    r"|unspecified|undisclosed|unidentif\w+|(?:un|in)?determin\w+|somewhere|insufficient|inconclusive|impossible"
    r"|difficult|hard to|various|multiple|any|anywhere|unnamed|varies|depends|could be any|guessing|i|it)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_SENTENCE = re.compile(
    r"\b(?:is|are|was|were|be|been|cannot|can't|could|would|should|might|suggests?|appears?|seems?|shows?|indicates?"
    r"|visible|image|photo|picture|information|based|guess\w*|identif\w+|determin\w+|specif\w+|features?|similar"
    r"|feasible|this|these|that|there|it|its|has|have|characteri\w+|clues?|signs?|pinpoint\w*|assum\w+)\b",
    re.IGNORECASE,
)
_LEVEL = re.compile(r"(?:or|and|only|level|[\w/-]{1,30}[ -]level)\b", re.IGNORECASE)
_APOSTROPHE = re.compile(r"[^\w']*('(?:s[- ]|t )\w)")
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.){2,}$")


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a place, each as the text says; a name that is not said, or said to be unknown, is None."""

    country: str | None = None
    city: str | None = None
    admin: str | None = None
    venue: str | None = None
    """What is finer than a city: a building, a square, a quarter, a park."""

    def __bool__(self) -> bool:
        """Whether any name is there."""
        return bool(self.country or self.city or self.admin)


@lru_cache(maxsize=8192)
def is_placeholder(value: str) -> bool:
    """Whether a value was copied from a prompt's example instead of being an answer.

    >>> is_placeholder("[country name]"), is_placeholder("Mexico City")
    (True, False)
    """
    return _PLACEHOLDER.fullmatch(value[:LONGEST_NAME].strip(DECORATION)) is not None


@lru_cache(maxsize=8192)
def says_unknown(value: str) -> bool:
    """Whether a value says outright that there is none: empty, null, "unknown", "n/a", "cannot be determined".

    >>> says_unknown("**Unknown**"), says_unknown(""), says_unknown("Paris")
    (True, True, False)
    """
    bare = value[:400].strip(DECORATION)
    return not bare or _UNKNOWN.fullmatch(bare) is not None


def without_remarks(value: str) -> str:
    """A value on one line without decoration and the comment behind it."""
    return _COMMENT.sub("", " ".join(value.split()).strip(DECORATION)).strip(DECORATION)


def is_sentence(value: str) -> bool:
    """Whether a value has numbers, colons or the words of a sentence, and so is no list of names."""
    return re.search(r"[\d:]", value) is not None or _SENTENCE.search(value) is not None


@lru_cache(maxsize=8192)
def name(value: str) -> str | None:
    """The place name in a stated value: without Markdown, brackets, hedges, remarks and end punctuation.

    None where the value names no place: empty, a placeholder, "unknown" and its like, or a sentence about not knowing.

    >>> name("**[Paris]**."), name("most likely Lyon (based on the tram)"), name("Ho Chi Minh City (Saigon)")
    ('Paris', 'Lyon', 'Ho Chi Minh City (Saigon)')
    >>> name("[city name]"), name("Unknown (somewhere in Europe)"), name("could be any city with such houses")
    (None, None, None)
    """
    bare = " ".join(value[:400].replace("**", "").split()).strip(DECORATION).rstrip(",;" + DECORATION)
    bare = _COMMENT.sub("", bare).strip(DECORATION)
    if apostrophe := _APOSTROPHE.match(value):
        bare = apostrophe[1][:-1] + bare[2:].lstrip("- ")
    bare = bare[:-1] if bare.endswith((").", "].")) else bare
    while remark := _REMARK.search(bare):
        words = remark[1].split()
        if len(words) <= 3 and not _IDLE_REMARK.search(remark[1]) and bare.endswith(")"):
            break
        bare = bare[: remark.start()].strip(DECORATION)
    while hedge := _HEDGE.match(bare):
        bare = bare[hedge.end() :].strip(DECORATION)
    bare = bare.rstrip(",;:!?…" + DECORATION)
    if bare.endswith(".") and not _INITIALS.search(bare):
        bare = bare.rstrip(". ").rstrip(DECORATION)
    if len(bare) > LONGEST_NAME or is_placeholder(bare) or _UNKNOWN.fullmatch(bare):
        return None
    words = bare.split()
    if not any(sign.isalpha() for sign in bare) or (len(words) > 3 and _SENTENCE.search(bare)):
        return None
    if _LEVEL.match(bare) or sum(word[0].islower() and len(word) > 3 for word in words) > 2:
        return None
    return bare
