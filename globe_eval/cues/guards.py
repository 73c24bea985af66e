"""What looks like a cue and is none: part of a compound ("bus stop") or a name ("Palm Springs"), a verb ("to park")."""

from __future__ import annotations

from globe_eval.cues.clauses import WORDS, words
from globe_eval.cues.tokens import Tokens, is_plural

_HEADS = WORDS["guards.heads"]
_ANY_CUE = words("station stop ticket terminal driver shop line dealer depot company industry")
_VERBISH = WORDS["guards.verbish"]
_MATERIAL = WORDS["guards.material"]
_ROUND = words("tree trees")
_UNREAL = words("like style styled inspired shaped type themed esque lookalike resembling looking level")
_PREFIXES = words("non un anti pseudo ex sub pre post semi quasi faux")
_AFTER_LANGUAGE = WORDS["guards.after_language"]
_FREE = words("free less proof")
_VERBS = WORDS["guards.verbs"]
_ADJECTIVES = words("plain square individual flat orange")
_AFTER_NOUN = WORDS["guards.after_noun"]
_KINDS = frozenset({"animals", "food and drink", "vehicles", "boats and harbours", "aircraft", "crops and farming"})
_FOLLOWERS = WORDS["guards.followers"]
_DETERMINERS = WORDS["guards.determiners"]
_BEFORE_WELL = words("a the old stone water village this")
_NOUN_AFTER = words("a an the this its their his her itself themselves")
_TO = words("to can could may might will would must should cannot")
_NOT_NAMES = WORDS["guards.not_names"]
_VISIBLE_LAST = WORDS["guards.visible_last"]
_STREETS = _VISIBLE_LAST | words("lane drive way hill close court crescent row view road street avenue")
_WHITHER = words("to in at from near via for towards toward")
_OF_NAMES = words("gulf bay cape coast sea isle island strait city town university port valley house bank state")
_VISIBLE_FIRST = words("river lake mount temple church castle plaza mosque fort cathedral palace mausoleum")
_DOUBT = WORDS["guards.doubt"]
_DOUBT_AFTER = words("likely candidate possible possibility plausible option guess probable")
_SENTENCE_MARKS = words(". ; ! ?") | {"\n"}
_AFTER_SETTING = words("of known located where like such limits")
_INFERRING = WORDS["guards.inferring"]
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
