"""Places: distances, offline geocoding of place names, and countries of points.

Geocoding needs the standard library only; what needs numpy is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from globe_eval.places.gazetteer import Place
from globe_eval.places.names import country_code
from globe_eval.places.resolve import RESOLVER_VERSION, main_city, resolve, resolve_many

if TYPE_CHECKING:
    from globe_eval.places.borders import continent_of, countries_at, country_at
    from globe_eval.places.distance import DISTANCES, geodesic_km, haversine_km

__all__ = [
    "DISTANCES",
    "RESOLVER_VERSION",
    "Place",
    "continent_of",
    "countries_at",
    "country_at",
    "country_code",
    "geodesic_km",
    "haversine_km",
    "main_city",
    "resolve",
    "resolve_many",
]

_LAZY = {"continent_of": "borders", "countries_at": "borders", "country_at": "borders",
         "DISTANCES": "distance", "geodesic_km": "distance", "haversine_km": "distance"}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
