"""`GeoTask`: the lm-eval task with all defaults of geolocation, so that a benchmark's YAML is four lines.

task: my_city
class: !function globe_eval.GeoTask
dataset_kwargs: {truth: my_city.csv, images: my_city/}
metadata: {version: 1}
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

from globe_eval.benchmarks import deferred  # isort: skip  # noqa: F401  before lm-eval
from lm_eval.api.task import ConfigurableTask

from globe_eval import scoring
from globe_eval.benchmarks.definition import OWN_KEYS, resolved_beside
from globe_eval.benchmarks.images import UNBOUNDED, Photograph
from globe_eval.benchmarks.manifest import Manifest, find_manifest
from globe_eval.benchmarks.prompts import DECODINGS, PROMPTS, PROMPTS_COMPARED, SHORT_NAMES, SYSTEM, refuse_prompt_leaks
from globe_eval.benchmarks.truth import entity_classes
from globe_eval.errors import InputError, nearest
from globe_eval.metrics import custom_metrics
from globe_eval.metrics.catalogue import METRICS, Metric, metrics_with
from globe_eval.metrics.custom_metrics import OwnMetric
from globe_eval.sample import ANSWER_FORMS, AnswerForm, Sample, Truth


class DatasetRows(list[dict[str, Any]]):
    """Stands in for a `datasets.Dataset`, of which lm-eval reads the rows and the names of their columns."""

    @property
    def features(self) -> dict[str, None]:
        """Column -> nothing."""
        return dict.fromkeys(name for row in self for name in row)


class GeoTask(ConfigurableTask):  # type: ignore[misc]
    """One geolocation benchmark in lm-eval.

    `dataset_kwargs` name the truth table and the folder of images, relative to the YAML, to the working folder or to
    $GLOBE_EVAL_DATA (looked up in this order), or absolute, and what `benchmarks.manifest.read_manifest` takes
    besides. What `globe-eval prepare` left in the data folder is used instead, under the task's name or the one that
    `prepared` gives. A `custom_dataset` function may return the manifest's path (miniworld draws its own).
    `prompt`, `decoding` and `answer_form` name entries of `benchmarks.prompts`; in `metadata`, where lm-eval puts what
    its user gives it (`--metadata '{"prompt": "coordinates"}'`), they count for more. Every key that lm-eval knows may
    stand there too, a prompt of one's own (`doc_to_text`) among them.
    """

    MULTIMODAL = True

    bounds = UNBOUNDED
    """How large models may see a photograph: the run's choice, not the benchmark's."""

    _docs: list[dict[str, Any]] | None = None

    def __init__(self, config: Mapping[str, Any], **kwargs: Any) -> None:
        not_host = (*OWN_KEYS, *custom_metrics.KEYS, "class")
        given = {key: value for key, value in (config or {}).items() if key not in not_host}
        name = given.get("task", "task")
        own = _own_settings(config)
        prompt = _choose(name, "prompt", own["prompt"], PROMPTS)
        decoding = _choose(name, "decoding", own["decoding"], DECODINGS)
        self.answer_form: AnswerForm = own.setdefault("answer_form", prompt.answer_form)
        _choose(name, "answer_form", self.answer_form, dict.fromkeys(ANSWER_FORMS))
        self.thresholds_km = custom_metrics.thresholds_km(config or {})
        self.own_metrics = custom_metrics.own_metrics(config or {})
        self.own_directions = {metric.name: metric.higher_is_better for metric in self.own_metrics}
        metrics = metrics_with(self.thresholds_km, self.own_directions)
        metadata = {**(given.get("metadata") or {}), **own}
        defaults = {
            "output_type": "generate_until",
            "test_split": "test",
            "description": SYSTEM,
            "doc_to_text": f"<image>{prompt.text}",
            "doc_to_target": describe_truth,
            "doc_to_image": "image",
            "process_results": partial(process_results, form=self.answer_form, metrics=metrics, own=self.own_metrics),
            "num_fewshot": 0,
            "fewshot_config": {"samples": []},
            "metric_list": [
                {"metric": one.name, "aggregation": partial(scoring.aggregate, one), "higher_is_better": better}
                for one, better in ((one, one.higher_is_better) for one in metrics)
            ],
        }
        generation = {"until": [], **decoding, **(given.get("generation_kwargs") or {})}
        super().__init__(config={**defaults, **given, "metadata": metadata, "generation_kwargs": generation}, **kwargs)
        self.entity_classes = entity_classes(metadata.get("exhaustive_entities"), self.manifest.rows)
        if "process_results" not in given:
            self.config.process_results = partial(self.config.process_results, classes=self.entity_classes)
        if self.config.process_docs is None:
            self._docs = self.manifest.rows
        if isinstance(self.config.doc_to_text, str) and "<image>" not in self.config.doc_to_text:
            self.config.doc_to_text = f"<image>{self.config.doc_to_text}"
        refuse_prompt_leaks(f"task {name!r}", self._prompt, list(islice(self.test_docs(), PROMPTS_COMPARED)))

    @property
    def eval_docs(self) -> Any:
        """The manifest's own rows: those of `test_docs` would be made anew for each reader, and kept by lm-eval."""
        return super().eval_docs if self._docs is None else self._docs

    def download(self, dataset_kwargs: dict[str, Any] | None = None, **_: Any) -> None:
        """Read the manifest instead of downloading: docs hold relative paths, pictures are decoded when needed."""
        values = {key: getattr(self.config, key) for key in ("task", "custom_dataset", "metadata")}
        folder = _yaml_folder()
        if folder is not None and values["custom_dataset"] is None:
            dataset_kwargs = resolved_beside(dataset_kwargs or {}, folder)
        self.manifest: Manifest = find_manifest({**values, "dataset_kwargs": dataset_kwargs})
        self.dataset = {"test": DatasetRows(self.manifest.rows)}
        if self.config.process_docs is not None:  # may want any of its methods
            import datasets

            self.dataset = {"test": datasets.Dataset.from_list(self.manifest.rows)}

    @property
    def prompt_template(self) -> str:
        """The prompt as the YAML gives it; what a function gives, which is the same for all photographs."""
        text = self.config.doc_to_text
        return text if isinstance(text, str) else str(text(self.dataset["test"][0]))

    @property
    def prompt_sha256(self) -> str:
        """SHA-256 of the system message and the prompt."""
        return hashlib.sha256(f"{self.config.description}\0{self.prompt_template}".encode()).hexdigest()

    def doc_to_image(self, doc: Mapping[str, Any], doc_to_image: Any = None) -> list[Photograph]:
        """The photograph, as a reference that decodes its pixels when a model asks for them."""
        return [Photograph(self.manifest.images / doc["image"], doc["image"], self.bounds)]

    def build_all_requests(self, **kwargs: Any) -> None:
        """lm-eval's requests; its bar, which has no name, says whose they are.

        lm-eval compiles prompt and system message anew for each photograph, which takes milliseconds: here once.
        """
        from lm_eval import utils
        from lm_eval.api import task as host

        bar, compiled = host.tqdm, utils.env.from_string
        host.tqdm = partial(bar, desc=f"{self.config.task}: prompts", unit=" photographs", leave=False)
        utils.env.from_string = lru_cache(maxsize=8)(compiled)
        try:
            super().build_all_requests(**kwargs)
        finally:
            host.tqdm, utils.env.from_string = bar, compiled

    def construct_requests(self, doc: Mapping[str, Any], ctx: str, **kwargs: Any) -> Any:
        """lm-eval's request; the text, mostly the same for all photographs, is kept once."""
        return super().construct_requests(doc, sys.intern(ctx) if type(ctx) is str else ctx, **kwargs)

    def _prompt(self, doc: Mapping[str, Any]) -> str:
        """All the text that a model gets with this photograph: each part of it may be a template."""
        return str(self.fewshot_context(dict(doc), num_fewshot=0, gen_prefix=self.doc_to_prefix(doc)))


def _yaml_folder() -> Path | None:
    """The folder of the YAML that lm-eval makes a task of: a task is told all that the YAML says, but not where."""
    frame = inspect.currentframe()
    while frame is not None:
        path = getattr(frame.f_locals.get("entry"), "yaml_path", None)
        if path is not None and frame.f_globals["__name__"].startswith("lm_eval.tasks"):
            return Path(path).parent
        frame = frame.f_back
    return None


def _own_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """`prompt`, `decoding` and, where it is given, `answer_form`: those of `metadata`, else the YAML's, else defaults.

    Raises InputError for another prompt than the one that the task's name or its `doc_to_text` fixes.
    """
    name, metadata = str(config.get("task", "task")), config.get("metadata") or {}
    yaml = {key: config[key] for key in OWN_KEYS if key in config}
    chosen = {key: metadata[key] for key in OWN_KEYS if key in metadata}
    if "prompt" in chosen:
        fixed, wanted = yaml.get("prompt"), chosen["prompt"]
        if fixed != wanted and name.endswith(f"_{fixed}"):
            raise InputError(f"task {name!r}: is the variant with the prompt {fixed!r}; found --prompt {wanted}")
        if "doc_to_text" in config:
            raise InputError(f"task {name!r}: has a prompt of its own (doc_to_text); found --prompt {wanted}")
        yaml.pop("answer_form", None)
    settings = {"prompt": "globe_readme", "decoding": "greedy", **yaml, **chosen}
    return {**settings, "prompt": SHORT_NAMES.get(str(settings["prompt"]), settings["prompt"])}


def process_results(
    doc: Mapping[str, Any],
    results: Sequence[str],
    *,
    form: AnswerForm,
    metrics: Sequence[Metric] = METRICS,
    own: Sequence[OwnMetric] = (),
    classes: Sequence[str] | None = None,
) -> dict[str, Any]:
    """One photograph's metrics for lm-eval's own aggregation. A miss is 0 where it is a rate, never left out."""
    sample = Sample.of(str(doc["id"]), Truth.of(doc), results[0])
    (scored,) = scoring.score([sample], form=form, own=own, classes=classes)
    return scoring.sample_metrics(scored, metrics)


def describe_truth(doc: Mapping[str, Any]) -> str:
    """The target that lm-eval logs beside each response."""
    names = ", ".join(doc[key] for key in ("city", "country") if doc.get(key))
    return f"{doc['lat']:.5f}, {doc['lon']:.5f}" + (f" ({names})" if names else "")


def _choose(task: str, key: str, value: Any, allowed: Mapping[str, Any]) -> Any:
    if value not in allowed:
        hint = f"{nearest(str(value), allowed)} (allowed: {', '.join(allowed)})"
        raise InputError(f"task {task!r}: {key} {value!r} is unknown{hint}")
    return allowed[value]
