"""How firmly the words around a place, or any name, claim it: the heaviest is the conclusion.

    CONCLUDED  "my best guess is", "most likely", "therefore": a sentence that draws the conclusion
    CLAIMED    "suggests", "likely", "located in": a sentence that claims
    NAMED      "in Italy", "Lyon"
    EVIDENCE   "French architecture", "common in Australia", "such as", a name on a sign or inside a longer name, a
               supposition: what speaks for a place at most

and what is rejected ("not in Spain", "rather than", "unlike", "can be ruled out") weighs 0.
"""

from __future__ import annotations

import re

from globe_eval.cues.anycase import AnyCase

EVIDENCE, NAMED, CLAIMED, CONCLUDED = 1, 2, 3, 4

WORDS_BEFORE, WORDS_AFTER = 500, 100
"""How many characters of its sentence are looked at on both sides of a place."""

SENTENCE_END = re.compile(
    r"[.!?\n](?:(?<!\n)(?<!\b[A-Z].)(?<!\b(?:St|Mt|vs|Dr).)[.!?]*(?=[\s\"')*]|$)|(?<=\n)\n*(?!\s*[*•-]\s))"
)
_REJECTED_BEFORE = AnyCase(
    r"""\b(?:not|isn't|wasn't|aren't|doesn't|never|instead\ of|unlike|opposed\ to
      |(?:can(?:no|')t|couldn't)\ be(?=\ (?:in\ |from\ |the\ )*$)
      |rul(?:e|es|ed|ing)\ (?:it\ )?out|eliminat\w+|exclud\w+|(?:less|un)likely(?:\ to\ be)?|neither|nor|different\ from
      |than|distinct\ from|no\ longer)\b(?P<between>[^.;:]*)$"""
)
_REJECTED_AFTER = AnyCase(
    r"""[^.;:,]{0,40}?\b(?:is|are|seems?|looks?|appears?|would\ be|can\ be|could\ be|was|were)\s+(?:\w+\s+)?
      (?:less\ likely|unlikely|ruled\ out|excluded|eliminated|not|improbable|implausible)\b"""
)
_UNFIT_AFTER = AnyCase(
    r"[^.;:]{0,120}?\b(?:do|does|did)(?:\ not|n't)\ (?:\w+\ )?(?:fit|match|align|correspond|seem|appear|look)\b"
)
_ON_A_THING = AnyCase(
    r"""(?:\b(?:reads?|reading|says|saying|written|called|named|labell?ed|lettering|name|words?|text|logo|brand|jersey
      |flags?\ of|inscription|banner|written\ on|translates\ to|stands\ for|short\ for|bound\ for|headed\ (?:to|for))\b
      [^.;,]{0,12}|["\u201c\u2018]\s?)$"""
)
_LONGEST_ON_A_THING = 32
"""No match of this pattern, which ends with the text, is longer."""
_THING_AFTER = AnyCase(
    r"""(?:["\u201d\u2019]|['\u2019]n\b|\ ?-?(?:style|inspired)|\s
      (?:(?:number|license|licence|registration)\s)?(?:plates?|flags?
      |restaurants?|chain|logo|branch|bus|buses|airlines|airways|street|road|avenue|hotel|sign|university|embassy|bank
      |replica|brand|jersey|team|club|f\.?c)\b)"""
)
"""Names that stand on signs, cars, buses and shops."""
_NAME_AFTER = re.compile(
    r"\s(?!(?:City|State|Province|Region|Area|County|District|Metro|Island|Islands|Prefecture|Peninsula|Republic"
    r"|I|And|Or|In)\b)[A-Z][a-z]"
)
_IN_A_NAME = re.compile(
    r"[a-z,]\s(?!(?:North|South|East|West|Central|Northern|Southern|Eastern|Western|Greater|Downtown|Old|New|Inner|Upper"
    r"|Lower|Mainland|Metro|Suburban|Rural|Coastal|Modern)\b)[A-Z][a-z]+(?:\s(?:of|de|da|di|du))?\s$"
)
"""A place's name inside the longer name of something else."""
_SUPPOSED = AnyCase(
    r"\b(?:if(?!\ (?:i|we)\ (?:had|have|must|were)\ to)|assuming|suppos\w+|for\ (?:instance|example)"
    r"|let's\ (?:consider|assume|say)|one\ (?:might|could|may|would)\ consider|eliminate\w*)\b[^.;]*$"
)
_TURNS = AnyCase(r",\s*(?:but|it|this|the|more)\b|\bbut\b|\bhowever\b|\bit\ (?:is|was)\b|\brather\b(?!\ than)")
_NOT_ONLY = AnyCase(r"\bnot\ (?:only|just|limited|uncommon|impossible|certain|sure|necessarily|far|entirely)\b")
_CONCLUDES = AnyCase(
    r"""\b(?:(?:best|educated|final|my|reasonable|plausible|good|first|initial)\ (?:\w+\ )?
        (?:guess|estimate|estimation|answer|conclusion|choice)
      |most\ (?:likely|probabl[ey]|plausibl[ey])
      |(?:i|we)\ (?:would\ |will\ |can\ |'d\ )?(?:\w+\ )?
        (?:guess|say|estimate|conclude|believe|think|infer|suspect|deduce|settle|lean|choose|go\ with)
      |leaning
      |conclu(?:de|sion)\w*|therefore|thus|hence|(?:narrow|pinpoint)\w*|a\ guess|in\ summary|overall(?=,)|strong(?:ly)?
      |this\ (?:places|puts)|must\ be|has\ to\ be|so\ (?:this|it|that|the\ \w+)\ (?:is|was)|decides?\ for
      |(?:all|these|the)\ (?:\w+\ )?(?:clues|observations|factors|elements|features|evidence|cues|details))\b"""
)
_CLAIMS = AnyCase(
    r"""\b(?:suggest\w*|indicat\w*|point(?:s|ing)?\ (?:to|towards?)|likely|probabl[ey]|possibl[ey]|plausibl[ey]|perhaps
      |might\ be|may\ be|could\ be|appears?\ to\ be|seems?\ to\ be
      |(?:located|taken|situated|set|captured|somewhere|place)\ (?:in|near|at|from)
      |(?:is|be|(?:we|you)(?:\ a|')re)\ (?:in|from)
      |(?:this|it|location|place|scene|photo\w*|image|picture|city|country)\ (?:is|was)
      |(?:this|it|place|scene|photo\w*|image|picture|location|street|town)\ looks\ (?:\w+\ ){0,2}like
      |impl(?:y|ies)|align\w*|consistent\ with|identif\w+|recogni[sz]\w+|confirm\w*|belongs?\ to)\b"""
)
_CLAIMED_AFTER = AnyCase(
    r",?[^.;:,]{0,40}?\b(?:(?:is|seems|looks|appears|are|as)\s(?:\w+\s)?(?:likely|plausible|probable|possible|possibilit\w+"
    r"|candidates?|(?:my|the|a)\s(?:\w+\s)?(?:guess|answer|conclusion))|would\ (?:be|fit|match)"
    r"|(?:the\s)?mo(?:re|st)\s(?:likely|probable|plausible))\b"
)
_COMPARED = AnyCase(
    r"""\b(?:such\ as|(?:could|might|may)\ also|alternatively|border\w*|like|similar\ to
      |reminiscent\ of|resembl\w+|typical(?:ly)?(?:\ of|\ for|\ in)?|common(?:ly)?|found|seen|used
      |characteristic\ (?:of|for|in)|associated\ with|prevalent|eg|ie|including|native\ to|popular|often
      |usual(?:ly)?|parts\ of|many|known|style\ of|influence\w*|association|connection|connected|links?
      |linked|recreation|replica|reproduction|reconstruction|models?\ of|former(?:ly)?|despite|primarily|mainly|chain
      |headquarter\w*|,\ as|as\ in|countries|regions|areas|places|cities)
      \b[^.:]*$"""
)


def sentence_before(text: str, at: int) -> str:
    """The sentence before a place in a text, as far as it is looked at."""
    words = text[max(0, at - WORDS_BEFORE) : at]
    return words[max((match.end() for match in SENTENCE_END.finditer(words)), default=0) :]


def weight_of(before: str, after: str, kind: str) -> int:
    """How firmly a name is claimed by its sentence before and after it; 0 where it is rejected.

    >>> weight_of("This is most likely in ", ".", "country") == CONCLUDED, weight_of("It is not in ", ".", "country")
    (True, 0)
    """
    if _rejected(before, after):
        return 0
    if kind == "demonym" or _IN_A_NAME.search(before) or _NAME_AFTER.match(after):
        return EVIDENCE
    end = len(before) - _LONGEST_ON_A_THING
    if _ON_A_THING.search(before, end) or _THING_AFTER.match(after) or _SUPPOSED.search(before):
        return EVIDENCE
    concludes, claims = _CONCLUDES.search(before), _CLAIMS.search(before)
    stated = max((match.end() for match in (concludes, claims) if match), default=0)
    if _COMPARED.search(before[stated:]):
        return EVIDENCE
    return CONCLUDED if concludes else CLAIMED if claims or _CLAIMED_AFTER.match(after) else NAMED


def _rejected(before: str, after: str) -> bool:
    denied = _REJECTED_BEFORE.search(before) and _REJECTED_BEFORE.search(_NOT_ONLY.sub(" ", before))
    if denied and not _TURNS.search(denied["between"]) and len(denied["between"]) <= 60:
        return True
    return _REJECTED_AFTER.match(after) is not None or _UNFIT_AFTER.match(after) is not None
