"""Forward geocoding: names a second, time to the first place in a new process, growth of memory.

    python perf/geocoding.py

Two sets of distinct queries, none of them asked before: names of the gazetteer with their country, and the kinds of
text that models write (a state, a suffix, a language, an unknown quarter, nothing).
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import time
from itertools import islice

from globe_eval.places import gazetteer
from globe_eval.places.resolve import resolve_many

N = 40_000
FIRST = """
import resource, time
import sys
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
from globe_eval.places.resolve import resolve
place = resolve("Kyoto City", "日本")
print((time.perf_counter() - start) * 1000, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def queries() -> dict[str, list[tuple[str | None, str | None, str | None]]]:
    """Distinct queries, shuffled with a fixed seed."""
    gaz = gazetteer.load()
    rows = [row for row in range(len(gaz)) if gaz.kind[row] >= gazetteer.CITY]
    random.Random(0).shuffle(rows)
    names = [(gaz.name(row), gaz.name(gaz.country[row]), gaz.name(gaz.admin1[row])) for row in rows[: 2 * N]]
    return {
        "city, country": list(dict.fromkeys((city, country, None) for city, country, _ in names))[:N],
        "city, country + state": list(dict.fromkeys(names))[:N],
        "city + state in one text": list(dict.fromkeys((f"{c}, {a}", k, None) for c, k, a in names))[:N],
        "city alone": list(dict.fromkeys((city, None, None) for city, _, _ in names))[:N],
        "suffix": list(dict.fromkeys((f"outskirts of {c} City", k, None) for c, k, _ in names))[:N],
        "name not in the gazetteer": list(dict.fromkeys((f"{c[::-1]} quarter", k, None) for c, k, _ in names))[:N],
    }


def main() -> None:
    """Print the figures."""
    runs = [subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, check=True) for _ in range(5)]
    first = sorted(tuple(map(float, run.stdout.split())) for run in runs)[2]
    print(f"first place in a new process: {first[0]:.1f} ms (with the import), {first[1]:.1f} MB more memory")
    sets = queries()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, asked in sets.items():
        start = time.process_time()
        places = resolve_many(asked)
        seconds = time.process_time() - start
        share = sum(place is not None and place.level == "city" for place in places) / len(places)
        print(f"{name:28s} {len(asked):6d} distinct  {len(asked) / seconds:8.0f} names/s  {share:6.1%} at city level")
    print(
        f"memory growth over all of them: {(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024:.1f} MB"
    )
    lats, lons = zip(*((p.lat, p.lon) for p in islice(gazetteer.cities(), N)), strict=True)
    gazetteer.nearest([0.0], [0.0])
    start = time.perf_counter()
    gazetteer.nearest(lats, lons)
    print(f"nearest: {len(lats) / (time.perf_counter() - start):.0f} points/s")


if __name__ == "__main__":
    main()
