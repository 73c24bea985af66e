"""What the words of a normalised name say: nothing ("unknown"), a continent, or which kind of place it is ("City")."""

from __future__ import annotations

from collections.abc import Iterator


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    return frozenset(text.split("|"))


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
    " municipality district county continent island settlement hamlet community unincorporated or and with without is"
    " be but it this that clearly old historic historical ancient medieval modern traditional typical downtown uptown"
    " midtown center centre central inner outer industrial commercial business shopping tourist resort"
    " seaside lakeside beachfront waterfront fishing mining farming agricultural market port capital main high"
    " quarter zone part section european african asian american mediterranean caribbean scandinavian speaking"
    " english spanish french arab northern southern eastern western north south east west"
)
"""Words that name nothing, alone or together: "Old Town", "small coastal city", "Historic District"."""
_FEATURE = _words(
    "harbor harbour beach home mountain mount saint sainte santa san sao fort lake park forest river valley hill"
    " hills islands isle bay desert field farm coast cape street road avenue square plaza bridge university college"
    " airport station church temple castle garden gardens mall hotel school highway ocean sea ranch spring springs"
    " canyon camp base palace museum tower house building pier wharf jungle savanna plain plains plateau cliff"
    " cave waterfall volcano glacier peninsula playground stadium monument memorial cathedral mosque"
)
"""Kinds of places: no name by themselves, but part of one ("Park City", "Long Beach")."""
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
    """Whether a normalised text names no place: "unknown", "n a", "rural area", "old town", "harbor".

    >>> is_unknown("rural area"), is_unknown("unknown coastal city"), is_unknown("rural hall"), is_unknown("")
    (True, True, False, True)
    """
    words = key.split()
    return not _UNKNOWN.isdisjoint(words) or _GENERIC.issuperset(words) or key in _FEATURE


def is_generic(key: str) -> bool:
    """Whether every word is a kind of place or says nothing: "mountain town" is no name, "park city" may be one."""
    return all(word in _GENERIC or word in _FEATURE for word in key.split())


_LEAD = _words(
    "a an the in of on at near by somewhere anywhere either possible possibly probable probably likely unlikely most"
    " very perhaps maybe presumably appears seems country countries nation nations place places like such as similar"
    " to around part parts region regions area areas north south east west northern southern eastern western central"
    " northeast northwest southeast southwest northeastern northwestern southeastern southwestern inland coastal"
    " rural interior coast border between one or its is could be guess best mainland"
)


def without_lead(key: str) -> str:
    """A normalised text without the words that lead to a name: "somewhere in brazil", "a country like thailand"."""
    words = key.split()
    start = 0
    while start < len(words) - 1 and words[start] in _LEAD:
        start += 1
    return " ".join(words[start:])


_REGION = _words(
    "prefecture province provinces provincia provinsi propinsi provincie provinz county comitatus state oblast"
    " oblasti oblasc obl voblast voblasts vobl oblysy viloyati viloyat wiloyat welayaty krai kray kraj kraya"
    " governorate governorates muhafazah muhafazat muhafaza muhafazasi regency kabupaten region regiao regione"
    " regiune regija regierungsbezirk department departement departamento departamentul canton kanton cantone chantun"
    " voivodeship voivodship wojewodztwo woiwodschaft parish republic respublika respubliki territory division"
    " emirate imarat wilayah wilaya wilayat raion rayon raionul okrug okres okrsek megye varmegye lan laani fylke"
    " fylkeskommune maakunta landskap kommune kommun kunta comarca partido judet judetul zupanija zupanije opstina"
    " opcina obcina powiat concelho apskritis novads vald maakond maakonna bezirk landkreis kreis bundesland"
    " freistaat nomos periferia periferies perifereia ostan shahrestan changwat tinh sheng zizhiqu aimag aymag ili"
    " bolgesi zila zilla subdistrict estado pradesh prowincja vilayet gewest amt eparchia raioni mintaqah mintaqat"
    " hrabstwo grafschaft graafschap comte contado obshtina obshina mkoa mkhare kyrayata municipio gemeente gmina"
    " dzong dzongkhag atoll voblasc oblastnoy zhupa unitary nahiyah qada"
)
"""Words that say "a region", where they end a name or begin it."""
_OF_REGION = _words("state province territory division district republic department region zone parish unitary")
"""English words that begin a region's name only with "of": "State College" is a town."""
_MODIFIERS = _words(
    "autonomous autonomnyy avtonomnyy avtonomny autonomna autonoma autonome autonomo special administrative self"
    " governing federal metropolitan metropolitana metropolitaine capital national peoples royal london borough"
    " municipal ethnic overseas free constituent council unitary district area city community communidad comunidad"
    " mixed commonwealth principality principado the"
)
"""Words that stand before or beside one that says "a region": "special administrative region", "London borough of"."""
_BEFORE_OF = _words("borough community comunidad commonwealth principality principado duchy freistaat free")
_GENITIVE = _words("kommun kommune lan fylke stad")
_ARTICLES = _words("la le les el los las al")
_PARTICLES = _words("of the de du des da do das dos di del della dello delle la le les el los las al e ye")
_SUFFIXES = _phrases(
    "city proper|city center|city centre|city|municipality|metropolitan municipality|metropolitan area"
    "|metropolitan city|metropolitan region|metropolitan district|metropolis|metro area|metro|district|town|township"
    "|village|borough|commune|area|suburbs|suburb|outskirts|old town|old city|historic center|historic centre"
    "|historic district|downtown|special city|capital region|capital district|capital territory|municipal district"
    "|surroundings|surrounding area|rural area|countryside|urban area|bay area|national capital|shi|ku|si|gu|cho"
    "|machi|gun|ken|fu|to|city area|vicinity|region area|neighborhood|neighbourhood|or nearby|or nearby town"
    "|area suburb|city suburb|approximate|approx|administrative okrug|city council|council|hreppur|shahri|sehri|kota"
    "|sum|ville|stad|by|quarter|okrug"
)
_PREFIXES = _phrases(
    "greater|the greater|city of|city and county of|downtown|central|inner|metropolitan|metro|near|close to|outside"
    "|in|just outside|suburb of|suburbs of|suburban|outskirts of|on the outskirts of|old town of|old town|old"
    "|historic center of|historic centre of|historic|area around|around|the city of|the|town of|the town of"
    "|village of|the village of|municipality of|vicinity of|the vicinity of|in the vicinity of|island of|isle of"
    "|the island of|kota|ciudad de|ciudad|ville de|comune di|citta di|cidade de|stadt|municipio de|north|south|east"
    "|west|northeast|northwest|southeast|southwest|rural|likely|historic town of|historic city of|ancient city of"
    "|most likely|very likely|possibly|probably|perhaps|maybe|approximately|near the city of|commune of|capital"
    "|district of|port of|somewhere in|somewhere near|thanh pho|tp|krung|distrito de|agglomeration de"
    "|communaute urbaine de|a city like|a town like|city like|possible|either|unspecified|unnamed|municipalidad de"
    "|arrondissement de|township of|borough of|gemeinde|grad|quan|phuong|gorod|gmina|kommune|gemeente|g"
)
_COMPASS = _words("northern southern eastern western central upper lower upstate downstate northeastern northwestern"
                  " southeastern southwestern inner outer")  # fmt: skip
"""Words that leave of a name the area, not the city: "Upstate New York", "Northern Jakarta"."""
_ENDINGS = {
    ending: regional
    for text, regional in (
        ("市|都|区|區|町|村|镇|鎮|特别市|특별시|광역시|특별자치시|시|구|군", False),
        ("省|州|道|縣|县|府|県|郡|자치도|특별자치도|自治区|自治區|自治州|边疆区|邊疆區|地区|地區|大区", True),
    )
    for ending in text.split("|")
}
_LONGEST_AFFIX = 5
_MAX_VARIANTS = 10


def variants(key: str, *, regions_only: bool = False) -> Iterator[tuple[str, bool]]:
    """Shorter forms of a normalised name, without words that say what kind of place it is; nearest form first.

    The flag says that such a word names a region ("istanbul province"), not a town ("istanbul city");
    `regions_only` strips no other words.

    >>> list(variants("greater kyoto city"))
    [('greater kyoto', False), ('kyoto city', False), ('kyoto', False)]
    >>> list(variants("istanbul province")), list(variants("london borough of enfield"))
    ([('istanbul', True)], [('enfield', True)])
    """
    found = {key: False}
    queue = [key]
    for form in queue:
        for shorter, regional in _shorter(form):
            if shorter not in found and len(found) <= _MAX_VARIANTS and (regional or not regions_only):
                found[shorter] = regional = regional or found[form]
                queue.append(shorter)
                if (regional or not is_unknown(shorter)) and shorter not in _FAITHS:
                    yield shorter, regional


_FAITHS = _words("jewish muslim armenian")
"""Whose quarter is no region of their name."""
_WINDS = _words("north south east west northeast northwest southeast southwest")


def without_compass(key: str) -> str | None:
    """What is left of "north bohemia"; None where no wind comes first."""
    first, _, rest = key.partition(" ")
    return rest if first in _WINDS and rest else None


def names_region(key: str) -> bool:
    """Whether a word of the name says that a region is meant: "istanbul province", "county cork", "京都府"."""
    return any(regional for _, regional in _shorter(key))


_ISLANDS = {"hawaiian": "hawaii"}
"""Adjectives that name a region of islands and none of its towns."""


def _shorter(form: str) -> Iterator[tuple[str, bool]]:
    words = form.split()
    if len(words) == 2 and words[1] in ("islands", "island", "archipelago") and words[0] in _ISLANDS:
        yield _ISLANDS[words[0]], True
    if (kept := _without_region_word(words)) is not None:
        for article in (*([word] for word in words[-len(kept) - 1 : -len(kept)] if word in _ARTICLES), []):
            yield " ".join(article + kept), True  # "partido de la plata" is called after La Plata
        if words[-1] in _GENITIVE and kept[-1].endswith("s"):
            yield " ".join(kept)[:-1], True  # "Stockholms kommun"
    most = min(len(words), _LONGEST_AFFIX + 1)
    for n in range(1, most):
        if " ".join(words[-n:]) in _SUFFIXES:
            yield " ".join(words[:-n]), False
    for n in range(1, most):
        if " ".join(words[:n]) in _PREFIXES:
            yield " ".join(words[n:]), False
    if len(words) > 1:
        for at, word in enumerate(words[1:-1], 1):
            if word in ("of", "in", "near") and all(w in _GENERIC or w in _LEAD for w in words[:at]):
                yield " ".join(words[at + 1 :]), word != "near"  # "countryside of provence"
        if words[0] in _COMPASS and not is_generic(" ".join(words[1:])):
            yield " ".join(words[1:]), True
        kept = [word for word in words if not word.isdigit()]  # post codes
        if 0 < len(kept) < len(words):
            yield " ".join(kept), False
    if not form.isascii():
        for n in range(5, 0, -1):
            regional = _ENDINGS.get(form[-n:])
            if regional is not None and len(form) >= n + 2:
                yield form[:-n].strip(), regional


def _without_region_word(words: list[str]) -> list[str] | None:
    """What is left of "special region of yogyakarta" or "vysocina kraj"; None where no word says "a region"."""
    end = len(words) - 1
    if end <= 0:
        return None
    if words[end] in _REGION:
        while end > 1 and words[end - 1] in _MODIFIERS:
            end -= 1
        return None if words[0] in _MODIFIERS and end == 1 else words[:end]
    head = 0
    while head < end and words[head] in _MODIFIERS:
        head += 1
    if words[head] in _REGION:
        head += 1
        needs_of = words[head - 1] in _OF_REGION
    elif _BEFORE_OF.isdisjoint(words[:head]):
        return None
    else:
        needs_of = True
    after = head
    while after < end and words[after] in _PARTICLES:
        after += 1
    return None if after > end or (needs_of and after == head) else words[after:]
