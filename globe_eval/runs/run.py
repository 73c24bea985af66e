"""`globe-eval --model … --tasks …`: lm-eval's own evaluation, then samples and results from its responses."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from globe_eval import secrets
from globe_eval.benchmarks import definition, validate
from globe_eval.benchmarks.duplicates import overlapping_ids
from globe_eval.benchmarks.images import Bounds, sent_bounds
from globe_eval.benchmarks.pack import is_packed, unpack_benchmark
from globe_eval.benchmarks.prompts import PROMPT_NAMES
from globe_eval.benchmarks.truth import other_size
from globe_eval.errors import InputError, nearest
from globe_eval.models import decoding
from globe_eval.runs import identity, judge, localizability_probe, process, record
from globe_eval.runs.assemble import assemble, empty_results, with_repeats
from globe_eval.runs.journal import Journal
from globe_eval.runs.notes import odd_positions, response_notes, served_by
from globe_eval.runs.second_model import SecondModel, second_model
from globe_eval.runs.usage import Budget, Portion, Prices, usage
from globe_eval.sample import DistanceModel, Images, Results, Sample, Truth

if TYPE_CHECKING:
    from globe_eval.runs.journaled import JournaledModel

os.environ.setdefault("LMEVAL_HASHMM", "0")  # lm-eval reads it on import, and would hash each picture twice as PNG
if not sys.stderr.isatty():
    os.environ.setdefault("TQDM_DISABLE", "1")  # tqdm reads it on import: lm-eval's and transformers' bars


@dataclass(frozen=True)
class Request:
    """The arguments of `globe-eval run`, validated."""

    model: str
    tasks: Sequence[str]
    model_args: dict[str, Any] = field(default_factory=dict)
    include_path: Sequence[Path] = ()
    no_code: bool = False
    """Refuse tasks that load Python of others."""
    prompt: str | None = None
    """Instead of the tasks' own: a name of `benchmarks.prompts.PROMPT_NAMES`."""
    limit: float | None = None
    batch_size: str | int | None = None
    device: str | None = None
    gen_kwargs: dict[str, Any] = field(default_factory=dict)
    output_path: Path | None = None
    distance: DistanceModel = "geodesic"
    geocoder: str = "geonames"
    seed: int = 0
    system_instruction: str | None = None
    max_pixels: int | None = None
    max_side: int | None = None
    exclude_overlap: bool = False
    """Give the figures also without what `globe-eval prepare --against` found elsewhere."""
    shard: tuple[int, int] | None = None
    """(i, n): every n-th photograph from the i-th on, counted from 1."""
    fresh: bool = False
    """Start over instead of going on."""
    judge: dict[str, Any] | None = None
    """Arguments of the endpoint that judges the reasoning (`runs.judge`)."""
    ask_localizable: dict[str, Any] | None = None
    """Arguments of the endpoint that is asked GLOBE's yes/no question (`runs.localizability_probe`)."""
    prices: Prices | None = None
    max_cost: float | None = None
    """In the currency of the prices; what may exceed it is not asked."""
    repeats: int = 1
    """Answers to each photograph, with seeds of their own."""
    command: str | None = None
    """As it was given, without secrets."""

    @property
    def bounds(self) -> Bounds:
        """How large and of which kind the pictures may be that the model sees."""
        sent = [self.model_args.get(name) for name in ("picture_format", "max_bytes")]
        bounds = sent_bounds(*sent) if self.model == "endpoint" else Bounds()
        return bounds._replace(max_pixels=self.max_pixels, max_side=self.max_side)


def set_up(request: Request) -> tuple[dict[str, Any], Path]:
    """The tasks with the request applied to them, and the run's folder. Raises InputError for unusable ones."""
    known_model(request.model)
    tasks = load_tasks(request.tasks, request.include_path, request.prompt, no_code=request.no_code)
    folder = request.output_path or Path("globe_eval_runs") / model_label(request.model, request.model_args)
    for task in tasks.values():
        set_up_task(request, task)
        if request.exclude_overlap and not task.manifest.overlap:
            advice = f"globe-eval prepare {task.config.task} --against MANIFEST does"
            raise InputError(f"--exclude-overlap: {task.config.task} was compared with nothing yet; {advice}")
    return tasks, folder


def set_up_task(request: Request, task: Any) -> None:
    """Apply the request's picture bounds, decoding, repeats and seed to a task."""
    task.bounds = request.bounds
    arguments = decoding.merge_arguments(task.config.generation_kwargs, request.gen_kwargs, backend=request.model)
    task.set_config(key="generation_kwargs", value=arguments)
    if request.repeats > 1:
        task.set_config(key="repeats", value=request.repeats)
    task.set_fewshot_seed(seed=request.seed)


def run(request: Request) -> list[tuple[Path, Results]]:
    """Evaluate one model on tasks; writes `samples.jsonl` and `results.json` into a folder for each, which it returns.

    What the journal in a folder knows from an earlier start is not asked again. A process that is not the first of
    several (accelerate) evaluates its share and returns nothing.

    Raises InputError before a model is loaded where the tasks, their pictures or the output folder cannot be used, and
    KeyboardInterrupt with a text that says what is done.
    """
    if request.model == "endpoint":  # of the others the model takes the memory, or drawing pictures the time
        process.return_freed_memory()
    tasks, folder = set_up(request)
    finished = []
    with ExitStack() as opened:
        journals = {
            name: opened.enter_context(open_journal(request, name, task, folder)) for name, task in tasks.items()
        }
        judging = second_model("--judge", request.judge, request.seed) if request.judge is not None else None
        model = load_model(request)
        info = dict(model.get_model_info()) if hasattr(model, "get_model_info") else {}
        for journal in journals.values():
            journal.start(model_info=identity.relevant(info))
        for name, task in tasks.items():
            results = _evaluate(request, model, judging, info, task, journals[name])
            if results is not None:
                finished.append((journals[name].folder, results))
    return finished


def open_journal(request: Request, name: str, task: Any, folder: Path) -> Journal:
    """The task's journal in its folder. Raises InputError where another run or another process has it."""
    part, parts = request.shard or (1, 1)
    if not photograph_positions(request, task):
        raise InputError(f"--shard {part}/{parts}: no photograph of {name} is left for it, of {len(task.eval_docs):,}")
    place = folder / (f"{name}__{request.prompt}" if request.prompt else name)
    place = place / f"shard-{part}-of-{parts}" if request.shard else place
    ranks = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return Journal(place, identity_of(request, task), fresh=request.fresh, rank=_rank(), ranks=ranks)


def _settings(request: Request, task: Any) -> dict[str, Any]:
    """What the run's identity and its results both say of it; `task` is set up."""
    return {
        **{"task": task.config.task, "task_version": str(task.VERSION), "manifest_sha256": task.manifest.sha256},
        **{"prompt_sha256": task.prompt_sha256, "system_instruction": request.system_instruction},
        **{"decoding": dict(task.config.generation_kwargs), "seed": request.seed},
        **{"model": request.model, "model_args": request.model_args},
    }


def identity_of(request: Request, task: Any) -> dict[str, Any]:
    """The identity of this run without the part that only the loaded model knows; `task` is set up."""
    return identity.identity(**_settings(request, task), max_pixels=request.max_pixels, max_side=request.max_side)


def _rank() -> int:
    """Which of the processes that share a run this is, as lm-eval counts them (accelerate launch, torchrun)."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def photograph_positions(request: Request, task: Any) -> range:
    """Positions in the manifest of the photographs that are asked about."""
    from lm_eval.evaluator_utils import get_sample_size

    n = len(task.eval_docs)
    part, parts = request.shard or (1, 1)
    return range(part - 1, min(n, get_sample_size(task, request.limit) or n), parts)


def _evaluate(
    request: Request, model: Any, judging: SecondModel | None, info: dict[str, Any], task: Any, journal: Journal
) -> Results | None:
    """Ask for the answers that the journal lacks, score all, write both files; None in a helping process."""
    from globe_eval.runs.journaled import JournaledModel
    from globe_eval.runs.progress import Progress

    started, name = datetime.now(UTC), task.config.task
    progress = Progress(name, task.answer_form, quiet=True if _rank() else None)
    budget = Budget(request.max_cost, request.prices) if request.max_cost and request.prices else None
    asking = JournaledModel(model, journal, seed=request.seed, progress=progress, budget=budget)
    try:
        ask_all(request, asking, task)
        asking.prompt = str(task._instances[0].args[0]) if task._instances else ""
        task._instances = None  # 3 KB a photograph, which nobody asks for again
        process.return_memory_now()
        portions = model.gather_object(asking.portion)
        if portions is None or _rank():  # with tensor parallelism, every process has all answers
            return None
        samples, results, notes = _assemble(request, info, asking, task, portions, started)
        if judging is not None:
            samples, agreed = judge.ask(samples, judging, folder=journal.folder, seed=request.seed)
            results = replace(results, judge=agreed)
        record.write_run(journal.folder, samples, results)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"{name}: {asking.done:,} of {asking.total:,} photographs are answered, in {journal.path}"
        ) from None
    for note in notes:
        print(f"globe-eval: {name}: {note}", file=sys.stderr)
    return results


def ask_all(request: Request, asking: JournaledModel, task: Any) -> None:
    """Have lm-eval ask for every answer that is wanted; they are in `asking.answers` then, and nothing is scored."""
    # Not lm_eval.simple_evaluate, which adds four seconds of environment report to every run and nothing else here.
    from lm_eval.evaluator import evaluate

    task.process_results = lambda doc, results: {}  # a run scores all at once, when all responses are there
    evaluate(
        lm=asking,
        task_dict={"tasks": {task.config.task: task}, "groups": {}},
        samples={task.config.task: photograph_positions(request, task)},
        system_instruction=request.system_instruction,
        apply_chat_template=True,
        log_samples=False,
        bootstrap_iters=0,
    )


def load_tasks(
    names: Sequence[str], include_path: Sequence[Path] = (), prompt: str | None = None, *, no_code: bool = False
) -> dict[str, Any]:
    """Name -> task of lm-eval, with another prompt where one is given; groups and tags are spelled out.

    Says on standard error whose Python is loaded, and which YAML bears a shipped name: its results are named `own_…`.
    Raises InputError for unknown names, for YAMLs that are wrong, for tasks whose prompt cannot be another, and with
    `no_code` for those that load Python of others.
    """
    if prompt is not None and prompt not in PROMPT_NAMES:
        hint = f"{nearest(prompt, PROMPT_NAMES)} (allowed: {', '.join(PROMPT_NAMES)})"
        raise InputError(f"--prompt: found {prompt!r}{hint}")
    folders = [*definition.task_folders(), *include_path]
    known = definition.definitions(folders)
    names = [str(unpack_benchmark(Path(name))) if is_packed(name) and name not in known else name for name in names]
    tags = definition.tags(known)
    for name in (one for given in names for one in tags.get(given, [given])):
        _refuse_unusable(name, known, include_path)
    asked = validate.requested_definitions(names, known, tags)
    for file, modules in validate.function_modules(asked).items():
        if no_code:
            raise InputError(f"{file}: loads the Python of {', '.join(modules)}; --no_code refuses it")
        print(f"globe-eval: {file} loads the Python of {', '.join(modules)}", file=sys.stderr)

    from globe_eval.benchmarks import deferred  # isort: skip  # noqa: F401  before lm-eval
    from lm_eval.tasks import TaskManager

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    metadata = {"prompt": prompt} if prompt else None
    manager = TaskManager(include_path=list(map(str, folders)), include_defaults=False, metadata=metadata)
    with TemporaryDirectory() as scratch:
        files = _own_names(asked, Path(scratch))
        given = [files.get(str(Path(name)), name) for name in dict.fromkeys(names)]
        tasks: dict[str, Any] = manager.load(given)["tasks"]
    return tasks


def _refuse_unusable(name: str, known: Mapping[str, definition.Definition], include_path: Sequence[Path]) -> None:
    """Raise InputError for a name that is no task's, and for a YAML that is wrong."""
    path = known[name].path if name in known else Path(name)
    if name not in known and not (path.suffix in {".yaml", ".yml"} and path.is_file()):
        broken = [str(found[0]) for file in definition.task_files(include_path) if (found := validate.problems(file))]
        there = f"; a YAML there is broken: {broken[0]}" if broken else ""
        raise InputError(definition.unknown_task(name, known) + there)
    if found := validate.problems(path):
        raise InputError(str(found[0]))


def _own_names(asked: Sequence[definition.Definition], folder: Path) -> dict[str, str]:
    """Name and path of each YAML with a shipped name -> a YAML in `folder`, which includes it under another one."""
    files: dict[str, str] = {}
    for one in asked:
        own = definition.results_name(one)
        if one.is_group or own == one.name:
            continue
        says = f"{one.path} bears the name of a shipped benchmark; its results are named {own}"
        print(f"globe-eval: {says}", file=sys.stderr)
        where = json.dumps(one.values.get("dataset_kwargs") or {})  # its paths are beside the YAML, not here
        named, include = folder / f"{own}.yaml", json.dumps(str(one.path.resolve()))
        named.write_text(f"include: {include}\ntask: {own}\ndataset_kwargs: {where}\n", encoding="utf-8")
        files |= {one.name: str(named), str(one.path): str(named)}
    return files


def known_model(name: str) -> None:
    """Raise InputError, with the nearest match, for a model that neither lm-eval nor this project has."""
    from lm_eval.api.registry import model_registry

    from globe_eval import models

    models.register(name if ":" in name else None)
    known = sorted(model_registry.keys())
    if name not in known:
        allowed = f"{', '.join(models.names())}, and lm-eval's that see pictures: hf-multimodal, vllm-vlm"
        raise InputError(f"unknown model {name!r}{nearest(name, known)} (allowed: {allowed})")


def load_model(request: Request) -> Any:
    """The model as lm-eval makes it. Raises InputError for one that cannot be made, or that sees no pictures."""
    from lm_eval.api.registry import get_model

    from globe_eval import models
    from globe_eval.runs.journaled import CHUNK, seed_everything  # not at the top: lm-eval reads what is set there

    if request.model.startswith(("hf", "vllm", "ray")):
        from globe_eval.models import torchvision_cpu

        torchvision_cpu.ensure()
    # vLLM makes its own batches and waits for each that it is given: so for all that is journalled at once. With "auto"
    # lm-eval would ask it for its bar, and where bars are off vLLM divides by the time of that bar, which is zero.
    by_itself = {"vllm-vlm": CHUNK, "vllm": CHUNK, "ray-vllm": None}
    wanted_size = None if request.batch_size == "auto" and request.model in by_itself else request.batch_size
    batch_size = wanted_size or by_itself.get(request.model, 1)
    more = {"batch_size": batch_size, "max_batch_size": None, "device": request.device}
    seeded = request.model in ("endpoint", "ray-vllm")
    arguments = {"seed": request.seed, **request.model_args} if seeded else {**request.model_args}
    try:
        make = get_model(request.model)
        seed_everything(request.seed)
        model = make.create_from_arg_obj(arguments, more)
    except InputError:
        raise
    except ModuleNotFoundError as error:
        extra = {"hf-multimodal": "hf", "vllm-vlm": "vllm", "ray-vllm": "vllm"}.get(request.model, "api")
        needed = f"a package that is not installed ({error.name or error}): pip install 'globe-eval[{extra}]'"
        raise InputError(f"model {request.model!r} needs {needed}") from None
    except (OSError, ValueError, TypeError, AssertionError) as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        given = secrets.without_secrets(request.model_args)
        raise InputError(f"model {request.model!r} with {given}: {reason}") from error
    if request.model == "endpoint":
        model.explicit = frozenset(request.gen_kwargs) | ({"seed"} & set(request.model_args))
    if not getattr(model, "MULTIMODAL", False):
        allowed = f"{', '.join(models.names())}, hf-multimodal, vllm-vlm"
        raise InputError(f"model {request.model!r} sees no pictures; allowed: {allowed}")
    return model


def model_label(model: str, model_args: dict[str, Any]) -> str:
    """A folder name for a model: what it is and which weights.

    >>> model_label("hf-multimodal", {"pretrained": "globe-project/GLOBE-Qwen2.5VL-7B"})
    'hf-multimodal__globe-project__GLOBE-Qwen2.5VL-7B'
    """
    which = identity.weights(model_args)
    label = f"{model}__{which.strip('/')}" if which else model
    return "".join(c if c.isalnum() or c in "-_." else "__" for c in label)


def _assemble(
    request: Request, info: dict[str, Any], asking: JournaledModel, task: Any, parts: Sequence[Portion], begun: datetime
) -> tuple[list[Sample], Results, list[str]]:
    """Samples, results and notes of all answers of a run, which are in `parts`."""
    positions = photograph_positions(request, task)
    docs = list(islice(task.eval_docs, positions.start, positions.stop, positions.step))
    answers = {name: response for portion in parts for name, response in portion.answers.items()}
    responses = [answers[str(doc["id"])] for doc in docs]
    files = [asking.pictures.get(doc["id"]) or task.doc_to_image(doc)[0].inspection for doc in docs]
    every = zip(docs, responses, files, strict=True)
    samples = [Sample.of(str(doc["id"]), Truth.of(doc), said, image_sha256=file.sha256) for doc, said, file in every]
    if request.ask_localizable is not None:
        pictures, folder = [task.doc_to_image(doc)[0] for doc in docs], asking.journal.folder
        samples = localizability_probe.ask(samples, pictures, request.ask_localizable, folder=folder, seed=request.seed)
    results = empty_results(
        **{name: value for name, value in _settings(request, task).items() if name != "system_instruction"},
        answer_form=task.answer_form,
        model_info=info,
        prompt=task.config.metadata["prompt"],
        limit=request.limit,
        shard="{}/{}".format(*request.shard) if request.shard else None,
        distance=request.distance,
        geocoder=request.geocoder,
        thresholds_km=tuple(task.thresholds_km),
        own_directions=task.own_directions,
        command=request.command,
        entity_classes=task.entity_classes,
        images=Images(
            with_coordinates=sum(file.with_coordinates for file in files),
            reencoded=sum(file.reencoded for file in files),
            max_pixels=request.max_pixels,
            max_side=request.max_side,
        ),
        usage=usage(responses, parts, request.prices),
    )
    exclude = overlapping_ids({"overlap": task.manifest.overlap}) if request.exclude_overlap else None
    answered_by = served_by(responses)
    notes = response_notes(responses, asking.prompt if hasattr(asking.model, "answers") else None)
    notes += other_size(task.config.task, task.config.metadata, len(task.manifest.rows), "manifest")
    del docs, files, answers, responses  # a kilobyte and a half a photograph, of no more use
    asking.answers.clear()
    asking.pictures.clear()
    samples, results = assemble(results, samples, started=begun, own_metrics=task.own_metrics, exclude=exclude)
    notes += odd_positions(samples, results.model, "response")
    if again := {name: given for portion in parts for name, given in portion.repeats.items()}:
        results = with_repeats(results, samples, again)
    return samples, replace(results, served=answered_by), notes
