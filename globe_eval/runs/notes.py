"""Notes on the answers of a run beside its figures: forms that would read more of them, placeholders, who answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from globe_eval import finish
from globe_eval import lazy_re as re
from globe_eval.benchmarks.points import position_notes
from globe_eval.models.response import Response, Served
from globe_eval.places.names import country_of
from globe_eval.sample import AnswerForm, Sample, ServedBy

SENTINELS = ((0.0, 0.0), (-1.0, -1.0))
"""Points that programs write where they have none."""
SHARE = 0.2
"""Of the answers; where another form would read fewer, nothing is said."""


def other_form(samples: Sequence[Sample], form: AnswerForm, option: str) -> list[str]:
    """A note where a fifth of the answers or more is unread in this form and would be read in another one.

    `option` is what the user would choose the other form with, as in `--prompt`.
    """
    other = {"coordinates": "names"}.get(form, "coordinates")
    if form == "any":
        return []
    answered = [one for one in samples if one.status == "unparsed" and one.response is not None]
    unread = [one for one in answered if one.answer.lat is not None]
    if other == "names":
        unread = [one for one in answered if one.answer.city or one.answer.country]
    asked = sum(one.error is None for one in samples)
    if not unread or len(unread) < SHARE * asked:
        return []
    count = f"{len(unread):,} of {asked:,} answers are {other}, and {form} are read"
    return [f"{count}, as of {_example(unread[0])}: {option} {other}"]


_CODE = re.compile(
    r"(?<![\w+])(?=\d{0,7}[A-Z])[2-9CFGHJMPQRVWX]{4,8}\+[2-9CFGHJMPQRVWX]{2,3}(?![\w+])"  # plus codes
    r"|\b\d{1,2}[C-X]\s?[A-HJ-Z]{2}\s?(?:\d{5}\s?\d{5}|\d{4}\s?\d{4}|\d{3}\s?\d{3})\b"  # MGRS
    r"|///\w+\.\w+\.\w+"  # what3words
)


def codes(samples: Sequence[Sample]) -> list[str]:
    """A note where unread answers give the place as a code: a plus code, a grid reference, three words."""
    unparsed = [one for one in samples if one.status == "unparsed" and one.response]
    unread = [one for one in unparsed if _CODE.search((one.response or "")[-2_000:])]
    if not unread:
        return []
    count = f"{len(unread):,} of {len(samples):,} answers give a plus code, a grid reference or what3words"
    advice = "no such code is read as a position; ask for latitude and longitude in decimal degrees"
    return [f"{count}, as of {_example(unread[0])}: {advice}"]


def unread(samples: Sequence[Sample], form: AnswerForm) -> list[str]:
    """A note where half of the responses or more could not be read, with the first of them."""
    asked = [one for one in samples if one.error is None]
    lost = [one for one in asked if one.status == "unparsed" and one.response]
    if not lost or 2 * len(lost) < len(asked):
        return []
    what = "places" if form == "any" else form
    return [f"{len(lost):,} of {len(asked):,} responses are unparsed, no {what} found, as of {_example(lost[0])}"]


def _example(sample: Sample) -> str:
    """A sample's id and the end of its response on one line."""
    text = " ".join((sample.response or "").split())
    return f"{sample.id!r}: {text if len(text) <= 80 else f'…{text[-79:]}'!r}"


def odd_positions(samples: Sequence[Sample], name: str, column: str | None) -> list[str]:
    """What looks odd about the positions of scored answers: `position_notes`, copies of the truth, placeholders.

    `column` has the responses of `name` that state them; None where they come from columns of their own.
    """
    found = [(p, one.truth) for one in samples if (p := one.prediction) and p.level == "coordinates"]
    points, notes = [(p.lat, p.lon) for p, _ in found], list[str]()
    if column is not None and found:
        notes += position_notes(name, column, column, np.array(points), np.array([(at.lat, at.lon) for _, at in found]))
    same = sum(_is_copy(here.lat, there.lat) and _is_copy(here.lon, there.lon) for here, there in found)
    if same >= 3 and 2 * same >= len(found):
        copies = f"{same:,} of {len(found):,} positions are the truth to their last digit"
        notes.append(f"{copies}: are their columns the truth's?")
    return notes + placeholders(points, "positions")


def _is_copy(degrees: float, truth: float) -> bool:
    decimals = len(repr(degrees).partition(".")[2])
    return degrees == truth or (decimals > 2 and degrees == round(truth, decimals))


def countries_as_cities(samples: Sequence[Sample]) -> list[str]:
    """A note where half of the answers, and two or more, have a country for a city and none for a country."""
    named = [one.answer for one in samples if one.answer.city and one.answer.country]
    swapped = [one for one in named if _is_country(one.city) and not _is_country(one.country)]
    if len(swapped) < 2 or 2 * len(swapped) < len(named):
        return []
    return [
        f"{len(swapped):,} of {len(named):,} answers have a country as city ({swapped[0].city!r}) and none as country "
        f"({swapped[0].country!r}): are the columns swapped? --city-column and --country-column name them"
    ]


def too_good(samples: Sequence[Sample], columns: Sequence[str]) -> list[str]:
    """A note where names in columns are as near to the truth, of `ALIKE` photographs or more, as only its own are."""
    n, near = len(samples), sum(one.distance_km is not None and one.distance_km <= 25 for one in samples)
    if n < ALIKE or sum(bool(one.country_correct) for one in samples) < 0.99 * n or near < 0.75 * n:
        return []
    named = " and ".join(map(repr, columns))
    return [f"nearly all of {n:,} answers name the right country, {near:,} the right town: is it the truth in {named}?"]


def _is_country(name: str | None) -> bool:
    code, rest = country_of(name or "")
    return code is not None and rest is None


def placeholders(points: Sequence[tuple[float, float]], of: str) -> list[str]:
    """A note where (0, 0) or (-1, -1) recurs.

    >>> placeholders([(0.0, 0.0), (48.9, 2.3), (0.0, 0.0)], "answers")
    ['2 of 3 answers are at (0, 0): is that a placeholder? It is scored as the place that it is']
    """
    counts = Counter(points)
    several = [(lat, lon, counts[lat, lon]) for lat, lon in SENTINELS if counts[lat, lon] > 1]
    doubt = "is that a placeholder? It is scored as the place that it is"
    return [f"{n:,} of {len(points):,} {of} are at ({lat:g}, {lon:g}): {doubt}" for lat, lon, n in several]


ALIKE = 10
"""Answers from which on it says something that all of them are the same."""
CHARACTERS_A_TOKEN = (4, 8)
"""Of a prompt: as many tokens as its text alone would have hold no picture. Fewer still are of an unusual tokenizer."""


def served_by(responses: Sequence[Response]) -> ServedBy | None:
    """How many answers name which model, fingerprint and provider; None where none names any."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in Served._fields}
    for response in responses:
        for name, value in (response.served or Served())._asdict().items():
            counts[name].update([value] if isinstance(value, str) else value or ())
    if not any(counts.values()):
        return None
    plural = {"model": "models", "fingerprint": "fingerprints", "provider": "providers"}
    return ServedBy(**{plural.get(name, name): dict(sorted(count.items())) for name, count in counts.items()})


def response_notes(responses: Sequence[Response], prompt: str | None) -> list[str]:
    """Notes for the user: why answers are missing, and signs of wrong ones (all alike, made without a picture).

    Whether answers are all alike, or made without a picture, is told where a prompt is given: of an endpoint.
    """
    answered = [one for one in responses if one.error is None]
    found = []
    errors = Counter(one.error for one in responses if one.error is not None)
    if errors:
        found.append(f"most photographs without an answer: {errors.most_common(1)[0][0]}")
    if refused := sum(finish.filtered(one.finish_reason) for one in answered):
        found.append(f"{refused:,} of {len(responses):,} photographs were refused by the provider's filter; they count")
    dropped = Counter(name for one in answered for name in (one.served.dropped if one.served else ()))
    if dropped:
        counted = ", ".join(f"{name} ({count:,})" for name, count in sorted(dropped.items()))
        found.append(f"the replies have fields of a wrong type, left out: {counted}")
    if prompt is None:
        return found
    if len(answered) >= ALIKE and len(set(answered)) == 1:
        found.append(f"all {len(answered):,} answers are the same: do the pictures reach the model?")
    tokens = [one.prompt_tokens for one in answered if one.prompt_tokens is not None]
    least, most = (len(prompt) / characters for characters in reversed(CHARACTERS_A_TOKEN))
    if len(tokens) >= ALIKE and least <= max(tokens) < most:
        took = f"a prompt of {len(prompt):,} characters and a picture took {max(tokens):,} tokens"
        found.append(f"{took}: do the pictures reach the model?")
    return found
