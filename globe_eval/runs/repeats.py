"""`--repeats`: the answers to each photograph beside the first, scored alike and summarised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from globe_eval import scoring
from globe_eval.metrics import repeats
from globe_eval.metrics.accuracy import THRESHOLDS_KM, acc_name, within
from globe_eval.metrics.statistics import cluster_labels
from globe_eval.models.response import Response
from globe_eval.places import resolve_many
from globe_eval.places.online import GEOCODERS
from globe_eval.sample import RepeatedAccuracy, Repeats, Results, Sample


def attach(samples: Sequence[Sample], results: Results, answers: Mapping[str, Sequence[Response]]) -> Results:
    """The results with the statistics of N answers to each photograph.

    Args:
        samples: scored, of the first answers.
        results: of these.
        answers: photograph's id -> its N answers. One that never came is a miss, and the run is not complete.
    """
    times = min(len(answers[sample.id]) for sample in samples)
    name = results.geocoder.name
    online = None if name == "geonames" else GEOCODERS[name]()
    runs = [list(samples)]
    for repeat in range(1, times):
        again = [
            Sample.of(sample.id, sample.truth, answers[sample.id][repeat], image_sha256=sample.image_sha256)
            for sample in samples
        ]
        geocode = online.geocode if online else resolve_many
        runs.append(scoring.score(again, form=results.answer_form, distance=results.distance, geocode=geocode))
    distance = _column(runs, "distance_km")
    found = [[one.prediction for one in of_photograph] for of_photograph in zip(*runs, strict=True)]
    points = np.array([[(p.lat, p.lon) if p else (np.nan, np.nan) for p in row] for row in found], dtype=np.float64)
    most = repeats.majority([[p and (p.geonameid or (p.lat, p.lon)) for p in row] for row in found])
    middle = repeats.medoid(points[..., 0], points[..., 1])
    groups = cluster_labels([one.id for one in samples], [one.truth.group for one in samples])
    accuracy = {}
    for km in THRESHOLDS_KM.values():
        mean, sd = repeats.between_seeds(distance, km)
        low, high = repeats.both_sources(distance, km, groups)
        accuracy[acc_name(km)] = RepeatedAccuracy(
            mean=mean,
            low=low,
            high=high,
            sd_between_seeds=sd,
            pass_at={str(k): repeats.pass_at(distance, km, k) for k in range(1, times + 1)},
            majority=float(within(repeats.of_chosen(distance, most), km).mean()),
            medoid=float(within(repeats.of_chosen(distance, middle), km).mean()),
        )
    lacking = sum(one.error is not None for run in runs for one in run)
    return replace(
        results,
        complete=results.complete and not lacking,
        repeats=Repeats(n=times, n_errors=lacking, accuracy=accuracy),
    )


def _column(runs: Sequence[Sequence[Sample]], name: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rows = [[getattr(one, name) for one in of_photograph] for of_photograph in zip(*runs, strict=True)]
    return np.array([[np.nan if value is None else value for value in row] for row in rows], dtype=np.float64)
