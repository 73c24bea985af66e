"""Whether an answer names the right country and the right city, whatever the spelling.

Pure functions over what `globe_eval.places` has resolved: ISO 3166-1 alpha-2 codes and gazetteer places. Spelling is
the resolver's business ("New York" and "New York City", "Kiev" and "Kyiv" are one place each), so nothing here compares
strings that a model wrote. A suburb that is a city of its own is a different city: "Santa Monica" is wrong for
"Los Angeles".
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from globe_eval.places import Place
    from globe_eval.sample import Prediction

SAME_CITY_KM = 100.0
"""Farther from the photograph than this, a place is no longer its city but another of that name."""


def country_correct(predicted: str | AbstractSet[str] | None, accepted: AbstractSet[str]) -> float:
    """1.0 if the predicted country is an accepted one, else 0.0; NaN where the truth is unknown (`accepted` is empty).

    Args:
        predicted: ISO alpha-2 code; or the codes of a predicted point, more than one where the place is disputed; None
            or empty where the answer names no country, which is wrong.
        accepted: codes that count as right, more than one where the place is disputed.

    >>> country_correct("FR", {"FR"}), country_correct("UA", {"UA", "RU"}), country_correct(None, {"FR"})
    (1.0, 1.0, 0.0)
    >>> country_correct("FR", frozenset())
    nan
    """
    if not accepted:
        return float("nan")
    codes = {predicted} if isinstance(predicted, str) else predicted or frozenset()
    return float(not accepted.isdisjoint(codes))


def city_correct(
    predicted: Place | Prediction | None, truth: Place | None, *, distance_km: float | None = None
) -> float:
    """1.0 if the predicted city is the true one, else 0.0; NaN where the truth names no city.

    Right is the same gazetteer entry, or an entry of the same name in the same country, because "Springfield, United
    States" names many towns and no answer can be blamed for the one that the resolver picks.

    Args:
        predicted: the place that the answer names; None or a `level` other than `city` is wrong: no city was named.
        truth: the place that the truth names; None or another `level` is an unknown truth.
        distance_km: from the predicted place to the photograph, for an answer that says which of the homonyms it means
            ("Springfield, Missouri"): more than `SAME_CITY_KM` is wrong. None or NaN for all other answers.

    >>> from globe_eval.places import Place
    >>> illinois = Place(39.80, -89.64, "US", "city", 4250542, "Springfield")
    >>> missouri = Place(37.22, -93.30, "US", "city", 4409896, "Springfield")
    >>> city_correct(missouri, illinois), city_correct(missouri, illinois, distance_km=430.0)
    (1.0, 0.0)
    >>> city_correct(None, illinois), city_correct(illinois, None)
    (0.0, nan)
    """
    if truth is None or truth.level != "city":
        return float("nan")
    if predicted is None or predicted.level != "city":
        return 0.0
    if distance_km is not None and distance_km > SAME_CITY_KM:
        return 0.0
    same_entry = predicted.geonameid is not None and predicted.geonameid == truth.geonameid
    return float(same_entry or _same_name(predicted, truth))


def named_cities(queries: Sequence[tuple[str | None, str | None, str | None]]) -> list[Place | None]:
    """Texts (city, country, admin) -> the gazetteer's city for each; None where none is named or it knows none.

    A label that names a division in the place of the city means the city after which that is called, if it is the
    division's largest part: "Los Angeles County", "Københavns Kommune" (`globe_eval.places.main_city`).
    """
    from globe_eval.places import main_city, resolve_many

    return [
        None if not city or place is None or place.level == "country"
        else place if place.level == "city"
        else main_city(place)
        for (city, _, _), place in zip(queries, resolve_many(queries), strict=True)
    ]  # fmt: skip


def _same_name(predicted: Place | Prediction, truth: Place) -> bool:
    same_country = predicted.country_code is not None and predicted.country_code == truth.country_code
    name = _plain(predicted.name or "")
    return same_country and name != "" and name == _plain(truth.name or "")


def _plain(name: str) -> str:
    """A name without case, accents and punctuation, but with every letter and digit of any script."""
    letters = (c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in letters).split())
