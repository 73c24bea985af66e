"""Whether a reasoning implies the answer that follows it: where it says, without the answer, that the place is.

Not every place that a reasoning names is one that it concludes. So each is weighed by the words around it
(`cues.claims`), and the heaviest win; one that is rejected counts nothing. Among equals the last sentence counts, with
all alternatives that it offers ("South Africa or Australia"). More than three countries in it, and the reasoning
concludes nothing: a list of countries is consistent with every answer. Evidence alone never contradicts an answer, for
houses of a British style stand in New Zealand, nor does a conclusion that is taken back or widened after it ("However,
I'm leaning towards"), nor a name that the answer's country has as well.

GeoAgent asks the same of another model; here nothing is asked, and the same text always gets the same verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import islice

import numpy as np

from globe_eval import lazy_re as re
from globe_eval.cues.anycase import AnyCase
from globe_eval.cues.claims import (
    CLAIMED,
    CONCLUDED,
    EVIDENCE,
    NAMED,
    SENTENCE_END,
    WORDS_AFTER,
    WORDS_BEFORE,
    sentence_before,
    weight_of,
)
from globe_eval.cues.language import is_english, is_plainly_english
from globe_eval.cues.lexicon import lexicon
from globe_eval.cues.tokens import forms
from globe_eval.places import resolve
from globe_eval.places.borders import countries_at, sovereign_of
from globe_eval.places.distance import geodesic_km
from globe_eval.places.gazetteer import TERRITORIES, Place, country
from globe_eval.places.names import normalise
from globe_eval.places.spotting import MAX_LENGTH, Spot, spot
from globe_eval.sample import Answer, Consistency, Prediction, Verdict

MOST_CANDIDATES = 3
"""More countries in the conclusion than these conclude nothing."""

SAME_PLACE_KM = 50.0
"""Nearer than this, two cities are one place: a city and its suburb."""

VICINITY_KM = 150.0
"""Likewise where a city only says what the place is near: "a suburb of", "between", "the Chicago area"."""

SAME_REGION_KM = 500.0
"""Likewise where the name is that of a city and of the region around it ("New York", "Chihuahua")."""

LONGEST_QUOTE = 240

SHORTEST_NAME = 2
"""Letters of an answered name that is looked for."""

LANGUAGE_LENGTH = 4_000
"""Characters by which the language is known."""

Point = Prediction | Place
"""Where the answer was located."""


Weighed = tuple[Spot, int, tuple[int, int]]
"""A place, how much its words weigh (0 where it is rejected), and the ends of its sentence."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Where a reasoning says that the photograph was taken."""

    countries: tuple[str, ...]
    """The alternatives that it leaves, ISO codes, the last named first; none where it concludes nothing."""
    cities: tuple[Place, ...]
    """Likewise cities in these countries that are claimed: one that is but named may stand on a sign."""
    near_km: float
    """Within this distance of one of the cities an answer is that city, or lies where the words about it say."""
    open: bool
    """Whether a part of the world is among the alternatives ("Russia or Eastern Europe"), or nothing but the name of a
    city stands there, as on a sign: no country can contradict."""
    weight: int
    n_candidates: int
    """Distinct countries that the whole reasoning names and does not reject, be it as evidence."""
    quote: str | None
    start: int = 0
    """Where the sentence begins that it was read from."""
    others: tuple[Weighed, ...] = ()
    """The places that are named in that sentence and after it, or claimed before it where nothing is concluded."""


NOTHING = Conclusion((), (), SAME_PLACE_KM, False, 0, 0, None)


def consistency(answer: Answer, point: Point | None, here: Set[str] | None = None) -> Consistency | None:
    """Compare the country and city that a reasoning concludes with those of its answer, as `places` resolves both.

    verdict, exactly one:
    - silent: there is no reasoning, or it concludes no country and no city, or only others, but as evidence alone or
      beside a part of the world ("India or Southeast Asia");
    - contradicts: the answer's country is none of those concluded; or it is, but the reasoning concludes cities and
      the answer names a city that is none of them nor within 50 km of one (150 km of one that only says what the
      place is near to, 500 km of one that may mean its region); and the answer stands not beside the conclusion or
      after it;
    - consistent: otherwise. An answer that names a country alone is judged by the country.
    None where the reasoning is in another language than English.
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
    return consistencies([answer], [point], [here])[0]


def consistencies(
    answers: Sequence[Answer | None], points: Sequence[Point | None], here: Sequence[Set[str] | None]
) -> list[Consistency | None]:
    """`consistency` of n answers, with the distances of all of them measured at once."""
    found: list[Consistency | None] = [None] * len(answers)
    read = []
    for i, (answer, point) in enumerate(zip(answers, points, strict=True)):
        if answer is None or point is None:
            continue
        if answer.reasoning and not is_covered(answer.reasoning):
            found[i] = Consistency(None)
            continue
        text = _plain(answer.reasoning)
        one = _conclusion(_plain(text) if "{" in text else text, _sought(answer, point))  # an object within another
        places = one.cities or [place for code in one.countries if (place := resolve(None, code))]
        read.append((i, answer, point, text, one, places))
    every = iter(_km([(place, point) for _, _, point, _, _, places in read for place in places]))
    for i, answer, point, text, one, places in read:
        away = list(islice(every, len(places)))
        found[i] = Consistency(
            _verdict(one, answer, point, here[i], away, text),
            one.countries[0] if one.countries else None,
            one.cities[0].name if one.cities else None,
            min(away, default=None),
            one.n_candidates,
            one.quote,
        )
    return found


def _sought(answer: Answer, point: Point) -> dict[str, Place | None]:
    """The answered city's name means the answered place, however small, or no place that the gazetteer knows."""
    if not answer.city or country(normalise(answer.city), main=True):
        return {}
    if point.level != "city" or point.country_code is None:
        return {answer.city: None} if point.level == "country" else {}
    place = Place(point.lat, point.lon, point.country_code, "city", point.geonameid, point.name or answer.city)
    return {answer.city: place, answer.city.split(",")[0]: place, place.name: place}


def _verdict(
    found: Conclusion, answer: Answer, point: Point, here: Set[str] | None, away: Sequence[float], text: str
) -> Verdict:
    """`away`: km from each of the places found to the point."""
    if not found.countries:
        return "silent"
    if point.country_code is not None:
        here = frozenset({point.country_code})
    elif here is None:
        here = countries_at(np.array([point.lat]), np.array([point.lon]))[0]
    claimed = {other for code in found.countries for other in (code, *TERRITORIES.get(code, ()))}
    abroad = _with_sovereigns(here).isdisjoint(_with_sovereigns(claimed))
    exact = point.level in ("city", "coordinates")
    within = (
        found.near_km
        if found.cities and not abroad
        else min(found.near_km, VICINITY_KM)
        if found.cities
        else SAME_PLACE_KM
    )
    near = exact and min(away, default=np.inf) <= within
    if near or not (abroad or (exact and found.cities)):
        return "consistent"
    if any(_is(city, answer, point) for city in found.cities) or _goes_on(found, answer, point, here, abroad, text):
        return "consistent"
    if not abroad:
        return "contradicts"
    if found.weight < CLAIMED or found.open or not _is_placed(found, text):
        return "silent"
    return "consistent" if _is_homonym(found, answer, here, text) else "contradicts"


def _is_placed(found: Conclusion, text: str) -> bool:
    """Whether one of the countries is named, be it by a region, or concluded by the usual meaning of a city's name."""
    return any(
        one.country_code in found.countries and (one.kind != "city" or (weight == CONCLUDED and _is_usual(one, text)))
        for one, weight, _ in found.others
    )


def _is_usual(one: Spot, text: str) -> bool:
    """Whether the city is what its name means where nothing else is said."""
    name = text[one.start : one.end]
    return one.place is not None and normalise(one.place.name or "") == normalise(name) and resolve(name) == one.place


def _goes_on(found: Conclusion, answer: Answer, point: Point, here: Set[str], abroad: bool, text: str) -> bool:
    """Whether the answer stands beside the conclusion or after it ("However, it could be"), by its name or place."""
    firmest = max((weight for one, weight, _ in found.others if one.place in found.cities), default=found.weight)
    least = EVIDENCE if firmest == CLAIMED else NAMED
    standing = [one for one, weight, _ in found.others if weight >= least and one.kind != "demonym"]
    if abroad and any(one.country_code in here for one in standing):
        return True
    places = [one.place for one in standing if one.place and one.kind == "city"]
    near = min(_km([(place, point) for place in places]), default=np.inf)
    if point.level in ("city", "coordinates") and near <= SAME_PLACE_KM:
        return True
    names = re.split(r"\s+or\s+|/", (answer.city or answer.country or "").split(",")[0].strip())
    either = "|".join(re.escape(name) for name in names if len(name) >= SHORTEST_NAME)
    if not either:
        return False
    for match in re.finditer(rf"\b(?:{either})\b", text[found.start : found.start + MAX_LENGTH]):
        at, end = found.start + match.start(), found.start + match.end()
        if weight_of(sentence_before(text, at), text[end : end + WORDS_AFTER].split("\n")[0], "city") >= NAMED:
            return True
    return False


def _is_homonym(found: Conclusion, answer: Answer, here: Set[str], text: str) -> bool:
    """Whether the concluded name is one of the answer's country too ("Victoria", Canada), or the answer's, which is
    given without its country, one of the concluded ("Surrey", England).
    """
    named = {one.country_code for one, _, _ in found.others if one.kind == "country"}
    claimed = [one for one, weight, _ in found.others if weight >= CLAIMED and one.country_code in found.countries]
    pairs = [
        (text[one.start : one.end], code)
        for one in claimed
        if one.country_code not in named and (one.kind == "region" or (one.kind == "city" and not _is_usual(one, text)))
        for code in here
    ]
    if answer.country is None:
        pairs += [(answer.city or "", code) for code in found.countries]
    places = (resolve(name, code) for name, code in dict.fromkeys(pairs))
    return any(place is not None and place.level != "country" for place in places)


def _with_sovereigns(codes: Set[str]) -> frozenset[str]:
    """Countries, and the states that these belong to."""
    return frozenset(codes) | {state for code in codes if (state := sovereign_of(code))}


def _km(pairs: Sequence[tuple[Place, Point]]) -> list[float]:
    ends = [(place.lat, place.lon, point.lat, point.lon) for place, point in pairs]
    return geodesic_km(*np.array(ends, dtype=np.float64).T).tolist() if ends else []


def _is(city: Place, answer: Answer, point: Point) -> bool:
    """Whether a city is the answered one, or of its name: a homonym may be resolved elsewhere than it was meant."""
    name = normalise((answer.city or "").split(",")[0])
    return (city.geonameid is not None and city.geonameid == point.geonameid) or name == normalise(city.name or "")


def conclusion(reasoning: str | None, sought: Mapping[str, Place | None] | None = None) -> Conclusion:
    """What a reasoning concludes; `sought` are names that are known to mean a place (see `places.spotting.spot`).

    >>> conclusion("Cars drive on the left, as in Australia or the UK. So this is most likely Perth.").countries
    ('AU',)
    >>> conclusion("It could be Spain, Italy, Greece, Portugal or Malta.").countries
    ()
    """
    return _conclusion(_plain(reasoning), sought)


def _conclusion(text: str, sought: Mapping[str, Place | None] | None) -> Conclusion:
    spots = spot(text, sought=sought)
    every = _weighed(text, spots)
    weighed = [item for item in every if item[1]]
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
        return Conclusion((), (), SAME_PLACE_KM, False, best, len(candidates), quote)
    towns = [item for item in weighed if item[0].kind == "city" and item[0].country_code in codes]
    heaviest = max((weight for _, weight, _ in towns), default=0)
    final = max((sentence for _, weight, sentence in towns if weight == heaviest), default=last)
    ends = [one for one, weight, sentence in reversed(towns) if weight == heaviest and sentence == final and one.place]
    first = min(last, final)
    return Conclusion(
        codes,
        tuple(dict.fromkeys(one.place for one in ends if one.place)) if heaviest >= CLAIMED else (),
        max((_near_km(text, one, final) for one in ends), default=SAME_PLACE_KM),
        _open(text, last, spots) or (best == NAMED and all(one.kind == "city" for one in chosen)),
        best,
        len(candidates),
        quote,
        first[0],
        tuple(item for item in weighed if item[2] >= first or (best < CONCLUDED and item[1] >= CLAIMED)),
    )


def _near_km(text: str, one: Spot, sentence: tuple[int, int]) -> float:
    """How far from a city an answer may lie to agree with the words about the city."""
    if one.ambiguous or _DIVISION_AFTER.match(text[one.end : one.end + 60]):
        return SAME_REGION_KM
    if _OTHER_TOWNS.search(text[sentence[0] : min(sentence[1], sentence[0] + WORDS_BEFORE)]):
        return float("inf")
    around = text[max(sentence[0], one.start - 80) : one.end]
    return VICINITY_KM if _VICINITY.search(around) or _AREA_AFTER.match(text[one.end : one.end + 60]) else SAME_PLACE_KM


def is_covered(text: str) -> bool:
    """Whether the rules read the text's language, English.

    >>> is_covered("Die Schilder sind auf Deutsch, also ist das wohl Wien."), is_covered("Signs in German, so Vienna.")
    (False, True)
    """
    text = text[:LANGUAGE_LENGTH]
    if is_plainly_english(text):
        return True
    text = _CAPITALISED.sub(" ", text)  # names are of any language
    return is_english(text, forms(text), lexicon().starts)


_CAPITALISED = re.compile(r"[A-Z]\w+(?: (?:d[aeio]|de[lrs]|es|l[ae]|y) [A-Z]\w+)+|(?<=[a-z,;] )[A-Z]\w+")


def _plain(reasoning: str | None) -> str:
    text = without_objects(reasoning or "").replace("*", " ")
    if not any(one in text for one in _WITH_DOTS):
        return text
    return _INITIALS.sub(lambda found: found[0].replace(".", "").ljust(len(found[0])), text)


def _open(text: str, sentence: tuple[int, int], spots: Sequence[Spot]) -> bool:
    """Whether a sentence names a part of the world besides its places ("South Africa" is none)."""
    start, end = sentence[0], min(sentence[1], sentence[0] + 4 * LONGEST_QUOTE)
    rest = list(text[start:end])
    for one in spots:
        if start <= one.start < end:
            rest[one.start - start : one.end - start] = " " * (min(one.end, end) - one.start)
    return _OTHER_PARTS.search("".join(rest)) is not None


_WITH_DOTS = ("U.S.", "U.K.", "e.g.", "i.e.")
_INITIALS = re.compile(r"\b(?:U\.S\.A\.|U\.S\.|U\.K\.|e\.g\.|i\.e\.)")
_OBJECT = re.compile(r"```(?:json)?|\{[^{}]{0,2000}\}")


def without_objects(text: str) -> str:
    """A text without its JSON objects, which repeat the answer; their place is kept by blanks.

    >>> without_objects('In Rome. {"city": "Rome"} So')
    'In Rome.                  So'
    """
    return _OBJECT.sub(lambda found: " " * len(found[0]), text)


_PART = (
    r"(?:America(?!n)|Asia|Europe|Africa|Oceania|Australasia|Middle East|Caribbean|Balkans?|Scandinavia|Mediterranean"
    r"|Soviet|Caucasus|Nordic|Andes|(?:Spanish|French|English|Arabic|Portuguese|German)-speaking)"
)
_OTHER_PARTS = re.compile(
    rf"\b(?:or|and|and/or)\s+(?:[\w-]+\s+){{0,4}}{_PART}\b|\b{_PART},?\s+(?:or|and|to)\b|\b{_PART},\s+[A-Z]"
    r"|\b(?:(?:an)?other|neighbou?ring|nearby|similar|many|several|various)\s+(?:\w+\s+)?countr(?:y|ies)\b"
    r"|\bor\s+(?:an?\s+|some\s+)?(?:[\w-]+\s+){0,2}(?:nation|country)\b"
    r"|\b(?:an?|one|another)\s+(?:\w+\s+)?(?:candidate|option|contender)\b"
    r"|\b(?:elsewhere|also|alternatively|etc)\b|\bor\s+(?:an?\s+)?(?:similar|another)\b"
)
"""Alternatives to the places of a sentence that no country can contradict."""
_JOINS = re.compile(
    r"[\s,/]*(?:(?:and|or|even|perhaps|possibly|maybe|potentially|in|the|parts|of)[\s,/]+)*", re.IGNORECASE
)
_VICINITY = AnyCase(
    r"""\b(?:near(?:by|er)?|close\ to|between|suburbs?|suburban|outside|outskirts|around|corridor|vicinity|north|south
      |east|west|(?:north|south)(?:ern|east\w*|west\w*)|eastern|western|greater|metropolitan|surrounding|not\ far|from
      |towards?|along|region|area|state|coast|county|drive)\b[^.;:]*$"""
)
_OTHER_TOWNS = AnyCase(r"\b(?:another|other|similar|nearby|neighbou?ring|or\ an?)\b")
_AREA_AFTER = AnyCase(
    r"""(?:,?\s(?:and|or)\s[\w\ ]{1,30}?)?\s(?:(?:metro(?:politan)?|bay|valley|greater|surrounding)\s)?
      (?:areas?|suburbs?|outskirts|corridor|surroundings|vicinity|county|district|valley|metro)\b"""
)
_DIVISION_AFTER = AnyCase(
    r"(?:,?\s(?:and|or)\s[\w\ ]{1,30}?)?\s(?:states?|regions?|provinces?|prefectures?|oblasts?)\b"
)


def _weighed(text: str, spots: Sequence[Spot]) -> list[Weighed]:
    """Each place, in order; one that a list joins to another that is but compared is compared too."""
    ends = [match.end() for match in SENTENCE_END.finditer(text)] + [len(text)]
    index = run = 0
    items: list[Weighed] = []
    for one in spots:
        while ends[index] < one.end:
            index += 1
        start, end = ends[index - 1] if index else 0, ends[index]
        before = text[max(start, one.start - WORDS_BEFORE) : one.start]
        weight = weight_of(before, text[one.end : min(end, one.end + WORDS_AFTER)], one.kind)
        if items and items[-1][0].end >= start and _JOINS.fullmatch(text[items[-1][0].end : one.start][:WORDS_AFTER]):
            if items[-1][1] == EVIDENCE != weight and items[-1][0].kind != "demonym":
                weight = min(weight, EVIDENCE)
            lifted = len(items) - 1
            while lifted >= run and NAMED <= items[lifted][1] < weight:
                items[lifted] = (items[lifted][0], weight, items[lifted][2])
                lifted -= 1
        else:
            run = len(items)
        items.append((one, weight, (start, end)))
    return items


__all__ = ["Conclusion", "Consistency", "Verdict", "conclusion", "consistency"]
