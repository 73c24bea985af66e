"""Latitudes and longitudes as models write them: decimal, degree-minute-second, with signs, letters or words.

An angle is a number with what qualifies it ("48°51′24″ N", "-33.9", "2.35 degrees east"); a pair is two angles. Nothing
is guessed: the order is latitude, longitude unless letters or words name the axes, a value out of range is no
coordinate, and a sign that contradicts its letter ("-33.9 N") is no coordinate either. A minus beside S or W
("-122.4° W") says the same thing twice and is read as negative.

As other languages and map links spell them ("北纬35°"), they are first written as these are. "O" is west in French,
Spanish, Portuguese and Italian and east in German; where the words around do not say which language it is, the letter
is left, and no number is read with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from globe_eval import lazy_re as re

Pair = tuple[float, float]

_HEMISPHERES = {"n": ("lat", 1), "s": ("lat", -1), "e": ("lon", 1), "w": ("lon", -1)}

_LETTER = r"(?:[NSEWO]|[Nn]orth|[Ss]outh|[Ee]ast|[Ww]est|NORTH|SOUTH|EAST|WEST)(?![^\W\d_])"
_TICK, _TICKS = "['′´`\N{LEFT SINGLE QUOTATION MARK}]", "(?:\"|″|”|“|''|′′|´´)"


def _angle(name: str, number: str) -> str:
    """The pattern of one angle; `name` prefixes its groups, so that two of them fit in one expression."""
    after = rf"(?:\s{{0,2}}(?P<{name}after>{_LETTER}))?"
    # Minutes may stand without their sign where the letter is in front: "E 002° 21.132".
    bare = rf"|(?({name}before)(?![\d.°]|\s?[\d°])|(?!))"
    if name:  # of "N 48.85 E 2.35" the E is the second angle's
        after = rf"(?({name}before)|{after})"
    return rf"""
    (?:(?P<{name}before>{_LETTER})[\s:]{{0,2}})?
    (?P<{name}sign>[-+–]?)\s?
    (?P<{name}degrees>{number})(?!\d)
    (?:\s{{0,2}}(?P<{name}mark>°|[Dd]eg(?:ree)?s?(?![^\W\d_])|d(?=\s?\d)|\s(?=\d{{1,2}}(?:\.\d{{1,25}})?{_TICK}))
      (?:\s{{0,2}}(?P<{name}minutes>\d{{1,2}}(?:\.\d{{1,25}})?)\s{{0,2}}
        (?:{_TICK}|m(?:in(?:ute)?s?)?(?![^\W\d_])|m(?=\s?\d)|(?=\s?[NSEW](?![^\W\d_])){bare})
        (?:\s{{0,2}}(?P<{name}seconds>\d{{1,2}}(?:\.\d{{1,25}})?)\s{{0,2}}(?:{_TICKS}|s(?:ec(?:ond)?s?)?(?![^\W\d_])))?
      )?
    )?
    {after}
    (?:\s{{0,2}}(?P<{name}axis>[Ll]at(?:itude)?|[Ll]on(?:g(?:itude)?)?)(?![^\W\d_]))?
    """


_POINT = r"\d{1,3}(?:\.\d{1,40})?"
_COMMA = r"\d{1,3},\d{1,40}"
_EITHER = r"\d{1,3}(?:[.,]\d{1,40})?"
_HEDGE = (
    r"(?:(?:is|at|be|of|to|approx(?:imately|\.)?|about|around|roughly|near(?:ly)?|estimated|likely|probably|possibly"
    r"|close\ to|circa|ca\.|let's\ say|say|would|could|might|[~≈=])\s{0,3}){0,5}"
)
_RANGE = r"\s{0,2}(?:°\s?[NSEW]?)?\s{0,2}(?:-{1,2}|–|—|~|to|and|or|through|until)\s{0,2}[-+(]?\d"
_FOREIGN = re.compile(
    rf"""[\w%‰$€£]|[.,:/]\d|\.\s{{1,2}}[a-z]|{_RANGE}
    |\s?(?:km|k?m²?|mi|miles?|met(?:er|re)s?|kilomet\w+|feet|ft|years?|percent|million|hours?|minutes?|%|°\s?[CF])\b""",
    re.VERBOSE,
)
_ONE = re.compile(_angle("", _EITHER), re.VERBOSE)
_LEAD = re.compile(rf"[\s\"'`*_([{{$]{{0,6}}{_HEDGE}[\s\"'`*_([{{$]{{0,6}}", re.IGNORECASE)
_REMARK = re.compile(r"[\s\"'`*_)\]}$.,;!]*(?:\([^()]*\)[\s.,;]*)?")

_BETWEEN = (
    r"(?P<joint>(?<=[NS])\+|[*`]{0,3}\s{0,3}[,;/|、]\s{0,3}[*`]{0,3}(?:and\s)?|\s{1,3}(?:and|by)\s{1,3}|\s{1,3})"
    r"(?:[~≈]\s?)?"
)
_PAIR = re.compile(_angle("a_", _POINT) + _BETWEEN + _angle("b_", _POINT), re.VERBOSE)
_COMMA_PAIR = re.compile(_angle("a_", _COMMA) + _BETWEEN + _angle("b_", _COMMA), re.VERBOSE)
_PROSE_PAIR = re.compile(r"(?<![\w.\-–—$€£#%])(?<!\d[:/,])" + _PAIR.pattern, re.VERBOSE)
_WRAPPING = " \t\n\r`*_()[]{}$.;!"
_ANNOUNCED = re.compile(
    r"(?:coordinates?|\bgps|\blat(?:itude)?(?:\W{1,5}| and )lon|\bgeo:|[@=])[^\d\n]{0,60}$", re.IGNORECASE
)
_CONCLUDED = re.compile(
    r"\b(?:located|positioned|pinpoint\w*|taken|captured|photographed|final(?:\ answer)?|answer|guess|estimate"
    r"|prediction|approx(?:imately)?\.?"
    r"|(?:location|position|place|point|spot|photo(?:graph)?|picture|image)(?:\ (?:is|was|would|must|at)\b|\s?[:≈~=→]))"
    r"[^\w\n.,;]{0,4}(?:(?:is|at|be|in|of|to|about|around|near|roughly|approximately|most|likely|probably|position|point"
    r"|location|place|the|my|would|[:≈~=→*(`]+)[^\w\n.,;]{1,4}){0,6}[-+(\[]{0,2}$",
    re.IGNORECASE,
)
_TEMPERATURE = re.compile(r"\s?[CFK]\b")
_LONGITUDE_FIRST = re.compile(r"\W{0,4}\(lon(?:g(?:itude)?)?\s?[,/]\s?lat(?:itude)?\)", re.IGNORECASE)
_RANGE_BEFORE = re.compile(r"[\d°NSEW]\s{0,2}(?:to|and|or|through|-|–|—|~)\s{0,2}$")
_NUMBERED = re.compile(r"^\W{0,4}\d{1,2}[.)]\s{0,2}$")
_LIST_BEFORE = re.compile(r"\d\s{0,2}[,;/]\s{0,2}$")
_SHARE = re.compile(r"(?<=\d)(?:\s{0,3}[,;|]\s{0,3}|\s{1,3}\(?)(?:0?\.\d{1,9}|1\.0{1,9}|\d{1,3}(?:\.\d{1,9})?\s?%)\)?$")
"""A confidence behind a pair that is all of a text."""
_LIST_AFTER = re.compile(r"\s{0,2}[,;/]\s{0,2}[-+]?\d")
_CUT = re.compile(r"\.[\s}\"']*$")
_MANY = 64


@dataclass(frozen=True, slots=True)
class Angle:
    """A number in degrees, the axis that its letter or word names ("lat", "lon" or None), and its decimal places."""

    degrees: float
    axis: str | None
    decimals: int


def _decode(match: re.Match[str], name: str = "") -> Angle | None:
    """The angle of a match, or None where its parts contradict each other or go beyond 60 minutes or seconds."""
    number, minutes, seconds = (match[name + part] for part in ("degrees", "minutes", "seconds"))
    number = number.replace(",", ".")
    value = float(number)
    if minutes is not None:
        arc_minutes, arc_seconds = float(minutes), float(seconds or 0)
        if "." in number or arc_minutes >= 60 or arc_seconds > 60:  # 11′60″ is what rounding writes
            return None
        value += arc_minutes / 60 + arc_seconds / 3600
    axes, signs = set(), set()
    for letter in (match[name + "before"], match[name + "after"]):
        if letter:
            if letter == "O":  # west or east: the language did not decide
                return None
            axis, sign = _HEMISPHERES[letter[0].lower()]
            axes.add(axis)
            signs.add(sign)
    if word := match[name + "axis"]:
        axes.add(word[:3].lower())
    if written := match[name + "sign"]:
        signs.add(1 if written == "+" else -1)
    if len(axes) > 1 or len(signs) > 1:
        return None
    decimals = len(number.partition(".")[2]) if minutes is None else 9
    return Angle(-value if signs == {-1} else value, next(iter(axes), None), decimals)


def angle(text: str, axis: str, *, whole: bool = False) -> float | None:
    """The latitude (`axis` "lat") or longitude ("lon") in degrees that a stated value begins with, or None.

    A range, a percentage, a distance or a value of the other axis is none. With `whole` nothing but a remark in
    parentheses may follow: so a value of JSON is read.

    >>> angle("48°51′24″ N", "lat"), angle("about -33.9", "lat"), angle("122.4194° W (San Francisco)", "lon")
    (48.85666666666667, -33.9, -122.4194)
    >>> angle("between 25° and 35°", "lat"), angle("25° to 35°", "lat"), angle("91", "lat"), angle("-33.9 N", "lat")
    (None, None, None, None)
    """
    lead = _LEAD.match(text)
    match = _ONE.match(text, lead.end() if lead else 0)
    if match is None or _FOREIGN.match(text, match.end()):
        return None
    if whole and _REMARK.fullmatch(text, match.end()) is None:
        return None
    read = _decode(match)
    if read is None or read.axis not in (None, axis):
        return None
    return read.degrees if in_range(read.degrees, axis) else None


def in_range(degrees: float, axis: str) -> bool:
    """Whether a latitude lies within 90 degrees of the equator, or a longitude within 180 of Greenwich."""
    return abs(degrees) <= (90 if axis == "lat" else 180)


def _ordered(match: re.Match[str]) -> Pair | None:
    first, second = _decode(match, "a_"), _decode(match, "b_")
    if first is None or second is None:
        return None
    if first.axis == "lon" or second.axis == "lat" or _LONGITUDE_FIRST.match(match.string, match.end()):
        first, second = second, first
    if first.axis == "lon" or second.axis == "lat":
        return None
    if in_range(first.degrees, "lat") and in_range(second.degrees, "lon"):
        return first.degrees, second.degrees
    return None


def pair(text: str) -> Pair | None:
    """The pair that is all of a text: where an answer is expected, integers and decimal commas are taken, too.

    A third number that is a share is a confidence.

    >>> pair("(48, 2)"), pair("48,8566; 2,3522"), pair("2.35° E, 48.85° N"), pair("[48.85, 2.35, 0.9]")
    ((48.0, 2.0), (48.8566, 2.3522), (48.85, 2.35), (48.85, 2.35))
    >>> pair("95.0, 2.0") is None, pair("48.85") is None, pair("1, 2, 3") is None
    (True, True, True)
    """
    bare = text.strip(_WRAPPING)
    while len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'":
        bare = bare[1:-1].strip(_WRAPPING)
    if len(bare) > 200:
        return None
    lead = _LEAD.match(bare)
    start = lead.end() if lead else 0
    match = _PAIR.fullmatch(bare, start) or _COMMA_PAIR.fullmatch(bare, start)
    if match is None and (share := _SHARE.search(bare)):
        match = _PAIR.fullmatch(bare, start, share.start())
    return _ordered(match) if match else None


def leading_pair(text: str, *, longitude_first: bool = False) -> Pair | None:
    """The pair that the value of a label such as "Coordinates:" begins with; `longitude_first` as the label says.

    >>> leading_pair("48.85, 2.35 (central Paris)")
    (48.85, 2.35)
    """
    lead = _LEAD.match(text)
    start = lead.end() if lead else 0
    match = _COMMA_PAIR.match(text, start) or _PAIR.match(text, start)
    if match is None or _FOREIGN.match(text, match.end()):
        return None
    if longitude_first:
        first, second = _decode(match, "a_"), _decode(match, "b_")
        if first is None or second is None or first.axis == "lat" or second.axis == "lon":
            return None
        found = second.degrees, first.degrees
        return found if in_range(found[0], "lat") and in_range(found[1], "lon") else None
    return _ordered(match)


@dataclass(frozen=True, slots=True)
class Stated:
    """A pair in running text, and from where to where it stands."""

    pair: Pair
    start: int
    end: int


def stated_pairs(text: str, *, strict: bool = True) -> list[Stated]:
    """The pairs that running text states beyond doubt, in its order; of very many the first and the last.

    Beyond doubt: letters or words name both axes; or the word "coordinates" (GPS, lat/lon, a map's address) stands
    before it on the line and one number at least has decimals; or the pair is alone on its line with decimals, or
    stands after "located at", "final answer:" and the like, or both numbers are marked as degrees; or both numbers have
    three decimals or more. Ranges, longer lists of numbers and a number cut at its decimal point are none.
    Where an answer is expected, not `strict`, decimals are enough.

    >>> stated_pairs("It stands at 27.4704° S, 153.0211° E, I think.")
    [Stated(pair=(-27.4704, 153.0211), start=13, end=36)]
    >>> stated_pairs("rated 4.5, 3.2 and built in 1889, 1900"), stated_pairs("45.5236, -73.")
    ([], [])
    """
    found: list[Stated] = []
    for match in _PROSE_PAIR.finditer(text):
        if _credible(text, match, strict) and (position := _ordered(match)):
            if len(found) == _MANY:
                del found[_MANY // 2]
            found.append(Stated(position, match.start(), match.end()))
    return found


def _credible(text: str, match: re.Match[str], strict: bool) -> bool:
    start, end = match.span()
    before = text[max(start - 80, 0) : start]
    tail = _FOREIGN.match(text, end)
    if _RANGE_BEFORE.search(before) or (tail and tail[0][0] != ","):
        return False
    first, second = _decode(match, "a_"), _decode(match, "b_")
    if first is None or second is None or (_CUT.match(text, end) and first.decimals > 0 == second.decimals):
        return False
    if first.axis and second.axis:
        return True
    joined = not match["joint"].isspace()
    decimals = min(first.decimals, second.decimals)
    if joined and _ANNOUNCED.search(before) and max(first.decimals, second.decimals) > 0:
        return True
    if _LIST_BEFORE.search(before) or _LIST_AFTER.match(text, end):
        return False
    if joined and (decimals >= 3 or (decimals > 0 and not strict)):
        return True
    marked = match["a_mark"] and match["b_mark"] and not _TEMPERATURE.match(text, end)
    if joined and decimals > ("/" in match["joint"]) and (marked or _CONCLUDED.search(before)):
        return True
    line = _NUMBERED.sub("", text[text.rfind("\n", 0, start) + 1 : start]) + text[end : end + 40].partition("\n")[0]
    return joined and decimals > 0 and not line.strip(_WRAPPING + "\"'-•>")


_EAST = re.compile(
    r"koordinaten|grad\b|ost\b|nord\s|\b(?:und|ist|die|der|das|länge|breite|ungefähr|etwa)\b", re.IGNORECASE
)
_WEST = re.compile(
    r"coordonn|coordenad|coordinate\b|latitud|longitud|ouest|oeste|ovest"
    r"|\b(?:et|est|le|la|el|los|il|y|de|du|del|di|dos|em|en)\b",
    re.IGNORECASE,
)
_ANGLE = r"(?:(?<=[\d°″′])|(?<=\d[\"”'’])|(?<=\d''))"
"""What an angle ends with: an apostrophe or a quotation mark only behind a digit, not that of "Gare de l'Est"."""
_O = re.compile(rf"{_ANGLE}(\s?)O(?![\w'’])")
_CHINESE = {
    word: f"{letter} "
    for letter, words in {
        "N": "北纬 北緯 북위", "S": "南纬 南緯 남위", "E": "东经 東经 東経 東經 동경", "W": "西经 西経 西經 서경",
    }.items()
    for word in words.split()
}  # fmt: skip
_DEGREES = (("°", "度도"), ("′", "分분"), ("″", "秒초"))
_BEFORE = re.compile("(" + "|".join(_CHINESE) + r")\s?(?:约|約|约为)?\s?(?=\d)")
_WORDS = (
    (r"(?:северной|с\.?\s?)(?:\s?широты|ш)(?!\w)\.?|norte|nord|kuzey|utara|szer\. geogr\. pn\.|شمال[\w\u064b]*", " N"),
    (r"(?:южной|ю\.?\s?)(?:\s?широты|ш)(?!\w)\.?|sur|sul|sud|süd|güney|zuid|جنوب[\w\u064b]*", " S"),
    (r"(?:восточной|в\.?\s?)(?:\s?долготы|д)(?!\w)\.?|este|leste|est|ost|doğu|oost|شرق[\w\u064b]*", " E"),
    (r"(?:западной|з\.?\s?)(?:\s?долготы|д)(?!\w)\.?|ouest|oeste|ovest|batı|غرب[\w\u064b]*", " W"),
)
_AFTER = [(re.compile(rf"{_ANGLE}\s?(?:de\s)?(?:{words})(?!\w)", re.IGNORECASE), letter) for words, letter in _WORDS]
_NOT_ENGLISH = re.compile(
    r"(?:[°″′]|\d[\"”'’]{0,2})\s?(?:de\s)?(?:O(?!\w)|nor[dt]e?\b(?!h)|s[uü][rdl]\b|l?este?\b|o(?:u?est|este|vest|ost|st)\b|zuid|kuzey|güney|doğu|batı|utara"
    r"|[сюзв]\.?\s?[шд]|[сюзв]\w+ой\s|szer|شمال|جنوب|شرق|غرب)",
    re.IGNORECASE,
)
_LINK = re.compile(r"https?://[^\s<>()\[\]\"']{1,400}")
_IN_LINK = re.compile(
    r"#map=\d{1,2}(?:\.\d+)?/(?=-?\d)|(?<=[?&])(?:query|q|ll|sll|daddr|saddr|destination|center|cbll|viewpoint|loc)=(?:loc:)?(?=-?\d)"
)
_NUMBER = r"(-?\d{1,3}(?:\.\d{1,20})?)"
_PINS = (
    (
        re.compile(rf"https?://[^/?]*\b(?:yandex|2gis|amap)\..*[?&](?:ll|pt|m|position)={_NUMBER},{_NUMBER}.*"),
        r"@\2,\1",
    ),
    (re.compile(rf"https?://.*!3d{_NUMBER}!4d{_NUMBER}.*"), r"@\1,\2"),
    (re.compile(rf"(?<=[?&])cp={_NUMBER}~{_NUMBER}"), r"@\1,\2"),
)
"""Links with the longitude first, with the place beside what the map shows, or with a sign of their own between."""

_GEO_POINT = re.compile(
    r"\bPOINT\s?(?:Z\s?)?\(\s{0,4}(-?\d{1,3}(?:\.\d{1,20})?)\s{1,4}(-?\d{1,2}(?:\.\d{1,20})?)"
    r"(?:\s[-\d.]{1,20})?\s{0,4}\)"
)
_ISO_6709 = re.compile(
    r"([+-](?<![\w.+-].)\d{2}\.\d{1,20})([+-]\d{3}\.\d{1,20})(?:[+-]\d{1,5}(?:\.\d{1,9})?)?(?:CRS\w{1,20})?(?:/|(?![\w.]))"
)


def coordinates_spelled(text: str) -> str:
    """The text with hemispheres of other languages as letters and positions in links, WKT and ISO 6709 marked by "@".

    >>> coordinates_spelled("北纬35.01°，东经135.76°"), coordinates_spelled("Coordonnées : 48.39° N, 4.49° O")
    ('N 35.01°，E 135.76°', 'Coordonnées : 48.39° N, 4.49° W')
    >>> coordinates_spelled("동경 139도 44분 43초")
    'E 139° 44′ 43″'
    >>> coordinates_spelled("https://maps.example.com/?api=1&query=48.85%2C2.29")
    'https://maps.example.com/?api=1&@48.85,2.29'
    >>> coordinates_spelled("POINT(2.29 48.85)"), coordinates_spelled("+48.8577-002.295+35/")
    ('@48.85,2.29', '@+48.8577,-002.295')
    """
    if not text.isascii():
        spelled = _BEFORE.sub(lambda match: _CHINESE[match[1]], text)
        if spelled != text:
            for sign, units in _DEGREES:
                spelled = re.sub(rf"(?<=\d)\s?[{units}]", sign, spelled)
        text = spelled
    if _NOT_ENGLISH.search(text):
        for words, letter in _AFTER:
            text = words.sub(letter, text)
        if _O.search(text):
            west, east = _WEST.search(text), _EAST.search(text)
            if bool(west) != bool(east):
                text = _O.sub(r"\1W" if west else r"\1E", text)
    if "://" in text:
        text = _LINK.sub(_link, text)
    if "POINT" in text:  # well-known text has the longitude first
        text = _GEO_POINT.sub(r"@\2,\1", text)
    return _ISO_6709.sub(r"@\1,\2", text)


def _link(match: re.Match[str]) -> str:
    """A link with its position marked."""
    link = unquote(match[0]) if "%" in match[0] else match[0]
    for pin, position in _PINS:
        link = pin.sub(position, link)
    return _IN_LINK.sub("@", link)
