"""The place that prose concludes: every place that it names, weighted by how firmly the words around it claim it.

A text is cut into sentences. A name weighs by what stands before it in its sentence (or in the heading above): words
that conclude, that state, that leave it open, that deny or compare (`lexicon`). One policy for all: what is concluded
last; else the most probable where probabilities are given; else what is stated first; else what is held possible first;
else the only example of what it could be, where the text names no other country. What is only mentioned is no answer.
Other claims add what is finer, where they agree.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, Literal, TypeVar

from globe_eval import lazy_re as re
from globe_eval.answers import lexicon, uncased
from globe_eval.answers.coordinates import Pair, stated_pairs
from globe_eval.answers.languages import (
    FINAL,
    MENTIONED,
    OTHER,
    PLACED,
    POSSIBLE,
    STATED,
    SUPPOSED,
    weight_of,
)
from globe_eval.answers.names import Names
from globe_eval.answers.phrases import Phrase, phrases
from globe_eval.answers.scripts import is_written_in
from globe_eval.answers.sentences import LONGEST, Sentence, sentences
from globe_eval.answers.toponyms import (
    code_of,
    country_of,
    is_area,
    is_country,
    is_inside,
    is_name,
    is_pure_region,
    regions_of,
    same_country,
    town_of,
)
from globe_eval.places.names import normalise
from globe_eval.places.resolve import country_name
from globe_eval.places.words import DEMONYMS

T = TypeVar("T")


_ONE_EXAMPLE = re.compile(lexicon.ONE_EXAMPLE)
_LONGEST_EXAMPLE = 130
"""No match of this pattern, which ends with the text, is longer."""
_OR_OTHERS_AFTER = re.compile(
    r"\s?/|,?\s(?:or|and|to)\s(?!(?:(?:in|an?|another|other|some|any)\s)*(?:similar|comparable)\b)"
)
"""What makes the example one of several: a name or "or another" behind it, and not only "or a similar town"."""
_LISTED = re.compile(r",\s(?:the\s|parts\sof\s)?[^\W\d_a-z]")
_IN_A_LIST = re.compile(r",?\s(?:(?:or|nor|and)\s)?(?:the\s)?")
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|could|may|might|will|would|do|does|shows|suggests?|indicates?|it's|that's|here's)\b"
)
_QUOTED = re.compile(r"[\"”],?\s(?:in|at|on|near)\s")
"""Where what is written on something ends: "a sign that reads "Café" in "."""
_CLAUSE = re.compile(
    r"[;:]|\b(?:but|although|though|however|while|whereas|because|since|so|sino|mais|mas|ma|sondern|aber|pero|но)\b"
)
_SHORT_CLAUSE = re.compile(
    r"[;:,—–(]|\s-+\s|\b(?:but|although|though|however|while|whereas|because|since|so|and|sino|mais|mas|ma|sondern|aber|pero|но|а|lecz|ale|tylko)\b"
)
_TAKEN = re.compile(r"\b(?:taken|shot|captured|photographed)\b")
_DENIED_AFTER = re.compile(
    r"\W{0,3}(?:(?:is|are|was|were|seems?|looks?|can|could|would|be|also|appears?)\s){0,3}"
    r"(?:(?<![,(—–]\s)(?<![,(—–])(?:not|cannot|can't)|not\s(?:likely|possible|plausible|consistent|a\s(?:match|fit))"
    r"|unlikely|ruled\sout|less\slikely|excluded|impossible|değil\w*)\b"
)
"""What denies the name before it; in "Lyon, not Paris" it is the name behind."""
_DENIED_BY_LABEL = re.compile(r"\b(?:less\slikely|least\slikely|unlikely|ruled\sout|excluded)\s?:\s*$")
_COMPARED_AFTER = re.compile(
    r"[\"”]?[-\s](?:lettering|logo|banner|style|styled|inspired|flag|language|culture|cuisine|restaurant|accent|jersey|shirt|costume|like|esque|sign|text"
    r"|(?:(?:licen[cs]e|number)\s)?plate)s?\b"
)
_PLACED = re.compile(
    r"(?:^|\b(?:in|at|near|from|of|is|be|was|as|to|around|outside|within|over|over|for|likely|probably|definitely|clearly|certainly"
    r"|(?:makes?|made)\s(?:it|this|that)|it's|guess|say|choose|pick|(?<=i\s)(?:think|believe|suspect|reckon)|answer|suggests?|indicates?|confirms?|with|toward|towards|(?:it|this)\slooks\slike|possibly|perhaps|maybe|potentially|presumably|either|central|downtown|rural|urban|suburban|coastal|inland|(?:north|south|east|west)\w*|upstate|city|the|(?:capital|city|town),?)\s|[:→]\s?|\d\s?%\s(?:on\s|for\s)?)[\"'“”‘’(\[]*$"
)
_LOCATIVE = re.compile(r"(?<=\w)['’][dt][ae]n?(?!\w)")
"""A Turkish ending that says "in" or "from"."""
_SETTING = re.compile(
    r"\s*[—–(-]\s*(?:(?:likely|probably|taken|possibly)\s)?(?:(?:in|at|on|along|inside|outside|near|around|by|from|in\sfront\sof)\s)?"
    rf"((?:an?|the|one\sof)\s(?:[\w'’/-]+\s){{0,5}}?(?:{'|'.join(sorted(map(re.escape, lexicon.VENUES)))}))(?![\w-])"
)
_PREFERRED_AFTER = re.compile(
    r"(?:\s|,\s(?=(?:is|seems|looks)\s))\(?(?:(?:the|a|is|seems|looks|being|as|far|much|slightly|considerably|somewhat|significantly|by\sfar)\s){0,3}"
    r"(?:more|most)\s(?:likely|probable|plausible|convincing)\b(?!\s(?:than\snot|to))|\sthe\s(?:better|best|stronger|strongest|likelier)\s"
    r"|,?\s(?:is|would\sbe|seems|remains)\s(?:my|the)\s(?:(?:single|final|first|top|best|better|closest|strongest|stronger|likelier)\s){0,2}"
    r"(?:guess|pick|bet|choice|match|fit|estimate|candidate|option|answer)\b"
    r"|,?\s(?:is|would\sbe|seems|remains)\sa\s(?:very\s)?(?:strong|good|likely|solid)\s(?:possibility|contender|candidate|match|fit)\b"
    r"|\s(?:seems|is|looks|feels)\s(?:the\s)?(?:most|more)\s(?:fitting|suitable|apt|reasonable)\b|\sfits\sbest\b"
    r"|,?\s(?:is|would\sbe|seems)\s(?:an?\s)?(?:appropriate|suitable|sensible)\b(?!\s(?:for|only|if)\b)"
    r"|,\si(?:['’]d|\swould)\s(?:say|guess|bet)(?=[.!]|$)"
    r"|\sit\sis(?=[.!]|$)"
)
_YIELDING = ("though", "whereas", "while", "even if", "despite")
_CONCEDED = re.compile(r"\b(?:although|though|while|whereas|even\sif|despite)\b[^,;:.]{1,120}(?:,\s)?")
"""A clause that yields: "Although it may look like Tokyo, "."""
_FROM = re.compile(r"\bfrom\s[\w' -]{1,40}$")
_TO_ANOTHER = re.compile(r"\sto\s(?:the\s)?[^\W\d_a-z]")
_FROM_ANOTHER = re.compile(r"\bfrom\s[\w' -]{1,40}\sto\s(?:the\s)?[\w' -]{1,40}$")
_UNREAL = re.compile(
    r"\bif\s(?:[\w']+\s){1,4}?(?:were|showed|had|contained)\b(?!\s(?:to|taken|captured|shot|located)\b)"
)
_OF_ORIGIN = re.compile(
    r"(?<!photo)(?<!photograph)(?<!picture)(?<!image)(?<!view)(?<!scene)(?<!shot)(?<!seen)(?<!taken)(?<!is)(?<!probably)"
    r"(?<!likely)(?<!snapshot)(?<!street)(?<=\w)\sfrom\s$"
)
_ANEW = re.compile(
    r"(?<!example)(?<!instance)(?<!e\.g\.),\s(?:this|these|it|it's|i|i'd|we|my|the\s(?:image|photo|photograph|picture|scene|location|place|most))\s"
)
_CORRECTION = re.compile(
    r"[\"'“*(]*(?:h+m+\b[\s,.…—–-]*)?(?:but\s|oh\b,?\s|ah\b,?\s)?(?:no\b\s?[,;—–.!]|(?:oh\s)?wait\b|actually\b\s?[,;—–]|on\ssecond\sthought"
    r"|scratch\sthat|correction\b|let\sme\s(?:reconsider|rethink|correct|revise)|i\s(?:stand\scorrected|was\swrong|take\sthat\sback)"
    r"|looking\s(?:again|closer|more\sclosely)\b)"
)
_CORRECTS = re.compile(
    r"\b(?:wait|actually|second\sthought|scratch|correction|reconsider|rethink|revise)\b", re.IGNORECASE
)
_GOES_ON = re.compile(r"\W{0,3}[^\W\d_]+\s[^\W\d_]")
_PERCENT, _SHARE = r"(\d{1,3}(?:\.\d{1,4})?)\s?%", r"(0?\.\d{1,4})(?![\d%°]|\s?k?m\b)"
_LABEL = r"\b(?:p|prob\w{0,9}|likelihood|confidence|score)\s?[=:]\s?"
_PROBABILITY = re.compile(rf"{_PERCENT}|{_LABEL}{_SHARE}", re.IGNORECASE)
_PROBABILITY_BEHIND = re.compile(
    rf"[\s(\[*:=~≈—–-]{{1,5}}(?:(?:about|around|roughly)\s|{_LABEL})?(?:{_PERCENT}|{_SHARE})", re.IGNORECASE
)
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Claim(Generic[T]):
    """What a text states of the place: a name or a position, how much it weighs, and with which probability (of 100).

    Claims of one `group` are one answer: those of a sentence, or of the list below a heading.
    """

    value: T
    weight: int
    start: int
    group: int
    probability: float | None = None
    known: bool = True


def concluded(text: str, *, declines: Callable[[str], bool] | None = None) -> tuple[Names, int] | None:
    """The place that a text ends on, and where the sentence begins that says so; None where it concludes none.

    Of what is only held possible the town is left out where the text `declines` to name the place. Without `declines`,
    as in the value of a label, an example is no answer.

    >>> concluded("Not Paris, France. The photo was taken in Lyon, France.")
    (Names(country='France', city='Lyon', admin=None, venue=None), 19)
    >>> concluded("The roofs are typical of Bavaria.") is None
    True
    """
    if text.islower() and len(text) < LONGEST:
        text = uncased.capitalised(text)
    claims = _corrected([(sentence, list(_named(sentence))) for sentence in sentences(text)])
    chosen = _chosen([claim for claim in claims if claim.known]) or _chosen(
        [claim for claim in claims if claim.value.venue]
    )
    if chosen is None:
        return None
    if chosen.weight == SUPPOSED:
        countries = {_country(one.value) for one in claims if one.weight and one.known}
        if declines is None or len(countries - {None}) > 1:
            return None
    if chosen.weight <= POSSIBLE and declines is not None and declines(text):
        names = Names(chosen.value.country, admin=chosen.value.admin)
        if not names and (code := _country(chosen.value)):
            names = Names(country_name(code))
        return (names, chosen.start) if names else None
    least = STATED
    if not chosen.value.city and declines is not None:
        if declines(text):
            claims = [claim for claim in claims if not _is_bare_town(claim.value)]
        else:
            least = POSSIBLE
    return _completed(chosen, claims, least), chosen.start


def _country(names: Names) -> str | None:
    """The code of the country of names, of which it may not be one."""
    if names.country:
        return country_of(names.country)
    regions = regions_of(names.admin, None) if names.admin else ()
    row = next(iter(regions), None)
    if row is None and names.city:
        row = town_of(names.city, None, ())
    return None if row is None else code_of(row)


def _corrected(claims: list[tuple[Sentence, list[Claim[Names]]]]) -> list[Claim[Names]]:
    """The claims; where a text corrects itself ("Wait, actually …") and states a place after that, those after it."""
    for i in range(len(claims) - 1, 0, -1):
        if _CORRECTION.match(claims[i][0].lower) and any(
            one.known and one.weight >= STATED for _, some in claims[i:] for one in some
        ):
            claims = claims[i:]
            break
    return [claim for _, some in claims for claim in some]


def corrected(text: str) -> int:
    """Where the last sentence begins by which a text corrects itself; 0 without one.

    >>> corrected("It is Paris. Wait, no: it is Lyon.")
    13
    """
    if not _CORRECTS.search(text):
        return 0
    return max((one.start for one in sentences(text) if _CORRECTION.match(one.lower)), default=0)


def position(text: str, *, strict: bool = True) -> tuple[Pair, int] | None:
    """The position that a text ends on, by the same policy as its names, and where it stands.

    >>> position("Kyoto (35.0116, 135.7681) or else, less likely, Nara (34.6851, 135.8048).")
    ((35.0116, 135.7681), 7)
    """
    stated = stated_pairs(text, strict=strict)
    if len(stated) < 2:
        return (stated[0].pair, stated[0].start) if stated else None
    cut = list(sentences(text))
    starts = [sentence.start for sentence in cut]
    claims = []
    for one in stated:
        sentence = cut[max(bisect_right(starts, one.start) - 1, 0)]
        shown = text[max(sentence.start, one.start - LONGEST) : one.start]
        weight = _weight(sentence, shown.lower(), text[one.end : one.end + 60].lower())
        span = (one.start - sentence.start, one.end - sentence.start)
        claims.append(_claim(sentence, one.pair, STATED if 0 < weight < POSSIBLE else weight, span, start=one.start))
    chosen = _chosen(claims) or claims[0]
    return chosen.value, chosen.start


def _chosen(claims: list[Claim[T]]) -> Claim[T] | None:
    """The claim that counts, by the policy."""
    final = [claim for claim in claims if claim.weight >= FINAL]
    if final:
        claims = [claim for claim in final if claim.group == final[-1].group]
    ranked = [claim for claim in claims if claim.probability is not None and claim.weight >= POSSIBLE]
    if len({(claim.start, claim.probability) for claim in ranked}) > 1:
        return max(ranked, key=lambda claim: claim.probability or 0)
    heaviest = max((claim.weight for claim in claims), default=0)
    if heaviest == SUPPOSED and len({claim.value for claim in claims if claim.weight == SUPPOSED}) > 1:
        return None
    return next((claim for claim in claims if claim.weight == heaviest >= SUPPOSED), None)


def _completed(chosen: Claim[Names], claims: list[Claim[Names]], least: int) -> Names:
    """The names with what agreeing claims add: a city to its country, a country to its city, a venue to both."""
    names = chosen.value
    towns = {claim.value.admin for claim in claims if claim.weight >= STATED and claim.value.city and claim.value.admin}
    firmest = sorted(claims, key=lambda one: (-one.weight, _is_bare_town(one.value), one.group != chosen.group))
    for claim in firmest:
        other = claim.value
        if claim is chosen or not claim.weight:
            continue
        together = claim.start == chosen.start and names.city == names.venue and other.city is not None
        if claim.known and names.city and not names.country and (together or _same(names, other)):
            if names.city == names.venue and other.city:
                names = replace(names, city=other.city)
            finer = (
                other.venue
                if claim.weight >= STATED and (chosen.weight < FINAL or claim.start >= chosen.start)
                else None
            )
            names = replace(names, country=other.country, admin=names.admin or other.admin, venue=names.venue or finer)
        elif (
            not names.city
            and other.city
            and (
                (_agree(names, other, len(towns)) if claim.known else _is_town_in(names, other))
                if claim.weight >= STATED
                else claim.weight >= least and _is_only("city", claim, claims) and _lies_in(names, other)
            )
        ):
            names = replace(other, country=names.country or other.country, admin=other.admin or names.admin)
        elif claim.known and names == Names(names.country) and claim.weight >= STATED and _is_region_in(names, other):
            names = replace(names, admin=other.admin)
        elif claim.known and names == Names(admin=names.admin) and claim.weight >= STATED and _has_region(other, names):
            admin = names.admin if is_name(str(names.admin).partition(", ")[0]) else other.admin or names.admin
            names = Names(other.country, admin=admin)
        elif (
            not names.venue
            and claim.weight >= (STATED if claim.known else POSSIBLE)
            and (chosen.weight < FINAL or claim.start >= chosen.start)
            and (not claim.known or (other.city is not None and _same(names, other)))
        ):
            names = replace(names, venue=other.venue)
    if names.country and names == Names(names.country):
        possible = (one for one in claims if one.known and one.weight == POSSIBLE and _is_region_in(names, one.value))
        if (region := next(possible, None)) is not None and _is_only("admin", region, claims):
            names = replace(names, admin=region.value.admin)
    if _is_bare_town(names):  # "in either Bruges or Ghent, Belgium"
        stated = (Names(one.value.country) for one in firmest if one.weight >= STATED and one.value.country)
        names = replace(names, country=next((one.country for one in stated if _agree(one, names, 0)), None))
    return names


def _is_only(field: Literal["city", "admin"], claim: Claim[Names], claims: list[Claim[Names]]) -> bool:
    """Whether a claim's town or region is the only one of its sentence: "Kenya, possibly Nairobi", no "or Mombasa"."""
    all_of_them = {getattr(one.value, field) for one in claims if one.start == claim.start}
    return claim.known and all_of_them <= {getattr(claim.value, field), None}


def _same(names: Names, other: Names) -> bool:
    """Whether two claims share their city or a venue."""
    mine = {normalise(part) for part in (names.city, *(names.venue or "").split(", ")) if part}
    theirs = {normalise(part) for part in (other.city, *(other.venue or "").split(", ")) if part}
    return not mine.isdisjoint(theirs)


def _agree(names: Names, other: Names, regions: int) -> bool:
    """Whether another claim lies in the stated country or region; its own region decides where it is the only one."""
    if regions == 1 and names.country and other.admin and not (names.admin or other.country):
        return any(code_of(row) == country_of(names.country) for row in regions_of(other.admin, None)[:1])
    if names.admin and other.admin and normalise(names.admin) != normalise(other.admin):
        inner, outer = (regions_of(admin, _country(names)) for admin in (names.admin, other.admin))
        return bool(inner and outer and is_inside(inner[0], outer[0]))  # "Cape Cod", "Eastham, Massachusetts"
    if _is_bare_town(other):
        town = town_of(other.city or "", None, ())
        inside = town is not None and code_of(town) == country_of(names.country or "")
        return _is_town_in(names, other) if names.admin else inside
    return same_country(names.country, other.country) or bool(names.admin and other.admin)


def _lies_in(names: Names, other: Names) -> bool:
    """Whether a town that is held possible, with or without its region, lies in the stated country and region."""
    if names.admin or not names.country or other.country:
        return _agree(names, other, 0)
    is_there = not other.admin or other.city == other.venue or _is_town_in(names, other)
    return is_there and _country(other) == country_of(names.country)


def _is_town_in(names: Names, other: Names) -> bool:
    """Whether a town too small to be known by its name alone lies in the stated country and region."""
    code = _country(names)
    if code is None or other.city == other.venue:
        return False
    town = town_of(other.city or "", code, regions := regions_of(other.admin or names.admin or "", code))
    return town is not None and (not regions or is_inside(town, regions[0]))


def _is_bare_town(names: Names) -> bool:
    """Whether a claim is that of a town without region and country, and of no landmark."""
    return names.city is not None and names.city != names.venue and not (names.country or names.admin)


def _has_region(other: Names, names: Names) -> bool:
    """Whether the region that is all of a claim lies in the country of another one."""
    return bool(other.country and regions_of(names.admin or "", country_of(other.country)))


def _is_region_in(names: Names, other: Names) -> bool:
    """Whether another claim is that of a region alone, and in the stated country."""
    region = other.admin and not other.city and regions_of(other.admin, country_of(names.country or ""))
    finest = str(other.admin).partition(", ")[0]  # "Maui, Hawaii"
    return (
        bool(region)
        and is_pure_region(finest)
        and is_name(finest)
        and country_of(finest) is None
        and (other.country is None or same_country(names.country, other.country))
    )


def _named(sentence: Sentence) -> Iterator[Claim[Names]]:
    """The places that a sentence names."""
    if not sentence.text.isascii() and is_written_in(sentence.text):
        for phrase in uncased.phrases(sentence.text):
            weight = uncased.weight(sentence.text, sentence.heading, phrase, alone=sentence.alone)
            yield _claim(sentence, phrase.names, weight, (phrase.start, phrase.end))
        return
    stated, final = sentence.cues.stated, sentence.cues.final
    denied = -1
    for phrase in phrases(sentence.text):
        before, after = sentence.lower[: phrase.start], sentence.lower[phrase.end : phrase.end + 60]
        weight = _weight(sentence, before, after)
        if 0 < weight < FINAL and denied >= 0 and _IN_A_LIST.fullmatch(before, denied):
            weight = 0  # "rules out countries like Japan, India or Kenya"
        denied = phrase.end if weight == 0 else -1
        bare = not phrase.known and not (stated.search(before) or final.search(f"{sentence.heading} {before}"))
        begins = not before.strip(" \"'“‘([-•1234567890.)") and bool(_GOES_ON.match(after))
        if begins and sentence.alone and after.startswith((",", " —", " –")):
            begins = bool(_VERB.search(after)) or " " not in sentence.text[phrase.start : phrase.end]
        whole = sentence.lower[max(phrase.end - 90, 0) : phrase.end]
        if "from " in whole and (
            _FROM_ANOTHER.search(whole) or (_TO_ANOTHER.match(sentence.text, phrase.end) and _FROM.search(whole))
        ):
            weight = min(weight, MENTIONED)  # "any village from France to Slovenia", "the train from Lyon to Paris"
        if sentence.text[phrase.start : phrase.end] in DEMONYMS:
            weight = min(weight, POSSIBLE)  # "in a Japanese city, possibly Tokyo"
        if weight == SUPPOSED and (not phrase.known or _is_listed(sentence.text, phrase)):
            weight = MENTIONED
        if sentence.closes and not _LETTER.search(f"{before}{sentence.text[phrase.end :]}"):
            weight = FINAL
        elif bare or (
            phrase.alone
            and weight != SUPPOSED
            and (
                begins
                or not (_is_placed(sentence, before[-24:]) or _LOCATIVE.search(sentence.text, phrase.start, phrase.end))
            )
            and not _PREFERRED_AFTER.match(after)
        ):
            weight = min(weight, MENTIONED)
        names = phrase.names
        if (
            phrase.known
            and not names.venue
            and sentence.alone
            and (setting := _SETTING.match(sentence.text, phrase.end))
        ):
            names = replace(names, venue=setting[1])  # "Rotterdam, Netherlands — at the cruise terminal"
        yield _claim(sentence, names, weight, (phrase.start, phrase.end), known=phrase.known)


def _is_listed(text: str, phrase: Phrase) -> bool:
    """Whether a place is one of a list, which may look like an address: "Malawi, Zambia, Kenya"."""
    names, first = phrase.names, text[phrase.start : phrase.end].partition(",")[0]
    if _LISTED.match(text, phrase.end) or (first != text[phrase.start : phrase.end] and is_area(first)):
        return True
    parts = text[phrase.start : phrase.end].split(",")
    if any(map(is_country, filter(None, (names.city, names.admin)))) or len({*map(country_of, parts)} - {None}) > 1:
        return True
    return names.admin not in (None, first) and is_pure_region(first)


def _is_placed(sentence: Sentence, before: str) -> bool:
    return bool(_PLACED.search(before) or (sentence.cues is OTHER and PLACED.search(before)))


def _probability(text: str, start: int, end: int) -> float | None:
    """The probability right behind a claim in its sentence, else the last one before it, else the first behind it."""
    found = list(_PROBABILITY.finditer(text))
    before = [one for one in found if one.end() <= start]
    nearest = _PROBABILITY_BEHIND.match(text, end) or next(iter([*before[-1:], *found[:1]]), None)
    if nearest is None:
        return None
    return float(nearest[1]) if nearest[1] else 100 * float(nearest[2])


def _claim(
    sentence: Sentence,
    value: T,
    weight: int,
    span: tuple[int, int],
    *,
    start: int | None = None,
    known: bool = True,
) -> Claim[T]:
    in_list = sentence.heading and not sentence.cues.final.search(sentence.lower)
    return Claim(
        value,
        weight,
        sentence.start if start is None else start,
        sentence.heading_start if in_list else sentence.start,
        _probability(sentence.text, *span) if "%" in sentence.text or "." in sentence.text else None,
        known,
    )


def _weight(sentence: Sentence, before: str, after: str) -> int:
    """How much the words before and after a name or a position, in lower case, make it an answer."""
    cues = sentence.cues
    if (
        _PREFERRED_AFTER.match(after)
        and not before.endswith((" or ", " and "))
        and not cues.denied.search(before[_last_end(_SHORT_CLAUSE, before) :])
    ):
        return FINAL
    conceded = _last_end(_CONCEDED, before) if any(word in before for word in _YIELDING) else 0
    clause = before[max(_last_end(_CLAUSE, before), conceded if before[:conceded].endswith(", ") else 0) :]
    nearest = before[_last_end(_SHORT_CLAUSE, before) :]
    if cues.denied.search(nearest) or _DENIED_AFTER.match(after) or _DENIED_BY_LABEL.search(before or sentence.heading):
        return 0
    cue = max(_last_end(cues.stated, before), _last_end(cues.final, before))
    since = max(cue, len(before) - len(clause))
    one = _ONE_EXAMPLE.search(before, max(len(before) - _LONGEST_EXAMPLE, 0))
    looked_at = before[: one.start("quality")] if one else before  # "a city known for its canals, such as Venice"
    quoted = _last_end(_QUOTED, before) if '"' in before or "”" in before else 0
    begins = max(since, quoted, _last_end(cues.hedged, before))
    if cues.compared.search(looked_at, begins) or _COMPARED_AFTER.match(after):
        return MENTIONED
    if _UNREAL.search(clause) or (conceded == len(before) > 0 and cues.hedged.search(clause)):
        return MENTIONED
    context = f"{sentence.heading} {before}"
    ended = max(since, _last_end(_TAKEN, before), _last_end(_ANEW, before))  # "signs like these suggest Peru"
    return weight_of(
        example=bool(
            cues.example.search(before, ended)
            or cues.example.search(sentence.heading, _last_end(cues.stated, sentence.heading))
        ),
        final=bool(cues.final.search(context)),
        stated=bool(cues.stated.search(context)),
        hedged=bool(cues.hedged.search(f"{sentence.heading} {clause}")),
        fragment=sentence.alone
        and not (_VERB.search(before) and not (before.endswith((": ", ': "')) and not after.strip(' ."!')))
        and not _VERB.match(after.lstrip(" ,)"))
        and not _OF_ORIGIN.search(before),
        only=one is not None and not _OR_OTHERS_AFTER.match(after),
    )


def _last_end(pattern: re.Pattern[str], text: str) -> int:
    """Where the last match ends; 0 without one."""
    end = 0
    for match in pattern.finditer(text):
        end = match.end()
    return end
