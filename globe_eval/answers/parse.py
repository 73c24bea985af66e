"""Response text in, `Answer` out: the one place that decides what a model said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from globe_eval.answers import coordinates, fields
from globe_eval.answers.confidence import in_text as stated
from globe_eval.answers.fields import Found
from globe_eval.answers.names import Names, concluded, place
from globe_eval.answers.refusals import refuses
from globe_eval.answers.text import Block, answer_blocks, clean, excerpt, split_thought
from globe_eval.sample import Answer, AnswerStatus

PARSER_VERSION = "2"
"""Part of every result: rises whenever any response may be read differently."""

_SURE = re.compile(r"onfiden|ertain|\bsure\b|oca(?:li[sz]|t)ab", re.IGNORECASE)
_LONGEST_BARE_ANSWER = 200
_ONE_ANSWER = re.compile(r"\s*<answer>[^<\\]*</answer>\s*")


def parse(response: str | None, *, truncated: bool = False) -> Answer:
    """Read a model's response; `truncated` says that the back end stopped it at its length limit.

    The first passage that states names gives the names, the first that states a position gives the position, in this
    order: the last complete `<answer>` tag, the last JSON object, the last complete set of labels, a pair of
    coordinates in the text, a conclusion such as "most likely Paris, France". A passage that says null or "unknown"
    ends the search. A thought (`<think>`) is read only where no answer is found outside it, and then only its tags,
    JSON and labels. Time is linear in the length of the response.

    >>> parse("<think>a red bus</think><answer>country: United Kingdom\\ncity: London</answer>").city
    'London'
    >>> answer = parse('{"lat": "48.85 N", "lon": 2.35, "city": Paris}')
    >>> answer.lat, answer.lon, answer.city, answer.status
    (48.85, 2.35, 'Paris', 'answered')
    >>> parse("I'm sorry, but I can't help with that.").status
    'refused'
    """
    text = clean(response or "")
    if not text.strip():
        return Answer(status="truncated" if truncated else "empty")
    parts = split_thought(text)
    said = excerpt(parts.said)
    found = _only_answer(said) or _completed(_united(_structured(said)), said, capitals=True)
    if _open(found)[0] and (conclusion := concluded(said)):
        found = _united([found, Found(conclusion[1], names=conclusion[0])])
    reasoning = parts.thought or found.reasoning
    if found and reasoning is None:
        before = said[: found.start].strip().removesuffix("```json").rstrip("`*#-\"'>|[({ \n")
        reasoning = before if any(sign.isalnum() for sign in before) else None
    if not found and parts.thought:
        found = _united(_structured(excerpt(parts.thought))) or found
    lat, lon = found.position or (None, None)
    status: AnswerStatus = "answered"
    if not found:
        declined = found.settles_names or found.settles_position or refuses(said)
        status = "truncated" if truncated or parts.unfinished else "refused" if declined else "unparsed"
    confidence, localizable = found.confidence, found.localizable
    if (confidence is None or localizable is None) and _SURE.search(said):
        labels = fields.labels(said)
        confidence = labels.confidence if confidence is None else confidence
        localizable = labels.localizable if localizable is None else localizable
        confidence = stated(said) if confidence is None else confidence
    names = found.names
    return Answer(names.country, names.city, names.admin, lat, lon, reasoning, confidence, status, localizable)


def _structured(text: str) -> Iterator[Found]:
    """What stands in tags, in JSON and behind labels."""
    yield from _tagged(answer_blocks(text))
    read = fields.objects(text)
    yield from (found for found in reversed(read) if found)
    yield from (found for found in reversed(read) if not found)
    yield fields.labels(text)


def _only_answer(text: str) -> Found | None:
    """What one complete `<answer>…</answer>` states that is all of a text, as a model writes it that does as asked."""
    if _ONE_ANSWER.fullmatch(text) is None:
        return None
    found = next(_tagged(answer_blocks(text)), None)
    return found if found and (found.position or (found.names.city and found.names.country)) else None


def _tagged(blocks: list[Block]) -> Iterator[Found]:
    """The answer in tags that counts: the last complete one, else the last that says anything.

    Complete is a position, or city and country, be it that one of them is said to be unknown.
    """
    partial: list[Found] = []
    for block in reversed(blocks):
        content = excerpt(block.text)
        inside = _united([*fields.objects(content)[::-1], fields.labels(content, strict=False)])
        found = _completed(inside, content).at(block.start)
        if found and (found.position or found.settles_names or (found.names.city and found.names.country)):
            yield found
            return
        partial.append(found)
    yield from (found for found in partial if found)
    yield from (found for found in partial if not found)


def _completed(found: Found, text: str, *, capitals: bool = False) -> Found:
    """With what a text says without keys, which is read only for what is still open."""
    if any(_open(found)) and len(text.strip()) <= _LONGEST_BARE_ANSWER:
        found = _united([found, _bare(text, names=_open(found)[0], capitals=capitals)])
    if _open(found)[1] and (stated := coordinates.stated_pair(text)):
        found = _united([found, Found(stated[1], position=stated[0])])
    return found


def _bare(text: str, *, names: bool, capitals: bool) -> Found:
    """An answer that is nothing but a pair of coordinates or, where `names` are looked for, a place."""
    position = coordinates.pair(text)
    return Found(0, place(text, capitals=capitals) if names and not position else Names(), position)


def _united(passages: Iterable[Found]) -> Found:
    """Names and position, each from the first passage that states or settles it, at the start of the first such."""
    whole: Found | None = None
    for found in passages:
        if whole is None:
            whole = found
            continue
        names_open, position_open = _open(whole)
        if not (names_open or position_open):
            break
        whole = Found(
            whole.start if whole else found.start,
            found.names if names_open else whole.names,
            found.position if position_open else whole.position,
            whole.confidence if whole.confidence is not None else found.confidence,
            whole.reasoning or found.reasoning,
            whole.settles_names or (names_open and found.settles_names),
            whole.settles_position or (position_open and found.settles_position),
            whole.localizable if whole.localizable is not None else found.localizable,
        )
    return Found(0) if whole is None else whole


def _open(found: Found) -> tuple[bool, bool]:
    """Whether the names and whether the position are still to be looked for."""
    return not (found.names or found.settles_names), found.position is None and not found.settles_position
