"""The words by which prose in other languages than English is read, as data, and which words a text is read by."""

from __future__ import annotations

from dataclasses import dataclass

from globe_eval import lazy_re as re
from globe_eval.answers import lexicon
from globe_eval.answers.lexicon import alternatives

FINAL, STATED, POSSIBLE, SUPPOSED, MENTIONED = 5, 4, 3, 2, 1
"""How much a name or a position weighs as an answer: concluded, stated, held possible, given as the example of what it
could be ("a city like Lyon"), mentioned; 0 is denied."""


def weight_of(*, example: bool, final: bool, stated: bool, hedged: bool, fragment: bool, only: bool = False) -> int:
    """The weight of what is neither denied nor compared; a `fragment` names a place and says nothing else.

    Of an `example`, whether it is the `only` one that its sentence gives.
    """
    if example:
        return POSSIBLE if final else SUPPOSED if only and (stated or hedged) else MENTIONED
    if final:
        return STATED if hedged else FINAL
    if stated:
        return POSSIBLE if hedged else STATED
    if hedged:
        return POSSIBLE
    return STATED if fragment else MENTIONED


@dataclass(frozen=True, slots=True)
class Cues:
    """What a language says before or after a place; see `lexicon`."""

    final: re.Pattern[str]
    stated: re.Pattern[str]
    hedged: re.Pattern[str]
    example: re.Pattern[str]
    denied: re.Pattern[str]
    compared: re.Pattern[str]


def _cues(*languages: tuple[str, str, str, str, str, str]) -> Cues:
    """The cues of several languages together; each a whole word."""
    return Cues(*(re.compile(rf"(?<!\w)(?:{'|'.join(kind)})(?!\w)") for kind in zip(*languages, strict=True)))


_ENGLISH = (
    lexicon.FINAL,
    lexicon.STATED,
    lexicon.HEDGED,
    lexicon.EXAMPLE,
    lexicon.DENIED,
    lexicon.COMPARED,
)
_ROMANCE = (
    alternatives(r"""
        r[ée]ponse | respuesta | risposta | resposta | en conclusi[oó]n | en r[ée]sum[ée] | en resumen | em conclus[ãa]o
        in conclusione | conclu\w+ | mi (?:mejor )?(?:conjetura|suposici[óo]n|apuesta) | ma (?:meilleure )?(?:estimation
        |supposition) | mon (?:meilleur )?choix | meu (?:melhor )?palpite | la mia (?:migliore )?(?:ipotesi|stima)
        lo m[áa]s probable | le plus (?:probable|vraisemblable) | o mais prov[áa]vel | pi[ùu] probabil\w+
        por lo tanto | por tanto | portanto | quindi | donc | pertanto | en d[ée]finitive | je dirais | dir[íi]a | direi
        je parierais | scommetterei | apostar[íi]a
    """),
    alternatives(r"""
        se trouve | situ[ée]e?s? | pris(?:e)?s? | prises? de vue | il s'agit | c'est | montre | repr[ée]sente | semble
        para[îi]t | probablement | vraisemblablement | sans doute | photographi[ée]e? | localis[ée]e? | lieu
        tomada | tomó | fue | se trata | muestra | parece\w* | probablemente | seguramente | situad[ao] | ubicad[ao]
        est[áa] en | es (?:en|la|el) | creo | sea | seja | soit | acredito | prov[ie]\w+ | corresponde | capturada | es
        tirada | tirei | mostra | provavelmente | fica em | localizad[ao] | trata-se | [ée] (?:em|a|o) | foi | capturada
        scattata | scatto | ripresa | mostra | probabilmente | si tratta | si trova | situat[ao] | sembra\w* | [èe] a
        sugiere\w* | suggèr\w+ | suggeri\w+ | indica\w* | indique\w* | pienso | penso | je pense | acho | corrisponde
        chegar | verosimilmente | presumiblemente | presumibilmente | lugar | luogo | local
    """),
    alternatives(r"""
        peut-[êe]tre | pourrait | possible\w* | possiblement | si c'est | s'il | par exemple | [ée]ventuellement
        quiz[áa]s? | tal vez | podr[íi]a\w* | puede | posible\w* | o bien | por ejemplo
        talvez | poderia\w* | pode | poss[íi]ve\w+ | por exemplo | forse | potrebbe\w* | possibil\w+ | oppure
        per esempio
        au d[ée]but | au d[ée]part | d'abord | al principio | al inicio | no in[íi]cio | inicialmente | all'inizio
        ou bien
    """),
    alternatives(
        "comme par exemple | como por ejemplo | come ad esempio | tels? que | telles? que | tales? como | tali come"
    ),
    alternatives(r"""
        n'est pas | ne pas | pas | ni | plut[ôo]t que | ne sont pas | no (?:es|se|fue|est\w*|parece\w*|creo
        puede\w*) | ni | tampoco | en lugar de
        n[ãa]o [ée] | n[ãa]o | nem | em vez de | non [èe] | non | n[ée] | piuttosto che | au lieu de | exclu[st]\w*
        descart\w+ | esclud\w+ | improbable | improv[áa]vel | improbabile
    """),
    alternatives(r"""
        rappell\w+ | semblables? [àa] | similaires? [àa] | ressembl\w+ | typiques? d\w+ | comme [àa] | style | inspir\w+
        similar(?:es)? a | parecid[ao]s? a | recuerda\w* | recordan? | t[íi]pic\w+ | caracter[íi]stic\w+
        estilo | como en
        semelhante\w* | lembra\w* | parecid[ao]s? com | simil[ei] a | ricord\w+ | assomigli\w+ | tipic\w+ | stile
        bandera de | drapeau | bandeira | bandiera | restaurante? | cuisine | cocina | cucina | habituel\w* | courant\w*
        f(?:ait|ont) penser | fa(?:nno)? pensare | hacen? pensar | faz(?:em)? pensar | [ée]vo[cq]u?\w*
        com[úu]n(?:es)? en | comu[mn]s? em | comun[ei] in | fr[ée]quent\w* | caract[ée]ristique\w*
    """),
)
_GERMANIC = (
    alternatives(r"""
        antwort | antwoord | fazit | schluss\w+ | zusammenfassend | conclusie | ich (?:w[üu]rde )?(?:tippe|rate|schätze)
        mein(?:e)? (?:beste )?(?:tipp|vermutung|schätzung) | am wahrscheinlichsten | daher | deshalb | letztlich | also
        mijn (?:beste )?gok | waarschijnlijk\w* | het meest waarschijnlijk
    """),
    alternatives(r"""
        is dit | ist (?:das|dies)
        aufgenommen | fotografiert | zeigt | handelt es sich | es handelt sich | befindet sich | liegt
        das ist | dies ist
        stammt | vermutlich | wahrscheinlich | wohl | scheint | sieht nach | deutet | deuten | standort | ort
        ich denke
        ich glaube | aufnahme | entstand(?:en)? | erkennbar | genomen | gemaakt | toont | dit is | bevindt | lijkt
        het is | ik denk | ik geloof
    """),
    alternatives(r"""
        vielleicht | k[öo]nnte\w* | m[öo]glich\w* | eventuell | falls | wenn | oder | zum beispiel | z\.b
        anfangs | zuerst
        zun[äa]chst | misschien | mogelijk | zou kunnen | eerst | bijvoorbeeld
    """),
    alternatives("wie zum beispiel | wie etwa | wie z\\.b | zoals"),
    alternatives("nicht | kein\\w* | weder | noch | statt | anstatt | ausgeschlossen | unwahrscheinlich | niet | geen"),
    alternatives(r"""
        [äa]hn(?:elt|eln|lich) | erinner\w+ | typisch\w* | wie in | stil | charakteristisch\w* | flagge | üblich\w*
        restaurant | küche | verbreitet | lijkt op | typisch | vergelijkbaar
    """),
)
_SLAVIC = (
    alternatives(r"""
        ответ | вывод\w* | итак | таким образом | мой вариант | предполагаю | моя догадка | наиболее вероятно | в итоге
        вероятнее всего | заключ\w+ | следовательно | поэтому
    """),
    alternatives(r"""
        сделан\w* | снят\w* | фото\w* | снимок | снимк\w+ | изображ\w+ | это | похоже | вероятно | скорее всего | видимо
        расположен\w* | находится | думаю | считаю | место | кажется | локация | по-видимому | указыва\w+
    """),
    alternatives("возможно | может быть | может | мог\\w* | если | либо | например | сначала | изначально | или"),
    alternatives("такие как | таких как | вроде"),
    alternatives("не | нет | ни | вряд ли | маловероятно | исключ\\w+"),
    alternatives(r"""
        похож\w* на | напомина\w+ | типичн\w* | характерн\w* | в стиле | стиль | как в | флаг\w* | кухн\w+ | ресторан\w*
        распространен\w* | распространён\w*
    """),
)

_POLISH = (
    alternatives(r"""
        moim zdaniem | odpowied[źz] | stawiam na | obstawiam | strzelam | najprawdopodobniej | wniosek | podsumowując
        zatem | więc | ostatecznie | mój typ
    """),
    alternatives(r"""
        zdjęci\w+ | fotografi\w+ | zrobion\w+ | wykonan\w+ | przedstawia | to | jest | znajduje się | prawdopodobnie
        wygląda na | wskazuj\w+ | wydaje się | lokalizacja | miejsce | sądzę | myślę | uważam
    """),
    alternatives(r"""
        może | możliwe | możliwości | mógł\w* | mogł\w* | jeśli | jeżeli | lub | albo | na przykład | np\.
        początkowo | najpierw
    """),
    alternatives("takie jak | takich jak | takim jak"),
    alternatives("nie | ani | zamiast | wykluczon\\w* | wykluczam | mało prawdopodobn\\w+"),
    alternatives(r"""
        podobn\w+ do | przypomina\w* | typow\w+ | charakterystyczn\w+ | styl\w* | jak w | flag\w* | kuchni\w*
        restauracj\w+ | spotykan\w+
    """),
)
_TURKISH = (
    alternatives(r"cevap | cevabım | yanıt | sonuç\w* | tahminim\w* | en olası | bence | dolayısıyla | özetle"),
    alternatives(r"""
        fotoğraf\w* | görsel\w* | görüntü\w* | resim | resmin | burası | yer | konum\w* | muhtemelen
        büyük (?:olasılıkla|ihtimalle) | olasılıkla
    """),
    alternatives(r"belki | olabilir | eğer | ya da | veya | örneğin | ilk başta | başta | sanmıştım"),
    alternatives("gibi şehirler"),
    alternatives("ne"),
    alternatives(r"benze\w+ | andır\w+ | tipik | tarz\w* | bayra\w+ | restoran\w*"),
)

ENGLISH = _cues(_ENGLISH)
OTHER = _cues(_ENGLISH, _ROMANCE, _GERMANIC, _SLAVIC, _POLISH, _TURKISH)
"""Of all languages that write names with capitals, together; for texts that are not English."""

PLACED = re.compile(
    r"(?:\b(?:en|[àaáé]|aux?|em|n[ao]s?|bei|im|nach|nell?[ao']|sur|sul|da|d[iou]|del?|della|zu|von|aus|um|es|est|ist|è|é|sei"
    r"|во?|на|из|это|около|we?|ze?|koło|bu|burası"
    r"|probable?mente?|provavelmente|probabilmente|vermutlich|wahrscheinlich|вероятно|всего"
    r"|doute|sûrement|certainement|sicuramente|seguramente|s'agit\s(?:\w+\s){0,2}d[eu]"
    r"|près de|cerca de|perto de|vicino a)\s|[—–]\s|l'|d')[\"'“‘(\[«]*$"
)
"""What stands right before a single name that is where the photograph was taken, in those languages."""

_FOREIGN = re.compile(
    r"(?<!\w)(?:la foto\w*|una? foto\w*|esta|este|imagen|imagem|immagine|respuesta|resposta|risposta|r[ée]ponse|antwort"
    r"|cette|il s'agit|c'est|je|une|dans|des|est|es|de|la|el|en|le|les|di|do|da|em|com|que|por|per|che|se"
    r"|d'après|für|sind|mit|von|ein|wurde|und|das|der|ist|nicht|ich|bild|parece|probable?mente"
    r"|provavelmente|probabilmente|probablement|uma|não|foi|della|questa|è|sono|het|een|deze|waarschijnlijk|niet|foto|ik|dat|dit|mijn|beste|maar|lijkt"
    r"|zdjęci\w+|jest|się|nie|że|prawdopodobnie|fotoğraf\w*|bu|bir|çekilmiş\w*|bilden|[а-яё]{2,})(?!\w)"
)
_COMMON = re.compile(r"(?<!\w)(?:the|is|of|this|and|was|it's|likely|at|with|near|to|from)(?!\w)")
_LOOKED_AT = 500


def cues_of(text: str) -> Cues:
    """The cues to read a text by, by the commonest words of its beginning.

    >>> cues_of("La foto fue tomada en Sevilla.") is OTHER, cues_of("This is the Rue de la Paix.") is OTHER
    (True, False)
    """
    start = text[:_LOOKED_AT].lower()
    foreign = len(_FOREIGN.findall(start))
    return OTHER if foreign and foreign > len(_COMMON.findall(start)) else ENGLISH
