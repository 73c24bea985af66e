"""Which models answered, as their replies name them, and warnings about a run's answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from globe_eval import finish
from globe_eval.models.response import Response, Served
from globe_eval.sample import ServedBy

ALIKE = 10
"""Answers from which on it says something that all of them are the same."""
CHARACTERS_A_TOKEN = (4, 8)
"""Of a prompt: as many tokens as its text alone would have hold no picture. Fewer still are of an unusual tokenizer."""


def served_by(responses: Sequence[Response]) -> ServedBy | None:
    """How many answers name which model, fingerprint and provider; None where none names any."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in Served._fields}
    for response in responses:
        for name, value in (getattr(response, "served", None) or Served())._asdict().items():
            counts[name].update([value] if isinstance(value, str) else value or ())
    if not any(counts.values()):
        return None
    plural = {"model": "models", "fingerprint": "fingerprints", "provider": "providers"}
    return ServedBy(**{plural.get(name, name): dict(sorted(count.items())) for name, count in counts.items()})


def notes(responses: Sequence[Response], prompt: str | None) -> list[str]:
    """Notes for the user: why answers are missing, and signs of wrong ones (all alike, made without a picture).

    Whether answers are all alike, or made without a picture, is told where a prompt is given: of an endpoint.
    """
    answered = [one for one in responses if getattr(one, "error", None) is None]
    found = []
    errors = Counter(error for one in responses if (error := getattr(one, "error", None)) is not None)
    if errors:
        found.append(f"most photographs without an answer: {errors.most_common(1)[0][0]}")
    if refused := sum(finish.filtered(one.finish_reason) for one in answered):
        found.append(f"{refused:,} of {len(responses):,} photographs were refused by the provider's filter; they count")
    dropped = Counter(name for one in answered for name in (one.served.dropped if one.served else ()))
    if dropped:
        found.append(f"the replies have fields of a wrong type, left out: {_counts(dropped)}")
    if prompt is None:
        return found
    if len(answered) >= ALIKE and len(set(answered)) == 1:
        found.append(f"all {len(answered):,} answers are the same: do the pictures reach the model?")
    tokens = [one.prompt_tokens for one in answered if one.prompt_tokens is not None]
    least, most = (len(prompt) / characters for characters in reversed(CHARACTERS_A_TOKEN))
    if len(tokens) >= ALIKE and least <= max(tokens) < most:
        found.append(
            f"a prompt of {len(prompt):,} characters and a picture took {max(tokens):,} tokens: do the pictures reach "
            "the model?"
        )
    return found


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({count:,})" for name, count in sorted(counts.items()))
