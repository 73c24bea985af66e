"""Names as people and models write them: one spelling for each, and what is no name at all.

`normalise` is the only spelling rule of the gazetteer: the build script and the resolver both call it, so a name
is found exactly if its normalised form was packed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice

from globe_eval import lazy_re as re
from globe_eval.places import gazetteer
from globe_eval.places.words import is_continent, is_unknown, variants, without_lead

MAX_LENGTH = 200
"""Characters of a name that are read; a longer text is no name, and reading it all would cost time for nothing."""

_LETTERS = {
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ə": "e",
    "臺": "台", "灣": "湾", "&": " and ",
}  # fmt: skip
_APOSTROPHES = "'’‘ʼʻ`´′ʹʾʿ"
_WORDS = {"st": "saint", "ste": "sainte", "sta": "santa", "sto": "santo", "mt": "mount", "ft": "fort"}
_SHORT = frozenset(_WORDS)


class _CharacterTable(dict[int, str | int | None]):
    """What each character becomes; filled on demand, because Unicode is too large to list at import."""

    def __missing__(self, code: int) -> str | int | None:
        char = chr(code)
        kind = unicodedata.category(char)
        result: str | int | None = code
        if char in _LETTERS:
            result = _LETTERS[char]
        elif char in _APOSTROPHES or 0x300 <= code <= 0x36F or kind == "Cf":
            result = None  # marks of Latin, Greek and Cyrillic only: those of Indic and Thai scripts are vowels
        elif kind[0] in "PSZC":
            result = " "
        self[code] = result
        return result


_TABLE = _CharacterTable()


@lru_cache(maxsize=8192)
def normalise(text: str) -> str:
    """The spelling under which a name is looked up: lower case, no accents, no punctuation, single spaces.

    Linear in the length; never raises. Marks of non-Latin scripts stay, since they are letters there.

    >>> normalise("**St. Gallen**"), normalise("Xi'an"), normalise("Washington, D.C."), normalise("İSTANBUL")
    ('saint gallen', 'xian', 'washington dc', 'istanbul')
    >>> normalise("臺北"), normalise("Bosnia & Herzegovina"), normalise("Łódź"), normalise("กรุงเทพ") == "กรุงเทพ"
    ('台北', 'bosnia and herzegovina', 'lodz', True)
    """
    if text.isascii():
        text = text.lower().translate(_TABLE)
    else:
        text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
        text = unicodedata.normalize("NFC", text.translate(_TABLE))
    words = text.split()
    if len(words) > 1 and not _SHORT.isdisjoint(words):
        words = [_WORDS.get(word, word) for word in words]
    if len(words) > 1 and min(map(len, words)) == 1:
        words = _join_initials(words)
    return " ".join(words)


def code_key(code: str) -> str:
    """The key of a code of two or three letters: no name has it, so that "ST" and "Saint" are different things."""
    return f"={code.lower()}"


def _join_initials(words: list[str]) -> list[str]:
    """`["u", "s", "a"]` -> `["usa"]`; a single letter by itself stays, as in "A Coruña"."""
    joined: list[str] = []
    run = ""
    for word in [*words, ""]:
        if len(word) == 1 and word.isascii() and word.isalpha():
            run += word
            continue
        if run:
            joined.append(run)
            run = ""
        joined.append(word)
    return joined[:-1]


def named(texts: Iterable[str]) -> list[str]:
    """The keys of the texts that name something, each once; of "unknown village in Tuscany" the end.

    A continent names no place (the Pacific Northwest is none); what is written as a code does, "OR" for Oregon.

    >>> named(["unknown", "Lyon", "somewhere in Patagonia", "rural area", "Southeast Asia", "OR", "N/A"])
    ['lyon', 'patagonia', 'or']
    """
    found: dict[str, None] = {}
    for text in texts:
        key = normalise(text)
        if len(text) != 2 or not text.isupper() or key == "na":
            key = _within(key)
            if is_unknown(key) or (is_continent(key) and "pacific" not in key and not gazetteer.country(key)):
                continue
        found[key] = None
    return list(found)


def _within(key: str) -> str:
    if not is_unknown(key):
        return key
    rest = _WITHIN.split(key)[-1]
    first, _, after = rest.partition(" ")
    return after if first in _UNNAMED and after else rest


_WITHIN = re.compile(r" (?:in|near|of|outside|around|within) ")
_LIKE = re.compile(r" (?:in|near|of|like|such as|within) ")
_UNNAMED = frozenset(["unknown", "unspecified", "unnamed", "unidentified", "undisclosed"])

_ALTERNATIVES = re.compile(r"\s+and/or\s+|[,;]?\s+or\s+|\s*/\s*|\s+vs\.?\s+", re.IGNORECASE)
_AND = re.compile(r"[,;]?\s+(?:and|&)\s+|\s*[&+]\s*", re.IGNORECASE)
_BRACKETS = re.compile(r"[(\[（【]([^()\[\]（）【】]*)[)\]）】]")
_SEPARATORS = re.compile(r"[,;|、，؛،·\n]|\s[-–—]\s|:\s|[()\[\]（）【】]")
_CODE_LAST = re.compile(r"(?:(.*\S)\s+)?([A-Z]{2,3})(?:\s+([A-Z]?\d[\dA-Z -]*))?")
"""The end of an address: "Austin TX 78701"."""
_COARSE_FIRST = re.compile("(.{2,}?[省道市縣县州府県都区區])(.+?[市区縣县區町村鎮镇])(.*)")
"""Divisions without spaces: "云南省大理市"."""


def alternatives(text: str) -> list[str]:
    """`"Austria or Germany"` -> `["Austria", "Germany"]`: the first one that can be resolved wins.

    >>> alternatives("Istanbul/Ankara"), alternatives("Oregon"), alternatives("Lyon, Nice, or Paris")
    (['Istanbul', 'Ankara'], ['Oregon'], ['Lyon', 'Nice', 'Paris'])
    """
    if "/" not in text and " or " not in text.lower() and " vs" not in text:
        return [text]
    listed = re.search(r",\s+or\s", text, re.IGNORECASE)
    pieces = [part for piece in _ALTERNATIVES.split(text) for part in (piece.split(",") if listed else [piece])]
    return [part.strip() for part in pieces if part.strip()] or [text]


def parts(text: str) -> list[str]:
    """The comma, dash or bracket separated parts of an address, as written, finest first; brackets come last.

    A code at its end is a part too, and so is each division of one written without spaces.

    >>> parts("Hollywood (Los Angeles), CA"), parts("Austin TX 78701"), parts("云南省大理市")
    (['Hollywood', 'CA', 'Los Angeles'], ['Austin', 'TX', '78701'], ['大理市', '云南省'])
    """
    pieces = [text.strip()]
    if _SEPARATORS.search(text):
        inside = _BRACKETS.findall(text)
        outside = _BRACKETS.sub(",", text) if inside else text
        pieces = [part.strip() for piece in (outside, *inside) for part in _SEPARATORS.split(piece) if part]
    return [part for piece in pieces if piece for part in ([piece] if piece[-1].islower() else _at_ends(piece))]


def _at_ends(piece: str) -> list[str]:
    if nested := _COARSE_FIRST.fullmatch(piece):
        return [*filter(None, (nested[3], *_at_ends(nested[2]))), nested[1]]
    found = _CODE_LAST.fullmatch(piece)
    key = found[2].lower() if found else ""
    if not found or (found[1] or "").isupper() or not (gazetteer.country(key) or gazetteer.load().code(key)):
        return [piece]
    return [part for part in found.groups() if part]


_SOVIET = ("UA", "BY", "KZ", "UZ", "GE", "AM", "AZ", "LT", "LV", "EE", "MD", "KG", "TJ", "TM")
NAMESAKES: dict[str, tuple[str, ...]] = {
    "congo": ("CD",),
    "czechoslovakia": ("SK",),
    "guinea": ("GW", "GQ", "PG"),
    "korea": ("KP",),
    "saint martin": ("SX",),
    "ireland": ("GB",),
    "samoa": ("AS",),
    "sint maarten": ("MF",),
    "soviet union": _SOVIET,
    "sudan": ("SS",),
    "ussr": _SOVIET,
    "virgin islands": ("VG",),
    "yugoslavia": ("HR", "BA", "SI", "MK", "ME", "XK"),
}
"""Normalised name -> who else bears or bore it, besides the country that it means first."""


def namesakes(country: str) -> tuple[str, ...]:
    """The codes of the other countries that a country's name may mean.

    >>> namesakes("Congo"), namesakes("Republic of the Congo")
    (('CD',), ())
    """
    return NAMESAKES.get(normalise(country[:MAX_LENGTH]), ())


@lru_cache(maxsize=16384)
def country_of(text: str) -> tuple[str | None, str | None]:
    """ISO code of the country that a text names, and what else it says: `"Texas, USA"` -> `("US", "Texas")`.

    A first-level region counts as its country ("England", "Hawaii"). Policy: of "X or Y" and "X and Y" the first that
    is known; of "X, Y" the last country, unless X is one of its territories ("Hong Kong, China"); continents are no
    countries.
    """
    return next(iter(countries_of(text)), (None, None))


@lru_cache(maxsize=16384)
def countries_of(text: str) -> tuple[tuple[str, str | None], ...]:
    """The countries of which a text says that it may be one, in its order, each with what else it says of that one.

    >>> [code for code, _ in countries_of("Spain, Italy, or Greece")], countries_of("Trinidad and Tobago")
    (['ES', 'IT', 'GR'], (('TT', None),))
    """
    text = text[:MAX_LENGTH]
    code, rest = _whole_country(text)
    if code:
        return ((code, rest),)
    options = _ALTERNATIVES.split(text)
    if len(options) == 1 and not _one_country(text)[0]:
        options = _AND.split(text)
    found: list[tuple[str | None, str | None]] = []
    for option in options:
        listed = [_whole_country(piece) for piece in parts(option)]
        if len(listed) > (1 if len(options) > 1 else 2) and all(one and not more for one, more in listed):
            found += listed  # "Spain, Italy or Greece"
        else:
            found.append(_one_country(option))
    return tuple(dict.fromkeys((one, more) for one, more in found if one))


def _one_country(text: str) -> tuple[str | None, str | None]:
    code, rest = _whole_country(text)
    pieces = parts(text)
    if code or len(pieces) < 2:
        return code, rest
    found = [(piece, code) for piece in pieces if (code := _whole_country(piece)[0])]
    countries = [item for item in found if not _whole_country(item[0])[1]]
    if not found:
        return None, None
    if not countries:
        return found[0][1], text
    piece, code = countries[0] if _BRACKETS.search(text) else countries[-1]
    piece, code = next((item for item in countries if item[1] in gazetteer.TERRITORIES.get(code, ())), (piece, code))
    return code, ", ".join(other for other in pieces if other != piece) or None


@lru_cache(maxsize=4096)
def _whole_country(text: str) -> tuple[str, str | None] | tuple[None, None]:
    """The country that the whole text names; of a region its country, and the region."""
    key = normalise(text)
    if code := gazetteer.country(key):
        return code, None
    if is_continent(key):
        return None, None
    if is_unknown(key):
        code = gazetteer.country(_LIKE.split(key)[-1]) if " " in key else None
        return (code, None) if code else (None, None)
    if row := gazetteer.region_of(key):
        return gazetteer.load().codes[gazetteer.load().country[row]], text
    for form, _ in islice(variants(key), 4):
        if not is_continent(form) and (code := gazetteer.country(form)):
            return code, None
    for bare in () if _ALTERNATIVES.search(text) else (without_lead(key), _LIKE.split(key)[-1]):
        if bare != key and not is_continent(bare) and (code := gazetteer.country(bare)):
            return code, None
    return None, None


def country_code(text: str | None) -> str | None:
    """ISO 3166-1 alpha-2 code of a country name in any language of CLDR, an alias or a code; None if it is none.

    >>> [country_code(name) for name in ("Türkiye", "Côte d'Ivoire", "대한민국", "U.K.", "Kosovo", "England", "Europe")]
    ['TR', 'CI', 'KR', 'GB', 'XK', 'GB', None]
    >>> [country_code(text) for text in ("Spain and Portugal", "a country like Thailand", "South of France")]
    ['ES', 'TH', 'FR']
    """
    return country_of(text)[0] if text else None
