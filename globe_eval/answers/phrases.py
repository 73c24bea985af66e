"""Phrases that name a place in a sentence: names by their spelling, joined into one by commas and words like "in"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from globe_eval import lazy_re as re
from globe_eval.answers.arranging import arranged, town_of_site
from globe_eval.answers.lexicon import BEGINNINGS, UNNAMED, VENUES, WORDS, words
from globe_eval.answers.names import Names
from globe_eval.answers.toponyms import (
    code_of,
    country_in,
    country_of,
    is_area,
    is_country,
    is_event,
    is_name,
    is_ordinary,
    is_point,
    is_prominent,
    is_pure_region,
    is_venue,
    is_wide,
    nominative,
    regions_of,
    town_of,
)
from globe_eval.places.resolve import country_name
from globe_eval.places.words import DEMONYMS

_LONGEST_NAME = 80

_TOKEN = re.compile(r"[^\W_]+(?:['’‘.–-][^\W_]+)*|&")
_START = re.compile(r"(?<![^\W_])(?<![^\W_]['’‘.–-])(?:[^\W_a-zß-öø-ÿ]|[^\W\d_]{1,3}-)")
"""Where a word begins that can begin a name: most do not, and are passed over at once."""
_NEXT = re.compile(r"\s(?:of\s|d[eu]\s(?:la\s)?|des\s)?([^\W\d_a-zß-öø-ÿ][\w'’-]*)")
_ABBREVIATION = re.compile(r"\b(?:St|Ste|Mt|Ft|Dr)$")
_PARTICLES = WORDS["phrases.particles"]
_JOINT = re.compile(
    r"""(?:\s*(?:[→»>➔]|[-=]>)\s*|(?:\.(?=\s*[,(—–]))?(?:\s+[a-zß-öø-ÿ'’/-]+){0,3}  # "campus", "neighborhood"
        (?:\s*[,(/]\s*|\s*[—–]\s*|\s+-+\s+|\s+|\s*\)\s*,?\s*))
        (?:(?:[a-zß-öø-ÿ'’/-]+|\d{1,3}[a-z]{1,2})\s*[\s,]\s*){0,6}?
        (?:(?:in|at|on|of|near|by|within|from|inside|outside|along|around|to|the|a|an|во?|на|близ)\s+){0,3}[\"“'*_`]*""",
    re.VERBOSE,
)
_TURKISH_CASE = re.compile(r"(?<=[^\W\d_]{3})['’](?:n?[ıiuü]n|[dt][ae](?:n|ki)?|y?[aeıiuü])$")
_POLISH_BEFORE = re.compile(r"(?:^|\s)(?:we?|ze?|do|na|koło|mieście|okolic[aey]\w*|stolicy)\s$", re.IGNORECASE)
_NUMBERED = re.compile(r"\d{1,3}(?:st|nd|rd|th)\s(?:Street|St|Avenue|Ave|Road)\b")
_REGION_OF = re.compile(r"\b(province|state|county|prefecture|department|canton|region) of (?:the )?$")
_REGIONS = WORDS["phrases.regions"]
_NOUN = re.compile(r"\s([a-zß-öø-ÿ]+)")
_SITE = re.compile(
    rf"(?:\s(?!(?:is|was|are)\b)[a-zß-öø-ÿ]+){{0,3}}?\s(?:{'|'.join(sorted(VENUES))})"
    r"(?=\s?[,;(—–]|\.?\s*$|\s(?:in|near|at|along|by|on)\s)"
)
_SITE_BEFORE = re.compile(
    r"(?<!\w)((?:(?<=la\s)place|rue|pont|église|cathédrale|basilique|château|musée|parc|gare|quai|plage|palais|jardin"
    r"|calle|plaza|iglesia|catedral|castillo|museo|parque|estación|puente|playa|palacio|avenida|rua|praça|igreja|castelo"
    r"|museu|ponte|praia|piazza|chiesa|castello|stazione|palazzo)\s(?:de\s(?:l[ao]s?\s)?|del\s|du\s|des\s|d[aio]s?\s)?)$"
)
_AT = re.compile(
    r"\b(?:at|inside|outside|in\sfront\sof|entrance\s(?:to|of)|overlooking|specifically,?\s(?:in|on|along|near|around))\s"
    r"(?:the\s)?[\"“'(]?$"
)
_BESIDE = re.compile(
    r"\b(?:(?:specifically|particularly|precisely)\s(?:in|at|on|along|near|around|inside|outside|from|within)"
    r"|near|at|along|inside|outside|overlooking|in\sfront\sof|(?:north|south|east|west)\w*\sof)\s(?:the\s)?(?:[a-z]+\s)?[\"'“(]?$"
)
_QUARTERS = words("district quarter neighborhood neighbourhood ward borough arrondissement")
_RUINS = re.compile(
    r"\b((?:ruins|citadel|cathedral|basilica|monastery|abbey|palace|fortress|port|harbou?r|waterfront|campus|airport)\sof\s)$"
)
_OVERLOOKED = re.compile(
    r"\b(?:overlooking|facing|opposite|across\sfrom|(?:looking|views?)\s(?:of|over|across|at))\s(?:the\s)?$"
)
_INDEFINITE = re.compile(r"(?:^|\b)(?:an?|some|typical|traditional|of)\s$", re.IGNORECASE)
_NATIVE = re.compile(r"\s(?:[a-z]+\s)?(?:city|town|village|islands?|countryside|coast|suburb)\b")
_ARTICLE = re.compile(r"\b(?:an?|the)\s(?:[a-z-]+\s){0,2}$")
_LINKS = WORDS["phrases.links"]
_ANOTHER = re.compile(r"[—–-]\s.*\ban?\s|[—–].*\ban?\s")
_ASIDE = re.compile(r"\s\([^()%A-Z]{0,60}\)|\s(?:\d{3,6}(?:-\d{3,5})?|\d[A-Z]{2})(?=[,\s])|\s\d{1,2}(?=,)")
_CONTINENTAL = words("european asian african american mediterranean")
_BREAKS = WORDS["phrases.breaks"]


_FORM = re.compile(r"(?:[ /-]Name|[Ll]evel)$")
"""How the words of a form end, which are no names: "Park Name", "Neighborhood/District Level"."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A place that a text names, and from where to where; `known` where the gazetteer knows some part of it."""

    start: int
    end: int
    names: Names
    known: bool = True
    alone: bool = False
    """True of a single name that is no country."""


def phrases(text: str) -> Iterator[Phrase]:
    """The places that a sentence names, in its order.

    >>> [phrase.names.city for phrase in phrases("It is the Palazzo Farnese in Rome, Italy, not the one near Lyon.")]
    ['Rome', 'Lyon']
    """
    chain: list[tuple[int, int]] = []
    for start, end in _runs(text):
        if chain and (not _joined(text, *chain[-1], start) or _is_foreign(text[slice(chain[-1][0], end)])):
            yield from _phrase(text, chain)
            chain = []
        chain.append((start, end))
    yield from _phrase(text, chain)


def _phrase(text: str, chain: Sequence[tuple[int, int]]) -> Iterator[Phrase]:
    parts: list[str] = []
    spots: list[str] = []
    first, closed = -1, False
    for start, end in chain:
        site = _SITE.match(text, end)
        if parts and _is_overlooked(text, start, end):
            continue
        if not _qualifies(text, start, end, site):
            first = start if first < 0 else first
            part = _part(text, start, end, site)
            aside = parts and text[:start].endswith("(") and not is_country(part) and not is_country(parts[-1])
            closed = closed or _is_finer(text, start, parts, site)
            if closed and not (is_country(part) or is_area(part)):
                spots += [] if is_event(part) else [part]  # "London, England, specifically in Chinatown"
            else:
                parts.insert(len(parts) - 1 if aside else len(parts), part)  # "Hampi (Vijayanagara ruins)"
    if parts := spots + parts:
        if site and any(part.endswith(site[0]) or is_point(part) for part in parts):
            end = site.end()
        names = arranged(parts)
        if (
            names
            and names.city == parts[0]
            and not (names.venue or is_name(parts[0]))
            and _is_sited(text, first, parts[0])
        ):
            names = replace(names, venue=names.city)  # "at Stanage Edge in the Peak District, UK"
        if names:
            alone = len(parts) == 1 and not names.country
            yield Phrase(first, end, names, alone=alone)
        elif (
            not any(map(_FORM.search, parts))
            and not any(map(is_area, parts))
            and (any(map(is_venue, parts)) or _is_sited(text, first, parts[0]))
        ):
            venue = ", ".join(parts)
            yield Phrase(first, end, Names(city=town_of_site(parts[-1]) or parts[0], venue=venue), known=False)
        elif len(parts) <= 2 and is_name(parts[0]) and not is_ordinary(parts[0]):  # a small town
            yield Phrase(first, end, Names(city=parts[0], admin=" ".join(parts[1:]) or None), known=False, alone=True)


def _is_sited(text: str, start: int, name: str) -> bool:
    """Whether an unknown name stands where a site does: "at the Ateneu", "in front of the Gherkin"."""
    return (
        len(name) > 3 and not (is_event(name) or is_wide(name)) and bool(_AT.search(text[max(start - 24, 0) : start]))
    )


def _is_overlooked(text: str, start: int, end: int) -> bool:
    """Whether a mountain, a lake or the like is seen from the site before it: "overlooking Lake Michigan"."""
    seen = _OVERLOOKED.search(text[max(start - 24, 0) : start])
    return seen is not None and (is_wide(text[start:end]) or is_point(text[start:end]))


def _is_finer(text: str, start: int, parts: Sequence[str], site: re.Match[str] | None) -> bool:
    """Whether a name behind a place is that of a spot in it: "Peru, near Puno", "Porto, in the Ribeira district"."""
    if _is_wide(parts) and _BESIDE.search(text[max(start - 40, 0) : start]):
        return True
    in_town = parts and is_prominent(parts[-1]) and not is_country(parts[-1])
    return bool(in_town and site and site[0].split()[-1] in _QUARTERS)


def _is_wide(parts: Sequence[str]) -> bool:
    """Whether a place ends in a country or a region, so that what stands "near" or "in" it is a spot in it."""
    return bool(parts) and (is_country(parts[-1]) or is_pure_region(parts[-1]))


def _part(text: str, start: int, end: int, site: re.Match[str] | None) -> str:
    """A name with the word for a region or a site that stands beside it: "province of Toledo", "Atocha station"."""
    bare = text[start:end].strip(" .")
    bare = bare[:-2] if bare.endswith(("'s", "’s")) and not bare.startswith(("St. ", "St ")) else nominative(bare)
    if (suffix := _TURKISH_CASE.search(bare)) and not is_name(bare):
        bare = bare[: suffix.start()]
    elif bare[-1:] in "uieyhęom" and _POLISH_BEFORE.search(text[max(start - 12, 0) : start]):
        bare = nominative(bare, polish=True)
    if _is_native(text, start, end):
        return country_name(DEMONYMS[bare])
    if is_area(bare):
        return bare
    if before := _SITE_BEFORE.search(text[max(start - 30, 0) : start]):
        return f"{before[1]}{bare}"
    if before := _RUINS.search(text[max(start - 16, 0) : start]):
        return f"{before[1]}{bare}"
    if (before := _REGION_OF.search(text[max(start - 30, 0) : start])) and not is_country(bare):
        return f"{before[1]} of {bare}"
    after = _NOUN.match(text, end)
    if after and after[1] in _REGIONS:
        return f"{bare} {after[1]}"
    return f"{bare}{site[0]}" if site and not is_point(bare) else bare


def _is_native(text: str, start: int, end: int) -> bool:
    """Whether an adjective says in which country a town or an island is: "in a Brazilian town"."""
    return text[start:end] in DEMONYMS and bool(
        _NATIVE.match(text, end) and _ARTICLE.search(text[max(start - 40, 0) : start])
    )


def _qualifies(text: str, start: int, end: int, site: re.Match[str] | None) -> bool:
    """Whether a single word of little renown qualifies the noun behind it: "a Shinto shrine", "Rajasthani attire"."""
    bare = text[start:end].removeprefix("The ")
    if _is_native(text, start, end):
        return False
    if end - start == 1 or bare in DEMONYMS or (" and " in bare and text[:start].endswith("between ")):  # "78.88° W"
        return True
    after = _NOUN.match(text, end)
    if site:
        return bool(_INDEFINITE.search(text[max(start - 12, 0) : start])) and " " not in bare and not is_prominent(bare)
    if after is None or " " in bare or after[1] in _LINKS or _TURKISH_CASE.search(bare):
        return False
    return not is_prominent(bare)


def _joined(text: str, start: int, end: int, following: int) -> bool:
    """Whether what stands between a name and the next joins them into one place: a comma, "in", "campus, near the"."""
    gap = _ASIDE.sub("", text[end:following])
    if len(gap) > 60 or _ANOTHER.search(gap) or _JOINT.fullmatch(gap) is None:
        return False
    if gap.startswith("), ") and is_country(text[start:end]):
        return False  # "Naples (Italy), Valletta (Malta)"
    return _BREAKS.isdisjoint(re.findall(r"[a-zß-öø-ÿа-яё'’-]+", gap))


def _is_foreign(text: str) -> bool:
    """Whether a country is followed by a region of another one: "Australia, California or South Africa"."""
    country, _, name = text.partition(", ")
    code, regions = country_of(country), regions_of(name, None)
    if code is None or not is_pure_region(name) or regions_of(name, code) or town_of(name, code, ()):
        return False
    return town_of(country, code_of(regions[0]), regions) is None


def _runs(text: str) -> Iterator[tuple[int, int]]:
    """From where to where the names of a text stand: words with a capital, and the particles between them."""
    position = 0
    while candidate := _START.search(text, position):
        match = _TOKEN.match(text, candidate.start())
        if match is None:
            position = candidate.end()
            continue
        word, start, position = match[0], match.start(), match.end()
        if not _is_capital(word, text, start):
            continue
        code = len(word) == 2 and text[max(start - 2, 0) : start] == ", " and regions_of(word, None)
        if code or word.lower() not in UNNAMED or _begins(word, text, position) or _is_native(text, start, position):
            end, position = _run_end(text, start, position)
            yield start, end


def _run_end(text: str, start: int, end: int) -> tuple[int, int]:
    """Where the name ends whose first word is given, and where the first word stands that is none of it."""
    reached = end  # behind the particles
    for match in _TOKEN.finditer(text, end):
        word = match[0]
        gap = text[reached : match.start()]
        close = gap == " " or (gap == ". " and _ABBREVIATION.search(text, start, end))
        if close and match.end() - start <= _LONGEST_NAME and _is_capital(word, text, match.start()):
            end = reached = match.end()
        elif close and (word.lower() in _PARTICLES or word == "&" or word.isdigit()):
            reached = match.end()
        else:
            return end, match.start()
    return end, len(text)


def _is_capital(word: str, text: str, start: int) -> bool:
    """Whether a word can be one of a name: with a capital, also behind "al-" or "d'", or a street's number."""
    if word[0].isdigit():
        return _NUMBERED.match(text, start) is not None
    return word != "&" and (not word[0].islower() or (("-" in word[:4] or "'" in word[:2]) and not word.islower()))


def _begins(word: str, text: str, end: int) -> bool:
    """Whether a common word begins a name after all: "New York", "British Columbia"."""
    following = _NEXT.match(text, end)
    if following is None:
        return False
    begins = (
        not following[0].startswith(" of") and word.lower() in BEGINNINGS and following[1].lower() not in _CONTINENTAL
    )
    pair = word + following[0] if " of " in following[0] else f"{word} {following[1]}"  # "City of London"
    site = word in DEMONYMS and following[1].lower() in VENUES  # "American Cemetery"
    return begins or site or is_name(pair) or country_in(pair) is not None
