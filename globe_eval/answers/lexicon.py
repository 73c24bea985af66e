"""The words by which prose is read, as data: what concludes, hedges, denies and compares, and what is no name."""

from __future__ import annotations

from pathlib import Path

from globe_eval.files import read_word_lists

WORDS = read_word_lists(Path(__file__).with_name("data") / "words.txt")
"""The word lists of this room, by file and name."""


def alternatives(text: str) -> str:
    """A regular expression's alternatives, one or more a line, parted by " | "; another space is any white space."""
    parts = [part.strip() for part in text.replace("\n", " | ").split(" | ")]
    return "|".join(part.replace(" ", r"\s") for part in parts if part)


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


FINAL = alternatives(r"""
    final (?:answer|guess|estimate|conclusion) | verdict | final(?=:) | specific answer | answer\b
    (?:in|to) (?:conclusion|summary|sum up|conclude) | conclu(?:sion|de)s? | therefore | thus | hence | so(?=:)
    (?:best|my|educated|reasonable|single|top|safest|overall|specific|plausible) (?:\w+ )?guess
    best (?:\w+ )?estimate | best (?:fit|match) | guess | (?:first|top|best) (?:choice|pick|candidate)
    on balance | all things considered | taken together
    with a preference for | best (?:that )?i can (?:do|offer|say|give)
    i had to (?:choose|pick|say|bet) | i(?:'d| would) bet
    lean(?:ing)? (?:towards?|to) | my (?!second|third|next)(?:\w+ )?(?:pick|choice|bet|vote)
    tips? (?:it|this|things|the (?:scales?|balance)) (?:towards?|to|in favou?r of)
    i(?:'d| would)? (?:\w+ )?(?:guess|say|settle|go|choose|pick|opt) | i(?:'ll| will) (?:\w+ )?(?:go|say|guess)
    most (?:likely|plausible|probable) | (?:most|very|highly) probably | reasonable to (?:conclude|infer|assume|guess)
    based on (?:these|this|all|the above|my) | (?:given|considering|combining) (?:these|this|all)
    (?:estimated|predicted) (?:location|place) | likely location | appropriate (?:\w+ )?(?:level|granularity)\b
    r[ée]ponse | respuesta | antwort | risposta | resposta
""")
"""Words after which a text says what it ends on."""

_SUBJECT = alternatives(r"""
    image|photo|photograph|picture|scene|shot|view|setting|landscape|place|site|snapshot|street|building|landmark|area
    waterfalls?|mountain|lake|beach|canyon|island|palace|museum|market|harbou?r|fort|fortress|ruins|mosque|shrine
    pagoda|abbey|monastery|lighthouse|pier|fountain|town|city|village
    structure|stadium|tower|bridge|church|cathedral|castle|temple|square|monument|statue|skyline|hall|station|airport|terminal|gallery|hotel|campus|venue|location|it|this|we|which|clues?|evidence|features?|signs?|architecture|style|elements?|details?|and|also
""")
_VERB = alternatives(r"""
    is|are|was|were|appears?|seems?|looks?|shows?|depicts?|captures?|features?|displays?|suggests?|indicates?|points?
    strongly|clearly|likely|must|has
""")
STATED = alternatives(rf"""
    (?:taken|shot|captured|photographed|set|situated|located|filmed|snapped|looking)\b
    (?:photo|photograph|picture|image) (?:(?:was )?made|(?:\w+ )?comes from)\b | location\b
    this (?:is|was|looks|appears|seems|must) | it(?:'s| is| was| looks| appears| seems| must) | that(?:'s| is)
    these are | here is | are those of | lies (?:in|on|at|near) | belongs? to
    the (?:city|town|village|country|region) (?:is|must be)
    (?:{_SUBJECT})(?:,[^,;:]{{1,60}},)? (?:[\w'-]+ ){{0,5}}?(?:{_VERB})\b
    likely | probably | presumably | definitely | undoubtedly | unmistakably | appears? to be | seems? to be
    identif(?:y|ied|ies|iable) | recogni[sz](?:e|ed|able)\b | corresponds? to | matches
    suggest(?:s|ing)?\b | indicat(?:es?|ing)\b | points? (?:strongly |clearly |directly )?to(?:ward)?s?
    confirm(?:s|ed|ing)?\b | place (?:it|this|us|the \w+) (?:in|at|near) | is in(?!\san?\b)
    reads? (?:as|like) | (?:everything|all of (?:it|this|that)) (?:here )?(?:says|spells|screams|points)
    placed (?:in|at|near) | view (?:of|from|over) | (?:it|this|that) (?:can|could) only be
    (?:makes?|made) (?:it|this|that) $ | so $ | narrow(?:s|ed|ing)? (?:it|this|that|things) down to
    i(?:'m| am) (?:\w+ )?(?:sure|confident|certain) | i(?:'d| would) (?:place|put|locate)
    (?:i|we) (?:believe|think|suspect|conclude|infer|can see|see)
    se trouve | aufgenommen | fotografiert | scattata | tomada | tirada
""")
"""Words by which a text says where the photograph is."""

HEDGED = alternatives(r"""
    possibl[ey] | perhaps | maybe | might | could | may | potentially | conceivably | either | if | whether
    plausibl[ey] | speculat\w+ | hypothetical\w* | assum\w+ | e\.g | for example | for instance | alternative\w*
    candidates? | options? | unless | initially | at first | (?:i|we) (?:first |had )?(?:thought|considered)
""")
"""Words that leave it open."""

EXAMPLE = alternatives(r"""
    such as | including | include | e\.g | for example | for instance
    (?<!looks )(?<!look )(?<!looked )(?<!seems )(?<!seem )(?<!a lot )(?<!very much )(?<!just )(?<!exactly )(?<!-)like
    among others | similar
    (?:second|third|fourth|2nd|3rd|next)(?:[- ]best)? (?:choice|guess|option|candidate|possibility|pick|place|is|would)
    runner-up | fall-?back
""")
"""Words before one example of several, which is no answer by itself."""

ONE_EXAMPLE = (
    r"\b(?:cit(?:y|ies)|towns?|villages?|places?|locations?|countr(?:y|ies)|regions?|areas?|states?|islands?|destinations?"
    r"|somewhere|districts?|neighbou?rhoods?|parks?|temples?|church(?:es)?|castles?|museums?|beach(?:es)?|mountains?"
    r"|landmarks?|levels?|sites?|spots?|venues?)\b"
    r"(?P<quality>[^.;:]{0,60})(?:\bsuch\sas|(?<!much\s)(?<!just\s)(?<!looks\s)\blike|\b(?:for\s(?:example|instance)|e\.g\.),?)"
    r"\s(?:(?:in|of|the|those|parts)\s){0,2}[\"“‘']?$"
)
"""What stands right before an example of the kind of place that it is: "a city known for its canals, such as "."""

DENIED = alternatives(r"""
    not | isn't | wasn't | aren't | cannot | can't | couldn't | won't | wouldn't | doesn't | don't | didn't | never
    neither | nor | unlike | rather than | instead of | ruled? out | rules out | ruling out | exclud\w+ | other than
    different from | differs from | unlikely | far from | as opposed to | unrelated to | without
    incompatible | inconsistent | contrary to | less likely
""")
"""Words that say where it is not."""

COMPARED = alternatives(r"""
    similar to | similar \w+ (?:in|to) | resembl\w+ | reminiscent | inspired by | evocative | evokes? | reminds?
    (?:makes?|made) (?:me|one|you) think of
    typical\w* (?:of|in|for) | typical \w+ | characteristic\w*
    common(?:ly|place)? (?:\w+ )?(?:in|to|across|throughout|on|for|of|at)
    (?:found|seen) (?!from)(?:\w+ )?(?:in|across|throughout|on|at) | associated with | prevalent | popular (?:in|with)
    famous (?:in|for) | (?<!also )known (?:for|in|as) | origin\w+ | style of | styles? (?:in|from)\b | traditional in
    culture of | language
    spoken | flags? of | flag | t-?shirt | (?<!new )jersey | cap | wearing | logo | brand | company | named after
    native to | endemic | used in | worn in | as in | comparable | compared | than | dates? back | born | founded
    reads?(?! (?:more |a lot )?(?:as|like)\b) | reading
    (?<!everything )(?<!everything here )(?<!all of (?:this|that) )says
    saying | text | word | words | written | called | titled | restaurants in | people (?:of|from)
    tourists? from | visitors? from | history of | influenced? | imported
    made in | with (?:an? |the )?(?:picture|photo|photograph|image)s? of(?: the| an?)?\s$
    (?:paintings?|posters?|murals?|maps?|globes?) (?:\w+ ){0,4}(?:showing|depicting)(?: the| an?)?\s$
    (?:paintings?|posters?|replicas?|miniatures?|murals?|postcards?|drawings?|maps?|models?) of(?: the| an?)?\s$
    (?:distances?|flights?|trains?|buses|ferr(?:y|ies)|directions?) (?:in \w+ )?(?:to|for) | bound for
""")
"""Words after which a name says what something is like, where it comes from or what is written on it."""

UNNAMED = WORDS["lexicon.unnamed"]
"""Words with a capital that begin sentences, headings and descriptions: no name by themselves, and none begins one."""

BEGINNINGS = WORDS["lexicon.beginnings"]
"""Of them those that do begin a name where another capital follows: "New York", "The Hague", "South Dakota"."""

ORDINARY = WORDS["lexicon.ordinary"]
"""Words that are towns as well: no place where nothing beside them is one."""

AREAS = WORDS["lexicon.areas"]
"""The last words of names of wide areas, which are neither a town nor a venue."""

WATERS = words("lake river creek bay sound strait fjord loch")
"""The first or last words of names of waters, which are no venue either."""

VENUES = WORDS["lexicon.venues"]
"""The words of buildings, streets, parks and the like: a name that begins or ends with one is finer than a town."""

VENUE_ENDS = ("platz", "straße", "strasse", "gasse", "brücke", "kirche", "stadion", "turm", "schloss", "gatan", "gade",
              "plein", "gracht", "straat", "katu", "stadtpark", "bahnhof", "tempel", "halle",
              "torget", "torg", "allee", "markt", "ufer", "damm")  # fmt: skip
"""What such a name of one word ends with."""

STREETS = words("st ave blvd rd hwy nw ne sw se")
"""The last words of streets, shortened."""

EVENTS = WORDS["lexicon.events"]
"""The last words of events, services and styles, which are no venue."""

LABELS = {
    "latlon": alternatives("""
        koordinaten | coordonnées | coordenadas | coordinate | coördinaten | координаты | 坐标 | 座標 | 좌표
        współrzędne | koordinatlar | koordinat | الإحداثيات | tọa độ | निर्देशांक
    """),
    "lat": alternatives("""
        latitud | latitudine | breitengrad | geographische breite | breite | breedtegraad | широта | 纬度 | 緯度
        위도 | szerokość(?: geograficzna)? | enlem | خط العرض | vĩ độ | अक्षांश | lintang | bredde?grad
        leveysaste | (?:zeměpisná )?šířka | (?:γεωγραφικό )?πλάτος | ละติจูด | широта | (?:földrajzi )?szélesség
    """),
    "lon": alternatives("""
        longitud | longitudine | längengrad | geographische länge | länge | lengtegraad | долгота | 经度 | 經度
        経度 | 경도 | długość(?: geograficzna)? | boylam | خط الطول | kinh độ | देशांतर | bujur | l[äæe]ngde?grad
        pituusaste | (?:zeměpisná )?délka | (?:γεωγραφικό )?μήκος | ลองจิจูด | довгота | (?:földrajzi )?hosszúság
    """),
    "country": alternatives("""
        land | staat | pays | país | pais | paese | nazione | страна | 国家 | 國家 | 国名 | 国 | 國 | 국가 | 나라 | kraj
        ülke | البلد | الدولة | دولة | quốc gia | देश | negara | země | krajina | ország | țară | țara | χώρα
        країна | држава | država | държава | maa | ประเทศ | מדינה | ארץ | দেশ | کشور | ملک | நாடு | దేశం
    """),
    "city": alternatives("""
        stadt | ville | ciudad | cidade | città | citta | comune | stad | город | 城市 | 都市 | 市 | 도시 | miasto
        şehir | sehir | المدينة | مدينة | thành phố | शहर | kota | město | mesto | város | oraș | orașul | πόλη
        місто | град | grad | kaupunki | เมือง | עיר | শহর | شهر | شہر | ciutat | நகரம் | నగరం
    """),
    "admin": alternatives("""
        bundesland | région | regione | región | região | estado | provincia | província | provincie
        область | регион | 省 | 州 | 都道府県 | 지역 | województwo | المنطقة | tỉnh | राज्य | provinsi
    """),
    "address": alternatives("""
        adresse | dirección | endereço | indirizzo | adres | адрес | 地址 | 住所 | 주소 | العنوان | địa chỉ | पता
        alamat
    """),
    "place": alternatives("""
        standort | ort | lieu | lugar | local | luogo | locatie | plaats | место | 地点 | 地點 | 場所 | 位置 | 위치
        장소 | miejsce | konum | الموقع | địa điểm | स्थान | lokasi | réponse | respuesta | antwort | risposta
        resposta | antwoord | ответ | 答案 | 回答 | 정답 | 답변 | 답 | odpowiedź | cevap | الإجابة | trả lời | उत्तर
        jawaban
    """),
    "confidence": alternatives("""
        confianza | confiance | konfidenz | sicherheit | fiducia | confiança | уверенность | 置信度 | 信心 | 確信度
        신뢰도 | pewność | güven
    """),
}
"""What models call the parts of an answer in other languages than English."""
