"""The notation of figures: label, unit, digits and meaning of each metric, as `metrics.catalogue` describes them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from textwrap import fill

from globe_eval.metrics.catalogue import METRICS, Metric, described
from globe_eval.metrics.intervals import FEW_GROUPS
from globe_eval.sample import Figure, Results

CONTINENTS = {
    "AF": "Africa",
    "AN": "Antarctica",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}


def label(name: str) -> str:
    """The label of a metric."""
    return described(name).label


def with_unit(name: str, *, long: bool = False) -> str:
    """Label and unit, for a column whose numbers have none; `long` for readers without the table around it.

    >>> with_unit("grounding_f1"), with_unit("acc@2500km", long=True), with_unit("geoscore")
    ('grounding F1, %', 'accuracy within 2,500 km (%)', 'GeoScore')
    """
    metric = described(name)
    text, unit = (metric.long or metric.label) if long else metric.label, metric.unit
    return text if unit in ("", "words") else f"{text} ({unit})" if long else f"{text}, {unit}"


def short(name: str) -> str:
    """The short label of a metric, for narrow columns."""
    metric = described(name)
    return metric.short or metric.label


def scaled(name: str, value: float) -> float:
    """A value in the unit that is shown: shares in per cent, differences of shares in points."""
    return 100 * value if described(name).unit in ("%", "points") else value


def number(name: str, value: float | None, *, fine: bool = False) -> str:
    """A value in its unit without the unit; ∞ and none where there is no number.

    Args:
        name: of the metric.
        value: as results have it; None and NaN are undefined, but for distances, of which None is infinite.
        fine: one digit more of what is in per cent or points, for comparisons of two runs.

    >>> number("acc@25km", 0.27994), number("acc@25km", 0.27994, fine=True), number("median_km", 1784.3)
    ('28.0', '27.99', '1,784')
    >>> number("median_km", None), number("grounding_f1", None), number("grounding_lift", 0.125)
    ('∞', 'none', '+12.5')
    >>> number("grounding_lift", -0.0001)
    '0.0'
    """
    metric = described(name)
    if value is None:
        return "∞" if metric.unit == "km" else "none"
    if math.isnan(value):
        return "none"
    if math.isinf(value):
        return "∞"
    return _digits(metric, scaled(name, value), fine=fine, sign="+" if metric.unit == "points" else "")


def text(name: str, value: float | None) -> str:
    """A value with its unit.

    >>> text("acc@25km", 0.28), text("median_km", 78.43), text("grounding_lift", 0.1), text("geoscore", 2345.6)
    ('28.0 %', '78.4 km', '+10.0 points', '2,346')
    """
    unit, bare = described(name).unit, number(name, value)
    return bare if unit in ("", "words") or bare in ("∞", "none") else f"{bare} {unit}"


def interval(name: str, figure: Figure, between: str = " – ") -> str:
    """The 95 % interval without a unit; empty where there is none (one group, or an undefined value).

    That of fewer than 5 photographers is marked, and `few_groups_note` says what the mark means.
    """
    if figure.n_groups < 2 or (figure.low is None and figure.high is None):
        return ""
    mark = "*" if figure.n_groups < FEW_GROUPS else ""
    return between.join(number(name, bound) for bound in (figure.low, figure.high)) + mark


def with_interval(name: str, figure: Figure, between: str = " – ") -> str:
    """A value with its unit, and its interval in brackets where there is one."""
    within = interval(name, figure, between)
    return text(name, figure.value) + (f" ({within})" if within else "")


def cut(text: str, most: int) -> str:
    """A text of at most so many characters, with … for what is left out.

    >>> cut("Rome", 4), cut("Roman", 4)
    ('Rome', 'Rom…')
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def people(n_groups: int) -> str:
    """How many photographers there are.

    >>> people(1), people(1234)
    ('1 photographer', '1,234 photographers')
    """
    return f"{n_groups:,} photographer{'s' if n_groups != 1 else ''}"


def photographs(n: int) -> str:
    """How many photographs there are.

    >>> photographs(1), photographs(1234)
    ('1 photograph', '1,234 photographs')
    """
    return f"{n:,} photograph{'s' if n != 1 else ''}"


def by_whom(results: Results) -> str:
    """How many photographs there are, and by how many photographers as far as these are known."""
    n, unknown = results.n, results.n_unattributed or 0
    known = results.n_groups - unknown
    if unknown and known:
        return f"{photographs(n)}, {n - unknown:,} by {people(known)}, {unknown:,} by unknown ones"
    return photographs(n) + (f" by {people(known)}" if known and known < n else "")


def status_counts(results: Results) -> str:
    """How many samples ended in which way, as `city 30, refused 10`."""
    return ", ".join(f"{status} {count:,}" for status, count in results.status.items() if count)


def few_groups_note(results: Results) -> str:
    """A note on the intervals where photographers are few or unknown; empty where they are enough."""
    if results.n == 1:
        return "One photograph: no intervals."
    if results.n_groups == 1:
        return "One photographer: no intervals, since one person says nothing of the spread between people."
    if results.n_groups < FEW_GROUPS:
        who = people(results.n_groups) if results.n_groups < results.n else photographs(results.n)
        return f"* {who}: intervals are very wide, and no difference between runs can be shown."
    notes = []
    if any("*" in interval(name, figure) for name, figure in results.metrics.items()):
        notes.append(
            f"* of fewer than {FEW_GROUPS} photographers, or photographs of unknown ones: the interval is very wide."
        )
    if results.effective_groups is not None:
        notes.append(
            f"Few photographers took most photographs ({results.effective_groups:.1f} in effect): the intervals are "
            "too narrow."
        )
    if unknown := results.n_unattributed:
        which = "The photographers" if unknown == results.n else f"The photographers of {photographs(unknown)}"
        notes.append(
            f"{which} are not known: each photograph counts as another person's, and if few people took them the "
            "intervals are too narrow."
        )
    return " ".join(notes)


def difference(name: str, value: float) -> str:
    """The difference of two values, signed, in points, km or the metric's own unit; empty where it is undefined.

    >>> difference("acc@25km", -0.0333), difference("geoscore", 12.3), difference("acc@25km", 0.0)
    ('−3.33', '+12', '0.00')
    """
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "+∞" if value > 0 else "−∞"
    bare = _digits(described(name), abs(scaled(name, value)), fine=True)
    return ("" if not bare.strip("0.,") else "+" if value > 0 else "−") + bare


def published_value(name: str, value: float) -> float:
    """A value as a number for other tools, in the unit of `with_unit`: two decimals, three of what has no unit."""
    return round(scaled(name, value), max(2, described(name).digits or 4))


def _digits(metric: Metric, value: float, *, fine: bool, sign: str = "") -> str:
    if metric.digits is None:
        return f"{value:{sign},.4g}"
    digits = metric.digits + (fine and metric.unit in ("%", "points"))
    if metric.unit == "km":
        digits = metric.digits if abs(value) < 100 else 0
    shown = f"{value:{sign},.{digits}f}"
    return shown if shown.strip("+-0.") else shown.lstrip("+-")


def anchor(name: str) -> str:
    """The id of a metric's entry on a page.

    >>> anchor("acc@25km"), anchor("acc@0.5km")
    ('means-acc-25km', 'means-acc-0-5km')
    """
    return "means-" + re.sub(r"[^A-Za-z0-9]+", "-", name)


def glossary(names: Iterable[str]) -> list[Metric]:
    """The descriptions of these metrics, each once; a benchmark's own, of which nothing is known, are left out."""
    return [one for one in map(described, dict.fromkeys(names)) if one.family != "own"]


def glossary_text(columns: int) -> str:
    """Every metric with its key in `results.json`, for a terminal of so many columns."""
    return "\n\n".join(_paragraph(metric, columns) for metric in METRICS)


def _paragraph(metric: Metric, columns: int) -> str:
    better = {True: "higher is better", False: "lower is better", None: "neither is better"}[metric.higher_is_better]
    unit = f", {metric.unit}" if metric.unit not in ("", metric.label.split()[0]) else ""
    said = f"{metric.meaning} Misleading: {metric.misleads[0].lower()}{metric.misleads[1:]}"
    body = fill(said, min(columns, 100), initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
    return f"{metric.label} ({metric.name}{unit}; {better})\n{body}"
