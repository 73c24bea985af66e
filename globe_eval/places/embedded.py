"""A town inside a longer name: "University of Oxford", "Kyoto Station", but not "Pearl Harbor" or "Lincoln Center".

Most names of buildings, parks and squares are called after people and other places. So a town counts only where the
name says that the thing is there: after "of" or "in", before a word for what every city has once (its airport, its
cathedral, its old town), or where the town is so large that nothing else is meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from globe_eval.places.gazetteer import ADMIN1, CITY, LANDMARK, Gazetteer, Scope
from globe_eval.places.ranking import TOWN, Hint, best
from globe_eval.places.words import WORDS, is_generic, is_unknown

MAX_WORDS = 10
"""Words of a text that are read."""
SAINT = 300_000
"""Population from which a saint's name is the city: "San Diego Zoo", but "Castillo de San Marcos"."""
METROPOLIS = 300_000
"""Population from which a city is meant beside a word that other things have: "Kathmandu Durbar Square"."""
NATURE = 500_000
"""The same beside a river, a lake, a mountain."""


_OF = WORDS["of"]
_CITYS_OWN = WORDS["citys_own"]
_AIRPORT = WORDS["airport"]
_NATURAL = WORDS["natural"]
_WEAK = WORDS["weak"]
_STREET = WORDS["street"]
_NAMES_OF_PEOPLE = WORDS["names_of_people"]


def town_within(gaz: Gazetteer, key: str, scope: Scope, hints: list[Hint]) -> int | None:
    """The row of the town or landmark that a longer name says to lie there, or None.

    Of a text without spaces its start is read ("京都駅").
    """
    words = key.split()[:MAX_WORDS]
    if not _AIRPORT.isdisjoint(words):
        own = " ".join(word for word in words if word not in _AIRPORT and word not in _OF)
        airport = best(gaz, f"{own} airport", scope, hints, regional=False)
        if airport is not None:
            return airport
    if len(words) == 1 and not key.isascii():
        for length in range(min(len(key), 12) - 1, 1, -1):
            row = best(gaz, key[:length], scope, hints, regional=False)
            if row is not None and gaz.kind[row] >= LANDMARK and gaz.population[row] >= TOWN:
                return row
        return None
    for same_length in _runs(words):
        rows = [
            row
            for start, stop in same_length
            if (row := _row(gaz, " ".join(words[start:stop]), scope, hints)) is not None
            if gaz.population[row] >= _least(words, start, stop)
            or (gaz.kind[row] == LANDMARK and (stop - start > 1 or is_generic(" ".join(words[:start] + words[stop:]))))
        ]
        if rows:
            return max(rows, key=lambda row: gaz.population[row])
    return None


def _runs(words: list[str]) -> Iterator[list[tuple[int, int]]]:
    """Where runs of words begin and end, the longest first, those of one length together."""
    for n in range(len(words) - 1, 0, -1):
        yield [(i, i + n) for i in range(len(words) - n + 1)]


def _row(gaz: Gazetteer, run: str, scope: Scope, hints: list[Hint]) -> int | None:
    """The town whose main name this is, if no other of a third of its size has it too."""
    if (len(run) <= 3 and run.isascii()) or is_unknown(run):
        return None
    row = best(gaz, run, scope, hints, regional=False)
    if row is None or gaz.kind[row] < LANDMARK or gaz.country[row] != scope.home:
        return None
    if is_generic(run) and gaz.population[row] < METROPOLIS:
        return None
    region = best(gaz, run, scope, [], regional=True)
    if region is not None and gaz.kind[region] == ADMIN1 and gaz.population[region] > 4 * gaz.population[row]:
        return region  # "University of Washington"
    people = gaz.population[row]
    for entry in gaz.find(run):
        other = entry >> 1
        if other == row and not entry & 1 and run.isascii() and people < METROPOLIS:
            return None
        rival = other != row and gaz.kind[other] >= CITY and gaz.country[other] == gaz.country[row] and not hints
        if rival and 3 * gaz.population[other] > people:
            return None
    return row


def _least(words: list[str], start: int, stop: int) -> float:
    """How many people a town at this place in a name must have to be meant."""
    before, after = words[:start], words[stop:]
    if after and after[0] in _OF - {"in", "near", "at"}:
        return float("inf")  # "Serra da Capivara"
    if before and before[-1] in ("lake", "mount"):
        return float("inf")  # "Lake Kawaguchi" is not in Kawaguchi
    least: float = TOWN
    if words[start] in ("saint", "san", "santa", "sao", "sainte", "santo") and stop - start < 3:
        least = SAINT
    person = stop - start == 1 and words[start] in _NAMES_OF_PEOPLE
    if before and before[-1] in _OF and not after:
        return max(least, TOWN if before[-1] in ("of", "in", "at", "near") else 50_000)
    if before and after and stop - start == 1:
        least = max(least, NATURE)  # "Marsh-Billings-Rockefeller"
    rest = {*before, *after}
    if bool(after) != bool(before) and _CITYS_OWN.issuperset(rest) and (rest - _WEAK or not person):
        return least if not rest & _WEAK else max(least, 50_000)
    if person or (stop - start == 1 and rest & _STREET):
        return float("inf")
    if rest & _NATURAL:
        return max(least, NATURE)
    if rest & _WEAK:
        return max(least, METROPOLIS if stop - start == 1 else 50_000)
    return max(least, 100_000)
