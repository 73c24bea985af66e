"""The record of a run: one `Sample` a photograph and one `Results`, as computed, written and read back.

`samples.jsonl` has a line a sample, `results.json` is the results. These classes are the one definition of both:
pydantic validates what is read against their annotations and makes their JSON Schema of them (`schema/*.json`).
A field that is not known is None, and null in the files; coordinates are in degrees, distances in kilometres.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    Self,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError
    from pydantic_core import SchemaSerializer

T = TypeVar("T")

SCHEMA_VERSION: Literal[1] = 1
SHA256 = r"^[0-9a-f]{64}$"

AnswerForm = Literal["names", "address", "coordinates", "any"]
ANSWER_FORMS: tuple[AnswerForm, ...] = get_args(AnswerForm)

Disclosure = Literal["abstain", "city", "exact"]

DistanceModel = Literal["geodesic", "haversine"]

Level = Literal["coordinates", "city", "admin", "country"]
"""How an answer was located; place names at the point of the most exact place that they name."""

Status = Literal[
    "coordinates", "city", "admin", "country", "unresolved", "refused", "unparsed", "empty", "truncated", "error"
]
"""Exactly one a sample: a level, or why there is none. With `error` no response came, the others are misses."""
STATUSES: tuple[Status, ...] = get_args(Status)
LOCATED: frozenset[Status] = frozenset(get_args(Level))

AnswerStatus = Literal["answered", "refused", "unparsed", "empty", "truncated"]

Verdict = Literal["consistent", "contradicts", "silent"]
"""A reasoning against its answer (`metrics.consistency`)."""

Source = Literal["probability", "stated", "judged", "answered", "refused"]
"""Where a confidence comes from: the probability of a "yes", a stated confidence, a bare yes or no, the mere fact that
the model answered, or that it refused."""

Use = Literal["evidence", "mentioned", "absent"]
"""What a judge says of an entity: used as evidence, mentioned as visible, or not said to be visible."""

By = Literal["continent", "country", "scene", "city_size"]
"""What a result is broken down by (`metrics.breakdowns`)."""


def finite(value: float | None) -> float | None:
    """None for an infinite or undefined number: JSON has no word for it, and 0 would be wrong.

    >>> finite(0.5), finite(float("inf")), finite(float("nan"))
    (0.5, None, None)
    """
    return None if isinstance(value, float) and not math.isfinite(value) else value


def given(value: Any) -> Any:
    """A cell of a table; None for NaN, as data frames have it where a cell is empty. Bytes are text where they can be.

    >>> given("Paris"), given(float("nan")), given(b"Paris")
    ('Paris', None, 'Paris')
    """
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return None if isinstance(value, float) and math.isnan(value) else value


# Types whose bounds `adapter` adds: with pydantic, which takes as long to import as numpy.
Latitude: TypeAlias = float
Longitude: TypeAlias = float
Kilometres: TypeAlias = float
Probability: TypeAlias = float
Correlation: TypeAlias = float
Finite: TypeAlias = float | None
UnitInterval: TypeAlias = float | None
Sha256: TypeAlias = str
Shard: TypeAlias = str
LeftOut: Any = None
"""Of a field that few files have: it is not written where it is None."""
NotWritten: Any = None


class Record:
    """What all records have in common: a field that is not declared is an error."""

    __slots__: ClassVar[tuple[str, ...]] = ()
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    def __reduce__(self) -> tuple[Any, ...]:
        """Packed as its values: a frozen dataclass's own way takes ten times as long, and runs are sent to helpers."""
        return _restored, (type(self), *_slots(type(self)).values_of(self))

    def but(self, **changes: Any) -> Self:
        """The record with other values: `dataclasses.replace`, which takes ten times as long, for records in masses.

        >>> Truth(1.0, 2.0).but(country="Malta").country
        'Malta'
        """
        slots = _slots(type(self))
        values = list(slots.values_of(self))
        for name, value in changes.items():
            values[slots.position[name]] = value
        return _restored(type(self), *values)


class _Slots(NamedTuple):
    """How the values of a kind of record are read and set all at once, in the order of its fields."""

    position: dict[str, int]
    values_of: Callable[[Any], tuple[Any, ...]]
    setters: tuple[Callable[[Any, Any], None], ...]


def _once(make: Callable[[type[Any]], T]) -> Callable[[type[Any]], T]:
    """`functools.cache` for functions of a class, which mypy takes for unhashable."""
    return cache(make)  # type: ignore[return-value]


@_once
def _slots(kind: type[Any]) -> _Slots:
    names = kind.__slots__
    setters = tuple(getattr(kind, name).__set__ for name in names)
    return _Slots({name: i for i, name in enumerate(names)}, attrgetter(*names), setters)


def _restored(kind: type[T], *values: Any) -> T:
    record = object.__new__(kind)
    for set_value, value in zip(_slots(kind).setters, values, strict=True):
        set_value(record, value)
    return record


@dataclass(frozen=True, slots=True)
class Truth(Record):
    """What the manifest says of a photograph."""

    lat: Latitude
    lon: Longitude
    country: str | None = None
    city: str | None = None
    group: str | None = None
    """Whose photographs are resampled together: the photographer."""
    scene: str | None = None
    entities: tuple[str, ...] | None = None
    """What can be seen, as the manifest writes it; None where nobody annotated it."""
    localizable: bool | None = None
    disclosure: Annotated[Disclosure | None, LeftOut] = None
    """How much of the place it is appropriate to disclose."""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Truth:
        """The truth in a manifest row; NaN is missing."""
        country, city, group, scene, seen, localizable, disclosure = map(given, map(row.get, _OF_A_ROW))
        entities = None if seen is None else tuple(seen)
        return cls(row["lat"], row["lon"], country, city, group, scene, entities, localizable, disclosure)


_OF_A_ROW = ("country", "city", "group", "scene", "entities", "localizable", "disclosure")


@dataclass(frozen=True, slots=True)
class Answer(Record):
    """What a response says: names as the text writes them, coordinates (both or none), None where unsaid.

    `status` is "answered" where a name or a position was found, else "truncated" (the response was cut off), "empty",
    "refused" (the model declines, or answers "unknown") or "unparsed". `stated_confidence` lies between 0 and 1,
    `stated_localizable` is what follows a label "localizable:", and `p_yes` is no text at all: the probability of a yes
    to the question whether the photograph can be located, where the back end was asked for it.

    `reasoning` and `status` are what the parser tells the scoring; a scored sample keeps neither.
    """

    country: str | None = None
    city: str | None = None
    admin: str | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None
    reasoning: Annotated[str | None, NotWritten] = None
    stated_confidence: UnitInterval = None
    status: Annotated[AnswerStatus, NotWritten] = "unparsed"
    stated_localizable: bool | None = None
    p_yes: UnitInterval = None
    venue: str | None = None
    """What is named beyond the city: a building, a street, a quarter, a park."""
    repaired: bool = False
    """Whether the response had been decoded wrongly on its way, and was repaired before it was read."""


NOT_RECORDED = ("answer.reasoning", "answer.status")
"""Fields of a sample, by their dotted name, that are in no file."""


@dataclass(frozen=True, slots=True)
class Prediction(Record):
    """The point that is scored and how it was found."""

    lat: Latitude
    lon: Longitude
    level: Level
    country_code: str | None = None
    """ISO 3166-1 alpha-2."""
    geonameid: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounding(Record):
    """What the reasoning asserts to be visible, against the entities of the photograph (`metrics.grounding`).

    None where it is undefined: no entities, no cue asserted, or a language that the lexicon does not cover.
    """

    covered: bool
    """Whether the lexicon covers the reasoning's language; where it does not, every figure is None."""
    cues: tuple[str, ...] = ()
    """Distinct cues that are asserted."""
    hits: tuple[str, ...] = ()
    """Entities of the truth that are asserted."""
    unsupported: tuple[str, ...] = ()
    """Cues that no entity supports."""
    hallucinated: tuple[str, ...] | None = None
    """Classes asserted that the photograph does not have; None where the annotation is not declared exhaustive."""
    recall: UnitInterval = None
    precision: UnitInterval = None
    f1: UnitInterval = None
    lift: Correlation | None = None
    """Recall on the own entities less that on other photographs' of the run."""
    recall_idf: UnitInterval = None
    """Recall in which an entity that few photographs of the run have weighs more."""
    unsupported_rate: UnitInterval = None
    """1 - precision: the share of the asserted cues that no entity supports; lower is better.

    No hallucination, for the annotation may have gaps: a model without any error gets 0.69 where 30 % of the visible
    things are annotated.
    """
    hallucination_rate: UnitInterval = None
    hallucination_any: UnitInterval = None
    """1 where any asserted class is not there, else 0 (CHAIR_s); lower is better."""
    globe_visual_match: UnitInterval = None
    """GLOBE's released reward (`metrics.globe.globe_visual_match`), for comparison."""


@dataclass(frozen=True, slots=True)
class Consistency(Record):
    """Where the reasoning, without the answer, says that the photograph was taken (`metrics.consistency`)."""

    verdict: Verdict | None
    """None where the reasoning is in a language that is not read."""
    country: str | None = None
    """ISO 3166-1 alpha-2 of the country that the reasoning concludes."""
    city: str | None = None
    distance_km: Kilometres | None = None
    """From the place that the reasoning concludes to the point that was scored; None where one of them is missing."""
    n_candidates: int = 0
    """Distinct countries that the reasoning names and does not reject."""
    quote: str | None = None
    """The words that the conclusion was read from."""


@dataclass(frozen=True, slots=True)
class Localizability(Record):
    """What the model itself thinks of its chance to locate the photograph (`metrics.localizability`)."""

    confidence: Probability
    localizable: bool
    """Whether the model holds the photograph for localizable: a confidence of at least one half."""
    source: Source


@dataclass(frozen=True, slots=True)
class Format(Record):
    """The form of the response (`metrics.response_format`)."""

    globe: float
    """GLOBE's released format reward, bit for bit (`metrics.globe.globe_format`)."""
    lenient: float
    truncated: bool
    n_words: int


@dataclass(frozen=True, slots=True)
class Judgement(Record):
    """What a judge model says of each entity (`--judge`)."""

    entities: dict[str, Use] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Record):
    """One photograph: truth, response, how it was read, what was scored and how far off it was.

    The four name measures are 0.0 or 1.0, None where the truth does not know the name (or the form asks for none).
    """

    id: str
    status: Status
    truth: Truth
    answer: Answer
    prediction: Prediction | None
    distance_km: Kilometres | None
    """None where there is no usable answer: a miss, never dropped."""
    country_correct: float | None
    city_correct: float | None
    globe_country_match: float | None
    globe_city_match: float | None
    response: str | None
    finish_reason: str | None = None
    error: str | None = None
    image_sha256: Sha256 | None
    own: dict[str, Finite] = field(default_factory=dict)
    """Values of the metrics that the benchmark brings itself."""
    grounding: Grounding | None = None
    """None, as the next three, where there is no response; grounding and localizability also where nothing is known."""
    consistency: Consistency | None = None
    localizability: Localizability | None = None
    format: Format | None = None
    judge: Judgement | None = None

    @classmethod
    def of(
        cls,
        id: str,
        truth: Truth,
        response: str | None = None,
        *,
        answer: Answer = Answer(),
        image_sha256: str | None = None,
        error: str | None = None,
    ) -> Self:
        """What came back for a photograph, to be scored (`scoring.score`).

        Args:
            id, truth: as the manifest has them.
            response: what the model said, a `models.response.Response` (which knows how it ended) or plain text; None
                where the answer came as names or coordinates, and nothing is measured of a reasoning.
            answer: where there is no response: what it says. Beside a response only its `p_yes` counts.
            image_sha256: of the file that the model saw.
            error: why no response came, where the response does not know it itself.
        """
        error, response = error or getattr(response, "error", None), given(response)
        return cls(
            id=id,
            status="error" if error is not None else "unparsed",
            truth=truth,
            answer=answer,
            **_UNSCORED,
            response=None if response is None or error is not None else str(response),
            finish_reason=getattr(response, "finish_reason", None),
            error=error,
            image_sha256=image_sha256,
        )


_UNSCORED: dict[str, Any] = dict.fromkeys(
    ("prediction", "distance_km", "country_correct", "city_correct", "globe_country_match", "globe_city_match")
)


@dataclass(frozen=True, slots=True)
class Figure(Record):
    """A metric's value over n photographs of n_groups groups, with its 95 % interval (low, high).

    Infinite where half of the answers and more are missing (median) or any is (mean), NaN bounds where there is one
    group only; in the files both are null, and None when read back.
    """

    value: Finite
    low: Finite
    high: Finite
    n: int
    n_groups: int


@dataclass(frozen=True, slots=True)
class Stratum(Record):
    """The figures of the photographs that one label of a breakdown has."""

    n: int
    n_groups: int
    metrics: dict[str, Figure]


@dataclass(frozen=True, slots=True)
class WithoutOverlap(Record):
    """The figures without the photographs that a training set or a gallery knows too (`--exclude-overlap`)."""

    excluded: int
    n: int
    metrics: dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Geocoder(Record):
    """What turned place names into points: the embedded gazetteer ("geonames"), or an online back end."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Gazetteer(Record):
    """The embedded gazetteer, which names of truths are always resolved with."""

    version: str
    sha256: Sha256


@dataclass(frozen=True, slots=True)
class Images(Record):
    """What became of the image files on their way to the model."""

    with_coordinates: int
    """Files whose metadata tells where they were taken; the model never sees it."""
    reencoded: int
    """Files that are not sent byte for byte without their metadata: rotated ones, larger ones, unusual formats."""
    max_pixels: int | None = None
    max_side: int | None = None


@dataclass(frozen=True, slots=True)
class Usage(Record):
    """What a run took. Nothing here changes a number; what the back end does not tell is None."""

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


@dataclass(frozen=True, slots=True)
class ReasoningCounts(Record):
    """How many photographs each measure of the reasoning could and could not be taken of."""

    with_entities: int
    without_entities: int
    not_covered: int
    """With entities, but a reasoning in a language that the lexicon does not cover."""
    no_reasoning: int
    truncated: int
    confidence: dict[Source, int]
    """Where the confidences come from."""
    risk_coverage: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Target ("25km", "200km", "label") -> points (coverage, risk) of the curve, at most about a hundred."""
    not_read: int = 0
    """With a reasoning in a language whose conclusion is not read: without a verdict of consistency."""


@dataclass(frozen=True, slots=True)
class JudgeAgreement(Record):
    """A judge model, and how far it agrees with the deterministic measure (both: an entity is asserted or not)."""

    model: str
    prompt_sha256: Sha256
    seed: int
    n: int
    """Photographs judged."""
    n_entities: int
    n_errors: int
    evidence: Finite
    mentioned: Finite
    absent: Finite
    """Shares of all entities judged."""
    agreement: Finite
    kappa: Finite
    """Cohen's."""
    reason: Annotated[str | None, LeftOut] = None
    """Why none of the questions that were asked has an answer; left out where one has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedAccuracy(Record):
    """An accuracy over several answers to each photograph (`metrics.repeats`)."""

    mean: Finite
    low: Finite
    high: Finite
    """95 % interval of the mean, over photographs and over answers."""
    sd_between_seeds: Finite
    """Standard deviation of the accuracies of one answer each."""
    pass_at: dict[str, Finite]
    """k -> the share of photographs that one of k answers locates."""
    majority: Finite
    """Of the place that most answers say."""
    medoid: Finite
    """Of the answer that is nearest to the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats(Record):
    """What `--repeats` adds: n answers to each photograph."""

    n: int
    n_errors: int
    """Of all answers, those that never came."""
    accuracy: dict[str, RepeatedAccuracy]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedBy(Record):
    """Who answered, as the replies name it: each with the number of answers."""

    models: dict[str, int] = field(default_factory=dict)
    fingerprints: dict[str, int] = field(default_factory=dict)
    """OpenAI's `system_fingerprint`."""
    providers: dict[str, int] = field(default_factory=dict)
    """Of a router, such as OpenRouter."""
    adapted: dict[str, int] = field(default_factory=dict)
    """What requests were changed to, because the provider refuses the rest."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Fields of replies that were left out, for they were of a wrong type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results(Record):
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
    geocoder: Geocoder
    gazetteer: Gazetteer
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
    metrics: dict[str, Figure]
    valid_only: dict[str, Figure]
    accuracy_by_distance: dict[DistanceModel, dict[str, float]]
    repaired: int = 0
    """Responses that had been decoded wrongly on their way, and were repaired before they were read."""
    shard: Shard | None = None
    command: str | None = None
    """The command line that made this, without secrets."""
    usage: Usage | None = None
    images: Images | None = None
    ceiling: dict[str, Finite] | None = None
    attainable: dict[str, Finite] | None = None
    breakdowns: dict[By, dict[str, Stratum]] = field(default_factory=dict)
    clean: WithoutOverlap | None = None
    thresholds_km: tuple[float, ...] = ()
    """The benchmark's own, besides the five that all have."""
    own_directions: dict[str, bool] = field(default_factory=dict)
    """The metrics that the benchmark brings itself, and whether more of each is better."""
    reasoning: ReasoningCounts | None = None
    entity_classes: list[str] | None = None
    """The classes that are annotated exhaustively; None where the benchmark does not declare its annotation so."""
    entities_sha256: Sha256 | None = None
    """Of the entities, where they came from a file beside the manifest (`--entities`)."""
    lexicon_sha256: Sha256 | None = None
    judge: JudgeAgreement | None = None
    intervals: str | None = None
    """The procedure of the intervals (`metrics.intervals.PROCEDURE`); None: a percentile bootstrap by group."""
    repeats: Annotated[Repeats | None, LeftOut] = None
    """Where each photograph was asked several times."""
    served: Annotated[ServedBy | None, LeftOut] = None
    """Where the replies say who answered; left out where they do not."""
    n_unattributed: Annotated[int | None, LeftOut] = None
    """Photographs whose photographer the truth does not name: each is a group of its own. Left out where none is."""
    effective_groups: Annotated[float | None, LeftOut] = None
    """Where few photographers took most photographs: how many of equal share they are worth."""


@_once
def adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """pydantic's validator and serialiser of a record, made once."""
    from pydantic import BeforeValidator, Field, TypeAdapter

    globals().update(
        Latitude=Annotated[float, Field(ge=-90, le=90)],
        Longitude=Annotated[float, Field(ge=-180, le=180)],
        Kilometres=Annotated[float, Field(ge=0)],
        Probability=Annotated[float, Field(ge=0, le=1)],
        Correlation=Annotated[float, Field(ge=-1, le=1)],
        Finite=Annotated[float | None, BeforeValidator(finite)],
        UnitInterval=Annotated[float, Field(ge=0, le=1)] | None,
        Sha256=Annotated[str, Field(pattern=SHA256)],
        Shard=Annotated[str, Field(pattern=r"^[1-9]\d*/[1-9]\d*$")],
        LeftOut=Field(exclude_if=_is_none),
        NotWritten=Field(exclude=True),
    )
    return TypeAdapter(kind)


def to_json(record: Record, *, indent: int | None = None) -> bytes:
    """A record as JSON, its fields in the order of its class."""
    return _serializer(type(record)).to_json(record, indent=indent)


def to_dict(record: Record, **options: Any) -> dict[str, Any]:
    """A record as JSON gives it back; `options` are those of pydantic's `dump_python` (include, exclude)."""
    return dict(adapter(type(record)).dump_python(record, mode="json", **options))


@_once
def _serializer(kind: type[Any]) -> SchemaSerializer:
    """What writes as `adapter` would, without pydantic's own import and its reading of annotations: 0.1 s."""
    from pydantic_core import SchemaSerializer

    return SchemaSerializer(_as_written(kind))


def _as_written(kind: Any) -> Any:
    """pydantic-core's schema of how a kind of value is written, after its annotation; enough for what records hold."""
    inner = [_as_written(one) for one in get_args(kind) if one not in (NoneType, ...)]
    origin = get_origin(kind)
    if origin in (Union, UnionType) and len(inner) == 1:
        return {"type": "nullable", "schema": inner[0]}
    if origin is dict:
        return {"type": "dict", "values_schema": inner[1]}
    if origin is list:
        return {"type": "list", "items_schema": inner[0]}
    if origin is tuple:
        any_number = {"variadic_item_index": 0} if ... in get_args(kind) else {}
        return {"type": "tuple", "items_schema": inner, **any_number}
    if kind is float:  # a whole number there has its point and zero
        return {"type": "float"}
    is_record = isinstance(kind, type) and issubclass(kind, Record)
    if not is_record:
        return {"type": "any"}
    schemas, types = [], get_type_hints(kind)
    for one in fields(kind):
        schema = {"type": "dataclass-field", "name": one.name, "schema": _as_written(types[one.name])}
        if str(one.type).endswith(", NotWritten]"):
            schema["serialization_exclude"] = True
        if str(one.type).endswith(", LeftOut]"):
            schema["serialization_exclude_if"] = _is_none
        schemas.append(schema)
    arguments = {"type": "dataclass-args", "dataclass_name": kind.__name__, "fields": schemas}
    return {"type": "dataclass", "cls": kind, "schema": arguments, "fields": list(types), "slots": True}


def _is_none(value: object) -> bool:
    return value is None


def from_json(kind: type[T], text: str | bytes) -> T:
    """The record in a JSON text. Raises ValueError with the field, what was found there and what is allowed."""
    validator = adapter(kind)
    from pydantic import ValidationError

    try:
        return validator.validate_json(text)  # type: ignore[no-any-return]
    except ValidationError as error:
        raise ValueError(first_error(error)) from None


def first_error(error: ValidationError) -> str:
    """The first thing that is wrong, with the field and what was found there."""
    first = error.errors()[0]
    message = "Extra inputs are not permitted" if first["type"] == "unexpected_keyword_argument" else first["msg"]
    found = repr(first.get("input"))
    where = ".".join(map(str, first["loc"])) or "the document"
    return f"{where}: {message}; found {found if len(found) <= 60 else found[:57] + '…'}"


def json_schemas() -> dict[str, dict[str, Any]]:
    """File name -> JSON Schema; `python -m globe_eval.sample` writes them into `schema` beside this file."""
    head, kinds = {"$schema": "https://json-schema.org/draft/2020-12/schema"}, {"sample": Sample, "results": Results}
    schemas = {name: adapter(kind).json_schema(mode="serialization") for name, kind in kinds.items()}
    return {f"{name}.schema.json": head | schema for name, schema in schemas.items()}


if __name__ == "__main__":
    import json
    from pathlib import Path

    for file_name, schema in json_schemas().items():
        text = json.dumps(schema, indent=2) + "\n"
        (Path(__file__).parent / "schema" / file_name).write_text(text, encoding="utf-8")
