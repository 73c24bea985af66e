"""`globe-eval --model … --tasks …`: lm-eval's own evaluation, then our samples and results from what was heard."""

from __future__ import annotations

import logging
import os
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from globe_eval import scoring
from globe_eval.benchmarks import definition
from globe_eval.errors import InputError, nearest
from globe_eval.runs import record
from globe_eval.runs.assemble import Heard, Setting, assemble

os.environ.setdefault("LMEVAL_HASHMM", "0")  # lm-eval reads it on import, and would hash each picture twice as PNG


@dataclass(frozen=True)
class Request:
    """What the user asks for on the command line."""

    model: str
    tasks: Sequence[str]
    model_args: dict[str, Any] = field(default_factory=dict)
    include_path: Sequence[Path] = ()
    limit: float | None = None
    batch_size: str | int = 1
    device: str | None = None
    gen_kwargs: dict[str, Any] = field(default_factory=dict)
    output_path: Path | None = None
    distance: scoring.DistanceModel = "geodesic"
    geocoder: str = "geonames"
    seed: int = 0
    system_instruction: str | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class Finished:
    """One task's results and the folder that holds them."""

    results: record.Results
    folder: Path


def run(request: Request) -> list[Finished]:
    """Evaluate one model on tasks; writes `samples.jsonl` and `results.json` into a folder for each task.

    Raises InputError before a model is loaded where the tasks, their pictures or the output folder cannot be used.
    In a process that is not the first of several (accelerate), evaluates its share and returns nothing.
    """
    known_model(request.model)
    tasks = load_tasks(request.tasks, request.include_path)
    folder = request.output_path or Path("globe_eval_runs") / model_label(request.model, request.model_args)
    for name, task in tasks.items():
        _refuse_other_run(folder / name, request, str(task.VERSION))
    _seed(request.seed)
    model = load_model(request)
    for name in tasks:
        _make_writable(folder / name)

    # Not lm_eval.simple_evaluate, which adds four seconds of environment report to every run and nothing else here.
    from lm_eval.evaluator import evaluate

    for task in tasks.values():
        task.set_config(key="generation_kwargs", value=dict(request.gen_kwargs), update=True)
        task.set_fewshot_seed(seed=request.seed)
    started = datetime.now(UTC)
    evaluated = evaluate(
        lm=model,
        task_dict={"tasks": tasks, "groups": {}},
        limit=request.limit,
        system_instruction=request.system_instruction,
        apply_chat_template=True,
        log_samples=True,
        bootstrap_iters=0,
    )
    if evaluated is None:
        return []
    finished = []
    for name, task in tasks.items():
        samples, results = _assemble(request, model, name, task, evaluated["samples"][name], started)
        record.write_run(folder / name, samples, results)
        finished.append(Finished(results, folder / name))
    return finished


def _seed(seed: int) -> None:
    """Seed what models and lm-eval draw from, before the model is made, as `lm_eval run --seed` does."""
    import numpy as np
    from lm_eval.utils import set_torch_seed

    random.seed(seed)
    np.random.seed(seed)
    set_torch_seed(seed)


def load_tasks(names: Sequence[str], include_path: Sequence[Path] = ()) -> dict[str, Any]:
    """Name -> task of lm-eval, groups spelled out. Raises InputError for unknown names and for YAMLs that are wrong."""
    for folder in include_path:
        if not folder.is_dir():
            raise InputError(f"--include_path {folder}: no such folder")
    folders = [definition.tasks_folder(), *include_path]
    known = definition.definitions(folders)
    for name in names:
        path = known[name].path if name in known else Path(name)
        if name not in known and not (path.suffix in {".yaml", ".yml"} and path.is_file()):
            broken = [
                str(found[0]) for file in definition.task_files(include_path) if (found := definition.problems(file))
            ]
            raise InputError(
                f"unknown task {name!r}{nearest(name, known)} (allowed: {', '.join(sorted(known))}, or the path of a "
                f"YAML){f'; a YAML there is broken: {broken[0]}' if broken else ''}"
            )
        found = definition.problems(path)
        if found:
            raise InputError(str(found[0]))

    from lm_eval.tasks import TaskManager

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    manager = TaskManager(include_path=[str(folder) for folder in folders], include_defaults=False)
    tasks: dict[str, Any] = manager.load(list(dict.fromkeys(names)))["tasks"]
    return tasks


def known_model(name: str) -> None:
    """Raise InputError, with the nearest match, for a model that neither lm-eval nor this project has."""
    from lm_eval.api.registry import model_registry

    from globe_eval import models

    models.register()
    known = sorted(model_registry.keys())
    if name not in known:
        raise InputError(
            f"unknown model {name!r}{nearest(name, known)} (allowed: {', '.join(models.names())}, and lm-eval's that "
            "see pictures: hf-multimodal, vllm-vlm)"
        )


def load_model(request: Request) -> Any:
    """The model as lm-eval makes it. Raises InputError for one that cannot be made, or that sees no pictures."""
    from lm_eval.api.registry import get_model

    from globe_eval import models

    if request.model.startswith("hf"):
        from globe_eval.models import torchvision_cpu

        torchvision_cpu.ensure()
    more = {"batch_size": request.batch_size, "max_batch_size": None, "device": request.device}
    arguments = {"seed": request.seed, **request.model_args} if request.model == "endpoint" else {**request.model_args}
    try:
        model = get_model(request.model).create_from_arg_obj(arguments, more)
    except InputError:
        raise
    except ModuleNotFoundError as error:
        extra = {"hf-multimodal": "hf", "vllm-vlm": "vllm"}.get(request.model, "api")
        raise InputError(
            f"model {request.model!r} needs a package that is not installed ({error.name or error}): "
            f"pip install 'globe-eval[{extra}]'"
        ) from None
    except (OSError, ValueError, TypeError, AssertionError) as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        given = record.without_secrets(request.model_args)
        raise InputError(f"model {request.model!r} with {given}: {reason}") from error
    if not getattr(model, "MULTIMODAL", False):
        raise InputError(
            f"model {request.model!r} sees no pictures; allowed: {', '.join(models.names())}, hf-multimodal, vllm-vlm"
        )
    return model


def model_label(model: str, model_args: dict[str, Any]) -> str:
    """A folder name for a model: what it is and which weights.

    >>> model_label("hf-multimodal", {"pretrained": "globe-project/GLOBE-Qwen2.5VL-7B"})
    'hf-multimodal__globe-project__GLOBE-Qwen2.5VL-7B'
    """
    which = next((str(model_args[key]) for key in ("pretrained", "model", "answers") if key in model_args), "")
    label = f"{model}__{which.strip('/')}" if which else model
    return "".join(c if c.isalnum() or c in "-_." else "__" for c in label)


def _assemble(
    request: Request, model: Any, name: str, task: Any, logged: Sequence[dict[str, Any]], started: datetime
) -> tuple[list[record.Sample], record.Results]:
    from globe_eval.benchmarks.images import image_sha256

    docs = sorted(logged, key=lambda sample: sample["doc_id"])
    heard = []
    for sample in docs:
        response = sample["resps"][0][0]
        finish_reason, error = getattr(response, "finish_reason", None), getattr(response, "error", None)
        heard.append(
            Heard(
                scoring.read(response, finish_reason=finish_reason, error=error),
                response=None if error is not None else str(response),
                finish_reason=finish_reason,
                error=error,
                image_sha256=image_sha256(task.manifest.images / sample["doc"]["image"]),
            )
        )
    setting = Setting(
        task=name,
        task_version=str(task.VERSION),
        answer_form=task.answer_form,
        manifest_sha256=task.manifest.sha256,
        model=request.model,
        model_args=request.model_args,
        model_info=dict(model.get_model_info()) if hasattr(model, "get_model_info") else {},
        prompt=task.config.metadata["prompt"],
        prompt_sha256=task.prompt_sha256,
        decoding=dict(task.config.generation_kwargs),
        seed=request.seed,
        limit=request.limit,
        distance=request.distance,
        geocoder=request.geocoder,
    )
    return assemble(setting, [scoring.Truth.of(sample["doc"]) for sample in docs], heard, started=started)


def _make_writable(folder: Path) -> None:
    """Find out before the model is asked, and not hours later, that nothing can be written there."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def _refuse_other_run(folder: Path, request: Request, task_version: str) -> None:
    """A folder that holds another run's results is not overwritten by accident."""
    if request.overwrite or not (folder / "results.json").exists():
        return
    there = record.read_results(folder)
    here = {
        "model": request.model,
        "model_args": record.without_secrets(request.model_args),
        "task_version": task_version,
        "limit": request.limit,
        "seed": request.seed,
        "distance": request.distance,
    }
    for key, value in here.items():
        if getattr(there, key) != value:
            raise InputError(
                f"{folder}: holds another run ({key} {getattr(there, key)!r}, asked for {value!r}); "
                "choose another --output_path, or give --overwrite"
            )
