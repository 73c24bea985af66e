"""All photographs and answers of a report as one CSV, a row for each photograph and run."""

from __future__ import annotations

import csv
import io

from globe_eval.reports.page.loaded import Loaded, unsupported

COLUMNS = (
    "run", "id", "true_lat", "true_lon", "true_country", "true_city", "scene", "status", "answer_country",
    "answer_admin", "answer_city", "answer_lat", "answer_lon", "confidence", "lat", "lon", "level", "place",
    "country_code", "distance_km", "country_correct", "city_correct", "grounding_f1", "unsupported", "consistency",
    "error",
)  # fmt: skip


def flat(data: Loaded) -> str:
    """The CSV, RFC 4180 with a header; what is missing is empty. Who took a photograph is not in it.

    A text that a spreadsheet would take for a formula (it begins with =, +, -, @ or a tab) has an apostrophe before it:
    models wrote these texts.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for run, answers in zip(data.runs, data.answers, strict=True):
        for photograph, sample in zip(data.photographs, answers, strict=True):
            if sample is None:
                continue
            answer, place, measured = sample.answer, sample.prediction, sample.grounding
            writer.writerow(
                _cell(value)
                for value in (
                    run.name, photograph.shown, photograph.lat, photograph.lon, sample.truth.country,
                    sample.truth.city, sample.truth.scene, sample.status, answer.country, answer.admin, answer.city,
                    answer.lat, answer.lon, answer.stated_confidence, place and place.lat, place and place.lon,
                    place and place.level, place and place.name, place and place.country_code, sample.distance_km,
                    sample.country_correct, sample.city_correct, measured and measured.f1,
                    "; ".join(unsupported(sample)), sample.consistency and sample.consistency.verdict, sample.error,
                )
            )  # fmt: skip
    return out.getvalue()


def _cell(value: object) -> object:
    """A value as a cell.

    >>> _cell("=HYPERLINK(1)"), _cell(-3.5), _cell(None)
    ("'=HYPERLINK(1)", -3.5, '')
    """
    if isinstance(value, str):
        return "'" + value if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value.replace("\x00", "")
    return "" if value is None else value
