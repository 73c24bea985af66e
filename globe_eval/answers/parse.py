"""Parses a response into an `Answer`: the one place that decides which reading of the text counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from globe_eval import lazy_re as re
from globe_eval.answers import coordinates, fields, objects
from globe_eval.answers.arranging import place
from globe_eval.answers.conclusions import concluded, corrected, position
from globe_eval.answers.confidence import in_text as stated
from globe_eval.answers.coordinates import coordinates_spelled
from globe_eval.answers.fields import Found
from globe_eval.answers.names import Names
from globe_eval.answers.refusals import declines, refuses
from globe_eval.answers.text import Block, Cut, answer_blocks, excerpt, repaired
from globe_eval.answers.toponyms import same_country
from globe_eval.sample import Answer, AnswerStatus

PARSER_VERSION = "3"
"""Part of every result: rises whenever any response may be read differently."""

_SURE = re.compile(r"confiden|certain|sure\b(?<!\wsure)|loca(?:li[sz]|t)ab")
_LONGEST_BARE_ANSWER = 200
_QUOTED = re.compile(r"[\"']([^\"',\n]{1,90})[\"']")
_LIST = re.compile(rf"[\[({{\s]*(?:{_QUOTED.pattern}[\s,]*){{2,4}}[\])}}\s]*")
"""Names in quotation marks, as a program prints a list of them; of several towns without a country the first counts."""
_FENCE = re.compile(r"\A\s*```\w*\s|\s```\s*\Z")
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
    return read(response, truncated=truncated)[0]


def read(response: str | None, *, truncated: bool = False) -> tuple[Answer, Cut]:
    """`parse`, and the response as it was read: repaired, cleaned and cut."""
    whole = repaired(response or "")
    cut = Cut.of(whole)
    return _answer(cut, truncated, whole != response), cut


def _answer(cut: Cut, truncated: bool, repaired: bool) -> Answer:
    if not cut.text.strip():
        return Answer(status="truncated" if truncated else "empty")
    parts = cut.parts
    said = coordinates_spelled(objects.without_calls(excerpt(parts.said)))
    found, concluding = _only_answer(said), said
    if found is None:
        found = _united(_formal(said))
        in_form, named = found.position is not None, bool(found.names)
        found = _labelled(found, said)
        if not named and found.names and found.names == Names(found.names.country) and not found.settles_names:
            found = _refined(found, said)
        if not in_form and found.position and (start := corrected(said)) and (later := position(said[start:])):
            found, concluding = Found(found.start, position=later[0], confidence=found.confidence), said[start:]
        if not in_form:  # what stands around a position in JSON or in tags is the reasoning
            found = _completed(found, concluding)
    reasoning = parts.thought or found.reasoning
    if found and reasoning is None:
        before = said[: found.start].strip().removesuffix("```json").rstrip("`*#-\"'>|[({ \n")
        reasoning = before if any(sign.isalnum() for sign in before) else None
    if not found and parts.thought:
        thought = coordinates_spelled(excerpt(parts.thought))
        found = _labelled(_united(_formal(thought)), thought) or found
    lat, lon = found.position or (None, None)
    status: AnswerStatus = "answered"
    if not found:
        declined = found.settles_names or found.settles_position or refuses(said)
        status = "truncated" if truncated or parts.unfinished else "refused" if declined else "unparsed"
    confidence, localizable = found.confidence, found.localizable
    if (confidence is None or localizable is None) and _SURE.search(said.lower()):
        labels = fields.labels(said)
        confidence = labels.confidence if confidence is None else confidence
        localizable = labels.localizable if localizable is None else localizable
        confidence = stated(said) if confidence is None else confidence
    names = found.names
    return Answer(
        names.country,
        names.city,
        names.admin,
        lat,
        lon,
        reasoning,
        confidence,
        status,
        localizable,
        venue=names.venue,
        repaired=repaired,
    )


def _formal(text: str) -> Iterator[Found]:
    """What stands in tags and in JSON."""
    yield from _tagged(answer_blocks(text))
    read = objects.objects(text)
    yield from (found for found in reversed(read) if found)
    yield from (found for found in reversed(read) if not found)


def _labelled(found: Found, text: str) -> Found:
    """With what labels say, which are read only for what is still open."""
    return _united([found, fields.labels(text)]) if any(_open(found)) else found


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
        inside = _united([*objects.objects(content)[::-1], fields.labels(content, strict=False)])
        found = _completed(inside, content, tagged=True).at(block.start)
        if found and (found.position or found.settles_names or (found.names.city and found.names.country)):
            yield found
            return
        partial.append(found)
    yield from (found for found in partial if found)
    yield from (found for found in partial if not found)


def _completed(found: Found, text: str, *, tagged: bool = False) -> Found:
    """With what a text says without keys, which is read only for what is still open; `tagged` as an answer is."""
    short = len(text.strip()) <= _LONGEST_BARE_ANSWER
    if _open(found)[1]:
        alone = coordinates.pair(text) if short else None
        if alone:
            return _united([found, Found(0, position=alone)])
        if stated := position(text, strict=not tagged):
            found = _united([found, Found(stated[1], position=stated[0])])
    if not _open(found)[0]:
        return found
    if short and (listed := _listed(text)) and (names := place(", ".join(listed), capitals=True)).country:
        return _united([found, Found(0, names)])
    names = place(fields.with_commas(_without_pairs(text))) if tagged and short else Names()
    if names:
        said = Found(0, names)
        return _united([found, said if names.city else _refined(said, text)])
    if conclusion := concluded(text, declines=declines):
        return _united([found, Found(conclusion[1], names=conclusion[0])])
    return _united([found, Found(0, place(text, capitals=True) if short else Names())])


def _refined(found: Found, text: str) -> Found:
    """What labels say of the country alone, with the town or region in it that the text concludes."""
    names = (concluded(text, declines=declines) or (Names(), 0))[0]
    if not same_country(names.country, found.names.country):
        return found
    return replace(found, names=replace(names, country=found.names.country))


def _listed(text: str) -> list[str]:
    """The names of a text that is a list of them and nothing else, without commas or in quotation marks."""
    text = _FENCE.sub("", text)
    if _LIST.fullmatch(text):
        return _QUOTED.findall(text)
    commas = fields.with_commas(text)
    return [] if commas == text else commas.split(", ")


def _without_pairs(text: str) -> str:
    """A short answer without its coordinates: of "Italy, Florence, 43.77, 11.26" the names."""
    for one in reversed(coordinates.stated_pairs(text, strict=False)):
        text = text[: one.start].rstrip(" (,;[\n") + " " + text[one.end :].lstrip(" )],;\n")
    return text


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
