"""What a text only denies, imagines, asks, compares or quotes: the tokens that stand in such a scope.

After NegEx (Chapman et al. 2001): a trigger opens a scope that ends at the clause, at a contrast, at a finite verb or at a
place ("no cars on the street" leaves the street). It adds what reasoning about photographs is full of: hypotheses ("would
expect"), places in general ("typical of towns with canals"), tasks ("look for landmarks"), questions.
"""

from __future__ import annotations

from globe_eval.metrics.tokens import Tokens


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_BREAK = frozenset(".;!?\n\u3002\uff1b:")
_CONTRAST = _set(
    """
    but however although though yet except excluding whereas while because since so instead then despite hence
    thus therefore besides apart aside
    """
)
_DEFINITE = _set(
    """
    the this these those that its it there i we you they he she his her their my our several some many both one
    two three
    """
)
_BE = _set("is are was were be been being isn't aren't wasn't weren't")
_FINITE = _BE | _set(
    """
    has have had can could would should will may might must cannot can't couldn't do does did don't doesn't
    didn't suggests suggest suggesting indicates indicate indicating points point implies imply makes make
    making means shows show showing appears appear seems seem gives give adds supports support helps help hints
    hint rules narrows confirms stands stand lies lie runs run leads lead looks dominates dominate leaves leave
    tells remains remain seen lets characterizes reinforces allows aligns matches fits further
    """
)
_PLACE = _set(
    """
    on in at along near behind above beside beneath under below over across around between from outside inside
    alongside against opposite next within throughout amid among beyond atop toward towards through during
    """
)
_FUNCTION = _set(
    """
    a an the any of and or nor no not other such as like clear obvious visible apparent distinct distinctive
    specific real clearly immediately readily easily particularly very see show have contain include feature be
    been is are there here evidence sign-of single kind type sort to with for more much many can could presence
    signs-of find found seen
    """
)
_NOMINAL = _set(
    """
    no without neither nor lack lacks lacking lacked absence absent devoid zero minus sans any hardly scarcely
    barely missing unlike none nothing bereft void
    """
)
_NOT = _set(
    """
    not never cannot can't don't doesn't didn't isn't aren't wasn't weren't couldn't won't wouldn't hasn't
    haven't hadn't ain't shouldn't
    """
)
_AUXILIARY_NOT = _NOT - {"never"}
_PSEUDO = {
    ("not", "only"), ("not", "just"), ("not", "merely"), ("not", "simply"), ("not", "solely"), ("no", "doubt"),
    ("without", "doubt"), ("without", "question"), ("without", "a"), ("not", "far"), ("no", "wonder"), ("nothing", "but"),
    ("not", "necessarily"), ("no", "less"), ("no", "fewer"), ("not", "to"), ("no", "surprise"), ("no", "mistaking"),
    ("no", "question"), ("none", "other"), ("not", "without"), ("no", "lack"), ("no", "shortage"), ("not", "uncommon"),
    ("not", "surprising"), ("not", "surprisingly"), ("no", "absence"), ("not", "lack"), ("not", "lacking"), ("no", "more"),
    ("cannot", "miss"), ("can't", "miss"), ("not", "unlike"), ("not", "unusual"), ("not", "alone"), ("missing", "only"),
}  # fmt: skip
_PSEUDO_NOUN = _set("doubt question doubts")
_DOUBLE = _set("rule exclude deny ignore overlook mistake help dispute")
_VISIBLE = _set(
    """
    visible present seen apparent evident found discernible there shown noticeable depicted pictured detected
    observed observable spotted identifiable recognizable recognisable here anywhere exist appear detectable
    perceptible discerned distinguishable made included featured
    """
)
_ADVERB = _set(
    """
    immediately readily really actually directly yet currently also even particularly otherwise be any at all
    anywhere prominently obviously to
    """
)
_GONE = _set("absent missing lacking nowhere gone unseen invisible")
_LIST = _set("and or nor")
_HEDGED = _set(
    """
    suggest indicate imply point say guess place lean put estimate consistent fit match align support argue
    assume describe call think agree correspond hint classify identify consider bet go be narrow
    """
)
_UNREAL_BE = _set(
    """
    expected visible helpful useful needed seen found present required necessary more nice ideal good great
    there easier better typical common likely
    """
)
_HELP = _set("help confirm provide allow assist aid pinpoint clarify enable narrow reveal")
_MODAL = _set("could would might")
_SUBJECT_KNOWN = _set("the this these those its i we it")
_TASK = {"look": "for", "looking": "for", "search": "for", "searching": "for", "check": "for", "checking": "for", "scan": "for",
         "watch": "for", "ask": "for"}  # fmt: skip
_GENERAL = {
    ("typical", "of"), ("typical", "for"), ("typical", "in"), ("characteristic", "of"), ("characteristic", "for"),
    ("common", "in"), ("common", "for"), ("common", "to"), ("known", "for"), ("famous", "for"), ("renowned", "for"),
    ("reminiscent", "of"), ("associated", "with"), ("similar", "to"), ("compared", "to"), ("compared", "with"),
    ("prevalent", "in"), ("popular", "in"), ("instead", "of"), ("rather", "than"), ("opposed", "to"), ("place", "of"),
    ("free", "of"), ("free", "from"), ("comparable", "to"), ("as", "if"), ("distinct", "from"), ("different", "from"),
    ("unrelated", "to"), ("empty", "of"), ("clear", "of"), ("reminds", "of"), ("evocative", "of"), ("unique", "to"),
    ("devoid", "of"), ("found", "in"), ("seen", "in"), ("used", "in"), ("typically", "in"), ("indicative", "of"),
    ("resembles", "a"), ("resembling", "a"), ("resemble", "a"), ("resembles", "an"), ("resembling", "an"), ("mistaken", "for"),
    ("confused", "with"), ("bigger", "than"), ("smaller", "than"), ("taller", "than"), ("larger", "than"), ("shorter", "than"),
}  # fmt: skip
_ABOUT_PICTURE = _set(
    """
    image picture photo photograph scene view background foreground distance frame middle center corner street
    front left right
    """
)
_USUAL = _set("usually typically often commonly normally generally frequently")
_USUAL_VERB = _set(
    """
    have has had feature features include includes show shows contain contains boast boasts see find display
    associated found seen use uses lack
    """
)
_LIKE_VERB = _set("look looks looking looked appear appears seem seems sounds feels feel")
_LIKE_LIST = _set(
    """
    clue clues feature features element elements detail details thing things landmark landmarks object objects
    structure structures item items cue cues indicator indicators sign signs marker markers
    """
)
_ROLES = (
    _NOMINAL | _NOT | _GONE | _USUAL | _MODAL | {first for first, _ in _GENERAL} | _TASK.keys()
    | _set("if had were expect expecting expects like should'd")
)  # fmt: skip
_FARTHEST = 40
_LONGEST_SUBJECT = 25


def unasserted(tokens: Tokens) -> bytearray | None:
    """A flag a token, 1 where it stands in a scope of denial or imagination; None where no token does."""
    low = tokens.low
    found = [i for i, word in enumerate(low) if word in _ROLES or word.endswith("'d")]
    questions = "?" in low
    if not found and not questions:
        return None
    mask = bytearray(len(low))
    for i in found:
        _open(low, tokens.surface, i, mask)
    if questions:
        _ask(low, mask)
    return mask


def _open(low: list[str], surface: list[str], i: int, mask: bytearray) -> None:
    word = low[i]
    after = low[i + 1] if i + 1 < len(low) else "."
    if word in _NOMINAL or word in _NOT:
        _deny(low, surface, i, word, after, mask)
    if word in _GONE and i and low[i - 1] in _BE | _ADVERB | {"entirely", "completely", "notably", "conspicuously"}:
        _mark(mask, _subject_start(low, i - 1), i)
    if (word, after) in _GENERAL and not _seen_here(low, i, word, after):
        _mark(mask, i + 2, _reach(low, surface, i + 2))
    if _TASK.get(word) == after and (i == 0 or low[i - 1] not in ("it", "they")):
        _mark(mask, i + 2, _clause_end(low, i + 2))
    elif word in ("expect", "expecting", "expects"):
        _mark(mask, i + 1, _clause_end(low, i + 1))
    elif (
        word == "if"
        or (word == "had" and low[i + 1 : i + 3] == ["there", "been"])
        or (word in ("had", "were") and _starts(low, i))
    ):
        _mark(mask, i + 1, _if_end(low, i + 1))
    elif word in _MODAL or (word.endswith("'d") and word in ("i'd", "you'd", "we'd", "one'd", "they'd")):
        _imagine(low, i, word, mask)
    elif word in _USUAL and after in _USUAL_VERB:
        _mark(mask, i + 2, _reach(low, surface, i + 2))
    elif word == "like" and after in ("a", "an", "those", "the"):
        before = low[i - 1] if i else "."
        if (
            before not in _LIKE_VERB
            and before not in _LIKE_LIST
            and before not in ("would", "something")
            and after != "the"
        ):
            _mark(mask, i + 1, _reach(low, surface, i + 1))


def _deny(low: list[str], surface: list[str], i: int, word: str, after: str, mask: bytearray) -> None:
    if (word, after) in _PSEUDO and not (word == "without" and after == "a" and not _doubt(low, i)):
        return
    if i and (low[i - 1], word) in _PSEUDO:
        return
    if (after in _DOUBLE and word in _NOT) or (word in ("missing", "absent", "lacking") and i and low[i - 1] in _BE):
        return
    if word == "any" and after == "of":
        return
    if (
        word in ("none", "nothing", "hardly", "scarcely", "barely")
        and word in ("hardly", "scarcely", "barely")
        and after != "any"
    ):
        return
    if word in _AUXILIARY_NOT and _denies_subject(low, i):
        _mark(mask, _subject_start(low, i), i)
    start = i + 1
    _mark(mask, start, _reach(low, surface, start))


def _doubt(low: list[str], i: int) -> bool:
    return any(word in _PSEUDO_NOUN for word in low[i + 2 : i + 5])


def _denies_subject(low: list[str], i: int) -> bool:
    """Whether what follows the negation says that its subject is not to be seen ("is not visible", "cannot be made out")."""
    k, steps = i + 1, 0
    while k < len(low) and low[k] in _ADVERB and steps < 4:
        k, steps = k + 1, steps + 1
    if k >= len(low) or low[k] not in _VISIBLE:
        return False
    word = low[k]
    if word in ("made", "found", "seen", "there", "here"):
        following = low[k + 1] if k + 1 < len(low) else "."
        if word == "made" and following != "out":
            return False
    return not (i and low[i - 1] in ("i", "we", "you"))


def _subject_start(low: list[str], i: int) -> int:
    """Where the subject of the verb before token `i` begins: after the last boundary, contrast or finite verb."""
    k, lists = i - 1, False
    while k >= 0 and low[k] in _FINITE | _ADVERB and i - k <= 3:
        k -= 1
    while k >= 0 and i - k < _LONGEST_SUBJECT:
        word = low[k]
        if word in _BREAK or word in _CONTRAST or word in _FINITE or word in ("that", "which", "who"):
            break
        if word in _LIST:
            lists = True
            if k + 1 < len(low) and low[k + 1] in _DEFINITE:
                break
        if word == ",":
            if not lists:
                break
        k -= 1
    return k + 1


def _reach(low: list[str], surface: list[str], start: int) -> int:
    """The end of a scope that starts at `start`."""
    content = False
    end = min(len(low), start + _FARTHEST)
    for k in range(start, end):
        word = low[k]
        if word in _BREAK or word in _CONTRAST or word == ")":
            return k
        if word == ",":
            if not _list_goes_on(low, k):
                return k
        elif word in _LIST:
            if _new_clause(low, k):
                return k
        elif (word == "there" and k + 1 < end and low[k + 1] in _BE) or (content and word in _FINITE):
            return k
        elif content and word in _PLACE:
            following = surface[k + 1][:1] if k + 1 < len(low) else ""
            if not (word == "in" and following.isupper()):
                return k
        elif word not in _FUNCTION:
            content = True
    return end


def _list_goes_on(low: list[str], comma: int) -> bool:
    """Whether the comma parts members of a list: an "or", "nor", "and" or another comma follows soon, and no verb before."""
    following = low[comma + 1] if comma + 1 < len(low) else "."
    if following in ("or", "nor"):
        return True
    if following == "and":
        return not _new_clause(low, comma + 1)
    if (
        following in _DEFINITE
        or following in _CONTRAST
        or following in _FINITE
        or following in ("which", "who", "making")
    ):
        return False
    for k in range(comma + 1, min(len(low), comma + 9)):
        word = low[k]
        if word in ("or", "nor", ","):
            return word != "," or k - comma <= 5
        if word == "and":
            return not _new_clause(low, k)
        if word in _FINITE or word in _BREAK or word in _CONTRAST:
            return False
    return False


def _new_clause(low: list[str], k: int) -> bool:
    """Whether the conjunction at `k` begins a clause of its own ("no cars and the street is empty")."""
    if k + 1 >= len(low) or low[k] == "nor":
        return False
    following = low[k + 1]
    if following in _FINITE or following in _CONTRAST:
        return True
    if low[k] == "or":
        return following in ("i", "it", "there", "we")
    if following in _DEFINITE:
        return True
    if following in ("a", "an"):
        for word in low[k + 2 : k + 9]:
            if word in _BREAK or word == ",":
                return False
            if word in _BE:
                return True
    return False


def _clause_end(low: list[str], start: int) -> int:
    for k in range(start, min(len(low), start + _FARTHEST)):
        word = low[k]
        if word in _BREAK or word in _CONTRAST or (word == "," and not _list_goes_on(low, k)):
            return k
    return min(len(low), start + _FARTHEST)


def _clause_start(low: list[str], i: int) -> int:
    k = i - 1
    while k >= 0 and i - k < _FARTHEST:
        word = low[k]
        if word in _BREAK or word in _CONTRAST or word in ("which", "that", "who"):
            break
        if word == "," and low[k + 1] not in _LIST and not any(other in _LIST for other in low[k + 1 : i]):
            break
        k -= 1
    return k + 1


def _if_end(low: list[str], start: int) -> int:
    for k in range(start, min(len(low), start + _FARTHEST)):
        word = low[k]
        if word in _BREAK or word in _CONTRAST or word in ("i'd", "would"):
            return k
        if word == "," and not _list_goes_on(low, k):
            return k
    return min(len(low), start + _FARTHEST)


def _imagine(low: list[str], i: int, word: str, mask: bytearray) -> None:
    """ "You would see temples" is imagined, "this would suggest Peru" and "it could be a church" are not."""
    k = i + 1
    while k < len(low) and k < i + 4 and (low[k].endswith("ly") or low[k] in ("also", "not", "then", "have")):
        k += 1
    verb = low[k] if k < len(low) else "."
    following = low[k + 1] if k + 1 < len(low) else "."
    if verb in _BREAK or verb == ",":
        return
    if verb in _HELP or (
        verb == "be" and following in _UNREAL_BE - {"typical", "common", "likely"} and word != "might"
    ):
        start = _clause_start(low, i)
        if low[start] in _SUBJECT_KNOWN and verb in _HELP:
            return
    elif word in ("could", "might") or verb in _HEDGED:
        return
    else:
        start = _clause_start(low, i)
    _mark(mask, start, _clause_end(low, i + 1))


def _seen_here(low: list[str], i: int, word: str, after: str) -> bool:
    """ "Seen in the background", "found in the image" speak of this picture; "found in Spain" does not."""
    if (word, after) not in {("found", "in"), ("seen", "in"), ("used", "in"), ("common", "in"), ("typically", "in")}:
        return False
    return any(other in _ABOUT_PICTURE for other in low[i + 2 : i + 5]) or word in ("seen", "used")


def _starts(low: list[str], i: int) -> bool:
    """Whether an inverted condition begins here ("Had there been", "Were there")."""
    return (i == 0 or low[i - 1] in _BREAK) and low[i + 1 : i + 2] in (["there"], ["this"], ["it"])


def _ask(low: list[str], mask: bytearray) -> None:
    start = 0
    for k, word in enumerate(low):
        if word == "?":
            _mark(mask, start, k)
        if word in _BREAK:
            start = k + 1


def _mark(mask: bytearray, start: int, end: int) -> None:
    if end > start:
        mask[start:end] = b"\x01" * (end - start)
