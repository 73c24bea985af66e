"""What each check of a curation is worth, and how good the detector must be: `python perf/curate.py FOLDER`.

FOLDER is what `python -m globe_train.laptop.curation FOLDER` left. Every variant takes the same answers and changes one
thing of the shipped recipe; a line says what is right of what it verifies.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from globe_train.curate.recipe import read_recipe
from globe_train.curate.run import curate
from globe_train.laptop import curation, simulation

ANY = ["localizability.votes=any", "localizability.min_score=0", "localizability.min_predictor_confidence=0"]
ANYWHERE = ["correctness.within_km=20038"]
ALONE = ["agreement.teachers=1"]
VARIANTS: dict[str, list[str]] = {
    "as shipped": [],
    "without localizability": ANY,
    "without correctness": ANYWHERE,
    "without agreement": ALONE,
    "without correctness and agreement": [*ANYWHERE, *ALONE],
    "all three teachers must agree": ["agreement.teachers=3"],
    "entities named by two teachers": ["evidence.named_by=2"],
    **{f"detector: false alarms {p:g}": [f"evidence.false_alarm_rate={p}"] for p in (0.0, 0.2, 0.4)},
    "detector: misses 0.3": ["evidence.miss_rate=0.3"],
    "detector: misses 0.3, false alarms 0.3": ["evidence.miss_rate=0.3", "evidence.false_alarm_rate=0.3"],
}


def main(folder: Path) -> None:
    print("| | verified | places right | localizable | entities visible | recall |\n|" + " --- |" * 6)
    for name, overrides in VARIANTS.items():
        output = folder / "variant"
        shutil.rmtree(output, ignore_errors=True)
        shutil.copytree(folder / "curated/teachers", output / "teachers")
        given = [*simulation.overrides(folder), "against.benchmarks=[]", f"output={output}", *overrides]
        curate(read_recipe("miniworld", given))
        found = curation.read(output / "dataset", folder / "truth.jsonl", folder / "photographs.jsonl")
        figures = {figure.name: figure for figure in found["whole"]}
        cells = [figures[name].cells()[2] for name in ("places", "localizable", "entities", "recall")]
        print(f"| {name} | {figures['places'].n:,} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
