"""The page of `globe-eval ask`: answers to pictures without a truth, on a map and as a gallery.

It has no script at all. What a model wrote is escaped, by the template or as text of an SVG; the page's policy allows
its own style by hash and pictures that are part of it. The same answers give the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

import globe_eval
from globe_eval.benchmarks.table import write_csv
from globe_eval.files import write_whole
from globe_eval.reports.page import maps, template, worldmap
from globe_eval.reports.page.drawings import STYLES
from globe_eval.reports.page.joined import contradicts
from globe_eval.reports.page.payload import (
    LONGEST,
    NEGATED,
    concluded_place,
    found_place,
    marks,
    shown_confidence,
    without_middle,
)
from globe_eval.reports.page.pictures import MOST, data_url
from globe_eval.reports.page.svg import element, number
from globe_eval.reports.run import stated_answer
from globe_eval.sample import STATUSES, Sample

LEVELS = {"coordinates": 0, "city": 1, "admin": 2, "country": 3}
"""How exactly an answer names its place, with the number of each one's colour."""
WINDOW = 160.0
"""Units of the map that are shown at least: what is nearer together is no clearer on outlines of 1:110 million."""
_CSV = ("file", "status", "answer", "place_found", "lat", "lon", "confidence", "cues", "response", "error")


def write_ask_page(samples: Sequence[Sample], images: Path, folder: Path, model: str) -> list[Path]:
    """Write `ask.html` and `ask.csv`, a row a picture; returns both paths. Samples are as `runs.ask` gives them."""
    read = [_read(sample) for sample in samples]
    urls = {i: _url(images / sample.id) for i, sample in enumerate(samples[:MOST])}
    page, table = folder / "ask.html", folder / "ask.csv"
    write_whole(page, ask_page_text(samples, read, urls, model).encode())
    write_csv(table, _CSV, [_row(sample, one) for sample, one in zip(samples, read, strict=True)])
    return [page, table]


def ask_page_text(
    samples: Sequence[Sample], read: Sequence[dict[str, Any]], urls: dict[int, str | None], model: str
) -> str:
    """The page, as text."""
    style = "\n" + template.text(*STYLES, "report.css", "ask.css")
    counts: Counter[str] = Counter(sample.status for sample in samples)
    values = {
        "version": globe_eval.__version__,
        "policy": f"default-src 'none'; img-src data:; style-src {template.source_hash(style)}; base-uri 'none'",
        "style": Markup(style),
        "model": model,
        "n": len(samples),
        "n_located": sum(counts[level] for level in LEVELS),
        "statuses": [(status, counts[status]) for status in STATUSES if counts[status]],
        "levels": [(level, k) for level, k in LEVELS.items() if counts[level]],
        "map": answers_map(samples),
        "cards": [
            {"id": f"p{i}", "sample": sample, "url": urls.get(i), "level": LEVELS.get(sample.status), **one}
            for i, (sample, one) in enumerate(zip(samples, read, strict=True))
        ],
        "without_picture": len(samples) - sum(url is not None for url in urls.values()),
    }
    return template.render("ask.html.j2", values)


def answers_map(samples: Sequence[Sample]) -> Markup:
    """The part of the world where the answers are, with a point for each that leads to its picture."""
    located = [(i, sample, sample.prediction) for i, sample in enumerate(samples) if sample.prediction is not None]
    x, y = worldmap.project([place.lat for _, _, place in located], [place.lon for _, _, place in located])
    points = [
        element(
            "a",
            element("title", f"{sample.id}: {found_place(sample)}"),
            element("path", d=f"M{number(a)} {number(b)}h0", class_=f"spot d{LEVELS[place.level]}"),
            href=f"#p{i}",
        )
        for (i, sample, place), a, b in zip(located, x.tolist(), y.tolist(), strict=True)
    ]
    return element(
        "svg",
        *maps.background(),
        *points,
        viewBox=window(x.tolist(), y.tolist()),
        role="group",
        aria_label="Map of the places that the model names; each point leads to its picture",
    )


def window(x: Sequence[float], y: Sequence[float]) -> str:
    """The view box that holds the points with a margin, in the shape of the whole map, WINDOW wide at least.

    >>> window([500.0], [240.0]), window([], []), window([0.0, 1000.0], [100.0, 200.0])
    ('420 201.06 160 77.87', '0 0 1000 486.7', '0 0 1000 486.7')
    """
    whole = worldmap.WIDTH, worldmap.HEIGHT
    share = 1.0
    if x:
        spans = [(max(axis) - min(axis)) * 1.25 / side for axis, side in zip((x, y), whole, strict=True)]
        share = min(1.0, max(*spans, WINDOW / worldmap.WIDTH))
    size = [side * share for side in whole]
    middle = [(max(axis) + min(axis)) / 2 if axis else side / 2 for axis, side in zip((x, y), whole, strict=True)]
    corner = [min(max(m - s / 2, 0.0), side - s) for m, s, side in zip(middle, size, whole, strict=True)]
    return " ".join(map(number, (*corner, *size)))


def _read(sample: Sample) -> dict[str, Any]:
    """What is shown of a sample: answer, place, confidence, contradiction, and the response cut at its cues."""
    text = without_middle(sample.response, LONGEST) if sample.response else ""
    parts, cues, done = [], dict[str, None](), 0
    encoded = text.encode("utf-16-le")  # marks count in UTF-16 units
    only_answer = text.lstrip().startswith("<answer")  # no reasoning: its labels are no cues
    for mark in () if only_answer else marks(sample, text):
        plain = encoded[2 * done : 2 * mark.start].decode("utf-16-le")
        done = mark.start + mark.length
        parts += [(plain, "", ""), (encoded[2 * mark.start : 2 * done].decode("utf-16-le"), mark.kind, mark.cue)]
        if mark.kind != NEGATED:
            cues[mark.cue] = None
    return {
        "answer": stated_answer(sample),
        "place": found_place(sample),
        "confidence": shown_confidence(sample),
        "concludes": concluded_place(sample.consistency) if sample.consistency and contradicts(sample) else "",
        "cues": list(cues),
        "error": (sample.error or "").removeprefix(f"{sample.id}: "),
        "parts": [*parts, (encoded[2 * done :].decode("utf-16-le"), "", "")],
    }


def _row(sample: Sample, read: dict[str, Any]) -> list[str | float | None]:
    place = sample.prediction
    point = (None, None) if place is None else (place.lat, place.lon)
    return [
        sample.id, sample.status, read["answer"], read["place"], *point, read["confidence"], "; ".join(read["cues"]),
        sample.response, read["error"] or None,
    ]  # fmt: skip


def _url(path: Path) -> str | None:
    try:
        return data_url(path.read_bytes())
    except OSError:
        return None
