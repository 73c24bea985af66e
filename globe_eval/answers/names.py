"""Place names as models write them: a stated value without its decoration, or nothing where it names no place."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_NAME = 90

_DECORATION = " \t\n\r\"'`*_“”„«»‘[]{}<>|\\~#•·:=>"
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
    r"|difficult|various|multiple|any|anywhere|unnamed|varies|depends|could be any|guessing|i|it)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_SENTENCE = re.compile(
    r"\b(?:is|are|was|were|be|been|cannot|can't|could|would|should|might|suggests?|appears?|seems?|shows?|indicates?"
    r"|visible|image|photo|picture|information|based|guess\w*|identif\w+|determin\w+|specif\w+|features?|similar"
    r"|feasible|this|these|that|there|it|its|has|have|characteri\w+|clues?|signs?|pinpoint\w*|assum\w+)\b",
    re.IGNORECASE,
)
_APOSTROPHE = re.compile(r"[^\w']*('(?:s[- ]|t )\w)")
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.){2,}$")
_NO_NAME = re.compile(r"[\d:]")
_CAPITAL = r"[^\W\d_a-zß-öø-ÿ][\w'.-]{0,30}"
_PARTICLE = r"de|del|della|di|da|do|dos|das|la|le|el|al|the|of|and|upon|am|an|der|den|on|y|e|-"
_NAME = rf"{_CAPITAL}(?:\s(?:{_CAPITAL}|{_PARTICLE})){{0,5}}"
_CAPITALISED = re.compile(_NAME)
_STATE_NAMES = (
    "alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|florida|hawaii|idaho|illinois|indiana|iowa"
    "|kansas|kentucky|louisiana|maine|maryland|massachusetts|michigan|minnesota|mississippi|missouri|montana|nebraska"
    "|nevada|new hampshire|new jersey|new mexico|north carolina|north dakota|ohio|oklahoma|oregon|pennsylvania"
    "|rhode island|south carolina|south dakota|tennessee|texas|utah|vermont|virginia|west virginia|wisconsin|wyoming"
    "|alberta|british columbia|manitoba|new brunswick|nova scotia|ontario|saskatchewan"
)
_STATE_CODES = (
    "A[LKZRB]|BC|C[AOT]|D[EC]|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOTB]|N[EVHJMYCDBS]|O[HKRN]|PA|QC|RI|S[CDK]|T[NX]|UT"
    "|V[TA]|W[AVIY]|D\\.C\\."
)
_STATE = re.compile(rf"{_STATE_NAMES}", re.IGNORECASE)
_STATE_OR_CODE = re.compile(rf"{_STATE_NAMES}|new york|washington|qu[eé]bec|(?-i:{_STATE_CODES})", re.IGNORECASE)
_FEDERAL = re.compile(r"(?:the )?(?:USA?|U\.S\.(?:A\.)?|United States(?: of America)?|Canada)", re.IGNORECASE)
_OTHERS = re.compile(
    r"\b(?:or|either|like|such as|including|similar|not|outside|unlike|capital|e\.g)\b|'t\b", re.IGNORECASE
)


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


def is_placeholder(value: str) -> bool:
    """Whether a value was copied from a prompt's example instead of being an answer.

    >>> is_placeholder("[country name]"), is_placeholder("Mexico City")
    (True, False)
    """
    return _PLACEHOLDER.fullmatch(value[:LONGEST_NAME].strip(_DECORATION)) is not None


def says_unknown(value: str) -> bool:
    """Whether a value says outright that there is none: empty, null, "unknown", "n/a", "cannot be determined".

    >>> says_unknown("**Unknown**"), says_unknown(""), says_unknown("Paris")
    (True, True, False)
    """
    bare = value[:400].strip(_DECORATION)
    return not bare or _UNKNOWN.fullmatch(bare) is not None


def name(value: str) -> str | None:
    """The place name in a stated value: without Markdown, brackets, hedges, remarks and end punctuation.

    None where the value names no place: empty, a placeholder, "unknown" and its like, or a sentence about not knowing.

    >>> name("**[Paris]**."), name("most likely Lyon (based on the tram)"), name("Ho Chi Minh City (Saigon)")
    ('Paris', 'Lyon', 'Ho Chi Minh City (Saigon)')
    >>> name("[city name]"), name("Unknown (somewhere in Europe)"), name("could be any city with such houses")
    (None, None, None)
    """
    bare = " ".join(value[:400].replace("**", "").split()).strip(_DECORATION).rstrip(",;" + _DECORATION)
    bare = _COMMENT.sub("", bare).strip(_DECORATION)
    if apostrophe := _APOSTROPHE.match(value):
        bare = apostrophe[1][:-1] + bare[2:].lstrip("- ")
    while remark := _REMARK.search(bare):
        words = remark[1].split()
        if len(words) <= 3 and not _IDLE_REMARK.search(remark[1]) and bare.endswith(")"):
            break
        bare = bare[: remark.start()].strip(_DECORATION)
    while hedge := _HEDGE.match(bare):
        bare = bare[hedge.end() :].strip(_DECORATION)
    bare = bare.rstrip(",;:!?…" + _DECORATION)
    if bare.endswith(".") and not _INITIALS.search(bare):
        bare = bare.rstrip(". ").rstrip(_DECORATION)
    if len(bare) > LONGEST_NAME or is_placeholder(bare) or _UNKNOWN.fullmatch(bare):
        return None
    if not any(sign.isalpha() for sign in bare) or (len(bare.split()) > 3 and _SENTENCE.search(bare)):
        return None
    return bare


def place(value: str, country_first: bool = False, *, capitals: bool = False) -> Names:
    """The names in "Paris, France", "Austin, Texas, USA" or "France": city, then admin, then country.

    States of the USA and provinces of Canada are an admin also where they stand alone beside a city or their country
    ("Austin, TX", "Texas, USA"; but not "Georgia", a country itself). A single name is taken as a country, the coarsest
    claim; more than four parts, or a part that reads like a sentence, are no place. With `capitals` every part must
    look like a name, so that "a quiet suburb, Europe" is none.

    >>> place("Austin, Texas, USA")
    Names(country='USA', city='Austin', admin='Texas')
    """
    if "\n" in value.strip() and "," not in value:
        return Names()
    bare = _COMMENT.sub("", " ".join(value[:300].split()).strip(_DECORATION)).strip(_DECORATION)
    if _NO_NAME.search(bare) or _SENTENCE.search(bare) or _OTHERS.search(bare):
        return Names()
    stated = bare.split(",")
    parts = [part for part in map(name, stated) if part and len(part.split()) <= 6]
    if len(parts) < len(stated) or len(parts) > 4:
        return Names()
    if capitals and (len(parts) == 1 or not all(_CAPITALISED.fullmatch(part) for part in parts)):
        return Names()
    if country_first:
        parts.reverse()
    if len(parts) == 1:
        return Names(country=parts[0])
    if len(parts) == 2 and _STATE_OR_CODE.fullmatch(parts[1]):
        return Names(city=parts[0], admin=parts[1])
    if len(parts) == 2 and _STATE.fullmatch(parts[0]) and _FEDERAL.fullmatch(parts[1]):
        return Names(country=parts[1], admin=parts[0])
    return Names(country=parts[-1], city=parts[0], admin=parts[-2] if len(parts) > 2 else None)


def address(value: str) -> Names:
    """The names at the end of a postal address; house numbers and postal codes are left out.

    >>> address("10 Rue de Rivoli, 75004 Paris, France")
    Names(country='France', city='Paris', admin=None)
    >>> address("600 Congress Ave, Austin, TX 78701, USA")
    Names(country='USA', city='Austin', admin='TX')
    """
    parts = [part.strip(_DECORATION) for part in " ".join(value[:300].split()).split(",")]
    if len(parts) <= 2:
        return place(value)
    country, before = name(parts[-1]), parts[-2]
    without_code = re.sub(r"(?:^|\s)[\w-]*\d[\w-]*(?=\s|$)", " ", before)
    coded_in_front = bool(re.match(r"[\w-]*\d", before))
    if len(parts) == 3 or coded_in_front:
        return Names(country=country, city=name(without_code))
    return Names(country=country, city=name(parts[-3]), admin=name(without_code))
