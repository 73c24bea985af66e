"""Where clauses, lists and noun phrases begin and end, by their marks and small words; no grammar beyond that."""

from __future__ import annotations

from pathlib import Path

from globe_eval.files import read_word_lists

WORDS = read_word_lists(Path(__file__).with_name("data") / "words.txt")
"""The word lists of this room, by file and name."""


def words(text: str) -> frozenset[str]:
    """The words of a text as a set.

    >>> sorted(words("no not"))
    ['no', 'not']
    """
    return frozenset(text.split())


BREAKS = frozenset(".;!?\n:\u3002\uff1b")
CONTRASTS = WORDS["clauses.contrasts"]
LISTS = words("and or nor")
BE = words("is are was were be been being isn't aren't wasn't weren't")
FINITE = BE | WORDS["clauses.finite"]
_HAVE = words("has have had")
_DEFINITE = WORDS["clauses.definite"]
_PLACE = WORDS["clauses.place"]
_EMPTY = WORDS["clauses.empty"]
_SCENE = words("background foreground image picture photo photograph scene distance")
_RELATIVE = words("that which who")
_ENDS = BREAKS | CONTRASTS
_PHRASE_ENDS = _ENDS | words(") if whether")
_NO_MEMBER = _ENDS | FINITE
_NO_LIST = _DEFINITE | CONTRASTS | FINITE | _RELATIVE
FARTHEST = 40
_LONGEST_LIST_MEMBER = 9
_LONGEST_SUBJECT = 25


def phrase_end(low: list[str], surface: list[str], start: int) -> int:
    """The end of a noun phrase, or of a list of them, from `start`: at the clause, a finite verb or a place after it.

    >>> low = "no cars or people on the street".split()
    >>> phrase_end(low, low, 1)
    4
    """
    content = False
    end = min(len(low), start + FARTHEST)
    for k in range(start, end):
        word = low[k]
        if word in _PHRASE_ENDS or (word == "other" and low[k + 1 : k + 2] == ["than"]):
            return k
        if word == ",":
            if not list_goes_on(low, k):
                return k
        elif word in LISTS:
            if _new_clause(low, k):
                return k
        elif (word == "there" and low[k + 1 : k + 2] and low[k + 1] in BE) or (
            content and word in FINITE and word not in _HAVE
        ):
            return k
        elif content and word in _PLACE:
            if not (word == "in" and surface[k + 1 : k + 2] and surface[k + 1][0].isupper()):
                return k
        elif word not in _EMPTY and word not in FINITE:
            content = True
    return end


def clause_end(low: list[str], start: int) -> int:
    """The end of the clause from `start`: a mark, a contrast, or a comma that parts no list."""
    end = min(len(low), start + FARTHEST)
    for k in range(start, end):
        word = low[k]
        if word in _ENDS or (word == "," and not list_goes_on(low, k)):
            return k
    return end


def condition_end(low: list[str], start: int) -> int:
    """The end of a condition without its consequence ("if this were Peru | I would see") and what it takes as known
    ("whether there is a lake behind | the trees").
    """
    end = clause_end(low, start)
    for k in range(start, end):
        known = low[k] in _PLACE and low[k + 1 : k + 2] in (["the"], ["these"], ["those"])
        if low[k] in ("i'd", "would") or (known and _SCENE.isdisjoint(low[k + 2 : k + 3])):
            return k
    return end


def clause_start(low: list[str], i: int) -> int:
    """The start of the clause that holds token `i`."""
    k = i - 1
    while k >= 0 and i - k < FARTHEST:
        word = low[k]
        if word in BREAKS or word in CONTRASTS or word in _RELATIVE:
            break
        if word == "," and low[k + 1] not in LISTS and LISTS.isdisjoint(low[k + 1 : i]):
            break
        k -= 1
    return k + 1


def subject_start(low: list[str], i: int, skipped: frozenset[str]) -> int:
    """The start of the subject of the verb group that ends before token `i`."""
    k, lists = i - 1, False
    while k >= 0 and (low[k] in FINITE or low[k] in skipped) and i - k <= 3:
        k -= 1
    while k >= 0 and i - k < _LONGEST_SUBJECT:
        word = low[k]
        if word in BREAKS or word in CONTRASTS or word in FINITE or word in _RELATIVE:
            break
        if word in LISTS:
            lists = True
            if low[k + 1] in _DEFINITE:
                break
        if word == "," and not lists:
            break
        k -= 1
    return k + 1


def list_goes_on(low: list[str], comma: int) -> bool:
    """Whether the comma parts members of a list: "or", "and" or another comma follows soon, and no verb before it."""
    following = low[comma + 1] if comma + 1 < len(low) else "."
    if following in ("or", "nor"):
        return True
    if following == "and":
        return not _new_clause(low, comma + 1)
    if following in _NO_LIST:
        return False
    for k in range(comma + 1, min(len(low), comma + _LONGEST_LIST_MEMBER)):
        word = low[k]
        if word in ("or", "nor"):
            return True
        if word == ",":
            return k - comma <= 5
        if word == "and":
            return not _new_clause(low, k)
        if word in _NO_MEMBER:
            return False
    return False


def _new_clause(low: list[str], k: int) -> bool:
    """Whether the conjunction at `k` begins a clause of its own ("no cars and the street is empty")."""
    if k + 1 >= len(low) or low[k] == "nor":
        return False
    following = low[k + 1]
    if following in FINITE or following in CONTRASTS:
        return True
    if low[k] == "or":
        return following in ("i", "it", "there", "we")
    if following in _DEFINITE:
        return True
    if following in ("a", "an"):
        for word in low[k + 2 : k + _LONGEST_LIST_MEMBER]:
            if word in BREAKS or word == ",":
                return False
            if word in BE:
                return True
    return False
