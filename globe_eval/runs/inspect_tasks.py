"""Our benchmarks as tasks of Inspect: `inspect eval globe_eval/im2gps3k --model openai/gpt-5 -T prompt=coordinates`.

Every benchmark that is installed is one, by its name; `globe_eval/benchmark -T task=my_city.yaml` is any other. Inspect
asks (its providers, batches, tools, viewer); prompt, picture, decoding, reading and place are ours, so each photograph
has the hits that `globe-eval` gives the same response. Figures with our intervals: `globe-eval score LOG.eval`.

Named by the entry point `inspect_ai` of this package; it needs the extra `inspect`.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset
from inspect_ai.dataset import Sample as InspectSample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    ContentImage,
    ContentText,
    GenerateConfig,
)
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, generate, solver

from globe_eval.benchmarks.definition import known_tasks
from globe_eval.benchmarks.images import Bounds, Photograph
from globe_eval.errors import InputError
from globe_eval.sample import Sample, Truth

_FIELDS = {"max_completion_tokens": "max_tokens", "stop": "stop_seqs"}


def benchmark(task: str, prompt: str | None = None, max_pixels: int | None = None, max_side: int | None = None) -> Task:
    """A benchmark by its name, its YAML or its packed file.

    The arguments are those of `globe-eval --tasks`, `--prompt`, `--max_pixels` and `--max_side`.

    Raises InputError for what `load_tasks` refuses.
    """
    geo, docs = _loaded(task, prompt)
    asked = [
        InspectSample(id=id_, input=geo.prompt_template, target=geo.doc_to_target(doc), metadata=_truth(doc))
        for id_, doc in docs.items()
    ]
    return Task(
        name=geo.config.task,
        dataset=MemoryDataset(asked, name=geo.config.task),
        setup=photograph(task, prompt, max_pixels, max_side),
        solver=generate(),
        scorer=geolocation(task, prompt),
        config=_config(geo.config.generation_kwargs),
        version=geo.VERSION,
        metadata={
            "answer_form": geo.answer_form,
            "manifest_sha256": geo.manifest.sha256,
            "prompt_sha256": geo.prompt_sha256,
        },
    )


@cache
def _loaded(task: str, prompt: str | None) -> tuple[Any, dict[str, dict[str, Any]]]:
    """The task of lm-eval, and its photographs by id."""
    from globe_eval.runs.run import load_tasks

    found = load_tasks([task], prompt=prompt)
    if len(found) != 1:
        raise InputError(f"{task}: is several tasks; allowed: one of them ({', '.join(found)})")
    (geo,) = found.values()
    return geo, {str(doc["id"]): doc for doc in geo.eval_docs}


def _truth(doc: dict[str, Any]) -> dict[str, Any]:
    """What the log has of a photograph: its truth, and with whose its errors count together in the standard error."""
    known = {name: value for name, value in asdict(Truth.of(doc)).items() if value is not None}
    return {**known, "cluster": known.get("group") or str(doc["id"])}


def _config(gen_kwargs: dict[str, Any]) -> GenerateConfig:
    """The benchmark's decoding, as far as Inspect knows it; its command line has the last word."""
    from globe_eval.models.request import decoding

    fields = {_FIELDS.get(name, name): value for name, value in decoding(gen_kwargs).items()}
    return GenerateConfig(**{name: fields[name] for name in GenerateConfig.model_fields if name in fields})


@solver
def photograph(
    task: str, prompt: str | None = None, max_pixels: int | None = None, max_side: int | None = None
) -> Solver:
    """The chat that an endpoint would be sent; a picture is read when it is asked about. Raises ImageError."""
    from globe_eval.models import request

    geo, docs = _loaded(task, prompt)
    first = next(iter(docs.values()))
    how = {"gen_prefix": geo.doc_to_prefix(first), "chat_template": request.write_history}
    context = geo.fewshot_context(first, num_fewshot=0, apply_chat_template=True, **how)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        file = docs[str(state.sample_id)]["image"]
        sent = Photograph(geo.manifest.images / file, file, Bounds(max_pixels, max_side)).clean_bytes()
        state.messages = [_message(**one) for one in request.messages(context, [sent])]
        return state

    return solve


def _message(role: str, content: Any) -> ChatMessage:
    """A message of OpenAI's protocol as Inspect's."""
    kind = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}[role]
    if isinstance(content, str):
        return kind(content=content)
    return kind(
        content=[
            ContentText(text=part["text"]) if part["type"] == "text" else ContentImage(image=part["image_url"]["url"])
            for part in content
        ]
    )


@scorer(metrics={"*": [mean(), stderr(cluster="cluster")]})
def geolocation(task: str, prompt: str | None = None) -> Scorer:
    """Hits within each distance, GeoScore and whether there is a place at all; standard errors by photographer."""
    from globe_eval import scoring
    from globe_eval.metrics.catalogue import metrics_with
    from globe_eval.models.response import Response

    geo, docs = _loaded(task, prompt)
    names = ("acc@", "geoscore", "located")
    shown = [one for one in metrics_with(geo.thresholds_km) if one.name.startswith(names)]

    async def score(state: TaskState, target: Target) -> Score:
        id_ = str(state.sample_id)
        response = Response(state.output.completion, finish_reason=state.output.stop_reason)
        (one,) = scoring.score([Sample.of(id_, Truth.of(docs[id_]), response)], form=geo.answer_form)
        place = one.prediction
        return Score(
            value=scoring.sample_metrics(one, shown),
            answer=place and f"{place.name or ''} {place.lat:.5f}, {place.lon:.5f}".strip(),
            explanation=one.status if one.distance_km is None else f"{one.status}, {one.distance_km:,.1f} km off",
            metadata={"status": one.status, "distance_km": one.distance_km, "prediction": place and asdict(place)},
        )

    return score


def _register(name: str) -> None:
    def make(prompt: str | None = None, max_pixels: int | None = None, max_side: int | None = None) -> Task:
        return benchmark(name, prompt, max_pixels, max_side)

    task(name=name)(make)


task(benchmark)
for _name, _one in known_tasks().items():
    if not _one.is_group:
        _register(_name)
