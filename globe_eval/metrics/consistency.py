"""Whether a reasoning implies the answer that follows it: where it says, without the answer, that the place is.

Not every place that a reasoning names is one that it concludes. So each is weighed by the words around it, and the
heaviest win:

    CONCLUDED  "my best guess is", "most likely", "therefore": a sentence that draws the conclusion
    CLAIMED    "suggests", "likely", "located in": a sentence that claims
    NAMED      "in Italy", "Lyon"
    EVIDENCE   "French architecture", "common in Australia", "similar to", "such as": what speaks for a place

and a place that is rejected ("not in Spain", "rather than", "unlike", "can be ruled out") counts nothing. Among equals
the last sentence counts, with all alternatives that it offers ("South Africa or Australia"). More than three countries
in it, and the reasoning concludes nothing: a list of countries is consistent with every answer. Evidence alone never
contradicts an answer, for houses of a British style stand in New Zealand.

GeoAgent asks the same of another model; here nothing is asked, and the same text always gets the same verdict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from globe_eval.cues.anycase import AnyCase
from globe_eval.places import resolve
from globe_eval.places.borders import countries_at, sovereign_of
from globe_eval.places.distance import geodesic_km
from globe_eval.places.gazetteer import TERRITORIES, Place, country
from globe_eval.places.names import normalise
from globe_eval.places.spotting import Spot, spot
from globe_eval.sample import Answer, Consistency, Prediction, Verdict

MOST_CANDIDATES = 3
"""More countries in the conclusion than these conclude nothing."""

SAME_PLACE_KM = 50.0
"""Nearer than this, two cities are one place: a city and its suburb."""

SAME_REGION_KM = 500.0
"""Likewise where the name is that of a city and of the region around it ("New York", "Chihuahua")."""

EVIDENCE, NAMED, CLAIMED, CONCLUDED = 1, 2, 3, 4

LONGEST_QUOTE = 240

WORDS_BEFORE, WORDS_AFTER = 500, 100
"""How many characters of its sentence are looked at on both sides of a place."""


Point = Prediction | Place
"""Where the answer was located."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Where a reasoning says that the photograph was taken."""

    countries: tuple[str, ...]
    """The alternatives that it leaves, ISO codes, the last named first; none where it concludes nothing."""
    cities: tuple[Place, ...]
    """Likewise cities in these countries that are claimed: one that is but named may stand on a sign."""
    ambiguous: bool
    """Whether one of the cities may be meant as the region around it."""
    open: bool
    """Whether a part of the world is among the alternatives ("Russia or Eastern Europe"), or nothing but the name of a
    city stands there, as on a sign: no country can contradict."""
    weight: int
    n_candidates: int
    """Distinct countries that the whole reasoning names and does not reject, be it as evidence."""
    quote: str | None


NOTHING = Conclusion((), (), False, False, 0, 0, None)


def consistency(answer: Answer, point: Point | None, here: Set[str] | None = None) -> Consistency | None:
    """Compare the country and city that a reasoning concludes with those of its answer, as `places` resolves both.

    verdict, exactly one:
    - silent: there is no reasoning, or it concludes no country and no city, or only others, but as evidence alone or
      beside a part of the world ("India or Southeast Asia");
    - contradicts: the answer's country is none of those concluded; or it is, but the reasoning concludes cities and
      the answer names a city that is none of them nor within 50 km of one;
    - consistent: otherwise. An answer that names a country alone is judged by the country.
    Rates of the three sum to 1 over the photographs that have an answer. "consistent" is better when higher, the other
    two when lower; a reasoning that lists candidates and answers with one of up to three passes as consistent
    (n_candidates tells), which is the limit of a measure that reads and does not understand.

    distance_km, from 0, lower is better: geodesic, from the concluded city, region or country (its population centroid)
    that is nearest to the answer, to the point that was scored. None where either is missing.

    None where there is no usable answer to compare with (`point` is None). `here` are the codes of the point's country
    where the caller knows them (`countries_at`, which takes long for one point at a time).

    >>> said = "Signs in French and plane trees suggest the south of France, possibly Lyon rather than Geneva."
    >>> paris = resolve("Paris", "France")
    >>> consistency(Answer(country="France", city="Paris", reasoning=said), paris).verdict
    'contradicts'
    >>> consistency(Answer(country="France", reasoning=said), resolve(None, "France")).verdict
    'consistent'
    """
    if point is None:
        return None
    found = conclusion(answer.reasoning, _sought(answer, point))
    reached = found.cities or [place for code in found.countries if (place := resolve(None, code))]
    away = _km(reached, point)
    return Consistency(
        _verdict(found, point, here, away),
        found.countries[0] if found.countries else None,
        found.cities[0].name if found.cities else None,
        min(away, default=None),
        found.n_candidates,
        found.quote,
    )


def _sought(answer: Answer, point: Point) -> dict[str, Place | None]:
    """The answered city's name means the answered place, however small, or no place that the gazetteer knows."""
    if not answer.city or country(normalise(answer.city), main=True):
        return {}
    if point.level != "city" or point.country_code is None:
        return {answer.city: None} if point.level == "country" else {}
    place = Place(point.lat, point.lon, point.country_code, "city", point.geonameid, point.name or answer.city)
    return {answer.city: place, answer.city.split(",")[0]: place, place.name: place}


def _verdict(found: Conclusion, point: Point, here: Set[str] | None, away: Sequence[float]) -> Verdict:
    """`away`: km from each of the cities found to the point."""
    if not found.countries:
        return "silent"
    claimed = {other for code in found.countries for other in (code, *TERRITORIES.get(code, ()))}
    if point.country_code is not None:
        here = frozenset({point.country_code})
    elif here is None:
        here = countries_at(np.array([point.lat]), np.array([point.lon]))[0]
    if _with_sovereigns(here).isdisjoint(_with_sovereigns(claimed)):
        return "silent" if found.weight == EVIDENCE or found.open else "contradicts"
    exact = point.level in ("city", "coordinates")
    near = SAME_REGION_KM if found.ambiguous else SAME_PLACE_KM
    agrees = any(_is(city, point) or km <= near for city, km in zip(found.cities, away, strict=False))
    return "consistent" if agrees or not exact or not found.cities else "contradicts"


def _with_sovereigns(codes: Set[str]) -> frozenset[str]:
    """Countries, and the states that these belong to."""
    return frozenset(codes) | {state for code in codes if (state := sovereign_of(code))}


def _km(places: Sequence[Place], point: Point) -> list[float]:
    if not places:
        return []
    away = geodesic_km([one.lat for one in places], [one.lon for one in places], point.lat, point.lon)
    return [float(km) for km in away]


def _is(city: Place, point: Point) -> bool:
    return city.geonameid is not None and city.geonameid == point.geonameid


def conclusion(reasoning: str | None, sought: Mapping[str, Place | None] | None = None) -> Conclusion:
    """What a reasoning concludes; `sought` are names that are known to mean a place (see `places.spotting.spot`).

    >>> conclusion("Cars drive on the left, as in Australia or the UK. So this is most likely Perth.").countries
    ('AU',)
    >>> conclusion("It could be Spain, Italy, Greece, Portugal or Malta.").countries
    ()
    """
    text = _INITIALS.sub(lambda found: found[0].replace(".", "").ljust(len(found[0])), without_objects(reasoning or ""))
    spots = spot(text, sought=sought)
    weighed = [(one, weight, sentence) for one, weight, sentence in _weighed(text, spots) if weight]
    if not weighed:
        return NOTHING
    candidates = {one.country_code for one, _, _ in weighed}
    best = max(weight for _, weight, _ in weighed)
    last = max(sentence for _, weight, sentence in weighed if weight == best)
    chosen = [one for one, weight, sentence in weighed if weight == best and sentence == last]
    codes = tuple(dict.fromkeys(one.country_code for one in reversed(chosen)))
    start, end = last
    quote = " ".join(text[start : min(end, start + 4 * LONGEST_QUOTE)].split())[:LONGEST_QUOTE]
    if len(codes) > MOST_CANDIDATES:
        return Conclusion((), (), False, False, best, len(candidates), quote)
    towns = [item for item in weighed if item[0].kind == "city" and item[0].country_code in codes]
    heaviest = max((weight for _, weight, _ in towns), default=0)
    final = max((sentence for _, weight, sentence in towns if weight == heaviest), default=None)
    cities = {
        one.place: one.ambiguous
        for one, weight, sentence in reversed(towns)
        if weight == heaviest and sentence == final and one.place and heaviest >= CLAIMED
    }
    return Conclusion(
        codes,
        tuple(cities),
        any(cities.values()),
        _open(text, last, spots) or (best == NAMED and all(one.kind == "city" for one in chosen)),
        best,
        len(candidates),
        quote,
    )


def _open(text: str, sentence: tuple[int, int], spots: Sequence[Spot]) -> bool:
    """Whether a sentence names a part of the world besides its places ("South Africa" is none)."""
    start, end = sentence[0], min(sentence[1], sentence[0] + 4 * LONGEST_QUOTE)
    rest = list(text[start:end])
    for one in spots:
        if start <= one.start < end:
            rest[one.start - start : one.end - start] = " " * (min(one.end, end) - one.start)
    return _PART_OF_THE_WORLD.search("".join(rest)) is not None


_INITIALS = re.compile(r"\b(?:U\.S\.A\.|U\.S\.|U\.K\.)")
_OBJECT = re.compile(r"```(?:json)?|\{[^{}]{0,2000}\}")


def without_objects(text: str) -> str:
    """A text without its JSON objects, which repeat the answer; their place is kept by blanks.

    >>> without_objects('In Rome. {"city": "Rome"} So')
    'In Rome.                  So'
    """
    return _OBJECT.sub(lambda found: " " * len(found[0]), text)


_PART_OF_THE_WORLD = re.compile(
    r"\b(?:America(?!n)|Asia|Europe|Africa|Oceania|Australasia|Middle East|Caribbean|Balkans?|Scandinavia|Mediterranean"
    r"|Soviet|Caucasus|Nordic|Andes|(?:Spanish|French|English|Arabic|Portuguese|German)-speaking"
    r"|another country|other countr(?:y|ies)|elsewhere)\b"
)
_END = re.compile(
    r"[.!?\n](?:(?<!\n)(?<!\b[A-Z].)(?<!\b(?:St|Mt|vs|Dr).)[.!?]*(?=[\s\"')*]|$)|(?<=\n)\n*(?!\s*[*•-]\s))"
)
_REJECTED_BEFORE = AnyCase(
    r"""\b(?:not|n't|isn't|wasn't|aren't|doesn't|never|rather\ than|instead\ of|unlike|opposed\ to
      |rul(?:e|es|ed|ing)\ (?:it\ )?out|eliminat\w+|exclud\w+|(?:less|un)likely(?:\ to\ be)?|neither|nor|different\ from
      |other\ than|distinct\ from|no\ longer)\b(?P<between>[^.;:]*)$"""
)
_REJECTED_AFTER = AnyCase(
    r"""[^.;:,]{0,40}?\b(?:is|are|seems?|looks?|appears?|would\ be|can\ be|could\ be|was|were)\s+(?:\w+\s+)?
      (?:less\ likely|unlikely|ruled\ out|excluded|eliminated|not|improbable|implausible)\b"""
)
_TURNS = AnyCase(r",\s*(?:but|it|this|the|more)\b|\bbut\b|\bhowever\b|\bit\ (?:is|was)\b|\brather\b(?!\ than)")
_NOT_ONLY = AnyCase(r"\bnot\ (?:only|just|limited|uncommon|impossible|certain|sure|necessarily|far|entirely)\b")
_CONCLUDES = AnyCase(
    r"""\b(?:(?:best|educated|final|my|reasonable|plausible|good|first|initial)\ (?:\w+\ )?
        (?:guess|estimate|estimation|answer|conclusion|choice)
      |most\ (?:likely|probabl[ey]|plausibl[ey])
      |(?:i|we)\ (?:would\ |will\ |can\ |'d\ )?(?:\w+\ )?
        (?:guess|say|estimate|conclude|believe|think|infer|suspect|deduce|settle|lean|choose|go\ with)
      |conclu(?:de|sion)\w*|therefore|thus|hence|(?:narrow|pinpoint)\w*|a\ guess|in\ summary|overall|strong(?:ly)?
      |this\ (?:places|puts)|must\ be|has\ to\ be
      |(?:all|these|the)\ (?:\w+\ )?(?:clues|observations|factors|elements|features|evidence|cues|details))\b"""
)
_CLAIMS = AnyCase(
    r"""\b(?:suggest\w*|indicat\w*|point(?:s|ing)?\ (?:to|towards?)|likely|probabl[ey]|possibl[ey]|plausibl[ey]|perhaps
      |might\ be|may\ be|could\ be|appears?\ to\ be|seems?\ to\ be
      |(?:located|taken|situated|set|captured|somewhere|place)\ (?:in|near|at|from)|(?:is|be)\ (?:in|from)
      |(?:this|it|location|place|scene|photo\w*|image|picture|city|country)\ (?:is|was)
      |impl(?:y|ies)|align\w*|consistent\ with|identif\w+|recogni[sz]\w+|confirm\w*|belongs?\ to)\b"""
)
_CLAIMED_AFTER = AnyCase(
    r"[^.;:,]{0,40}?\b(?:(?:is|seems|looks|appears|are|as)\s(?:\w+\s)?(?:likely|plausible|probable|possible|possibilit\w+"
    r"|candidates?)|would\ (?:be|fit|match))\b"
)
_COMPARED = AnyCase(
    r"""\b(?:such\ as|(?:could|might|may)\ also|alternatively|border\w*|like|similar\ to
      |reminiscent\ of|resembl\w+|typical(?:ly)?(?:\ of|\ for|\ in)?|common(?:ly)?|found|seen|used
      |characteristic\ (?:of|for|in)|associated\ with|prevalent|e\.g|including|native\ to|popular|often
      |usual(?:ly)?|parts\ of|many|known|style\ of|influence\w*|as\ in|countries|regions|areas|places|cities)
      \b[^.:]*$"""
)


def _weighed(text: str, spots: Sequence[Spot]) -> Iterator[tuple[Spot, int, tuple[int, int]]]:
    """Each place with its weight, 0 where it is rejected, and the ends of its sentence."""
    if not spots:
        return
    ends = [match.end() for match in _END.finditer(text)] + [len(text)]
    index = 0
    for one in spots:
        while ends[index] < one.end:
            index += 1
        start, end = ends[index - 1] if index else 0, ends[index]
        before = text[max(start, one.start - WORDS_BEFORE) : one.start]
        yield one, _weight(before, text[one.end : min(end, one.end + WORDS_AFTER)], one), (start, end)


def _weight(before: str, after: str, one: Spot) -> int:
    if _rejected(before, after):
        return 0
    if one.kind == "demonym":
        return EVIDENCE
    concludes, claims = _CONCLUDES.search(before), _CLAIMS.search(before)
    compared = _COMPARED.search(before)
    stated = max((match.end() for match in (concludes, claims) if match), default=-1)
    if compared and compared.start() >= stated:
        return EVIDENCE
    return CONCLUDED if concludes else CLAIMED if claims or _CLAIMED_AFTER.match(after) else NAMED


def _rejected(before: str, after: str) -> bool:
    denied = _REJECTED_BEFORE.search(_NOT_ONLY.sub(" ", before))
    if denied and not _TURNS.search(denied["between"]) and len(denied["between"]) <= 60:
        return True
    return _REJECTED_AFTER.match(after) is not None


__all__ = ["Conclusion", "Consistency", "Verdict", "conclusion", "consistency"]
