"""Wraps an lm-eval model: answers that the journal has are not asked again, new ones are journalled at once."""

from __future__ import annotations

import hashlib
import inspect
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from lm_eval.api.instance import Instance
from lm_eval.utils import set_torch_seed

from globe_eval.benchmarks import images
from globe_eval.errors import IncompleteRun, InputError
from globe_eval.files import valid_utf8
from globe_eval.models.providers import same_model
from globe_eval.models.response import Response, Served
from globe_eval.models.simple import SimpleModel
from globe_eval.runs.journal import Entry, Journal
from globe_eval.runs.progress import Progress
from globe_eval.runs.usage import Budget, Portion
from globe_eval.secrets import redact, without_secrets

CHUNK = 256
"""Requests that an engine of its own batches (vLLM) is given at once: enough to keep it busy, and all of their pictures
are decoded at the same time."""
HOPELESS = 3  # photographs in a row, the first of the run, on which the model itself fails

Slot = tuple[str, int]
"""One answer that is wanted: the photograph's id, and which of its repetitions."""


class JournaledModel:
    """Wraps an lm-eval model; every method but `generate_until` is the model's own.

    A model with `answers(requests)`, an iterator of (index, response) as they arrive, is given everything at once.
    Any other is given chunks, and `seed` is that of the first. A chunk that was cut off is asked again whole, and keeps
    what it had: the same batches give the same answers as without the interruption. The journal is started.
    """

    MULTIMODAL = True

    def __init__(
        self,
        model: Any,
        journal: Journal,
        *,
        seed: int = 0,
        progress: Progress | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.model, self.journal, self.seed, self.budget = model, journal, seed, budget
        self.progress = progress or Progress()
        self.chunk = chunk_size(model)
        self.total = 0
        """How many answers are wanted."""
        self.done = 0
        """How many of them are there, those that are errors left out."""
        self.resumed = 0
        """How many of them the journal had."""
        self.seconds = 0.0
        """How long the model was waited for, in earlier starts of this run too."""
        self.seconds_to_first_answer: float | None = None
        """From the first request of this start; None where nothing was asked."""
        self.answers: dict[str, Response] = {}
        """Photograph's id -> the first of its answers."""
        self.pictures: dict[str, images.Inspection] = {}
        """Photograph's id -> what its file is, for those whose answers came through here."""
        self.repeats: dict[str, list[Response]] = {}
        """Photograph's id -> all of its answers, where it was asked several times."""
        self.prompt = ""
        """What the first photograph was asked with."""
        self.served_by: str | None = None
        """The model that answered, as the replies name it."""
        self._failures = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    @property
    def portion(self) -> Portion:
        """Answers and times of this process, to be combined with those of the others."""
        return Portion(self.resumed, self.seconds, self.seconds_to_first_answer, self.answers, self.repeats)

    def generate_until(self, requests: Sequence[Instance], disable_tqdm: bool = False) -> list[Response]:
        """One response a request, in the same order.

        Raises InputError where the model cannot answer anything, and nothing else for what one photograph does.
        """
        # A photograph asked several times comes as the same object so often; processes that share a run pad with it.
        seen: Counter[int] = Counter()
        slots: list[Slot] = []
        asked: dict[Slot, Instance] = {}
        for request in requests:
            slot = str(request.doc["id"]), seen[id(request)] % (request.repeats or 1)
            seen[id(request)] += 1
            slots.append(slot)
            asked.setdefault(slot, request)
        answered: dict[Slot, Response] = {}
        failed: set[Slot] = set()
        for slot, request in asked.items():
            self._look_up(slot, request, answered, failed)
        self.total, self.done, self.resumed = len(asked), len(answered), len(answered)
        self._warn_of_changes(asked, {name for name, _ in [*answered, *failed]})
        for response in answered.values():
            self._refuse_another_model(response)
            if self.budget is not None:
                self.budget.add(response)
        if self.done < self.total:
            self._ask(asked, answered, failed)
        if len(answered) < len(asked):
            assert self.budget is not None
            raise IncompleteRun(
                f"stopped with {self.done:,} of {self.total:,} answers, in {self.journal.path}; {self.budget.shown()}"
            )
        self.answers = {name: response for (name, repeat), response in answered.items() if repeat == 0}
        if any(repeat for _, repeat in answered):
            for name, repeat in sorted(answered):
                self.repeats.setdefault(name, []).append(answered[name, repeat])
        return [answered[slot] for slot in slots]

    def _look_up(self, slot: Slot, request: Instance, answered: dict[Slot, Response], failed: set[Slot]) -> None:
        """Look `slot` up in the journal, and put what it has into `answered` or `failed`."""
        name, repeat = slot
        if name not in self.journal.images:
            return
        picture = self._picture(request)
        key = self.journal.key(name, picture.sha256, request.args[0], repeat)
        if key in self.journal.failed:
            failed.add(slot)
        elif (entry := self.journal.answered.pop(key, None)) is not None:
            answered[slot] = entry.response
            self.seconds += entry.seconds or 0.0

    def _warn_of_changes(self, asked: Mapping[Slot, Instance], known: set[str]) -> None:
        """Warn where the journal has answers for these photographs, but to other requests."""
        changed = Counter(
            "picture" if self.journal.images[name] != self._picture(request).sha256 else "prompt"
            for (name, repeat), request in asked.items()
            if not repeat and name in self.journal.images and name not in known
        )
        if changed:
            what = " and ".join(f"{n:,} whose {part} has changed" for part, n in sorted(changed.items()))
            logging.getLogger("globe_eval").warning(f"globe-eval: asking again: {what} since {self.journal.path}")

    def _ask(self, asked: Mapping[Slot, Instance], answered: dict[Slot, Response], failed: set[Slot]) -> None:
        streams = hasattr(self.model, "answers")
        pieces = self._stream(asked, answered) if streams else self._chunks(asked, answered, failed)
        began = before = time.monotonic()
        with self.progress.of(self.total):
            self.progress.add([(asked[slot].doc, response) for slot, response in answered.items()], resumed=True)
            for piece in pieces:
                # A chunk that is asked again for the sake of its batches brings answers that are there already.
                new = {slot: _published(response) for slot, response in piece if slot not in answered}
                for response in new.values():
                    self._refuse_another_model(response)
                    if self.budget is not None and not streams:
                        self.budget.add(response)
                now = time.monotonic()
                entries = [self._entry(slot, asked[slot], new[slot], (now - before) / len(new)) for slot in new]
                self.journal.append(entries)
                answered |= new
                n_new = sum(response.error is None for response in new.values())
                self.done += n_new
                self.seconds += now - before
                before = now
                if n_new and self.seconds_to_first_answer is None:
                    self.seconds_to_first_answer = now - began
                self.progress.add([(asked[slot].doc, new[slot]) for slot in new])

    def _stream(
        self, asked: Mapping[Slot, Instance], answered: Mapping[Slot, Response]
    ) -> Iterator[list[tuple[Slot, Response]]]:
        slots = [slot for slot in asked if slot not in answered]
        requests, repeats = [asked[slot] for slot in slots], [repeat for _, repeat in slots]
        for index, response in self.model.answers(requests, repeats=repeats, answered=self.done, budget=self.budget):
            yield [(slots[index], response)]

    def _chunks(
        self, asked: Mapping[Slot, Instance], answered: Mapping[Slot, Response], failed: set[Slot]
    ) -> Iterator[list[tuple[Slot, Response]]]:
        slots = list(asked)
        for start in range(0, len(slots), self.chunk):
            chunk = slots[start : start + self.chunk]
            lacking = [slot for slot in chunk if slot not in answered]
            if self.budget is not None and self.budget.spent(0):
                return
            together = [slot for slot in chunk if slot not in failed] if set(lacking) - failed else []
            # What failed before was left out of its batch or has spoilt it: alone, it spoils nothing.
            for part in [together, *([slot] for slot in lacking if slot in failed)]:
                broken = {slot: error for slot in part if (error := self._cannot_be_shown(asked[slot]))}
                if broken:
                    yield [(slot, Response("", error=error)) for slot, error in broken.items()]
                yield from self._generate([slot for slot in part if slot not in broken], asked)

    def _generate(self, slots: list[Slot], asked: Mapping[Slot, Instance]) -> Iterator[list[tuple[Slot, Response]]]:
        """Ask for several answers in one call; where that raises, halve them until the failing request is alone."""
        if not slots:
            return
        digest = hashlib.sha256(repr((self.seed, slots[0])).encode()).digest()
        seed_everything(int.from_bytes(digest[:4], "big"))
        known = inspect.signature(self.model.generate_until).parameters
        quiet = {"disable_tqdm": True} if "disable_tqdm" in known else {}
        try:
            responses = self.model.generate_until([asked[slot] for slot in slots], **quiet)
            reason = None
        except InputError:
            raise
        except Exception as error:
            text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
            reason = f"{type(error).__name__}: {text}"[:300]
        # Outside the handler: the exception, which holds what fills the memory, is gone.
        if reason is None:
            yield list(zip(slots, responses, strict=True))
        elif len(slots) == 1:
            self._failures += 1
            if not self.done and self._failures >= min(HOPELESS, self.total):
                raise InputError(f"the model fails on every photograph: {reason}")
            yield [(slots[0], Response("", error=reason))]
        else:
            half = len(slots) // 2
            yield from self._generate(slots[:half], asked)
            yield from self._generate(slots[half:], asked)

    def _refuse_another_model(self, response: Response) -> None:
        """Raise InputError where a run's answers come from two models."""
        model = response.served.model if response.served else None
        if model is None:
            return
        if self.served_by is not None and not same_model(self.served_by, model):
            both = f"the answers so far are from the model {self.served_by!r}, and now {model!r} answers"
            raise InputError(f"{self.journal.path}: {both}; ask the first again, or --fresh starts over")
        self.served_by = self.served_by or model

    def _cannot_be_shown(self, request: Instance) -> str | None:
        """Why the picture cannot be decoded; None where it can, or where the model sees to that itself."""
        if isinstance(self.model, SimpleModel):
            return None
        try:
            for photograph in request.args[2]["visual"]:
                photograph.decode()
        except images.ImageError as error:
            return str(error)
        return None

    def _entry(self, slot: Slot, request: Instance, response: Response, seconds: float) -> Entry:
        name, repeat = slot
        digest = self._picture(request).sha256
        key = self.journal.key(name, digest, request.args[0], repeat)
        return Entry(key, name, digest, response, seconds)

    def _picture(self, request: Instance) -> images.Inspection:
        name = str(request.doc["id"])
        if name not in self.pictures:
            (photograph,) = request.args[2]["visual"]
            self.pictures[name] = photograph.inspection
        return self.pictures[name]


def chunk_size(model: Any) -> int:
    """Requests that a model gets in one call: four batches up to CHUNK, at least one batch; CHUNK without batches."""
    batch = str(getattr(model, "batch_size", "auto"))
    if not batch.isdigit():
        return CHUNK
    at_once = max(int(batch), int(getattr(model, "_concurrent", 1)))
    return max(at_once, min(4 * at_once, CHUNK))


def seed_everything(seed: int) -> None:
    """Seed what models and lm-eval draw from, as `lm_eval run --seed` does; torch where the model has loaded it.

    A model behind an endpoint needs none of torch's 200 MB.
    """
    random.seed(seed)
    np.random.seed(seed)
    if "torch" in sys.modules:
        set_torch_seed(seed)


def _published(response: str) -> Response:
    """The response without secrets, as it may be written to disk."""
    served = getattr(response, "served", None)
    more: dict[str, Any] = {name: _shown(getattr(response, name, None)) for name in ("finish_reason", "error")}
    more |= {name: getattr(response, name, None) for name in ("prompt_tokens", "completion_tokens")}
    if served is not None:
        served = Served(*(_shown(v) if isinstance(v, str) else v and tuple(map(_shown, v)) for v in served))  # type: ignore[arg-type]
    return Response(_shown(response) or "", **more, served=served)


def _shown(text: str | None) -> str | None:
    """The text without secrets: servers and libraries quote keys, and addresses with passwords."""
    return None if text is None else without_secrets({"": redact(valid_utf8(str(text)))})[""]
