"""How free answers are read, against their authors' judgement of the level and the points that they geocoded.

    python perf/free_answers.py FOLDER [--misses KIND] [FILE ...]

FOLDER holds JSON lines with `response`, `lat`, `lon`, `judged` (A abstained, B city or country, C exact, D other) and
the authors' points (`authors_lat`, `authors_lon`). Prints a row a file, all in percent: within 25 km by the authors'
points and by ours; of B and C the answers left unparsed; of A those given a city or a point; agreement of the level.
`--misses` prints answers: `unparsed`, `unread` (so, or refused), `false`, `level`, or `far` (the authors' point is
right and ours is not).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from globe_eval.answers import Answer, parse
from globe_eval.places import haversine_km, resolve


def level(answer: Answer) -> str:
    """The judge's letter for what an answer discloses."""
    if answer.status != "answered":
        return "A"
    return "C" if answer.lat is not None or answer.venue else "B"


def read(row: dict[str, Any]) -> dict[str, Any]:
    """A row with what is read of it."""
    answer = parse(row["response"])
    point: tuple[float | None, float | None] = (None, None)
    place = None
    if answer.lat is not None and answer.lon is not None:
        point = answer.lat, answer.lon
    elif answer.status == "answered":
        place = resolve(answer.city, answer.country, answer.admin)
        point = (place.lat, place.lon) if place else point
    ends = np.array([point, (row["authors_lat"], row["authors_lon"])], dtype=float)
    km = np.nan_to_num(haversine_km(row["lat"], row["lon"], *ends.T), nan=np.inf).tolist()
    exact = point[0] is not None and (place is None or place.level == "city")
    return row | {"answer": answer, "place": place, "ours": km[0], "theirs": km[1], "exact": exact}


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:6.1f}" if whole else "     –"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--misses", choices=["unparsed", "unread", "false", "level", "far"])
    parser.add_argument("--most", type=int, default=40)
    options = parser.parse_args()
    print(f"{'file':52} {'n':>5} authors  ours  unparsed  unread   false   level")
    for path in sorted(options.folder.glob("*.jsonl")):
        if options.files and not any(part in path.stem for part in options.files):
            continue
        with path.open(encoding="utf-8") as file:
            rows = [read(json.loads(line)) for line in file]
        placed = [row for row in rows if row["judged"] in "BC"]
        abstained = [row for row in rows if row["judged"] == "A"]
        kinds = {
            "unparsed": [row for row in placed if row["answer"].status == "unparsed"],
            "unread": [row for row in placed if row["answer"].status != "answered"],
            "false": [row for row in abstained if row["exact"]],
            "level": [row for row in rows if row["judged"] != "D" and level(row["answer"]) != row["judged"]],
            "far": [row for row in rows if row["theirs"] <= 25 < row["ours"]],
        }
        of_a_level = sum(row["judged"] != "D" for row in rows)
        figures = (
            *(percent(sum(row[whose] <= 25 for row in rows), len(rows)) for whose in ("theirs", "ours")),
            *(percent(len(kinds[kind]), len(placed)) for kind in ("unparsed", "unread")),
            percent(len(kinds["false"]), len(abstained)),
            percent(of_a_level - len(kinds["level"]), of_a_level),
        )
        print(f"{path.stem:52} {len(rows):5} " + "  ".join(figures))
        if options.misses:
            found = kinds[options.misses]
            step = max(len(found) // options.most, 1)
            for row in found[::step][: options.most]:
                answer = row["answer"]
                print(
                    f"\n--- {row['id']} judged {row['judged']}; {answer.status}: {getattr(answer, 'venue', None)} | "
                    f"{answer.city} | {answer.admin} | {answer.country} | {answer.lat}, {answer.lon}; "
                    f"{row['place'] and (row['place'].name, row['place'].country_code, row['place'].level)}; "
                    f"authors: {(row['authors_extracted'] or '')[:60]!r} {row['theirs']:.0f} km, ours {row['ours']:.0f}"
                )
                text = row["response"]
                print(text if len(text) < 1500 else text[:700] + "\n[…]\n" + text[-800:])


if __name__ == "__main__":
    main()
