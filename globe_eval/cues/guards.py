"""What looks like a cue and is none: part of a compound ("bus stop") or a name ("Palm Springs"), a verb ("to park")."""

from __future__ import annotations

from globe_eval.cues.clauses import words
from globe_eval.cues.inflection import is_plural
from globe_eval.cues.tokens import Tokens

_HEADS = words(
    """
    terrace statue sculpture figurine painting mural poster logo emblem sticker picture motif silhouette costume stop
    station park light lamp tower pot house oil bike bicycle shelter stand meter driver factory wash rental
    ticket company food restaurant hydrant board plate box wheel seat door horn engine lane route service line
    depot terminal dealer dealership shop store card top town repair rack helmet ramp industry trade culture
    club school museum festival race racing game player team trainer owner keeper rider riding ride farm farming
    milk meat cheese skin fur wool leather feed market stall vendor seller juice leaf syrup cake soup cream
    salad drink dish recipe insurance license registration tax fare pass schedule timetable map guide book movie
    film show name brand model maker manufacturer production system network traffic transport transportation
    crossing warning alarm truck tender department brigade brigadier fighter fighting number code side port room
    mate hill field court pitch camp ground yard shed barn track tracks rail rails hall theater theatre concert
    war battle fever paper pen pencil ink proof resistant tight borne breeze level sickness shell weed horse dog
    bird lion urchin salt mine mining power plant supply pipe pump pressure main mains bottle tank heater melon
    color colour bed case pan pole post polo ski skiing sport sports area zone district tour tourism tourist
    trip holiday resort season wear chair towel ball volleyball hut cabin boy girl man woman making work worker
    bell phone sharing pedal spoke lock key basket parts part hire pool sick ferry bay
    """
) - words("leaf hall plant hill field bell lane season level")
_ANY_CUE = words("station stop ticket terminal driver shop line dealer depot company industry")
_VERBISH = words(
    """
    stop park light house stand wash meter shop store service seat line top side wheel box board plate route
    stall race ride feed show name model guide map pass supply pipe pump ground camp work lock hire trip number
    book fish film drink pen level main power pole tour bike horn post pan pool color colour fight trade repair
    track rail horse dog case card
    """
)
_MATERIAL = words(
    """
    stone wood brick glass concrete ice snow grass adobe marble granite gravel asphalt steel iron metal clay
    bamboo timber cobblestone tile thatch mud sandstone limestone terracotta stucco slate
    """
)
_ROUND = words("tree trees")
_UNREAL = words("like style styled inspired shaped type themed esque lookalike resembling looking level")
_PREFIXES = words("non un anti pseudo ex sub pre post semi quasi faux")
_AFTER_LANGUAGE = words(
    """
    and or on which with is are was were suggesting indicating that at as but above below near here so while
    although if to by
    """
)
_FREE = words("free less proof")
_VERBS = words(
    """
    tower park plant house bear light line stop watch sign cross face land train fly rock bridge dam duck fence
    wall water stand bank box cook ship crane seal swallow flag bus dress fish horse ape ram roof bark paint
    cycle snow rain fog cloud fork branch book field hedge root gate well post mail garden mine bat crow swan
    bay barge ferry shop store board bench step stair spring fall peak ground
    """
)
_ADJECTIVES = words("plain square individual flat orange")
_AFTER_NOUN = words(
    """
    is are was were and or but with in on at of to from near by behind beside next that which where has have
    surrounded lined paved full lies stands looks appears seems filled between under over as for while there it
    the a an suggests suggest indicates below above along across extends stretches dominated around
    """
)
_KINDS = frozenset({"animals", "food and drink", "vehicles", "boats and harbours", "aircraft", "crops and farming"})
_FOLLOWERS = words(
    """
    is are was were be has have had can could may might must will would should do does did not and or but nor so
    as if than then that which who whose while where when because since although though with without within of
    in on at to from by for near behind before beside beneath under below above over across along around between
    against inside outside through toward towards onto into upon next opposite among amid past off out up down
    away here there nearby too also only both all just still ahead alone together everywhere apart a an the this
    these those its their his her it i we you they visible present full typical common available similar such
    similarly suggest suggests indicate point points imply appear seem look stand sit lie run rest wait graze
    sleep park drive pass line fill move cross follow lead stood ran sat lay rose led hid seen made built left
    hung parked driven found drawn kept sold shown caught window door roof hull deck head tail design model make
    style type color colour brand front back side hood tire wheel bumper body interior light headlight seat
    mirror plate registration row crowd herd group pair leaf stalk tree trunk grove plant field patch likely
    probably possibly perhaps maybe very more most well one two three four many several
    """
)
_DETERMINERS = words(
    """
    a an the this that these those its their his her our my your some many several two three four five few no
    any each every both numerous various multiple lots of and or with other more as for in by
    """
)
_BEFORE_WELL = words("a the old stone water village this")
_NOUN_AFTER = words("a an the this its their his her itself themselves")
_TO = words("to can could may might will would must should cannot")
_NOT_NAMES = words(
    """
    the a an this that these those in on at it i if there here no not perhaps maybe while and or but one several
    many what two with from near for to of as by although however additionally also furthermore overall both
    some most step clue clues
    """
)
_VISIBLE_LAST = words(
    """
    bridge tower mountain church cathedral temple mosque castle palace river canal gate statue museum park
    square island lighthouse stadium market fountain station pagoda volcano monument memorial abbey basilica
    chapel shrine synagogue pier harbor fort fortress citadel obelisk arch dam lake glacier waterfall falls
    hotel tunnel viaduct aqueduct pyramid observatory library opera airport garden plaza cemetery monastery
    skyscraper building street avenue boulevard road highway sculpture column stupa mausoleum hospital school
    university ferry tram pub restaurant cafe wall windmill theater theatre house hall ruin
    """
) - words("house hall university")
_STREETS = _VISIBLE_LAST | words("lane drive way hill close court crescent row view road street avenue")
_WHITHER = words("to in at from near via for towards toward")
_OF_NAMES = words("gulf bay cape coast sea isle island strait city town university port valley house bank state")
_VISIBLE_FIRST = words("river lake mount temple church castle plaza mosque fort cathedral palace mausoleum")
_DOUBT = words(
    """
    could might may maybe perhaps possibly probably likely guess guessing candidate candidates location
    locations like such suspect presumably potentially either would known
    """
)
_DOUBT_AFTER = words("likely candidate possible possibility plausible option guess probable")
_SENTENCE_MARKS = words(". ; ! ?") | {"\n"}
_AFTER_SETTING = words("of known located where like such limits")
_INFERRING = words(
    """
    suggest suggests suggesting indicate indicates indicating indicative imply implies implying likely could may
    might possibly possible probably probable perhaps maybe plausible guess believe infer typical common
    characteristic consistent taken point points located location locations situated reminiscent similar like
    would many most some
    """
)
_DEMONYM_ENDS = (
    *("ese", "ish", "ian", "ean", "can", "ic", "ench", "utch", "reek", "erman", "thai", "rab", "wiss", "zech", "raeli"),
    *("ani", "aqi", "ali", "hindu", "uslim", "axon", "orman", "que", "cal", "ern", "ist"),
)

_LONGEST_NAME = 12


def is_part_of_compound(tokens: Tokens, start: int, end: int, text: str) -> bool:
    """Whether the cue only says what kind another thing is: "bus" in "bus stop", "church" in "church-like"."""
    if end >= len(tokens.low):
        return False
    after = tokens.low[end]
    if not after[0].isalpha():
        return False
    if start and text[tokens.span[start][0] - 1 : tokens.span[start][0]] == "-" and tokens.low[start - 1] in _PREFIXES:
        return True
    glued = text[tokens.span[end - 1][1] : tokens.span[end][0]] == "-"
    if glued and (after in _UNREAL or after in _FREE):
        return True
    if after == "of" and tokens.lemma[end - 1] == "sign":
        return True
    if tokens.low[start] == "in" and after not in _AFTER_LANGUAGE:
        return True
    last = tokens.low[end - 1]
    head = tokens.lemma[end]
    if head not in _HEADS or tokens.lemma[end - 1] in _MATERIAL or last in _ROUND:
        return False
    if end - start > 1 and head not in _ANY_CUE:
        return False
    return not is_plural(last) and not (head in _VERBISH and after != head)


def names_a_kind(tokens: Tokens, start: int, end: int, topic: str) -> bool:
    """Whether an animal, a vehicle or a food only says of what kind the next thing is: "cattle grid", "rice cooker".

    After a singular one a verb ends in -s, -ed or -ing; what else follows and is no small word is a noun.
    """
    if topic not in _KINDS or end - start > 1 or end >= len(tokens.low) or is_plural(tokens.low[start]):
        return False
    after = tokens.surface[end]
    if not after.isalpha() or not after.islower() or tokens.low[start].endswith("'s"):
        return False
    return after not in _FOLLOWERS and not after.endswith(("s", "ed", "ing", "ly"))


def is_no_noun(tokens: Tokens, start: int, end: int) -> bool:
    """Whether a word that can be a verb or an adjective is one here: "houses a museum", "to park", "square windows"."""
    if end - start == 1 and tokens.low[start] in _ADJECTIVES:
        return tokens.low[end : end + 1] != [] and tokens.low[end][0].isalpha() and tokens.low[end] not in _AFTER_NOUN
    if end - start != 1 or tokens.lemma[start] not in _VERBS:
        return False
    if tokens.low[start] == "towers" and tokens.low[end : end + 1] in (["above"], ["over"]):
        return True
    before = tokens.low[start - 1] if start else "."
    if before in _TO and before != "to":
        return True
    after = tokens.low[end] if end < len(tokens.low) else "."
    if before == "to" and after in _NOUN_AFTER:
        return True
    if tokens.low[start] == "well":
        return before not in _BEFORE_WELL or after.endswith(("ed", "kept", "known", "built", "lit", "being", "worn"))
    return after in _NOUN_AFTER and before not in _DETERMINERS and before[0].isalpha()


def is_part_of_name(tokens: Tokens, start: int, end: int, cue_last: str) -> bool:
    """Whether the cue only stands in a name: "Palm" in "Palm Springs"; the bridge of "Golden Gate Bridge" is seen."""
    if not all(_capital(tokens, k) for k in range(start, end)):
        return False
    first, last = start, end - 1
    while first > max(0, start - _LONGEST_NAME) and _named(tokens, first - 1):
        first -= 1
    while last + 1 < min(len(tokens.low), end + _LONGEST_NAME) and _capital(tokens, last + 1):
        last += 1
    of_name = tokens.low[end : end + 1] == ["of"] and end + 1 < len(tokens.low) and _capital(tokens, end + 1)
    if of_name and tokens.lemma[end - 1] in _OF_NAMES:
        return True
    if first == start and last == end - 1:
        return end - start == 1 and start > 0 and tokens.low[start - 1] in _WHITHER
    if end - 1 == last and cue_last in _VISIBLE_LAST:
        return _doubted(tokens, first, last)
    if start == first and tokens.lemma[start] in _VISIBLE_FIRST and tokens.lemma[last] not in _STREETS:
        return _doubted(tokens, first, last)
    return True


def is_inferred(tokens: Tokens, start: int, end: int) -> bool:
    """Whether a setting is concluded, not seen: "suggests a small town", "a Russian city", "the city of Lyon"."""
    low, surface = tokens.low, tokens.surface
    if start and surface[start - 1][0].isupper() and is_demonym(low[start - 1]):
        return True
    if end < len(low) and low[end] in _AFTER_SETTING:
        return True
    if end + 1 < len(low) and low[end] == "in" and surface[end + 1][0].isupper():
        return True
    for k in range(start - 1, max(-1, start - 15), -1):
        if low[k] in _SENTENCE_MARKS:
            return False
        if low[k] in _INFERRING:
            return True
    return False


def _capital(tokens: Tokens, k: int) -> bool:
    """Whether token `k` is written like a name."""
    word = tokens.surface[k]
    return word[0].isupper() and not (len(word) > 1 and word.isupper()) and tokens.low[k] not in _NOT_NAMES


def _named(tokens: Tokens, k: int) -> bool:
    return _capital(tokens, k) and not is_demonym(tokens.low[k])


def is_demonym(word: str) -> bool:
    """Whether a lower-case word looks like the adjective of a country or a style ("japanese", "gothic")."""
    return word.endswith(_DEMONYM_ENDS) and word != "ocean"


def _doubted(tokens: Tokens, first: int, last: int) -> bool:
    """Whether the name is a guess: "possibly", "could be" before it, "is likely" after it, in the same sentence."""
    for k in range(first - 1, max(-1, first - 9), -1):
        word = tokens.low[k]
        if word in ".;!?:\n":
            break
        if word in _DOUBT:
            return True
    return any(word in _DOUBT_AFTER for word in tokens.low[last + 1 : last + 5])
