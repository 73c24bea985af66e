"""What a result says of the reasoning, as a person reads it in a terminal: only what there is something to say of."""

from __future__ import annotations

from tabulate import tabulate

from globe_eval.metrics.catalogue import CONSISTENCY, FORMAT, GROUNDING, LOCALIZABILITY, METRICS, TARGETS
from globe_eval.metrics.localizability import RISK
from globe_eval.runs.record import FigureRecord, Results

NAMES = frozenset((*GROUNDING, *CONSISTENCY, *LOCALIZABILITY, *FORMAT))
"""The metrics that are shown here and not in the table of accuracies."""

LABELS = {
    "grounding_lift": "lift over other photographs",
    "grounding_f1": "F1",
    "grounding_recall": "recall: entities that are asserted",
    "grounding_precision": "precision: cues that an entity supports",
    "grounding_recall_idf": "recall, rare entities counting more",
    "unsupported_rate": "cues that no entity supports",
    "hallucination_rate": "classes asserted that are not there",
    "hallucination_any": "responses with any such class",
    "globe_visual_match": "GLOBE's released reward (can be gamed)",
    "reasoning_consistent": "reasoning implies the answer",
    "reasoning_contradicts": "reasoning contradicts the answer",
    "reasoning_silent": "reasoning says no place",
    "localizable_claimed": "held for localizable",
    "localizability_auroc": "AUROC",
    "localizability_brier": "Brier score (lower is better)",
    "localizability_aurc": "AURC (lower is better)",
    "localizability_coverage": f"coverage at {RISK:.0%} risk",
    "localizability_selective": "right where held for localizable",
    "format_globe": "GLOBE's format",
    "format_lenient": "lenient format",
    "truncated_rate": "cut off",
    "n_words": "words of reasoning",
}
_DECIMALS = ("localizability_auroc", "localizability_brier", "localizability_aurc")
_UP = {metric.name: metric.higher_is_better for metric in METRICS}


def sections(results: Results) -> list[str]:
    """The sections of a result that have something to say, each a text of several lines."""
    return [
        text
        for text in (_grounding(results), _consistency(results), _localizability(results), _format(results))
        if text
    ]


def shown(name: str, value: float | None) -> str:
    """A figure of this kind as a person writes it: a lift in points, a share in per cent, a score as it is."""
    stem = name.partition("@")[0]
    if value is None:
        return "none"
    if stem == "grounding_lift":
        return f"{100 * value:+.1f} points"
    if stem == "n_words":
        return f"{value:,.0f}"
    return f"{value:.3f}" if stem in _DECIMALS else f"{100 * value:.1f} %"


def interval(name: str, figure: FigureRecord) -> str:
    """Its 95 % interval without units; empty where there is none."""
    if figure.n_groups < 2 or figure.low is None or figure.high is None:
        return ""
    return " – ".join(
        shown(name, bound).removesuffix(" %").removesuffix(" points") for bound in (figure.low, figure.high)
    )


def _rows(results: Results, names: tuple[str, ...]) -> list[list[str]]:
    found = [(name, results.metrics[name]) for name in names if name in results.metrics]
    return [
        [LABELS[name], shown(name, one.value), interval(name, one), f"{one.n:,}", "↑" if _UP[name] else "↓"]
        for name, one in found
    ]


def _table(title: str, rows: list[list[str]]) -> str:
    header = [title, "", "95 % interval", "n", "better"]
    return tabulate(rows, headers=header, disable_numparse=True, colalign=("left", "right", "right", "right", "right"))


def _grounding(results: Results) -> str:
    rows, counts = _rows(results, GROUNDING), results.reasoning
    if not rows or counts is None:
        return ""
    unknown = {
        "without entities": counts.without_entities,
        "in a language that the lexicon lacks": counts.not_covered,
    }
    noted = ", ".join(f"{n:,} {what}" for what, n in unknown.items() if n)
    judge = results.judge
    lines = [_table("grounding of the reasoning", rows), *([f"not measured: {noted}"] if noted else [])]
    if judge is not None:
        shares = ", ".join(
            f"{what} {shown(what, getattr(judge, what))}" for what in ("evidence", "mentioned", "absent")
        )
        agreed = f"agrees on {shown('', judge.agreement)} of {judge.n_entities:,} entities"
        kappa = "" if judge.kappa is None else f" (Cohen's kappa {judge.kappa:.2f})"
        lines.append(f"judge {judge.model}: {shares}; {agreed}{kappa}")
    return "\n".join(lines)


def _consistency(results: Results) -> str:
    rows, counts = _rows(results, CONSISTENCY), results.reasoning
    if not rows or counts is None or counts.no_reasoning == counts.with_entities + counts.without_entities:
        return ""
    return _table("consistency with the answer", rows)


def _localizability(results: Results) -> str:
    """One row a measure, one column a target; nothing where the model states no confidence and refuses nothing."""
    counts = results.reasoning
    sources = {} if counts is None else {name: n for name, n in counts.confidence.items() if n}
    if not sources.keys() - {"answered"}:
        return ""
    targets = [target for target in TARGETS if f"localizability_brier@{target}" in results.metrics]
    stems = dict.fromkeys(name.partition("@")[0] for name in LOCALIZABILITY if "@" in name)
    rows = []
    for stem in stems:
        cells = []
        for target in targets:
            one = results.metrics.get(f"{stem}@{target}")
            within = interval(stem, one) if one else ""
            cells.append("none" if one is None else shown(stem, one.value) + (f" ({within})" if within else ""))
        rows.append([LABELS[stem], *cells])
    what = {"25km": "within 25 km", "200km": "within 200 km", "label": "the benchmark's label"}
    claimed = results.metrics["localizable_claimed"]
    said = ", ".join(f"{name} {n:,}" for name, n in sources.items())
    table = tabulate(
        rows,
        headers=["localizability, against", *(what[target] for target in targets)],
        disable_numparse=True,
        colalign=("left", *["right"] * len(targets)),
    )
    return f"{table}\nheld for localizable: {shown('', claimed.value)} of {claimed.n:,}; confidence from: {said}"


def _format(results: Results) -> str:
    parts = [f"{LABELS[name]} {shown(name, one.value)}" for name in FORMAT if (one := results.metrics.get(name))]
    return f"format: {', '.join(parts)}" if parts else ""
