"""Tells refusals from responses that could not be parsed."""

from __future__ import annotations

from functools import lru_cache

from globe_eval import lazy_re as re

_VERBS = (
    r"(?:determine|identify|provide|pinpoint|help|assist|tell|say|locate|guess|answer|fulfil\w*|complete|give|make|view|see"
    r"|analy[sz]e|recogni[sz]e|comply|process|estimate|infer|deduce|narrow|engage|discuss|share|confirm|know|access|do|offer"
    r"|support|participate|respond|continue|geolocate|place|verify|accurately|ascertain|specify|conclude|indicates?|be|name|reveal"
    r"|disclose|speculate|pin|work\ out|let)"
)
_REFUSAL = re.compile(
    rf"""(?<!\w)(?:  # tried at the beginnings of words alone
    (?:can\ ?not|can'?t|could\ ?n[o']t|unable\ to|not\ (?:be\ )?able\ to
      |(?:would|may|might)n't\ be\ able\ to|(?:not|im)\ ?possible\ (?:for\ \w+\ )?to
      |won'?t|will\ not)
      \s(?:\w+\s){{0,4}}?{_VERBS}\b
    |\b(?:i'm|i\ am|we're|we\ are)\ (?:so\ |very\ |really\ )?(?:sorry|afraid)\b|\bi\ (?:do\ )?apologi[sz]e\b|^sorry\b
    |\bi\ (?:do\ not|don't|would\ not|wouldn't)
      \ (?:feel|think|want|know|identify|guess|speculate|disclose|reveal|share)\b
    |\b(?:not\ sure|not\ certain|unsure)\ (?:exactly\ )?where\b|\brefrain\ from\b|\bnot\ (?:disclosing|to\ disclose)\b
    |\bi\ (?:do\ not|don't)\ have\ (?:enough|sufficient|access|the\ ability)\b
    |\bi(?:'m|\ am)\ going\ to\ (?:end|stop)\b|\bi(?:'d|\ would)\ (?:rather|prefer)\ not\b
    |\bi\ must\ (?:decline|refuse)\b
    |(?:^|[:>*]\ ?|\bi(?:'ll|\ will|\ must)?\ )abstain\b|\babstain(?:ing)?\ from\b
    |\bnothing\ (?:\w+\ ){{0,4}}(?:lets|allows|tells)\ (?:me|us)\b
    |\blocation\ should(?:\ not|n't)\ be\ (?:disclosed|revealed|shared)[.*]*$
    |\bno\ (?:(?:specific|exact|precise)\ )?location\ (?:disclosure|should|can)\b
    |\bi\ would\ need\ more\b
    |\bi(?:'d|\ would|\ will)\ not\ (?:disclose|reveal|share)\b
    |\bi\ (?:decline|refuse)\ to\b|\bcannot\ be\ (?:determined|identified|located|pinpointed)\b
    |\bimpossible\ to\ (?:accurately\ |precisely\ )?(?:determine|identify|pinpoint|say|tell|know|provide)
    |\b(?:difficult|challenging|hard|tough|infeasible|tricky)\ (?:for\ \w+\ )?to\ (?:\w+\ ){{0,2}}?{_VERBS}\b
    |\b(?:remains?|is|are)\ (?:\w+\ )?(?:uncertain|unclear|unknown|indeterminable|undetermined)\b
    |\b(?:(?:remains?|is|are)\ (?:\w+\ )?not|isn't)\ (?:\w+\ )?
      (?:clear|discernible|identifiable|determinable|specified|provided|indicated|stated|mentioned|apparent|evident|obvious)\b
    |\bcould\ be\ (?:\w+\ )?anywhere\b
    |\bnot\ (?:comfortable|privy|capable|programmed|designed|willing|allowed|permitted|going\ to\ \w+)\b
    |\bno\ (?:\w+\ )?(?:location|geographic\w*|locating)\ (?:clues?|cues?|information|details|indicators?|markers?)\b
    |(?:no|without\ any|(?:do|did)(?:n't|\ not)\ (?:\w+\ )?any)\ (?:\w+,?\ ){{0,5}}
      (?:features?|clues?|landmarks?|details?|information|indications?|signs?|elements?)
      \ (?:\w+\ ){{0,4}}(?:that|which|to)\ (?:\w+\ ){{0,5}}{_VERBS}\b
    |\b(?:isn't|is\ not|not)\ (?:appropriate|feasible)\b|\b(?:inappropriate|infeasible)\ to\b
    |^[-*\#\ ]{{0,6}}(?:\w{{1,20}}(?:\ \w{{1,20}}){{0,2}}[:*\s]{{1,4}})?unknown[.*]{{0,3}}$|\A\W{{0,3}}n/a\W{{0,3}}\Z
    |\b(?:(?:not|isn't|aren't|doesn't|don't|without)\ (?:\w+\ )?(?:enough|sufficient)|insufficient)\ (?:\w+\ )?
      (?:info|clues|cues|context|detail|data)
    |\b(?:does|do)(?:\ not|n't)\ (?:provide|contain|give|include)\ (?:\w+\ ){{0,3}}
      (?:information|details|clues|indications?)\ (?:about|on|regarding|of|as\ to)\ (?:the|its|where)\b
    |\b(?:not|\w+n't|without)\ (?:\w+\ )?enough\ (?:\w+\ ){{0,3}}?
      (?:features?|clues?|landmarks?|details?|elements?|evidence)
      \ (?:\w+\ ){{0,3}}to\ {_VERBS}\b
    |\b(?:not|\w+n't|hardly)\ (?:\w+\ )?enough\ (?:\w+\ )?to\ go\ on\b
    |\bno\ (?:\w+\ )?(?:way|means)\ (?:of\ (?:knowing|telling)|to\ (?:know|tell))\b
    |\b(?:nie\ (?:mogę|można|jestem\ w\ stanie|potrafię)|przykro\ mi|niestety)\b
    |\btrudno\ (?:określić|powiedzieć|stwierdzić)\b
    |\b(?:ne\ yazık\ ki|üzgünüm|belirleyem\w+|söyleyem\w+|(?:belirlemek|söylemek)\ (?:zor|mümkün\ değil))
    |\b(?:tôi\ không\ thể|xin\ lỗi|saya\ tidak\ (?:dapat|bisa)|maaf,)
    |\b(?:tyvärr|jag\ kan\ (?:\w+\ )?inte|bohužel|nemohu|nedokážu|sajnos|nem\ tudom)\b
    |\b(?:no\ puedo|no\ es\ posible|no\ (?:tengo|hay)\ (?:suficiente|bastante)
      |lo\ siento|lamento)\b|\bje\ (?:ne\ (?:peux|suis|sais)|suis\ désolée?)\b|\bdésolé
    |\b(?:tut\ mir\ leid|(?:ich\ kann|kann\ ich|l[aä]sst\ sich)\ (?:\w+\s){{0,9}}?nicht|nicht\ möglich
      |keine\ (?:\w+\ )?(?:angaben|auskunft))
    |\b(?:não\ (?:posso|consigo|é\ possível)|desculpe|sinto\ muito)
    |\b(?:non\ (?:posso|riesco|sono\ in\ grado|è\ possibile)|mi\ dispiace)\b
    |\b(?:helaas|ik\ kan\ (?:\w+\s){{0,6}}?niet)\b
    |\b(?:es|é)\ dif[íi]cil\ (?:determinar|identificar|saber|precisar)|\bè\ difficile\ (?:determinare|stabilire|dire)
    |\bdifficile\ (?:de|à)\ (?:d[ée]terminer|dire|identifier)|\bschwer\ zu\ (?:sagen|bestimmen|erkennen)
    |недостаточно\ (?:информации|данных)|(?:сложно|трудно)\ (?:определить|сказать)
    |(?:определить|сказать)\ (?:сложно|трудно)
    |не\ могу|извините|к\ сожалению|невозможно)
    """,
    re.VERBOSE | re.MULTILINE,
)
_IN_OTHER_WORDS = re.compile(
    r"""
    \bno\ idea\b|\b(?:not|un|in)[ -]?determina(?:ble|te)\b|\b(?:undisclosed|unidentifi(?:able|ed))\b
    |\b(?:in|from)\ any\ (?:country|city|part|region|town)\b|\banywhere\ (?:in|on)\ (?:the\ world|earth)\b
    |\btoo\ (?:generic|vague|ambiguous|limited|sparse|blurry|dark|little|few|common)\b
    |\bnothing\ (?:\w+\ ){0,6}(?:reveals|gives|points|indicates|identifies)\b
    |\b(?:not|don't|doesn't|no)\ (?:\w+\ )?(?:a\ |any\ |the\ )?(?:\w+\ )?(?:way|means|capability|ability|basis)\b
    |\binsufficient\b|\bno\ (?:\w+\ )?(?:conclusion|inference|determination)\b
    |\b(?:disclosing|revealing|sharing|naming|providing|stating)\ (?:\w+\ ){0,4}(?:would|is|should)(?:\ not|n't)\b
    |\b(?:not\ (?:to\ )?(?:disclose|share|reveal|name|provide|state)|avoid\ (?:disclosing|sharing|naming|giving))
      \ (?:any|a|the|its|this)\ (?:\w+\ )?(?:location|place)\b
    |(?:\bto\ |:\s?)abstain\b|\b(?:disclosure|granularity|location)(?:\ level)?\s?:\s?(?:none|withheld|not|private)\b
    |\bonly\ a\ (?:general|generic|broad|vague)\b|\bnot\ where\ (?:it|this|the)\b|(?:isn't|is\ not)\ something\ i\b
    """,
    re.VERBOSE,
)
"""What a text without a place says as a refusal does, and one with a place may say of its street or of one clue."""
_UNCASED = re.compile(
    r"""无法[^，。]{0,12}?(?:确定|识别|提供|判断|回答|协助)|抱歉|对不起|我不能|無法|申し訳|できません|(?:わか|分か)りません|(?:不明|困難|難しい)です
    |(?:很难|難以|难以|很難)(?:判断|判斷|确定|確定|识别|辨认)|죄송|할\ 수\ 없|알\ 수\ 없|(?:파악|특정|판단
    |확인)하기\ ?(?:가\ )?(?:어렵|힘들)|من\ الصعب\ (?:تحديد|معرفة)
    |لا\ (?:أستطيع|يمكنني)|آسف|عذرا|माफ़|क्षमा\ करें|नहीं\ कर\ सकत
    """,
    re.VERBOSE,
)


@lru_cache(maxsize=4)  # a text is asked about while it is read and once more in the end
def declines(text: str) -> bool:
    """Whether a text says that its author will not or cannot name the place, or some part of it.

    >>> declines("I'm unable to determine the location."), declines("A street with many signs.")
    (True, False)
    """
    return _REFUSAL.search(text.lower()) is not None or (not text.isascii() and _UNCASED.search(text) is not None)


def refuses(text: str) -> bool:
    """Whether a text in which no place was found is a refusal.

    >>> refuses("Nothing in it gives the place away."), refuses("A street with many signs.")
    (True, False)
    """
    return declines(text) or _IN_OTHER_WORDS.search(text.lower()) is not None
