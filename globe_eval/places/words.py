"""What the words of a normalised name say: nothing ("unknown"), a continent, or which kind of place it is ("City")."""

from __future__ import annotations

from collections.abc import Iterator


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _affixes(plain: str, region: str) -> dict[str, bool]:
    """Affix -> whether it names a region rather than a town."""
    kinds = ((plain, False), (region, True))
    return {affix: regional for text, regional in kinds for affix in text.split("|")}


_UNKNOWN = _words(
    "unknown unspecified unidentified undetermined undeterminable undisclosed unclear unsure uncertain indeterminate"
    " indeterminable unnamed unidentifiable ambiguous none null nan nil tbd idk unavailable undefined anytown"
    " cannot somewhere insufficient inconclusive desconocido desconocida inconnu inconnue unbekannt 未知 不明"
)
_GENERIC = _words(
    "a an the in of on at near by any some no not n na applicable specified determined identified provided available"
    " known given visible stated mentioned specific particular possible generic various multiple several different"
    " city cities town towns township village villages area areas region regions suburb suburbs suburban urban rural"
    " countryside neighborhood neighbourhood residential small large big medium mid sized size major minor remote"
    " coastal inland location locations place places name names country state province local outskirts i dont know"
    " sure answer metropolitan mountains mountainous tropical temperate insert your x xx xxx xxxx roadside"
    " municipality district county continent island settlement hamlet community unincorporated"
    " or and with without is be but it this that clearly"
)
_CONTINENTS = _words(
    "world earth global international africa europe asia america oceania eurasia caribbean scandinavia"
    " mediterranean balkans middle east latin central north south west northern southern eastern western southeast"
    " southeastern northeast northeastern southwest southwestern northwest northwestern sub saharan nordic baltic"
    " countries pacific islands"
)


def is_continent(key: str) -> bool:
    """Whether a normalised text names no country but a continent or a part of one: "europe", "southeast asia"."""
    return _CONTINENTS.issuperset(key.split())


def is_unknown(key: str) -> bool:
    """Whether a normalised text names no place: "unknown", "n a", "rural area", "city name", "small coastal town".

    >>> is_unknown("rural area"), is_unknown("unknown coastal city"), is_unknown("rural hall"), is_unknown("")
    (True, True, False, True)
    """
    words = key.split()
    return not _UNKNOWN.isdisjoint(words) or _GENERIC.issuperset(words)


_REGION_SUFFIX = (
    "prefecture|province|provincia|county|state|oblast|krai|kray|governorate|regency|region|department|departement"
    "|canton|voivodeship|parish|republic|autonomous region|autonomous community|special administrative region"
    "|territory|division|emirate|wilayah|raion|okrug|lan|fylke|autonomous province|peoples republic"
)
_REGION_PREFIX = (
    "state of|the state of|province of|the province of|county of|county|co|region of|the region of|republic of"
    "|prefecture of|department of|canton of|autonomous region of|autonomous community of|estado de|estado do"
    "|provincia de|provincia di|departamento de|region de|kabupaten|provinsi|land|governorate of|emirate of"
    "|autonomous community|comunidad de|comunidad autonoma de|free state of|principality of|territory of"
)
_PLAIN_SUFFIX = (
    "city proper|city center|city centre|city|municipality|metropolitan municipality|metropolitan area"
    "|metropolitan city|metropolitan region|metropolitan district|metropolis|metro area|metro|district|town|township"
    "|village|borough|commune|island|islands|area|suburbs|suburb|outskirts|old town|old city|historic center"
    "|historic centre|historic district|downtown|special city|capital region|capital district|capital territory"
    "|municipal district|surroundings|surrounding area|rural area|countryside|urban area|bay area|national capital"
    "|shi|ku|si|gu|cho|machi|gun|ken|fu|to|city area|vicinity|region area|waterfront|harbor|harbour|neighborhood"
    "|neighbourhood|national park|np"
)
_PLAIN_PREFIX = (
    "greater|the greater|city of|city and county of|downtown|central|inner|metropolitan|metro|near|close to|outside"
    "|in|just outside|suburb of|suburbs of|suburban|outskirts of|on the outskirts of|old town of|old town|old"
    "|historic center of|historic centre of|historic|area around|around|the city of|the|town of|the town of"
    "|village of|the village of|municipality of|vicinity of|the vicinity of|in the vicinity of|island of|isle of"
    "|the island of|kota|ciudad de|ciudad|ville de|comune di|citta di|cidade de|stadt|municipio de|north|south|east"
    "|west|northern|southern|eastern|western|northeast|northwest|southeast|southwest|upper|lower|rural|likely"
    "|most likely|very likely|possibly|probably|perhaps|maybe|approximately|near the city of|commune of|capital"
    "|district of|port of|somewhere in|somewhere near|thanh pho|tp|krung|distrito de"
)
_SUFFIXES = _affixes(_PLAIN_SUFFIX, _REGION_SUFFIX)
_PREFIXES = _affixes(_PLAIN_PREFIX, _REGION_PREFIX)
_ENDINGS = _affixes(
    "市|都|区|區|町|村|镇|鎮|特别市|특별시|광역시|특별자치시|시|구|군", "省|州|道|縣|县|府|県|郡|자치도|특별자치도"
)
_LONGEST_AFFIX = 5
_MAX_VARIANTS = 10


def variants(key: str, *, regions_only: bool = False) -> Iterator[tuple[str, bool]]:
    """Shorter forms of a normalised name, without words that say what kind of place it is; nearest form first.

    The flag says that such a word names a region ("istanbul province"), not a town ("istanbul city");
    `regions_only` strips no other words.

    >>> list(variants("greater kyoto city"))
    [('greater kyoto', False), ('kyoto city', False), ('kyoto', False)]
    >>> list(variants("istanbul province"))
    [('istanbul', True)]
    """
    found = {key: False}
    queue = [key]
    for form in queue:
        for shorter, regional in _shorter(form):
            if shorter not in found and len(found) <= _MAX_VARIANTS and (regional or not regions_only):
                found[shorter] = regional = regional or found[form]
                queue.append(shorter)
                yield shorter, regional


def names_region(key: str) -> bool:
    """Whether a word of the name says that a region is meant: "istanbul province", "county cork", "京都府"."""
    return any(regional for _, regional in _shorter(key))


def _shorter(form: str) -> Iterator[tuple[str, bool]]:
    words = form.split()
    most = min(len(words), _LONGEST_AFFIX + 1)
    for n in range(1, most):
        regional = _SUFFIXES.get(" ".join(words[-n:]))
        if regional is not None:
            yield " ".join(words[:-n]), regional
    for n in range(1, most):
        regional = _PREFIXES.get(" ".join(words[:n]))
        if regional is not None:
            yield " ".join(words[n:]), regional
    if len(words) > 1:
        kept = [word for word in words if not word.isdigit()]  # post codes
        if 0 < len(kept) < len(words):
            yield " ".join(kept), False
    if not form.isascii():
        for n in range(5, 0, -1):
            regional = _ENDINGS.get(form[-n:])
            if regional is not None and len(form) >= n + 2:
                yield form[:-n].strip(), regional
