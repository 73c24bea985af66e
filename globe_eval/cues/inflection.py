"""English words to one form: plural to singular, British to American spelling, accents away.

Rules, and a list of what the rules get wrong; no dictionary. Both the text and the lexicon pass through it, so what
matters is that two forms of one word meet and that two words do not.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache


def _pairs(text: str) -> dict[str, str]:
    return dict((first, second) for first, _, second in (pair.partition("=") for pair in text.split()))


_SPELLINGS = _pairs(
    """
    aeroplane=airplane aluminium=aluminum amphitheatre=amphitheater archaeological=archeological armour=armor
    armoured=armored barbeque=barbecue bbq=barbecue behaviour=behavior catalogue=catalog centre=center cheque=check
    colour=color coloured=colored colourful=colorful colouring=coloring cosy=cozy donut=doughnut
    encyclopaedia=encyclopedia favour=favor favourite=favorite fibre=fiber fuelling=fueling gaol=jail
    gravelled=graveled grey=gray greyish=grayish harbour=harbor harbourfront=harborfront harbourside=harborside
    honour=honor humour=humor jewellery=jewelry kerb=curb kerbside=curbside kerbstone=curbstone labour=labor
    labourer=laborer levelled=leveled licence=license litre=liter lorrie=lorry mediaeval=medieval metre=meter
    mould=mold moustache=mustache multicoloured=multicolored multistorey=multistory neighbour=neighbor
    neighbourhood=neighborhood neighbouring=neighboring odour=odor organisation=organization panelled=paneled
    parlour=parlor plough=plow ploughed=plowed programme=program pyjama=pajama pyjamas=pajamas rumour=rumor
    sabre=saber savour=savor sceptre=scepter signalling=signaling skilful=skillful storey=story storeyed=storied
    storeys=story stuccoed=stucco sulphur=sulfur theatre=theater traveller=traveler travelling=traveling
    tumour=tumor tunnelled=tunneled tyre=tire vapour=vapor verandah=veranda whisky=whiskey woollen=woolen
    yoghurt=yogurt
    """
)

_IRREGULAR = _pairs(
    """
    aeries=aerie afterwards=afterwards aircraft=aircraft alibis=alibi alps=alps alumni=alumnus always=always
    amphorae=amphora andes=andes antennae=antenna aquaria=aquarium as=as atlas=atlas atlases=atlas atria=atrium
    auditoria=auditorium autobuses=autobus avalanches=avalanche axes=axe barracks=barracks bases=base beanies=beanie
    besides=besides biceps=biceps bikinis=bikini binoculars=binoculars bison=bison bonuses=bonus
    bookshelves=bookshelf brethren=brother broadleaves=broadleaf brownies=brownie bus=bus buses=bus busses=bus
    caches=cache cacti=cactus cactuses=cactus calories=calorie calves=calf campuses=campus canoes=canoe
    canvas=canvas canvases=canvas carabinieri=carabiniere cellos=cello censuses=census characters=characters
    children=child chillies=chilli christmas=christmas christmases=christmas circuses=circus cloverleaves=cloverleaf
    collies=collie colossi=colossus cookies=cookie criteria=criterion crocuses=crocus cross=cross
    crossroads=crossroads cumuli=cumulus deer=deer des=des dhotis=dhoti does=does dormice=dormouse dwarves=dwarf
    elves=elf eucalypti=eucalyptus eucalyptuses=eucalyptus eyeglasses=eyeglasses eyries=eyrie falls=falls feet=foot
    fezzes=fez ficuses=ficus fish=fish fishes=fish flats=flats floes=floe foci=focus foes=foe fungi=fungus
    gallows=gallows gas=gas gases=gas gasses=gas geese=goose genies=genie gladioli=gladiolus glasses=glasses
    goggles=goggles gondolieri=gondolier graffito=graffiti grandchildren=grandchild grounds=grounds
    gymnasia=gymnasium halves=half has=has headaches=headache headquarters=headquarters headscarves=headscarf
    heavens=heavens hers=hers hibiscuses=hibiscus hippopotami=hippopotamus hippopotamuses=hippopotamus his=his
    hoes=hoe hoodies=hoodie hooves=hoof horseshoes=horseshoe housewives=housewife individuals=individuals
    irises=iris is=is isthmi=isthmus its=its jeans=jeans junkies=junkie kansas=kansas kiwis=kiwi knives=knife
    kufis=kufi las=las leaves=leaf lens=lens lenses=lens les=les lice=louse lives=life loaves=loaf loggie=loggia
    los=los lotuses=lotus lungis=lungi magpies=magpie mass=mass mausolea=mausoleum means=means men=man mews=mews
    mice=mouse microbuses=microbus minibuses=minibus minis=mini moai=moai moose=moose movies=movie mr=mr mrs=mrs
    narcissi=narcissus neckties=necktie news=news niches=niche nuclei=nucleus oases=oasis oboes=oboe octopi=octopus
    octopuses=octopus okapis=okapi omnibuses=omnibus ours=ours overalls=overalls overseas=overseas oxen=ox
    pajamas=pajamas palazzi=palazzo pampas=pampas pancreases=pancreas papyri=papyrus papyruses=papyrus
    parentheses=parenthesis pastiches=pastiche patios=patio people=person perhaps=perhaps phenomena=phenomenon
    pianos=piano pies=pie planetaria=planetarium platypuses=platypus podia=podium prairies=prairie quartzes=quartz
    quiches=quiche quizzes=quiz radii=radius rapids=rapids rooves=roof ruins=ruin safaris=safari
    salespeople=salesperson sands=sand saris=sari scarves=scarf schoolchildren=schoolchild scrubs=scrubs
    selfies=selfie series=series sheaves=sheaf sheep=sheep shelves=shelf shoes=shoe shorts=shorts skis=ski
    smoothies=smoothie snowshoes=snowshoe sometimes=sometimes species=species spectacles=spectacles stadia=stadium
    statuses=status staves=staff stelae=stele steppes=steppe steps=steps strata=stratum sunglasses=sunglasses
    taxis=taxi teeth=tooth termini=terminus terminuses=terminus texas=texas theirs=theirs thieves=thief ties=tie
    tiptoes=tiptoe titmice=titmouse toes=toe topazes=topaz towards=towards townies=townie townspeople=townsperson
    trellises=trellis trolleybuses=trolleybus trousers=trousers tsunamis=tsunami upwards=upwards us=us
    vaporetti=vaporetto vegas=vegas viruses=virus wadis=wadi walkie=walkie walruses=walrus waltzes=waltz was=was
    waters=water waterworks=waterworks wharves=wharf wives=wife wolves=wolf women=woman woods=woods works=works
    yes=yes zombies=zombie
    """
)

_MEN_STAY = frozenset(
    {"ramen", "bitumen", "stamen", "omen", "acumen", "cyclamen", "amen", "specimen", "regimen", "yemen", "abdomen"}
)


def fold(word: str) -> str:
    """Lower case, without accents; every script keeps its letters.

    >>> fold("Château"), fold("Straße")
    ('chateau', 'strasse')
    """
    if word.isascii():
        return word.lower()
    letters = unicodedata.normalize("NFKD", word.replace("\u2019", "'").casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


@lru_cache(maxsize=200_000)
def lemma(word: str) -> str:
    """A folded word's one form: singular, American spelling.

    >>> [lemma(word) for word in ("churches", "buses", "leaves", "cacti", "policemen", "harbours", "châteaux", "grass")]
    ['church', 'bus', 'leaf', 'cactus', 'policeman', 'harbor', 'châteaux', 'grass']
    >>> lemma(fold("châteaux")), lemma("tower's"), lemma("bus")
    ('chateau', 'tower', 'bus')
    """
    if word.endswith("'s"):
        word = word[:-2]
    elif word.endswith("s'"):
        word = word[:-1]
    word = _SPELLINGS.get(word, word)
    known = _IRREGULAR.get(word)
    if known is None:
        known = _singular(word)
    return _SPELLINGS.get(known, known)


def is_plural(word: str) -> bool:
    """Whether a folded word is a plural, by its one form.

    >>> is_plural("firemen"), is_plural("buses"), is_plural("harbour"), is_plural("tower's")
    (True, True, False, False)
    """
    return lemma(word) != word and word not in _SPELLINGS and not word.endswith(("'s", "s'"))


def _singular(word: str) -> str:
    if len(word) <= 3 or not word.isascii():
        return word
    if word.endswith("men") and word not in _MEN_STAY:
        return word[:-2] + "an"
    if word.endswith("eaux"):
        return word[:-1]
    if not word.endswith("s") or word.endswith(("ss", "us", "is", "'s")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zzes", "oes")):
        return word[:-2]
    return word[:-1]
