"""Fields with a key: a label before a value, a column of a table; `objects` has those of JSON.

All end in rows, a dict from one of the keys below to the text of its value. A row becomes a `Found`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress, islice

from globe_eval import lazy_re as re
from globe_eval.answers import coordinates
from globe_eval.answers.arranging import address, place
from globe_eval.answers.conclusions import concluded
from globe_eval.answers.confidence import share, yes_no
from globe_eval.answers.lexicon import LABELS
from globe_eval.answers.names import Names, is_placeholder, name, says_unknown, without_remarks
from globe_eval.answers.toponyms import is_country, is_name, is_ordinary, is_venue, same_country
from globe_eval.places.names import country_code

POSITION = frozenset({"lat", "lon", "latlon", "lonlat"})
NAMES = frozenset({"country", "city", "admin", "address", "place", "placerev"})
_KINDS = (*POSITION, *NAMES, "confidence", "localizable")
MANY_LABELS = 2_000
MANY = 50
_LONGEST_VALUE = 400
_SENTENCE = 20
"""Characters from which a value can be a sentence that concludes a name."""

_LAT, _LON = r"m?lat(?:itude?)?", r"m?(?:lon(?:g(?:itude?)?)?|lng)"
_KEY = rf"""
    (?:(?P<latlon>(?:gps[ _])?co-?ord(?:inate)?s?(?:[ _]\(?(?:{_LAT}[ ,/]{{1,2}}{_LON}|dd)\)?)?|gps
        |{_LAT}\s?(?:/|,|and|&|_)?\s?{_LON})
    |(?P<lonlat>{_LON}\s?(?:/|,|and|&|_)?\s?{_LAT})
    |(?P<lat>{_LAT})|(?P<lon>{_LON})
    |(?P<place>cit(?:y|ies)\s?(?:/|,|and|&|_)\s?country|location(?:\sor\scoordinates?)?|place
        |(?:final|best)[ ](?:answer|guess)|ans(?:wer)?|guess)
    |(?P<placerev>country\s?(?:/|,|and|&|_)\s?city)
    |(?P<country>country|nation)
    |(?P<city>city|town|village|municipality|locality)
    |(?P<admin>state|province|region|admin(?:istrative(?:[ _](?:area|region|division))?)?(?:[ _]?[12])?|prefecture)
    |(?P<address>address)
    |(?P<confidence>(?:confidence|certainty))|(?P<localizable>locali[sz]able|locatable|locali[sz]ability|locatability))
    (?:[ _](?:name|guess|estimate|prediction|coordinate|value|deg(?:ree)?s?|level|score|rating)){{0,2}}
    """
_BEFORE = (
    "(?:a|an|the|my|our|your|its|predicted|pred|final|best|guess(?:ed)?|most|likely|estimated|probable|possible|specific"
    "|nearest|closest|approximate|approx|exact|actual|overall|gps|geo|decimal|center|location|full|step|so|thus|hence)"
)
_OTHER_KEY = "(?:" + "|".join(f"(?P<{kind}>{words})" for kind, words in LABELS.items()) + ")"
_JSON_KEY = re.compile(rf"(?:{_BEFORE}[ _-]?){{0,4}}{_KEY}", re.IGNORECASE | re.VERBOSE)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Where a word of a key begins: "countryName"."""
_OTHER_JSON_KEY = re.compile(_OTHER_KEY, re.IGNORECASE)
_DRESS = "[ \\t\"'`*_”“’\\\\)\\]]"
_AROUND_KEY = rf"""(?<![^\W_])(?<!</)KEY(?![^\W\d])(?:\s?/\s?[^\W\d_]{{2,20}})?(?:\s?\([^()\n=]{{0,40}}\))?
    {_DRESS}{{0,6}}(?P<separator>:|=>?|→|≈|\||>|[-–—](?=\s))?"""
_BEGINS = (  # a key's first two letters, which are tried much faster than the keys
    "(?-i:(?=[cC][oOiIeE]|[lL][aAoOnN]|[gG][pPuU]|[mM][lLuU]|[pP][lLrR]|[aA][nNdD]|[nN][aA]|[tT][oO]|[sS][tT]|[rR][eE]"
    "|[vV][iI]|[fF][iI]|[bB][eE]))"
)
_LABEL = re.compile(_AROUND_KEY.replace("KEY", _BEGINS + _KEY), re.IGNORECASE | re.VERBOSE)
_OTHER_LABEL = re.compile(_AROUND_KEY.replace("KEY", _OTHER_KEY), re.IGNORECASE | re.VERBOSE)
_LETTERS = re.compile(r"[^\W\d_]+")
_OTHER_WORDS = frozenset(
    word for words in LABELS.values() for label in words.split("|") for word in _LETTERS.findall(label)[:1]
)
"""What labels in other languages begin with: where none of it stands in a text, they need not be looked for."""
_BOUNDARY = re.compile(rf"(?:^|[\n,;{{}}(|.!?:<>\[\"'“*–—])[\W\d_]*(?:{_BEFORE}[\s_]+){{0,4}}[\W_]*$", re.IGNORECASE)
_LINE_START = re.compile(
    rf"(?:^|\n)[\W\d_]*(?:(?:step|part)\s\d\W{{1,4}}|[a-d][.)]\s)?(?:{_BEFORE}[\s_]+){{0,4}}[\W_]*$", re.IGNORECASE
)
_UNSEPARATED = re.compile(
    r"[\s\"'`*_]{0,4}(?:(?:is|of|at|be|to|approximately|about|around|roughly|near)\s){0,3}"
    r"[(~≈]?[-+–NSEW]?\s?\d{1,3}(?:\.\d|\s?°|\s?deg)"
)
_REMARK = re.compile(r"(?:The\s)?((?<=\s)[a-z]+|[A-Z][a-z]*)(?:\s[a-z]+)+")
_CLAUSE = re.compile(r"(?:narrow(?:ed|ing)|torn|choosing|split|between|either)\s(?:\S+\s){2}")
"""How a value begins that tells of a choice: "narrowed from Iceland or the Faroes to the Faroes"."""
_QUOTED = re.compile(r"\"((?:[^\"\\\n]|\\.){0,400})\"|'([^'\n]{0,400})'(?=\s*(?:[,})\]\n]|$))|“([^”\n]{0,400})”")
_BULLETS = re.compile(r"\A\s*(?:[*•>\s]|-(?!\.?\d))*")
"""What stands before a value on a line of its own; a minus before a number is its sign."""
_NEXT_KEY = re.compile(r"[\n{}]|,\s*[\"'`*_]{0,3}[^\W\d][\w ./-]{0,30}[\"'`*_]{0,3}\s*[:=]|</|\s//")


@dataclass(frozen=True, slots=True)
class Found:
    """What one passage states. `settles_…`: it says outright that a name or the position is unknown."""

    start: int
    names: Names = field(default_factory=Names)
    position: coordinates.Pair | None = None
    confidence: float | None = None
    reasoning: str | None = None
    settles_names: bool = False
    settles_position: bool = False
    localizable: bool | None = None

    def __bool__(self) -> bool:
        """Whether a name or a position is there."""
        return bool(self.names) or self.position is not None

    def at(self, start: int) -> Found:
        """The same, said to begin at `start`; `dataclasses.replace` takes five times as long."""
        return Found(
            start,
            self.names,
            self.position,
            self.confidence,
            self.reasoning,
            self.settles_names,
            self.settles_position,
            self.localizable,
        )


def found_of(row: Mapping[str, str], start: int, *, whole: bool = False, strict: bool = False) -> Found:
    """The row's fields. A value copied from the prompt is as if it were not there; `whole` as in `coordinates.angle`.

    `strict` is for labels in prose: "Location: a quiet suburb" and a region without city or country are no answer.
    """
    row = {key: value for key, value in row.items() if not (value and is_placeholder(value))}
    if not row:
        return Found(start)
    position = None
    if "lat" in row and "lon" in row and not _is_cut(row["lat"], row["lon"]):
        lat = coordinates.angle(row["lat"], "lat", whole=whole)
        lon = coordinates.angle(row["lon"], "lon", whole=whole)
        position = (lat, lon) if lat is not None and lon is not None else None
    elif "latlon" in row or "lonlat" in row:
        first = "lonlat" in row
        position = coordinates.leading_pair(row["lonlat" if first else "latlon"], longitude_first=first)
    elif "place" in row:
        position = coordinates.pair(row["place"])
    city = _named(row["city"], "city") if "city" in row else Names()
    country = _named(row["country"], "country").country if "country" in row else None
    admin = _named(row["admin"], "admin").admin if "admin" in row else None
    inside = not (country and city.country) or same_country(country, city.country)
    names = Names(country or city.country, city=city.city, admin=admin or (city.admin if inside else None))
    if not names.city and not names.country:
        for key in ("address", "place", "placerev"):
            if key in row and not names.country:
                value = with_commas(row[key])
                read = address(value) if key == "address" else place(value, key == "placerev", capitals=strict)
                names = replace(
                    read, admin=names.admin or read.admin, venue=read.venue or _remarked(row[key], read.city)
                )
        if strict and not (names.city or names.country):
            names = Names()
    elif "place" in row and not says_unknown(row["place"]):
        finer = place(row["place"], capitals=strict) or (concluded(row["place"]) or (Names(), 0))[0]
        shown = name(row["place"].partition(",")[0])
        names = replace(names, venue=finer.venue or (shown if shown and is_venue(shown) else None))
        if not names.city and finer.city and (not finer.country or same_country(finer.country, names.country)):
            names = replace(names, city=finer.city, admin=names.admin or finer.admin)
    return Found(
        start,
        names,
        position,
        confidence=share(row["confidence"]) if "confidence" in row else None,
        settles_names=any([says_unknown(row[key]) for key in (("country", "city") if strict else NAMES) if key in row]),
        settles_position=any([says_unknown(row[key]) for key in POSITION if key in row]),
        localizable=yes_no(row["localizable"]) if "localizable" in row else None,
    )


_PART = r"[^,:;|→>\n]{2,90}"
_BETWEEN = r"\s?[;|→>]\s?|\s[/–—-]\s"
_PARTED = re.compile(rf"{_PART}?(?:(?:{_BETWEEN}){_PART}?){{1,3}}\s*")


def with_commas(value: str) -> str:
    """A list of names with commas where other signs part them and one end is a country: "France | Paris"."""
    if _PARTED.fullmatch(value) is None:
        return value
    parts = [part.strip(" .*") for part in re.split(_BETWEEN, value)]
    names = not any(part[:1].islower() for part in parts)  # "Japan – at a Shinto shrine"
    return ", ".join(parts) if names and (is_country(parts[0]) or is_country(parts[-1])) else value


def _remarked(value: str, city: str | None) -> str | None:
    """The venue in the remark behind a place: "Victoria, Canada — by the Empress Hotel"."""
    if city is None or len(without_remarks(value)) + _SENTENCE > len(value):
        return None
    conclusion = concluded(value)
    return conclusion[0].venue if conclusion and conclusion[0].city == city else None


def _named(value: str, key: str) -> Names:
    """The name in a label's value, or the names that it concludes where it is a sentence."""
    if (
        (found := name(value))
        and not _is_remark(found)
        and not ((": " in found or _CLAUSE.match(found)) and not is_name(found))
    ):
        return Names(**{key: found})
    conclusion = concluded(value) if len(value) >= _SENTENCE else None
    if conclusion is None:
        return Names()
    names, said = conclusion[0], getattr(conclusion[0], key)
    if said and not is_name(said):
        return Names()
    return names if said or (key == "city" and names.admin and is_name(names.admin)) else Names()


def _is_remark(value: str) -> bool:
    """Whether a value is a common word and more of them: "Too broad", "More specific", not "Galle outskirts"."""
    match = _REMARK.fullmatch(value)
    return match is not None and not (is_name(value) or (is_name(match[1]) and not is_ordinary(match[1])))


def _is_cut(lat: str, lon: str) -> bool:
    """Whether one of two numbers ends at its decimal point and the other does not."""
    return any(
        re.fullmatch(r"\D*\d{1,3}\.", one) and re.search(r"\d[.,]\d", other) for one, other in ((lat, lon), (lon, lat))
    )


def key_of(key: str) -> str | None:
    """The kind of field that a key of JSON or a column of a table names; None where it is another.

    >>> key_of("Predicted city"), key_of("緯度"), key_of("weather")
    ('city', 'lat', None)
    """
    key = _HUMP.sub("_", key[:80])
    match = _JSON_KEY.fullmatch(key) or _OTHER_JSON_KEY.fullmatch(key)
    return _kind(match) if match else None


def _kind(match: re.Match[str]) -> str:
    kinds = _KINDS if len(match.re.groupindex) >= len(_KINDS) else tuple(LABELS)
    return next(compress(kinds, match.group(*kinds)))


def labels(text: str, *, strict: bool = True) -> Found:
    """What the labels of a text state: its last complete position and its last complete set of names.

    The labels are grouped from the end of the text, a group ending where a key comes back: so "country: X" in a thought
    cannot slip into the answer that follows. A group with city and country goes before one with less. `strict` as in
    prose, not so in an answer's tag or in broken JSON.

    >>> labels("**City:** Bari\\n- Country - [Italy]").names
    Names(country='Italy', city='Bari', admin=None, venue=None)
    """
    entries = [*(_table(text) if "|" in text else ()), *_entries(text, _LABEL)]
    keys = {key for key, _, _ in entries}
    if (
        ":" in text
        and keys.isdisjoint(("country", "city"))
        and not _OTHER_WORDS.isdisjoint(_LETTERS.findall(text.lower()))
    ):
        other = list(_entries(text, _OTHER_LABEL))  # "Land" is a country only where a country stands behind it
        entries += [
            entry
            for entry in other
            if entry[0] not in keys and (entry[0] != "country" or country_code(entry[1]) or is_placeholder(entry[1]))
        ]
    names = _last([entry for entry in entries if entry[0] in NAMES], strict)
    position = _last([entry for entry in entries if entry[0] in POSITION], strict)
    confidences = [share(value) for key, value, _ in entries if key == "confidence" and not is_placeholder(value)]
    judged = [yes_no(value) for key, value, _ in entries if key == "localizable"]
    return Found(
        min((found.start for found in (names, position) if found), default=len(text)),
        names.names,
        position.position or names.position,
        confidence=confidences[-1] if confidences else None,
        settles_names=names.settles_names,
        settles_position=position.settles_position,
        localizable=judged[-1] if judged else None,
    )


def _last(entries: list[tuple[str, str, int]], strict: bool) -> Found:
    """The last complete group of labels, else the last that says anything, else what the last group leaves unknown."""
    if not entries:
        return Found(0)
    groups: list[Found] = []
    row: dict[str, str] = {}
    begin = 0
    for key, value, start in reversed(entries):
        if key in row:
            groups.append(found_of(row, begin, strict=strict))
            row = {}
        row[key], begin = value, start
    groups.append(found_of(row, begin, strict=strict))
    complete = (found for found in groups if found.position or (found.names.city and found.names.country))
    return next(complete, None) or next((found for found in groups if found), groups[0])


_PERCENT = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,4})?)\s?%|(?<![\d.])(0?\.\d{1,4})(?![\d.°])")


def most_probable(candidates: Sequence[str]) -> int:
    """Which of several candidates counts: the most probable where all have a probability, else the first.

    >>> most_probable(["Seoul 20 %", "Kyoto 70 %"]), most_probable(["Seoul", "Kyoto 70 %"])
    (1, 0)
    """
    found = [_PERCENT.search(candidate) for candidate in candidates]
    shares = [float(match[1]) / 100 if match[1] else float(match[2]) for match in found if match]
    return shares.index(max(shares)) if shares and len(shares) == len(candidates) else 0


def _entries(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[str, str, int]]:
    """Each label's key, the text of its value, and where the label begins."""
    accepted: list[tuple[str, int, int]] = []
    line_of_names: int | None = None
    for match in deque(pattern.finditer(text), maxlen=MANY_LABELS):
        key, start, end, separator = _kind(match), match.start(), match.end(), match["separator"]
        if key in ("lat", "lon"):
            if separator or _UNSEPARATED.match(text, end):
                accepted.append((key, start, end))
            continue
        if separator is None and not (key in NAMES and _HEADS.match(text, end)):
            continue
        before = text[max(start - 60, 0) : start]
        before = before if start <= 60 else "x" + before
        line = text.rfind("\n", 0, start)
        sign = separator[0] if separator else ""
        goes_on = key in NAMES and line == line_of_names and sign in tuple(":=-–—")
        boundary = _BOUNDARY if sign in tuple(":=|→>") else _LINE_START
        if goes_on or before[-1:] in ("", "\n") or boundary.search(before):  # most labels begin a line
            accepted.append((key, start, end))
            if key in NAMES:
                line_of_names = line
    listed = 0
    for index, (key, start, end) in enumerate(accepted):
        if start < listed and key in NAMES:
            continue
        following = accepted[index + 1][1] if index + 1 < len(accepted) else len(text)
        if key in NAMES and _HEADING_ENDS.match(text, end):
            value, listed = _below(text, index, accepted)
        else:
            value = _value(text[end : min(following, end + _LONGEST_VALUE)])
        if value is not None:
            yield key, value, start


_LONGEST_LIST = 4_000
_MOST_WORDS = 5
_HEADING_ENDS = re.compile(r"[ \t*_`:)]*\n")
_HEADS = re.compile(rf"{_HEADING_ENDS.pattern}|(?<=\*\*)\s?[^\W\d_a-z]|(?<=\*\*\s)[^\W\d_a-z]")
_LEAD = re.compile(r"([ \t]*)(?:([-*•+–])[ \t]+)?[*_\t ]{0,6}(#|\d{1,2}[.)]|\(\d\)|(?:Step|Part)\s\d)?")
_ITEM = re.compile(r"[\s*_•+–-]{0,20}([^\W\d][^\n:]{0,40}?)[*_]{0,3}:[*_]{0,3}[ \t]*(\S.*)")
_CONCLUDES = re.compile(
    r"(?:(?:my|the|so|most|best|final|likely|probable|initial|overall|specific|possible|country|city|location)\s){0,3}"
    r"(?:conclusion|guess|answer|result|estimat\w+|verdict|prediction|inference|pick|choice|candidate|likely|decision"
    r"|determination|identification)",
    re.IGNORECASE,
)


def _below(text: str, index: int, labels: list[tuple[str, int, int]]) -> tuple[str | None, int]:
    """The value below a label that ends its line, and up to where the labels belong to it.

    It is what concludes below it ("- Clues: a bus\\n- Conclusion: Leeds"), else the first line, else all lines up to
    the next heading where the first one is no place.
    """
    key, start, end = labels[index]
    stop, concluding = _section(text, key, start, end, labels[index + 1 :])
    if concluding is not None:
        return _value(text[concluding : concluding + _LONGEST_VALUE]), stop
    value = _value(text[end : min(stop, end + _LONGEST_VALUE)])
    known = name(value) if value else None
    if value and (_ITEM.match(value) or known is None or (len(known.split()) > _MOST_WORDS and not is_name(known))):
        value = _BULLETS.sub("", text[end:stop].lstrip(" \t*_`:")).strip()
    return value, 0


def _section(text: str, key: str, start: int, end: int, labels: list[tuple[str, int, int]]) -> tuple[int, int | None]:
    """Where the section below a heading ends, and where the last value in it begins that a word like "Guess" marks."""
    others = (
        text.rfind("\n", end, one) + 1 or one
        for kind, one, behind in labels
        if kind in NAMES and (kind not in (key, "place") or _HEADING_ENDS.match(text, behind))
    )
    limit = min(next(others, len(text)), end + _LONGEST_LIST)
    head = _LEAD.match(text, text.rfind("\n", 0, start) + 1)
    marked = [behind for kind, one, behind in labels if one < limit and kind in (key, "place")]
    position, parted = text.index("\n", end) + 1, False
    while position < limit:
        close = text.find("\n", position, limit) % (limit + 1)
        line = text[position:close]
        lead, item = _LEAD.match(line), _ITEM.match(line)
        deeper = lead and head and (len(lead[1]) > len(head[1]) or (lead[2] and not head[2]))
        if line.strip() and not deeper and ((lead and lead[3]) or (parted and item)):
            break
        if item and _CONCLUDES.fullmatch(item[1].strip()):
            marked.append(position + item.start(2))
        parted = parted or not line.strip()
        position = close + 1
    stop = min(position, limit)
    return stop, max((behind for behind in marked if behind < stop), default=None)


_HEADER = re.compile(r"^[ \t]*\|(.{3,400})\|[ \t]*\n[ \t]*\|[ \t:|-]{3,200}\|[ \t]*\n", re.MULTILINE)


_SHARE = re.compile(r"prob|likel|score|rank|confid|chance|%", re.IGNORECASE)


def _table(text: str) -> list[tuple[str, str, int]]:
    """The labels of the row that counts in the last Markdown table with columns for names or positions."""
    tables = deque((_columns(text, match) for match in islice(_HEADER.finditer(text), MANY)), maxlen=1)
    return tables[0] if tables else []


def _columns(text: str, header: re.Match[str]) -> list[tuple[str, str, int]]:
    cells = header[1].split("|")
    kinds = [key_of(cell.strip(" *`_")) for cell in cells]
    shares = [_SHARE.search(cell) is not None for cell in cells]
    if NAMES.isdisjoint(kinds) and POSITION.isdisjoint(kinds) and False in shares:
        kinds[shares.index(False)] = "place"  # "| Candidate | Likelihood |"
    if sum(kind is not None for kind in kinds) < 2 and not any(shares):
        return []
    rows = []
    for line in islice(text[header.end() : header.end() + 4_000].split("\n"), MANY):
        cells = line.strip().strip("|").split("|")
        if len(cells) != len(kinds):
            break
        rows.append([cell.strip() for cell in cells])
    best = most_probable([" ".join(row) for row in rows])
    return (
        [(kind, value, header.start()) for kind, value in zip(kinds, rows[best], strict=True) if kind] if rows else []
    )


def _value(text: str) -> str | None:
    """The value that follows a label: a quoted string, or what stands before the next key or the end of the line."""
    bare = text.lstrip(" \t*_`\\|=>")
    if bare.startswith("\n"):
        bare = _BULLETS.sub("", bare)
    if quoted := _QUOTED.match(bare):
        return next(part for part in quoted.groups() if part is not None)
    stop = _NEXT_KEY.search(bare)
    value = (bare[: stop.start()] if stop else bare).strip()
    return value if any(sign.isalnum() for sign in value) else None
