"""Summarises the figures of a result in up to four plain sentences."""

from __future__ import annotations

import math

from globe_eval.metrics.accuracy import THRESHOLDS_KM, acc_name
from globe_eval.reports import notation
from globe_eval.sample import Figure, Results, Status

_NEAR_KM = THRESHOLDS_KM["city"]
_WHY: dict[Status, str] = {
    "refused": "the model refused",
    "unparsed": "the response could not be read",
    "unresolved": "the place that it names could not be found",
    "empty": "the response was empty",
    "truncated": "the response was cut off",
    "error": "no response came",
}


def sentences(results: Results) -> list[str]:
    """How near the answers are, how many are in the right city and country, and how many are missing: 1 to 4 sentences.

    What a result does not have is not spoken of, and nothing is rounded to none or to all (`of_many`).
    """
    located = _known(results, "located")
    n_missing = 0 if located is None else results.n - round((located.value or 0.0) * results.n)
    if n_missing == results.n:
        return [_all_missing(results)]
    said = (_distance(results), _near(results), _missing(results, n_missing), _disclosed(results))
    return [sentence for sentence in said if sentence]


def of_many(share: float, n: int) -> str:
    """A share of n photographs as one would say it: a count where they are few, of 100 where they are many.

    >>> of_many(0.274, 3000), of_many(0.25, 12), of_many(0.0, 12), of_many(1.0, 3000)
    ('27 of 100', '3 of 12', 'none', 'all')
    >>> of_many(0.002, 3000), of_many(0.998, 3000)
    ('fewer than 1 of 100', 'more than 99 of 100')
    """
    if share in (0.0, 1.0):
        return "all" if share else "none"
    if n < 100:
        return f"{round(share * n)} of {n}"
    if not 0.01 <= share <= 0.99:
        return "fewer than 1 of 100" if share < 0.5 else "more than 99 of 100"
    return f"{round(100 * share)} of 100"


def _known(results: Results, name: str) -> Figure | None:
    """A figure that has a value; None where there is none."""
    figure = results.metrics.get(name)
    return None if figure is None or figure.value is None or math.isnan(figure.value) else figure


def _distance(results: Results) -> str:
    if "median_km" not in results.metrics:
        return ""
    figure = _known(results, "median_km")
    if figure is None or math.isinf(figure.value or 0.0):
        return "Half of the photographs or more have no usable answer, so that there is no median distance."
    far = notation.text("median_km", max(figure.value or 0.0, 0.1))
    if results.n == 1:
        return f"The one photograph is placed {far} from where it was taken."
    return f"Half of the photographs are placed within {far} of where they were taken."


def _near(results: Results) -> str:
    if results.n == 1:
        return ""
    parts, interval = [], "95 % interval: "
    if near := _known(results, acc_name(_NEAR_KM)):
        parts.append(f"{_are(near)} placed within {_NEAR_KM:g} km, about a city{_between(near, interval)}")
        interval = ""
    if country := _known(results, "country_accuracy"):
        known = f" of the {country.n:,} whose country is known" if country.n < results.n else ""
        parts.append(f"{_are(country)} in the right country{known}{_between(country, interval)}")
    return _sentence(", ".join(parts)) if parts else ""


def _are(figure: Figure) -> str:
    share = of_many(figure.value or 0.0, figure.n)
    return f"{share} {'is' if share.startswith('1 of ') else 'are'}"


def _between(figure: Figure, called: str) -> str:
    """The 95 % interval in whole per cent, with what it is called before it; empty where there is none."""
    if figure.n_groups < 2 or figure.low is None or figure.high is None or math.isnan(figure.low + figure.high):
        return ""
    return f" ({called}{100 * figure.low:.0f} to {100 * figure.high:.0f} %)"


def _missing(results: Results, n: int) -> str:
    if not n:
        return ""
    share = of_many(n / results.n, results.n)
    have = "has" if share.startswith("1 of ") else "have"
    return _sentence(f"{share} {have} no usable answer{_why(results, n)}; what is missing counts as a miss")


def _all_missing(results: Results) -> str:
    why = _why(results, results.n)
    if results.n == 1:
        return f"The one photograph has no usable answer{why}."
    return f"None of the {results.n:,} photographs has a usable answer{why}."


def _why(results: Results, n: int) -> str:
    """The most frequent reasons for which n photographs have no usable answer; empty where none is counted."""
    counts = {why: results.status.get(status, 0) for status, why in _WHY.items()}
    most = max(counts.values())
    if not most:
        return ""
    frequent = [why for why, count in counts.items() if count == most]
    explained = most * len(frequent)
    how_often = "" if explained >= n else "mostly " if 2 * explained > n else "most often "
    return f", {how_often}because {' or '.join(frequent)}"


def _disclosed(results: Results) -> str:
    figure = _known(results, "over_disclosure")
    return _sentence(f"{of_many(figure.value or 0.0, figure.n)} say more than is appropriate") if figure else ""


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
