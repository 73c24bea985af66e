"""What a run leaves behind: `samples.jsonl`, a line a photograph, and `results.json`. Their schema, writing, reading.

The pydantic models below are the schema; `schema/*.json` beside this file is the same as JSON Schema, for other tools.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

import globe_eval
from globe_eval.errors import InputError
from globe_eval.files import write_whole
from globe_eval.metrics.breakdowns import By
from globe_eval.runs.fields import Finite, Latitude, Longitude, Sha256, Share, Strict
from globe_eval.runs.reasoned import (
    ConsistencyRecord,
    FormatRecord,
    GroundingRecord,
    JudgedRecord,
    JudgeRecord,
    LocalizabilityRecord,
    ReasoningRecord,
)
from globe_eval.scoring import AnswerForm, DistanceModel, Level, Status
from globe_eval.secrets import removed

SCHEMA_VERSION: Literal[1] = 1


class TruthRecord(Strict):
    """What the manifest says; degrees."""

    lat: Latitude
    lon: Longitude
    country: str | None = None
    city: str | None = None
    group: str | None = None
    scene: str | None = None
    entities: list[str] | None = None
    """What can be seen, as the manifest writes it; null where nobody annotated it."""
    localizable: bool | None = None


class AnswerRecord(Strict):
    """What the text says, word for word; degrees."""

    country: str | None = None
    city: str | None = None
    admin: str | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None
    stated_confidence: Share = None
    stated_localizable: bool | None = None
    p_yes: Share = None
    """The probability of a yes to GLOBE's question whether the photograph can be located; no part of the response."""


class PredictionRecord(Strict):
    """The point that was scored; degrees."""

    lat: Latitude
    lon: Longitude
    level: Level
    country_code: str | None = None
    geonameid: int | None = None
    name: str | None = None


class Sample(Strict):
    """One photograph: truth, response, how it was read, what was scored and how far off it was."""

    id: str
    status: Status
    truth: TruthRecord
    answer: AnswerRecord
    prediction: PredictionRecord | None
    distance_km: Annotated[float, Field(ge=0)] | None
    country_correct: float | None
    city_correct: float | None
    globe_country_match: float | None
    globe_city_match: float | None
    response: str | None
    finish_reason: str | None = None
    error: str | None = None
    image_sha256: Sha256 | None
    own: dict[str, Finite] = Field(default={})
    """Values of the metrics that the benchmark brings itself."""
    grounding: GroundingRecord | None = None
    """Null, as the next three, where there is no response; grounding and localizability also where nothing is known."""
    consistency: ConsistencyRecord | None = None
    localizability: LocalizabilityRecord | None = None
    format: FormatRecord | None = None
    judge: JudgedRecord | None = None


class FigureRecord(Strict):
    """A metric's value with its 95 % bootstrap interval, over n photographs of n_groups groups."""

    value: Finite
    low: Finite
    high: Finite
    n: int
    n_groups: int


class PartRecord(Strict):
    """The figures of the photographs that one label of a breakdown has."""

    n: int
    n_groups: int
    metrics: dict[str, FigureRecord]


class CleanRecord(Strict):
    """The figures without the photographs that a training set or a gallery knows too (`--exclude-overlap`)."""

    excluded: int
    n: int
    metrics: dict[str, FigureRecord]


class GeocoderRecord(Strict):
    """What turned place names into points: the embedded gazetteer ("geonames"), or an online back end."""

    name: str
    version: str


class GazetteerRecord(Strict):
    """The embedded gazetteer, which names of truths are always resolved with."""

    version: str
    sha256: Sha256


class ImagesRecord(Strict):
    """What became of the image files on their way to the model."""

    with_coordinates: int
    """Files whose metadata tells where they were taken; the model never sees it."""
    reencoded: int
    """Files that are not sent byte for byte without their metadata: rotated ones, larger ones, unusual formats."""
    max_pixels: int | None = None
    max_side: int | None = None


class UsageRecord(Strict):
    """What a run took. Nothing here changes a number; what the back end does not tell is null."""

    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float
    """How long the model was waited for, in all starts of the run together."""
    images_per_second: float | None
    seconds_to_first_answer: float | None
    """In the last start that asked for anything."""
    cost: float | None
    """With the prices that were given, in their currency."""
    resumed: int
    """How many answers came from the journal of an earlier start."""


class ServedRecord(Strict):
    """Who answered, as the replies name it: each with the number of answers."""

    models: dict[str, int] = Field(default={})
    fingerprints: dict[str, int] = Field(default={})
    """OpenAI's `system_fingerprint`."""
    providers: dict[str, int] = Field(default={})
    """Of a router, such as OpenRouter."""
    adapted: dict[str, int] = Field(default={})
    """What requests were changed to, because the provider refuses the rest."""
    dropped: dict[str, int] = Field(default={})
    """Fields of replies that were left out, for they were of a wrong type."""


class Results(Strict):
    """Everything that a number depends on, and the numbers."""

    schema_version: Literal[1]
    task: str
    task_version: str
    answer_form: AnswerForm
    manifest_sha256: Sha256
    prompt: str | None
    prompt_sha256: Sha256 | None
    model: str
    model_args: dict[str, Any]
    model_info: dict[str, Any]
    decoding: dict[str, Any] | None
    seed: int
    limit: float | None
    distance: DistanceModel
    geocoder: GeocoderRecord
    gazetteer: GazetteerRecord
    resolver_version: str
    parser_version: str
    packages: dict[str, str]
    git_commit: str | None
    started: str
    duration_seconds: float
    n: int
    n_groups: int
    complete: bool
    status: dict[Status, int]
    metrics: dict[str, FigureRecord]
    valid_only: dict[str, FigureRecord]
    accuracy_by_distance: dict[DistanceModel, dict[str, float]]
    shard: Annotated[str, Field(pattern=r"^[1-9]\d*/[1-9]\d*$")] | None = None
    command: str | None = None
    """The command line that made this, without secrets."""
    usage: UsageRecord | None = None
    images: ImagesRecord | None = None
    ceiling: dict[str, Finite] | None = None
    attainable: dict[str, Finite] | None = None
    breakdowns: dict[By, dict[str, PartRecord]] = Field(default={})
    clean: CleanRecord | None = None
    thresholds_km: list[float] = Field(default=[])
    """The benchmark's own, besides the five that all have."""
    own_directions: dict[str, bool] = Field(default={})
    """The metrics that the benchmark brings itself, and whether more of each is better."""
    reasoning: ReasoningRecord | None = None
    entity_classes: list[str] | None = None
    """The classes that are annotated exhaustively; null where the benchmark does not declare its annotation so."""
    entities_sha256: Sha256 | None = None
    """Of the entities, where they came from a file beside the manifest (`--entities`)."""
    lexicon_sha256: Sha256 | None = None
    judge: JudgeRecord | None = None
    served: ServedRecord | None = Field(default=None, exclude_if=lambda value: value is None)
    """Where the replies say who answered; left out where they do not."""


def write_run(folder: Path, samples: Iterable[Sample], results: Results) -> None:
    """Write both files, each whole or not at all, the results last: where they stand, the samples are complete."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "samples.jsonl", (removed(sample.model_dump_json()).encode() + b"\n" for sample in samples))
    write_whole(folder / "results.json", removed(results.model_dump_json(indent=2)).encode() + b"\n")


def read_results(folder: Path) -> Results:
    """Read `results.json` of a run. Raises InputError with the field that is wrong."""
    path = folder / "results.json"
    if not path.is_file():
        raise InputError(f"{folder}: no results.json there, this is no run")
    try:
        return Results.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(f"{path}: {first_error(error)}") from None


def read_samples(folder: Path) -> list[Sample]:
    """Read `samples.jsonl` of a run. Raises InputError with the line and the field that is wrong."""
    return list(each_sample(folder))


def each_sample(folder: Path) -> Iterator[Sample]:
    """`read_samples` one by one, for runs that are too long to be held as objects."""
    path = folder / "samples.jsonl"
    if not path.is_file():
        raise InputError(f"{folder}: no samples.jsonl there, this is no run")
    with path.open(encoding="utf-8", newline="\n") as file:
        for line, text in enumerate(file, 1):
            try:
                yield Sample.model_validate_json(text)
            except ValidationError as error:
                raise InputError(f"{path}, line {line}: {first_error(error)}") from None


def refuse_run(folder: Path, runs: Sequence[Path]) -> None:
    """Refuse to write into one of `runs`, which are read, or into a folder with the journal of any run."""
    if folder.resolve() in [run.resolve() for run in runs]:
        raise InputError(f"--output_path {folder}: that is the run itself, which stays as it is; choose another folder")
    if any(folder.glob("journal*.jsonl")):
        raise InputError(f"--output_path {folder}: holds the journal of another run; choose another folder")


def json_schemas() -> dict[str, dict[str, Any]]:
    """File name -> JSON Schema; `python -m globe_eval.runs.record` writes them beside this file."""
    return {
        f"{name}.schema.json": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **model.model_json_schema(mode="serialization"),
        }
        for name, model in (("sample", Sample), ("results", Results))
    }


SCORING_PACKAGES = ("globe-eval", "numpy", "scipy", "pyproj", "shapely")
"""Packages of which a figure can depend once the answers are known; the others only take part in answering."""


def package_versions() -> dict[str, str]:
    """Versions of the packages that a number can depend on; those not installed are left out."""
    names = (
        "lm-eval",
        "datasets",
        "numpy",
        "scipy",
        "pyproj",
        "shapely",
        "pillow",
        "torch",
        "torchvision",
        "transformers",
        "vllm",
    )
    found = {"globe-eval": globe_eval.__version__}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def git_commit() -> str | None:
    """Commit of the checkout that this package runs from, with `-dirty` after changes; None where it is no checkout."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def first_error(error: ValidationError) -> str:
    """The first thing that is wrong, with the field and what was found there."""
    first = error.errors()[0]
    found = repr(first.get("input"))
    where = ".".join(map(str, first["loc"])) or "the document"
    return f"{where}: {first['msg']}; found {found if len(found) <= 60 else found[:57] + '…'}"


if __name__ == "__main__":
    import json

    for file_name, schema in json_schemas().items():
        text = json.dumps(schema, indent=2) + "\n"
        (Path(__file__).parent / "schema" / file_name).write_text(text, encoding="utf-8")
