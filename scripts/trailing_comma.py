"""The same released answers by two readings: as the authors' strict JSON has them, and as globe-eval reads them.

    python scripts/trailing_comma.py geobenchwocn_gpt5.jsonl --strict
    python scripts/trailing_comma.py geobenchwocn_gpt5.jsonl

The file is one of those in `api_evaluation/api_results` of github.com/AMAP-ML/Thinking-with-Map (Apache-2.0). What it
shows is told in docs/trailing_comma.md.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import globe_eval as ge

KM = (1, 25, 200, 750, 2500)


def rows(path: Path) -> list[dict[str, Any]]:
    """Id, response and truth of each line, as released or already flat."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        truth = one.get("ground_truth") or {"lat": one.get("true_lat"), "lon": one.get("true_lon")}
        response = one["solution_str"] if "solution_str" in one else one["response"]
        id_ = str(one["index"] if "index" in one else one["id"])
        found.append({"id": id_, "response": response, "lat": truth["lat"], "lon": truth["lon"]})
    return found


def strict(response: str) -> tuple[float | None, float | None]:
    """Latitude and longitude of the object in a response where it is JSON to the letter, else None.

    >>> strict('{"lat": 1, "lon": 2}'), strict('{"lat": 1, "lon": 2,}')
    ((1.0, 2.0), (None, None))
    """
    try:
        found = json.loads(re.findall(r"\{.*\}", response, re.DOTALL)[-1])
        return float(found["lat"]), float(found["lon"])
    except (ValueError, KeyError, TypeError, IndexError):
        return None, None


def accuracies(path: Path, *, strictly: bool) -> tuple[list[float], int, int]:
    """Percent within 1, 25, 200, 750 and 2,500 km of all answers, how many there are, and how many were not read."""
    found = rows(path)
    truth = [{"id": one["id"], "lat": one["lat"], "lon": one["lon"]} for one in found]
    if strictly:
        places = [strict(one["response"]) for one in found]
        answers = [{"id": one["id"], "lat": lat, "lon": lon} for one, (lat, lon) in zip(found, places, strict=True)]
    else:
        answers = [{"id": one["id"], "response": one["response"]} for one in found]
    run = ge.score(answers, truth, answer_form="coordinates")
    figures: Any = run.metrics["value"]
    values = [100 * float(figures[f"acc@{km}km"]) for km in KM]
    return values, len(found), round(len(found) * (1 - float(figures["located"])))


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--strict", action="store_true", help="as json.loads reads them")
    options = parser.parse_args()
    values, n, lost = accuracies(options.file, strictly=options.strict)
    shown = " / ".join(f"{value:.2f}" for value in values)
    print(f"{shown} % within {' / '.join(f'{km:,}' for km in KM)} km; {lost} of {n} answers not read")


if __name__ == "__main__":
    main()
