"""What a text only denies, imagines, asks or compares: the tokens that stand in such a scope.

After NegEx (Chapman et al. 2001): a trigger opens a scope, which ends at the clause, at a contrast, at a finite verb or
at a place ("no cars on the street" leaves the street). Reasoning about photographs adds hypotheses ("would expect"),
places in general ("typical of towns with canals"), tasks ("look for landmarks") and questions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from globe_eval.cues.clauses import (
    BE,
    BREAKS,
    CONTRASTS,
    FINITE,
    LISTS,
    WORDS,
    clause_end,
    clause_start,
    condition_end,
    phrase_end,
    subject_start,
    words,
)
from globe_eval.cues.tokens import Tokens


def _pairs(text: str) -> frozenset[tuple[str, ...]]:
    """Pairs of words, written "no_doubt"."""
    return frozenset(tuple(pair.split("_")) for pair in text.split())


_WITHOUT = WORDS["scope.without"]
_NOT = WORDS["scope.not"]
_ONLY_WITH_ANY = words("hardly scarcely barely")
_NO_DENIALS = _pairs(
    """
    not_many not_all not_every not_only not_just not_merely not_simply not_solely no_doubt without_doubt
    without_question not_far no_wonder nothing_but not_necessarily no_less no_fewer not_to no_surprise
    no_mistaking no_question none_other not_without no_lack no_shortage not_uncommon not_surprising
    not_surprisingly no_absence not_lack not_lacking no_more cannot_miss can't_miss not_unlike not_unusual
    not_alone any_of cannot_rule can't_rule not_exclude cannot_exclude cannot_deny cannot_ignore not_overlook
    cannot_overlook cannot_mistake cannot_help can't_help without_dispute no_sooner
    """
)
_DOUBTS = words("doubt doubts question")
_VISIBLE = WORDS["scope.visible"]
_ADVERBS = WORDS["scope.adverbs"]
_GONE = words("absent missing lacking nowhere gone unseen invisible unlikely nonexistent")

_AFTER_GONE = BREAKS | CONTRASTS | LISTS | words(", from in here on at which making completely entirely too also ( )")

_SUPPOSING = words("if whether unless suppose supposing imagine imagining wish assuming")
_EXPECTING = words("expect expecting expects")
_SEEKING = words("look looking looked search searching searched check checking scan watch ask")
_MODALS = words("could would might i'd you'd we'd one'd they'd")
_HEDGED = WORDS["scope.hedged"]
_UNREAL_BE = WORDS["scope.unreal_be"]
_HELPING = words("help confirm provide allow assist aid pinpoint clarify enable narrow reveal")
_UNREAL = words("would could might")
_PRONOUNS = words("there this it i we you")
_KNOWN_SUBJECT = words("the this these those its i we it")
_GENERAL = _pairs(
    """
    typical_of typical_for typical_in characteristic_of characteristic_for common_in common_for common_to
    known_for famous_for renowned_for reminiscent_of associated_with similar_to compared_to compared_with
    prevalent_in popular_in instead_of rather_than opposed_to place_of free_of free_from comparable_to
    distinct_from different_from took_for empty_of clear_of evocative_of unique_to found_in indicative_of resembles_a
    resembling_a resemble_a resembles_an resembling_an mistaken_for confused_with bigger_than smaller_than
    taller_than larger_than shorter_than contrast_to contrast_with reminds_me reminds_one reminds_us remind_me
    remind_us remind_one heart_of places_the places_this places_it place_the coordinates_correspond
    coordinates_place coordinates_i've coordinates_represent coordinates_point coordinates_for coordinates_of
    access_to hoping_for hoped_for hope_for corresponds_to correspond_to
    """
)
_GUESSING = words("places place heart coordinates corresponds correspond")
_IN_PICTURE = WORDS["scope.in_picture"]
_USUALLY = words("usually typically often commonly normally generally frequently")
_USUAL_VERBS = WORDS["scope.usual_verbs"]
_FINDS = words("find finds see sees get gets encounter encounters")
_LOOKS = words("look looks looking looked appear appears seem seems sounds feels feel would something")
_SUCH = WORDS["scope.such"]
_AREAS = WORDS["scope.areas"]
_AREA_HAS = words("in near with where by close along having featuring")
_CONCLUDING = WORDS["scope.concluding"]
_NEAR = words("near close nearby")
_MAYBE = words("likely possibly probably perhaps maybe may might could")
_LYING = words("located situated")
_IDLE = words("is be located somewhere very quite situated relatively")
_THING = "#"
_TRIGGERS = (
    _WITHOUT | _NOT | _GONE | _SUPPOSING | _EXPECTING | _SEEKING | _MODALS | _USUALLY | _AREAS | _NEAR
    | {pair[0] for pair in _GENERAL} | words("had were should like used you one existent")
)  # fmt: skip


def unasserted(tokens: Tokens, phrases: Sequence[tuple[int, int, str]] = ()) -> bytearray:
    """A flag a token: 1 where it stands in a scope of denial or imagination, else 0.

    Args:
        tokens: the text.
        phrases: token spans that are one thing each: no word in them opens or ends a scope ("no entry sign").
    """
    low = tokens.low.copy()
    for start, end, _ in phrases:
        if end - start > 1:
            low[start:end] = [_THING] * (end - start)
    mask = bytearray(len(low))
    for i, word in enumerate(low):
        if word in _TRIGGERS:
            _open(low, tokens.surface, i, mask)
    if "?" in low:
        _ask(low, mask)
    return mask


def _open(low: list[str], surface: list[str], i: int, mask: bytearray) -> None:
    """Marks the scopes of the trigger at token `i`."""
    word = low[i]
    before = low[i - 1] if i else "."
    after = low[i + 1] if i + 1 < len(low) else "."
    if word in _WITHOUT or word in _NOT:
        _deny(low, surface, i, mask)
    gone = word in _GONE and (before in BE or before in _ADVERBS) and not _has_object(low, i)
    if gone or (before == "non" and word == "existent"):
        _mark(mask, subject_start(low, i - 1, _ADVERBS), i)
    if (word, after) in _GENERAL:
        if not (word in ("found", "common") and not _IN_PICTURE.isdisjoint(low[i + 2 : i + 5])):
            ends = clause_end(low, i + 2) if word in _GUESSING else phrase_end(low, surface, i + 2)
            _mark(mask, i + 2, ends)
    elif word == "typical" and before in BREAKS:
        _mark(mask, i + 1, clause_end(low, i + 1))
    elif word in _AREAS:
        if after in _AREA_HAS and _concludes(low, i):
            _mark(mask, i + 2, clause_end(low, i + 2))
    elif word in _NEAR:
        if _maybe(low, i) or (before in _LYING and _concludes(low, i)):
            _mark(mask, i + 1, clause_end(low, i + 1))
    elif word in _SEEKING:
        if after == "for" and before not in ("it", "they"):
            end = clause_end(low, i + 2)
            _mark(mask, i + 2, next((k for k in range(i + 2, end) if low[k] in ("found", "saw")), end))
    elif word in _EXPECTING:
        _mark(mask, i + 1, clause_end(low, i + 1))
    elif word in ("you", "one"):
        start, often = clause_start(low, i), after in _USUALLY
        verb = low[i + 1 + often] if i + 1 + often < len(low) else "."
        if verb in _FINDS and (often or (low[start] == "in" and surface[start + 1][0].isupper())):
            _mark(mask, i + 2, clause_end(low, i + 2))
    elif word == "used":
        if after == "to" and low[i + 2 : i + 3] in (["be"], ["have"], ["stand"]):
            _mark(mask, i + 3, phrase_end(low, surface, i + 3))
    elif word in _SUPPOSING or _inverted(low, i):
        start = _condition_start(low, i)
        _mark(mask, start, condition_end(low, start))
    elif word in _MODALS:
        _imagine(low, i, mask)
    elif word in _USUALLY:
        if after in _USUAL_VERBS:
            _mark(mask, i + 2, phrase_end(low, surface, i + 2))
        elif after == "," and before in BREAKS:
            _mark(mask, i + 2, clause_end(low, i + 2))
    elif word == "like":
        if before in _AREAS and surface[i + 1 : i + 2] and surface[i + 1][0].isupper():
            _mark(mask, i + 1, clause_end(low, i + 1))
        elif after in ("a", "an", "those") and before not in _LOOKS and before not in _SUCH:
            _mark(mask, i + 1, phrase_end(low, surface, i + 1))


def _deny(low: list[str], surface: list[str], i: int, mask: bytearray) -> None:
    """Marks what a negation denies: what follows it, and its subject where it says that this is not to be seen."""
    word, before = low[i], low[i - 1] if i else "."
    after = low[i + 1] if i + 1 < len(low) else "."
    if (word, after) in _NO_DENIALS or (before, word) in _NO_DENIALS:
        return
    if word == "without" and after == "a" and not _DOUBTS.isdisjoint(low[i + 2 : i + 5]):
        return
    if word == "without" and after in _KNOWN_SUBJECT and not _UNREAL.isdisjoint(low[i + 2 : i + 12]):
        return  # "without the minaret I would have guessed a school" says that there is one
    if word in _ONLY_WITH_ANY and after != "any":
        return
    if word in _GONE and before in BE and not _has_object(low, i):
        return
    if (word in _NOT and word != "never" and _is_unseen(low, i)) or (after == "longer" and _is_unseen(low, i + 1)):
        _mark(mask, subject_start(low, i, _ADVERBS), i)
    whole = word in ("none", "neither") and after == "of"
    _mark(mask, i + 1, clause_end(low, i + 1) if whole else phrase_end(low, surface, i + 1))


def _has_object(low: list[str], i: int) -> bool:
    """Whether the word denies what follows ("is missing sidewalks", "is unlikely to be"), not what is before it."""
    after = low[i + 1] if i + 1 < len(low) else "."
    return (low[i], after) == ("unlikely", "to") or (low[i] in ("missing", "lacking") and after not in _AFTER_GONE)


def _is_unseen(low: list[str], i: int) -> bool:
    """Whether the negation at `i` says that its subject is not to be seen ("is not visible", "cannot be made out")."""
    if i and low[i - 1] in ("i", "we", "you"):
        return False
    k = i + 1
    while k < len(low) and k < i + 5 and low[k] in _ADVERBS:
        k += 1
    if k >= len(low) or low[k] not in _VISIBLE:
        return False
    after = low[k + 1] if k + 1 < len(low) else "."
    return after == "out" if low[k] == "made" else (low[k], after) != ("appear", "to")


def _imagine(low: list[str], i: int, mask: bytearray) -> None:
    """Marks an imagined clause: "you would see temples"; not "this would suggest Peru" nor "it could be a church"."""
    word, k = low[i], i + 1
    while k < len(low) and k < i + 4 and (low[k].endswith("ly") or low[k] in ("also", "not", "then", "have")):
        k += 1
    verb = low[k] if k < len(low) else "."
    if verb in BREAKS or verb == ",":
        return
    start = clause_start(low, i)
    state = low[k + 1] if k + 1 < len(low) else "."
    unreal = verb == "be" and word != "might" and state in _UNREAL_BE
    unreal = unreal or (state in ("typical", "common") and low[k + 2 : k + 3] not in (["of"], ["for"], ["in"]))
    if verb in _HELPING:
        if low[start] in _KNOWN_SUBJECT and low[k + 1 : k + 3] not in (["to", "see"], ["to", "have"], ["to", "know"]):
            return
    elif not (unreal or (word == "would" and low[i - 1 : i] == ["there"])) and (
        word in ("could", "might") or (verb in _HEDGED and low[start] not in ("a", "an"))
    ):
        return
    _mark(mask, start, clause_end(low, i + 1))


def _condition_start(low: list[str], i: int) -> int:
    """Where a condition begins to be imagined: "if the sign | were readable" knows its sign."""
    if low[i + 1 : i + 2] in (["the"], ["these"], ["those"], ["its"]):
        for k in range(i + 2, min(len(low), i + 8)):
            if low[k] in FINITE:
                return k
    return i + 1


def _inverted(low: list[str], i: int) -> bool:
    """Whether an inverted condition begins here ("Had there been", "Were there a tram", "Should there be")."""
    if low[i] not in ("had", "were", "should"):
        return False
    if low[i] == "had" and low[i + 1 : i + 3] == ["there", "been"]:
        return True
    return (i == 0 or low[i - 1] in BREAKS) and not _PRONOUNS.isdisjoint(low[i + 1 : i + 2])


def _concludes(low: list[str], i: int) -> bool:
    """Whether an area is concluded from what was seen ("suggests a region with mountains"), and so what it holds."""
    for k in range(i - 1, max(-1, i - 13), -1):
        if low[k] in BREAKS:
            return False
        if low[k] in _CONCLUDING:
            return True
    return False


def _maybe(low: list[str], i: int) -> bool:
    """Whether "near" directly follows a guess: "likely near a beach", "could be located close to a school"."""
    k = i - 1
    while k >= 0 and low[k] in _IDLE:
        k -= 1
    return k >= 0 and low[k] in _MAYBE


def _ask(low: list[str], mask: bytearray) -> None:
    """Marks questions."""
    start = 0
    for k, word in enumerate(low):
        if word == "?":
            _mark(mask, start, k)
        if word in BREAKS:
            start = k + 1


def _mark(mask: bytearray, start: int, end: int) -> None:
    if end > start:
        mask[start:end] = b"\x01" * (end - start)


_NO = (
    r"(?:no|nope|none|nothing|nil|absent|missing|false|n/?a|n|0|unclear|unknown|uncertain|[✗✘×❌]|[-–—]"
    r"|not\s(?:visible|seen|present|clear|apparent|applicable|found|observed|identified|identifiable|discernible|sure)"
    r"|(?:none|nothing)\s(?:visible|seen|present|found|apparent|observed|identified|detected|noted))"
)
_ENDS = r"(?=\s*(?:[.,;|)\n•]|[-–—*]\s|$))"
_DENIED = re.compile(rf"(?:[:=|?(]|\s[-–—])[*_\s]{{0,4}}{_NO}{_ENDS}|\s?[✗✘❌]", re.IGNORECASE)
_ANSWER = re.compile(rf"(?<=[:=|?(\-–—])([*_ ]{{0,4}})(?:no|none|nothing|absent|missing|not \w+){_ENDS}", re.IGNORECASE)
_EDGE = re.compile(r"[.;:,|\n()?=✓✔✗✘❌•]|\s[-–—*]\s")
_LONGEST = 60


def denied_items(text: str) -> list[tuple[int, int]]:
    """The character spans of what is denied by its value, in order.

    >>> text = "1. Road: paved. 2. Signs: none. | bus | no |"
    >>> [text[start:end].strip() for start, end in denied_items(text)]
    ['2. Signs', 'bus']
    """
    spans = []
    for match in _DENIED.finditer(text):
        start = max(0, match.start() - _LONGEST)
        edge = start
        for found in _EDGE.finditer(text, start, match.start()):
            if not (found[0] == "." and text[max(0, found.start() - 2) : found.start()].strip().isdigit()):
                edge = found.end()
        spans.append((edge, match.start()))
    return spans


def without_cells(text: str) -> str:
    """The text, every cell of a table ended by a mark, and every value that is a denial as marks, of equal length.

    >>> without_cells("| bus | no |"), without_cells("Signs: none. Trees: yes")
    ('; bus ; ;; ;', 'Signs: ;;;;. Trees: yes')
    """
    text = _ANSWER.sub(lambda found: found[1] + ";" * (len(found[0]) - len(found[1])), text)
    return text.replace("|", ";")
