"""Marks the words of a response that name visual cues, as supported by the photograph, unsupported or negated."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import NamedTuple

from globe_eval.answers import parse
from globe_eval.cues import mentions
from globe_eval.reports.page.joined import JoinedRuns, contradicts, unsupported
from globe_eval.sample import Sample

MOST_READ = 2_000
"""How many responses of a report have their cues marked: a millisecond each."""
GROUNDED, UNSUPPORTED, NEGATED, NAMED = "g", "u", "n", "m"
"""Seen, not seen, denied or only imagined; and merely named, where nobody annotated what can be seen."""


class Mark(NamedTuple):
    """A marked cue: position and length in UTF-16 units, as browsers count; its kind; its name in the lexicon."""

    start: int
    length: int
    kind: str
    cue: str


def marks(sample: Sample, text: str | None) -> list[Mark]:
    """The cues in the reasoning of a response, in order; none where the lexicon does not know its language.

    `text` is the response as it is shown, which may be shorter than the sample's.
    """
    if not text:
        return []
    reasoning = parse(text).reasoning
    offset = text.find(reasoning) if reasoning else -1
    if reasoning is None or offset < 0:  # no answer set apart, or a text that reading had to mend first
        reasoning, offset = text, 0
    known = sample.grounding is not None and sample.grounding.covered and bool(sample.truth.entities)
    not_there = frozenset(unsupported(sample))
    units = _units(text)
    found = []
    for mention in mentions.read(reasoning).mentions:
        start, end = units(mention.start + offset), units(mention.end + offset)
        asserted = NAMED if not known else UNSUPPORTED if mention.cue in not_there else GROUNDED
        found.append(Mark(start, end - start, asserted if mention.asserted else NEGATED, mention.cue))
    return found


def _units(text: str) -> Callable[[int], int]:
    """Characters of a text -> UTF-16 units, of which those beyond the basic plane take two."""
    wide = [] if text.isascii() else [i for i, sign in enumerate(text) if ord(sign) > 0xFFFF]
    return lambda at: at + bisect_left(wide, at)


def notable_photographs(loaded: JoinedRuns, most: int) -> list[int]:
    """The indices, ascending, of the `most` photographs that a reader looks for first.

    In turn one of the worst, of the best, of those whose reasoning contradicts the answer, names what is not there, or
    that were refused, and of all in their order.
    """
    n = len(loaded.photographs)
    if n <= most:
        return list(range(n))
    there = [(i, sample) for answers in loaded.answers for i, sample in enumerate(answers) if sample is not None]
    km: dict[int, list[float]] = {}
    for i, sample in there:
        if sample.distance_km is not None:
            km.setdefault(i, []).append(sample.distance_km)
    queues: list[Sequence[int]] = [
        sorted(km, key=lambda i: (-max(km[i]), i)),
        sorted(km, key=lambda i: (min(km[i]), i)),
        sorted({i for i, sample in there if contradicts(sample)}),
        sorted({i for i, sample in there if unsupported(sample)}),
        sorted({i for i, sample in there if sample.status == "refused"}),
        range(n),
    ]
    chosen: set[int] = set()
    waiting = [iter(queue) for queue in queues]
    while len(chosen) < most:  # the last queue has all of them
        for queue in waiting:
            new = next((i for i in queue if i not in chosen), None)
            if new is not None and len(chosen) < most:
                chosen.add(new)
    return sorted(chosen)
