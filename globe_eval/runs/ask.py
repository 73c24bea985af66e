"""`globe-eval ask`: a model's answers to pictures without a truth, and so without scores."""

from __future__ import annotations

import math
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from globe_eval import scoring
from globe_eval.benchmarks.images import refuse_unread_heic
from globe_eval.benchmarks.manifest import Manifest
from globe_eval.benchmarks.photographs import pictures_in
from globe_eval.benchmarks.task import DatasetRows, GeoTask
from globe_eval.benchmarks.truth import TRUTH_FIELDS
from globe_eval.runs import identity, run
from globe_eval.sample import Sample, Truth

PROMPT = "localizability"
"""What is asked unless told otherwise: country, city, and how sure the model is."""


class AskResult(NamedTuple):
    """The result of `ask`: n samples without a truth (distances are NaN), and the folders of pictures and answers."""

    model: str
    samples: list[Sample]
    images: Path
    folder: Path


class PicturesOnly(GeoTask):
    """A task of pictures alone: every field of its truth is None."""

    def __init__(self, images: Path, prompt: str) -> None:
        self._images = images
        super().__init__({"task": "ask", "metadata": {"version": 1, "prompt": prompt}, "doc_to_target": ""})

    def download(self, dataset_kwargs: dict[str, Any] | None = None, **_: Any) -> None:
        """The pictures of the folder, as rows of a manifest."""
        names = pictures_in(self._images.expanduser())
        rows = [{**dict.fromkeys(TRUTH_FIELDS), "id": name, "image": name} for name in names]
        self.manifest = Manifest(rows, self._images.expanduser().resolve())
        self.dataset = {"test": DatasetRows(rows)}


def ask(request: run.Request, images: Path) -> AskResult:
    """Ask a model about every picture in a folder and below it; what the journal knows is not asked again.

    `request` has no tasks; its prompt is PROMPT unless given. Answers are read in any form: coordinates, else names.

    Raises InputError before a model is loaded where the folder has no picture, or HEIC that cannot be read here; and
    KeyboardInterrupt as `run.run` does.
    """
    from globe_eval.runs.journaled import JournaledModel
    from globe_eval.runs.progress import Progress

    run.known_model(request.model)
    task = PicturesOnly(images, request.prompt or PROMPT)
    refuse_unread_heic(images, [row["image"] for row in task.manifest.rows])
    run.set_up_task(request, task)
    folder = request.output_path or Path("globe_eval_runs") / run.model_label(request.model, request.model_args)
    with ExitStack() as opened:
        journal = opened.enter_context(run.open_journal(request, task.config.task, task, folder))
        model = run.load_model(request)
        info = dict(model.get_model_info()) if hasattr(model, "get_model_info") else {}
        journal.start(model_info=identity.relevant(info))
        asking = JournaledModel(model, journal, seed=request.seed, progress=Progress("ask"))
        try:
            run.ask_all(request, asking, task)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"{asking.done:,} of {asking.total:,} pictures are answered, in {journal.path}"
            ) from None
    nowhere = Truth(math.nan, math.nan)
    names = [row["id"] for row in task.manifest.rows if row["id"] in asking.answers]
    samples = [Sample.of(name, nowhere, asking.answers[name]) for name in names]
    name = identity.weights({**info, **request.model_args}) or request.model
    return AskResult(name, scoring.score(samples, form="any"), task.manifest.images, journal.folder)
