"""Reads and writes the files of a run: `samples.jsonl`, a line a photograph, and `results.json`."""

from __future__ import annotations

import contextlib
import json
import math
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import globe_eval
from globe_eval.errors import InputError, nearest_beside
from globe_eval.files import write_whole
from globe_eval.sample import SCHEMA_VERSION, Results, Sample, from_json, to_json
from globe_eval.secrets import redact


def write_run(folder: Path, samples: Iterable[Sample], results: Results) -> None:
    """Write both files, each whole or not at all, the results last: where they stand, the samples are complete."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "samples.jsonl", (_public(to_json(sample)) for sample in samples))
    write_whole(folder / "results.json", _public(to_json(results, indent=2)))


def _public(line: bytes) -> bytes:
    return redact(line.decode()).encode() + b"\n"


def read_results(folder: Path) -> Results:
    """Read `results.json` of a run. Raises InputError with the field that is wrong."""
    path = folder / "results.json"
    if not path.is_file():
        raise no_run(folder, "results.json")
    text = path.read_bytes()
    try:
        return from_json(Results, text)
    except ValueError as error:
        reason = str(error)
        with contextlib.suppress(ValueError, RecursionError, TypeError, LookupError):
            found = json.loads(text)
            if "schema_version" not in found:
                reason = "no schema_version, so no result of globe-eval"
            refuse_later_schema(path, found["schema_version"])
        raise InputError(f"{path}: {reason}") from None


def no_run(folder: Path, lacking: str) -> InputError:
    """The error of what should be the folder of a run: what it is, and where a run may be."""
    if folder.is_file():
        there = f", as {folder.parent}" if (folder.parent / "results.json").is_file() else ""
        return InputError(f"{folder}: a file; a run is a folder with results.json and samples.jsonl{there}")
    if not folder.exists():
        return InputError(f"{folder}: no such folder{nearest_beside(folder)}")
    if any(folder.glob("journal*.jsonl")):
        return InputError(f"{folder}: no {lacking} there, the run is not finished; the command that began it goes on")
    inside = ", ".join(str(found.parent) for found in sorted(folder.glob("*/results.json"))[:3])
    return InputError(f"{folder}: no {lacking} there, " + (f"but runs in it: {inside}" if inside else "this is no run"))


def refuse_later_schema(path: Path, found: object, field: str = "schema_version", known: int = SCHEMA_VERSION) -> None:
    """Raise InputError where a file is of a later version of the schema than this program knows."""
    if isinstance(found, int | float) and found > known:
        both = f"{field}: found {found}, this globe-eval knows {known}"
        raise InputError(f"{path}: {both}: written by a later globe-eval; upgrade")


def read_samples(folder: Path) -> list[Sample]:
    """Read `samples.jsonl` of a run. Raises InputError with the line and the field that is wrong."""
    path, samples = folder / "samples.jsonl", list[Sample]()
    if not path.is_file():
        raise no_run(folder, "samples.jsonl")
    with path.open("rb") as file:
        for line, text in enumerate(file, 1):
            try:
                samples.append(from_json(Sample, text))
            except ValueError as error:
                raise InputError(f"{path}, line {line}: {error}") from None
    return samples


def read_run(folder: Path) -> tuple[Results, list[Sample]]:
    """Both files of a run.

    Raises InputError for what is no run, for a photograph that stands there twice, and as `refuse_results_of_others`.
    """
    results, samples = read_results(folder), read_samples(folder)
    twice = next((name for name, count in Counter(one.id for one in samples).items() if count > 1), None)
    if twice is not None:
        raise InputError(f"{folder / 'samples.jsonl'}: photograph {twice!r} stands there twice")
    refuse_results_of_others(folder, results, samples)
    return results, samples


def refuse_results_of_others(folder: Path, results: Results, samples: Sequence[Sample]) -> None:
    """Raise InputError where `results.json` is not of these samples: their counts, accuracies or GeoScore differ."""
    from globe_eval.metrics.accuracy import THRESHOLDS_KM, acc_name, geoscore, within  # numpy: not for every command
    from globe_eval.metrics.catalogue import described

    distances = [math.nan if one.distance_km is None else one.distance_km for one in samples]
    stored = results.accuracy_by_distance.get(results.distance, {})
    counts: dict[str, tuple[float, float]] = {"photographs": (len(samples), results.n)}
    if results.n == len(samples) > 0:
        found = Counter(one.status for one in samples)
        counts |= {f"photographs of status {status}": (found[status], n) for status, n in results.status.items()}
        for km in THRESHOLDS_KM.values():
            if (share := stored.get(acc_name(km))) is not None:
                counts[f"photographs within {km:g} km"] = int(within(distances, km).sum()), round(share * results.n)
        score = results.metrics.get("geoscore")
        if score is not None and score.value is not None:
            points = f"points of {described('geoscore').label}"
            counts[points] = round(float(geoscore(distances).mean()), 2), round(score.value, 2)
    for what, (here, there) in counts.items():
        if abs(here - there) > (0.02 if isinstance(here, float) else 0):
            both = f"samples.jsonl has {here:,} {what}, results.json is of {there:,}"
            raise InputError(f"{folder}: {both}: they are not of one run; take both files from the same one")


def refuse_run(folder: Path, runs: Sequence[Path]) -> None:
    """Refuse to write into one of `runs`, which are read, or into a folder with the journal of any run."""
    if folder.resolve() in [run.resolve() for run in runs]:
        raise InputError(f"--output_path {folder}: that is the run itself, which stays as it is; choose another folder")
    if any(folder.glob("journal*.jsonl")):
        raise InputError(f"--output_path {folder}: holds the journal of another run; choose another folder")


SCORING_PACKAGES = ("globe-eval", "numpy", "scipy", "pyproj", "shapely")
"""Packages of which a figure can depend once the answers are known; the others only take part in answering."""


def package_versions() -> dict[str, str]:
    """Versions of the packages that a number can depend on; those not installed are left out."""
    names = ("lm-eval", "datasets", *SCORING_PACKAGES[1:], "pillow", "torch", "torchvision", "transformers", "vllm")
    return {"globe-eval": globe_eval.__version__, **installed_versions(names)}


def installed_versions(names: Iterable[str]) -> dict[str, str]:
    """Package -> its version, for those that are installed."""
    found = {}
    for name in names:
        with contextlib.suppress(PackageNotFoundError):
            package = distribution(name)  # whose `version` would parse the whole description
            stated = re.search(r"^Version: *(\S+)", package.read_text("METADATA") or "", re.MULTILINE)
            found[name] = stated[1] if stated else package.version
    return found


def git_commit() -> str | None:
    """Commit of the checkout that this package runs from, with `-dirty` after changes; None where it is no checkout."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(root), "status", "--porcelain=v2", "--branch", "--no-ahead-behind", "-uno"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = done.stdout.splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid ")), "(initial)")
    changed = "-dirty" if any(not line.startswith("#") for line in lines) else ""
    return None if commit == "(initial)" else commit + changed
