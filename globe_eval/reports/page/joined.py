"""Joins the runs of a report by photograph, and decides what of a photograph may be shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from globe_eval.columns import Column
from globe_eval.places import country_code
from globe_eval.places.borders import countries_at
from globe_eval.places.resolve import country_name
from globe_eval.reports import run
from globe_eval.reports.run import model_name
from globe_eval.runs import record
from globe_eval.sample import Sample, Truth

Floats = npt.NDArray[np.float64]

_ACCOUNT = re.compile(r"\d+@N\d\d")
"""Flickr's number of a photographer, which IM2GPS3K's file names carry."""
SAME_DEGREES = 1e-3
"""Truths that are nearer than this are one: tables write the same point with more or fewer digits."""


@dataclass(frozen=True)
class NamedRun(run.Run):
    """A run and what the report calls it: its model, numbered where several have the same."""

    name: str

    @property
    def confidence(self) -> Floats:
        """(n,) confidences that the model itself gave, in [0, 1]; NaN where it gave none."""
        return np.array([own_confidence(sample) for sample in self.samples], dtype=np.float64)


@dataclass(frozen=True)
class JoinedPhotograph:
    """A photograph of the report. `id` is the run's; `shown` is the id without the photographer's account."""

    id: str
    shown: str
    lat: float
    lon: float
    place: str
    """Its name as far as the truth tells it, else the country around the point; empty at sea."""
    country: str | None
    """ISO alpha-2 code; None where neither a name nor the point says it."""
    sha256: str | None


@dataclass(frozen=True)
class JoinedRuns:
    """All runs, all photographs in the order of the first run, and `answers[run][photograph]` where there is one."""

    runs: list[NamedRun]
    photographs: list[JoinedPhotograph]
    answers: list[list[Sample | None]]


def join_runs(folders: Sequence[Path]) -> JoinedRuns:
    """Read runs and join their answers by id and true position (within a hundred metres).

    Raises InputError for what is no run.
    """
    read = [run.Run(folder, *record.read_run(folder)) for folder in folders]
    names = _names(read)
    runs = [NamedRun(one.folder, one.results, one.samples, name) for name, one in zip(names, read, strict=True)]

    photographs, indices = _joined([run.samples for run in runs])
    answers: list[list[Sample | None]] = [[None] * len(photographs) for _ in runs]
    for one, of_run, row in zip(runs, indices, answers, strict=True):
        for sample, index in zip(one.samples, of_run, strict=True):
            row[index] = sample
    return JoinedRuns(runs, _photographs(photographs), answers)


def _joined(many: Sequence[Sequence[Sample]]) -> tuple[list[Sample], list[list[int]]]:
    """One sample for each photograph, in order of appearance, and which of them each run's samples are of."""
    first: list[Sample] = []
    of_id: dict[str, list[int]] = {}
    indices = []
    for samples in many:
        of_run = []
        for sample in samples:
            same = of_id.setdefault(sample.id, [])
            index = next((i for i in same if _same_point(first[i].truth, sample.truth)), len(first))
            if index == len(first):
                same.append(index)
                first.append(sample)
            of_run.append(index)
        indices.append(of_run)
    return first, indices


def _same_point(a: Truth, b: Truth) -> bool:
    return abs(a.lat - b.lat) < SAME_DEGREES and abs(a.lon - b.lon) < SAME_DEGREES


def _names(many: Sequence[run.Run]) -> list[str]:
    """The models' names; with the task where there are several, and with the folders of runs that share both."""
    names = [model_name(one.results) for one in many]
    if len({one.results.task for one in many}) > 1:
        names = [f"{name}, {one.results.task}" for name, one in zip(names, many, strict=True)]
    alike: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        alike.setdefault(name, []).append(index)
    for name, indices in alike.items():
        if len(indices) > 1:
            for index, part in zip(indices, _apart([many[index].folder for index in indices]), strict=True):
                names[index] = f"{name} ({part})"
    return names


def _apart(folders: Sequence[Path]) -> list[str]:
    """What tells folders apart: their paths without what all begin and end with; their numbers where that is nothing.

    >>> _apart([Path("runs/a/miniworld"), Path("runs/b/miniworld")]), _apart([Path("a"), Path("a/b")])
    (['a', 'b'], ['1', '2'])
    """
    paths = [folder.parts for folder in folders]
    start = _common(paths)
    end = _common([path[start:][::-1] for path in paths])
    found = ["/".join(path[start : len(path) - end]) for path in paths]
    return found if all(found) and len(set(found)) == len(found) else [str(i + 1) for i in range(len(found))]


def _common(paths: Sequence[Sequence[str]]) -> int:
    """How many parts all begin with."""
    return sum(1 for _ in takewhile(lambda parts: len(set(parts)) == 1, zip(*paths, strict=False)))


def _photographs(samples: Sequence[Sample]) -> list[JoinedPhotograph]:
    at_point = countries_at([s.truth.lat for s in samples], [s.truth.lon for s in samples])
    found = []
    for sample, codes in zip(samples, at_point, strict=True):
        truth = sample.truth
        code = country_code(truth.country) or min(codes, default=None)
        name = ", ".join(part for part in (truth.city, truth.country) if part) or (country_name(code) if code else "")
        shown = without_photographer(sample.id, truth.group)
        found.append(JoinedPhotograph(sample.id, shown, truth.lat, truth.lon, name, code, sample.image_sha256))
    return found


def without_photographer(name: str, group: str | None) -> str:
    """A photograph's id without the account that it is by, where the id carries it.

    >>> without_photographer("1005_5ccf_1201_91728102@N00.jpg", None), without_photographer("ada/7.jpg", "ada")
    ('1005_5ccf_1201_….jpg', '…/7.jpg')
    """
    if group and len(group) > 2 and group in name and group != name:
        name = name.replace(group, "…")
    return _ACCOUNT.sub("…", name)


def own_confidence(sample: Sample) -> float | None:
    """The confidence that the model itself gave, in [0, 1]."""
    judged = sample.localizability
    if judged is None:
        return sample.answer.stated_confidence
    return judged.confidence if judged.source in ("probability", "stated", "judged") else None


def notable_photographs(data: JoinedRuns, most: int) -> list[int]:
    """The indices, ascending, of the `most` photographs that a reader looks for first.

    In turn one of the worst, of the best, of those whose reasoning contradicts the answer, names what is not there, or
    that were refused, and of all in their order.
    """
    n = len(data.photographs)
    if n <= most:
        return list(range(n))
    there = [(i, sample) for answers in data.answers for i, sample in enumerate(answers) if sample is not None]
    km: dict[int, list[float]] = {}
    for i, sample in there:
        if sample.distance_km is not None:
            km.setdefault(i, []).append(sample.distance_km)
    queues: list[Sequence[int]] = [
        sorted(km, key=lambda i: (-max(km[i]), i)),
        sorted(km, key=lambda i: (min(km[i]), i)),
        sorted({i for i, sample in there if contradicts(sample)}),
        sorted({i for i, sample in there if unsupported(sample)}),
        sorted({i for i, sample in there if sample.status == "refused"}),
        range(n),
    ]
    chosen: set[int] = set()
    waiting = [iter(queue) for queue in queues]
    while len(chosen) < most:  # the last queue has all of them
        for queue in waiting:
            new = next((i for i in queue if i not in chosen), None)
            if new is not None and len(chosen) < most:
                chosen.add(new)
    return sorted(chosen)


def table_of(data: JoinedRuns) -> dict[str, Column]:
    """The columns of all runs, concatenated, with the run's name; without the column of the photographer."""
    names = dict.fromkeys(name for one in data.runs for name in one.table if name != "truth.group")
    table = {name: np.concatenate([one.table[name] for one in data.runs]) for name in names}
    return {"run": np.repeat([one.name for one in data.runs], [len(one.samples) for one in data.runs]), **table}


def contradicts(sample: Sample) -> bool:
    """Whether the reasoning concludes another place than the answer names."""
    return sample.consistency is not None and sample.consistency.verdict == "contradicts"


def unsupported(sample: Sample) -> Sequence[str]:
    """The cues that the reasoning asserts and no annotated entity of the photograph supports."""
    return sample.grounding.unsupported if sample.grounding is not None and sample.truth.entities else []
