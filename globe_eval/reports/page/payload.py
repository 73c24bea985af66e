"""What pages show of an answer, its cues marked; and the JSON data block of a report, in columns.

Responses are as long as a page can bear: models that repeat themselves must not make a report too big to open.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from globe_eval.answers import parse
from globe_eval.cues import mentions
from globe_eval.places.resolve import country_name
from globe_eval.reports.page.joined import JoinedRuns, contradicts, own_confidence, unsupported
from globe_eval.reports.run import stated_answer
from globe_eval.sample import STATUSES, Consistency, Results, Sample

MAP_METRICS = ("acc@25km", "acc@200km", "acc@750km", "acc@2500km", "country_accuracy")
"""What the map of countries can show."""
LONGEST = 8_000
"""Characters of a response that are shown at most."""
MOST_BYTES = 16_000_000
"""Of all responses of a report together, in UTF-8: with all else of 12,000 samples they stay below 25 MB."""
SHORTEST = 200
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


def payload(loaded: JoinedRuns, pictures: Mapping[int, str], read: Sequence[int], longest: int) -> dict[str, Any]:
    """The data that the page's scripts read.

    Args:
        loaded: runs and photographs.
        pictures: data URLs by photograph.
        read: the photographs whose responses have their cues marked.
        longest: how many characters of a response are shown.
    """
    codes = sorted({p.country for p in loaded.photographs if p.country}, key=country_name)
    index_of = {code: index for index, code in enumerate(codes)}
    names: dict[str, int] = {}
    answers = [_answers(one, set(read), longest, names) for one in loaded.answers]
    return {
        "runs": [run.name for run in loaded.runs],
        "statuses": list(STATUSES),
        "codes": [country_name(code) for code in codes],
        "photos": {
            "id": [p.shown for p in loaded.photographs],
            "lat": [round(p.lat, 4) for p in loaded.photographs],
            "lon": [round(p.lon, 4) for p in loaded.photographs],
            "place": [p.place for p in loaded.photographs],
            "country": [index_of[p.country] if p.country else None for p in loaded.photographs],
            "picture": {str(i): url for i, url in pictures.items()},
        },
        "answers": answers,
        "cues": list(names),
        "countries": [_countries(run.results) for run in loaded.runs],
    }


def script_json(data: Mapping[str, Any]) -> str:
    """JSON that may stand in a script element: no `<`, so that no text can close it or open a comment.

    >>> script_json({"text": "</script><!--"})
    '{"text":"\\\\u003c/script>\\\\u003c!--"}'
    """
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _answers(samples: Sequence[Sample | None], read: set[int], longest: int, names: dict[str, int]) -> dict[str, Any]:
    """One run's answers as columns; null where the run has no such photograph. What few have is kept by photograph."""
    texts = [None if s is None or s.response is None else without_middle(s.response, longest) for s in samples]
    found: dict[str, Any] = {
        "s": [None if s is None else STATUSES.index(s.status) for s in samples],
        "km": [None if s is None or s.distance_km is None else _rounded(s.distance_km) for s in samples],
        "lat": [None if s is None or s.prediction is None else round(s.prediction.lat, 4) for s in samples],
        "lon": [None if s is None or s.prediction is None else round(s.prediction.lon, 4) for s in samples],
        "said": [None if s is None else stated_answer(s) for s in samples],
        "found": [None if s is None else found_place(s) for s in samples],
        "confidence": [None if s is None else shown_confidence(s) for s in samples],
        "text": texts,
        "cues": {},
        "error": {},
        "verdict": {},
        "concludes": {},
        "seen": {},
    }
    for i, sample in enumerate(samples):
        if sample is None:
            continue
        if i in read and (marked := marks(sample, texts[i])):
            found["cues"][str(i)] = [[m.start, m.length, m.kind, names.setdefault(m.cue, len(names))] for m in marked]
        if sample.error is not None:
            found["error"][str(i)] = sample.error
        if sample.consistency is not None:
            found["verdict"][str(i)] = sample.consistency.verdict
            if contradicts(sample):
                found["concludes"][str(i)] = concluded_place(sample.consistency)
        if sample.grounding is not None and sample.grounding.covered and sample.truth.entities:
            found["seen"][str(i)] = [sample.grounding.hits, len(sample.truth.entities), unsupported(sample)]
    return found


def concluded_place(found: Consistency) -> str:
    """The place that a reasoning concludes, else the words that it was read from."""
    country = country_name(found.country) if found.country else None
    return ", ".join(name for name in (found.city, country) if name) or found.quote or ""


def shown_confidence(sample: Sample) -> float | None:
    """The model's own confidence, to four digits."""
    confidence = own_confidence(sample)
    return None if confidence is None else round(confidence, 4)


def _rounded(km: float) -> float:
    """To the digits that are shown, and never over a threshold."""
    return round(km, 3) if km < 10 else round(km, 2)


def found_place(sample: Sample) -> str | None:
    """The scored place as text, with its level and coordinates."""
    place = sample.prediction
    if place is None:
        return None
    where = f"{place.lat:.3f}, {place.lon:.3f}"
    if place.level == "coordinates":
        return where
    country = country_name(place.country_code) if place.country_code else None
    name = ", ".join(part for part in (place.name, country if place.level != "country" else None) if part)
    return f"{name} ({place.level}; {where})"


def _countries(results: Results) -> dict[str, Any]:
    """Code -> n and the figures of MAP_METRICS, each (value, low, high)."""
    return {
        code: {
            "n": part.n,
            "metrics": {
                name: [figure.value, figure.low, figure.high] if figure.n_groups > 1 else [figure.value, None, None]
                for name in MAP_METRICS
                if (figure := part.metrics.get(name)) is not None
            },
        }
        for code, part in results.breakdowns.get("country", {}).items()
    }


def response_limit(texts: Iterable[str | None], most_bytes: int = MOST_BYTES) -> int:
    """How many characters each response may have so that all together stay within `most_bytes`; LONGEST at most.

    >>> response_limit(["a" * 1000] * 10, 5_000), response_limit(["a" * 20_000], 10**9), response_limit([None, ""])
    (500, 8000, 8000)
    """
    sizes = [(len(text), len(text.encode("utf-8"))) for text in texts if text]
    low, high = SHORTEST, LONGEST
    while low < high:
        middle = (low + high + 1) // 2
        if sum(size * min(1.0, middle / length) for length, size in sizes) <= most_bytes:
            low = middle
        else:
            high = middle - 1
    return low


def without_middle(text: str, longest: int) -> str:
    """A text with its middle left out where it is longer: what it begins with, and the end, where the answer stands.

    The number in its place is of characters; no noun beside it, which could be taken for a cue.

    >>> without_middle("abcdefgh" * 100, 16).replace(chr(10), "|")
    'abcdefghab|[… 784 left out …]|cdefgh'
    >>> without_middle("short", 16)
    'short'
    """
    if len(text) <= longest:
        return text
    head = longest * 5 // 8
    tail = longest - head
    return f"{text[:head]}\n[… {len(text) - longest:,} left out …]\n{text[-tail:]}"
