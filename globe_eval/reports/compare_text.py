"""The output of `globe-eval compare`: as text for a terminal, and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from globe_eval.metrics.accuracy import acc_name
from globe_eval.metrics.catalogue import described
from globe_eval.metrics.intervals import FEW_GROUPS, PROCEDURE
from globe_eval.metrics.paired import PairedDifference
from globe_eval.reports import notation
from globe_eval.reports.compare import Comparison, MetricPair, Part, holm_of
from globe_eval.reports.run import Run, model_name
from globe_eval.reports.terminal import MOST_COLUMNS, fold_columns, prose

SIGNIFICANT = 0.05
FLIP_KM = 25.0
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PARTS = {"continent": "continent", "scene": "scene", "city_size": "city size"}


def comparison_text(many: Sequence[Comparison], *, flips_km: float | None = None, columns: int | None = None) -> str:
    """Every comparison with the first run, one after the other; without characters that would steer a terminal.

    With `flips_km`, lists the photographs that only one of two runs has within this distance. A line has at most
    `columns` characters; None: any number, prose apart.
    """
    blocks = [_runs(many, columns)]
    for letter, one, adjusted in zip(LETTERS[1:], many, holm_of(many), strict=False):
        if len(many) > 1:
            title = f"{letter} against A"
            blocks.append(f"{title}\n{'=' * len(title)}")
        blocks += [
            prose(verdict_sentence(one, letter, adjusted), columns),
            _all_photographs(one, letter, adjusted, columns, "Holm p" if len(many) > 1 else "p"),
            _denominators(one, letter, columns),
            _breakdowns(one, letter, columns),
            _settings(one, letter, columns),
            _flips(one, letter, flips_km, columns),
        ]
    text = "\n\n".join([*(block for block in blocks if block), prose(_footnote(many), columns)])
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


def verdict_sentence(one: Comparison, letter: str, adjusted: dict[str, float]) -> str:
    """Which of two runs has more photographs within 25 km, and whether that could be chance; empty without it."""
    name = acc_name(FLIP_KM)
    row = one.rows.get(name)
    if row is None:
        return ""
    p = adjusted[name]
    values = (
        f"Within {FLIP_KM:g} km A has {_value(name, row.a)} % of the photographs and {letter} {_value(name, row.b)} %"
    )
    if row.order == 0:
        return f"{values}: no difference."
    if math.isnan(p) or one.effective_groups < FEW_GROUPS:
        return f"{values}; so few {_unit(one)}s cannot show whether that is chance."
    ahead = letter if row.order > 0 else "A"
    return (
        f"{values}: {f'{ahead} is ahead, by more than chance explains' if p <= SIGNIFICANT else 'that may be chance'}."
    )


def denominator_sentence(one: Comparison, letter: str = "B") -> str:
    """Whether the order of two runs depends on what counts, in one plain sentence."""
    if one.n_located[0] == one.n_located[1] == one.n:
        return "Both located every photograph, so that there is one denominator."
    nobody = [name for name, n in zip(("A", letter), one.n_located, strict=False) if n == 0]
    if nobody:
        return f"{_and(nobody)} located no photograph, so that nothing is left to compare without the missing."
    disputed = one.disputed
    if not disputed:
        return "The order is the same over all photographs and over those that each located."
    name = "acc@25km" if "acc@25km" in disputed else disputed[0]
    everyone, own = one.rows[name], one.own[name]
    first, second = (letter, "A") if everyone.order > 0 else ("A", letter)
    values = (_pair(name, everyone, first == "A"), _pair(name, own, second == "A"))
    is_ahead = "is ahead" if everyone.higher_is_better else "is nearer" if described(name).unit == "km" else "has less"
    return (
        f"The order depends on the denominator ({_listed(disputed)}): of all photographs {first} {is_ahead} "
        f"({notation.label(name)}: {values[0]}), of those that each located {second} {is_ahead} ({values[1]})."
    )


def _pair(name: str, row: MetricPair, a_first: bool) -> str:
    values = (row.a, row.b) if a_first else (row.b, row.a)
    unit = described(name).unit
    return f"{_value(name, values[0])} against {_value(name, values[1])}{unit and f' {unit}'}"


def _listed(names: Sequence[str]) -> str:
    """`25, 200 and 750 km, GeoScore`."""
    distances = [notation.short(name).removesuffix(" km") for name in names if name.startswith("acc@")]
    words = [_and(distances) + " km"] if distances else []
    return ", ".join([*words, *(notation.label(name) for name in names if not name.startswith("acc@"))])


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _runs(many: Sequence[Comparison], columns: int | None) -> str:
    first = many[0]
    runs = [first.a, *(one.b for one in many)]
    lines = [
        f"{letter}  {model_name(run.results)} · {run.folder}" + ("  (reference)" if run is first.a else "")
        for letter, run in zip(LETTERS, runs, strict=False)
    ]
    forms = " and ".join(dict.fromkeys(run.results.answer_form for run in runs))
    tasks = " and ".join(dict.fromkeys(run.results.task for run in runs))
    setting = f"{tasks} · {notation.by_whom(first.a.results)} · {forms} · {first.a.results.distance} distance"
    lines += ["", prose(setting, columns)]
    for letter, run in zip(LETTERS, runs, strict=False):
        if errors := run.results.status.get("error", 0):
            lines.append(
                f"{letter} has no answer to {notation.photographs(errors)} (status error), which count as misses"
            )
    return "\n".join(lines)


def _all_photographs(
    one: Comparison, letter: str, adjusted: dict[str, float], columns: int | None, p_title: str
) -> str:
    rows = []
    brief = {name: row for name, row in one.rows.items() if described(name).in_brief}
    for name, row in brief.items():
        rows.append(
            [
                notation.with_unit(name),
                _value(name, row.a),
                _value(name, row.b),
                *_difference(name, row.difference),
                _p(adjusted[name]),
                "tie" if one.effective_groups < FEW_GROUPS else _better(row, adjusted[name], letter),
                f"{row.wins:,}",
                f"{row.losses:,}",
            ]
        )
    header = ["all photographs", "A", letter, f"{letter} − A", "95 % interval", p_title]
    header += ["better", f"{letter} wins", "A wins"]
    fewer = [f"{notation.label(name)} {n:,}" for name, row in brief.items() if (n := row.difference.n) < one.n]
    few = f"Photographs of which both have a value, where not all: {', '.join(fewer)}" if fewer else ""
    return _table(rows, header, columns) + (f"\n{prose(few, columns)}" if few else "")


def _denominators(one: Comparison, letter: str, columns: int | None) -> str:
    n_a, n_b, n_both = one.n_located
    sentence = denominator_sentence(one, letter)
    if n_a == n_b == one.n or 0 in (n_a, n_b):
        return prose(sentence, columns)
    rows = []
    for name, row in one.rows.items():
        if described(name).family != "accuracy":
            continue
        own, both = one.own.get(name), one.both.get(name)
        if own is None and both is None:
            continue
        cells = [notation.with_unit(name).removesuffix(", %"), _value(name, row.a), _value(name, row.b)]
        cells += [_value(name, own.a), _value(name, own.b)] if own else ["", ""]
        cells += [_value(name, both.a), _value(name, both.b)] if both else ["", ""]
        cells += [*_difference(name, both.difference), _p(both.difference.p)] if both else ["", "", ""]
        rows.append(cells)
    header = ["which count", f"all\n{one.n:,}\nA", f"{one.n:,}\n{letter}"]
    header += [f"own\n{n_a:,}\nA", f"{n_b:,}\n{letter}", f"both\n{n_both:,}\nA", f"{n_both:,}\n{letter}"]
    header += [f"both\n{letter} − A", "95 % interval", "p"]
    meaning = "own: each over what it located, as papers print it; both: over what both located"
    return f"{_table(rows, header, columns)}\n{prose(meaning, columns)}\n\n{prose(sentence, columns)}"


def _breakdowns(one: Comparison, letter: str, columns: int | None) -> str:
    near, far = acc_name(25), acc_name(750)
    blocks = []
    for dimension, found in one.breakdowns.items():
        grouped = any(part.n_groups < part.n for part in found.values())
        rows = [_part(name, dimension, part, near, far, grouped=grouped) for name, part in found.items()]
        header = [_PARTS[dimension], "n", *(["photo-\ngraphers"] if grouped else [])]
        header += ["25 km\nA", letter, f"{letter} − A", "95 % interval", "p"]
        header += [f"750 km\n{letter} − A", "p"]
        blocks.append(_table(rows, header, columns))
    return "\n\n".join(blocks)


def _part(name: str, dimension: str, part: Part, near: str, far: str, *, grouped: bool) -> list[str]:
    row, wide = part.rows[near], part.rows[far]
    return [
        notation.CONTINENTS.get(name, name) if dimension == "continent" else name,
        f"{part.n:,}",
        *([f"{part.n_groups:,}"] if grouped else []),
        _value(near, row.a),
        _value(near, row.b),
        *_difference(near, row.difference),
        _p(row.difference.p),
        notation.difference(far, wide.difference.value),
        _p(wide.difference.p),
    ]


def _settings(one: Comparison, letter: str, columns: int | None) -> str:
    if not one.settings:
        return "The settings are the same, the model included."
    width = max(20, (min(columns or MOST_COLUMNS, MOST_COLUMNS) - 4 - max(map(len, one.settings))) // 2)
    rows = [[name, *(_cut(value, width) for value in values)] for name, values in one.settings.items()]
    return _table(rows, ["what differs", "A", letter], columns, right=False)


def _flips(one: Comparison, letter: str, km: float | None, columns: int | None) -> str:
    flips = one.flips(FLIP_KM if km is None else km)
    gained = sum(flip.only == "b" for flip in flips)
    line = (
        f"Within {FLIP_KM if km is None else km:g} km: {notation.photographs(gained)} that only {letter} has, "
        f"{len(flips) - gained:,} that only A has"
    )
    if km is None or not flips:
        return f"{line}; --flips shows which." if flips else f"{line}."
    rows = [
        [
            flip.id,
            letter if flip.only == "b" else "A",
            _far(flip.a_km),
            _cut(flip.a_says, 20),
            _far(flip.b_km),
            _cut(flip.b_says, 20),
        ]
        for flip in flips
    ]
    header = ["photograph", "only", "A, km", "A says", f"{letter}, km", f"{letter} says"]
    return f"{line}\n{_table(rows, header, columns)}"


def _unit(one: Comparison) -> str:
    return "photographer" if one.n_groups < one.n else "photograph"


def _footnote(many: Sequence[Comparison]) -> str:
    several = f", in the first table adjusted for {len(many)} comparisons with A (Holm)" if len(many) > 1 else ""
    return (
        f"Differences of % are in points. Intervals and two-sided p by {_unit(many[0])}, from one "
        f"procedure ({PROCEDURE}){several}; not adjusted for the number of metrics. better: p at most {SIGNIFICANT:g}, "
        "else tie."
    )


def _table(rows: Sequence[Sequence[str]], header: Sequence[str], columns: int | None, *, right: bool = True) -> str:
    """A table no wider than `columns`, or several that repeat the first column (`terminal.fold_columns`)."""
    return fold_columns(rows, header, 1, columns, partial(_rendered, right=right))


def _rendered(rows: Sequence[Sequence[str]], header: Sequence[str], *, right: bool) -> str:
    """Columns two spaces apart, the first to the left; headers of several lines end on the same line."""
    deep = [cell.split("\n") for cell in header]
    height = max(map(len, deep))
    titles = [list(line) for line in zip(*([""] * (height - len(cell)) + cell for cell in deep), strict=True)]
    widths = [max(len(line[column]) for line in (*titles, *rows)) for column in range(len(header))]
    lines = [*titles, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right and column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _value(name: str, value: float) -> str:
    return notation.number(name, value, fine=True)


def _difference(name: str, paired: PairedDifference) -> tuple[str, str]:
    bounds = (
        ""
        if math.isnan(paired.low)
        else f"{notation.difference(name, paired.low)} to {notation.difference(name, paired.high)}"
    )
    return notation.difference(name, paired.value), bounds


def _p(p: float) -> str:
    return "" if math.isnan(p) else "<0.001" if p < 0.001 else f"{p:.3f}"


def _better(row: MetricPair, p: float, letter: str) -> str:
    if math.isnan(p) or p > SIGNIFICANT or row.order == 0:
        return "tie"
    return letter if row.order > 0 else "A"


def _far(km: float | None) -> str:
    return "none" if km is None else f"{km:,.1f}" if km < 1000 else f"{km:,.0f}"


def _cut(value: Any, width: int) -> str:
    """A value in one line of limited width."""
    text = " ".join(value.split()) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = "none" if value is None else text
    if len(text) <= width:
        return text
    counted = f"… ({len(text):,} characters)" if len(text) > 2 * width and width > 32 else "…"
    return text[: width - len(counted)] + counted


def comparison_json(many: Sequence[Comparison], *, flips_km: float | None = None) -> dict[str, Any]:
    """The same in full as one JSON object; infinite and undefined figures are null."""
    first = many[0]
    return {
        "reference": _run(first.a),
        "n": first.n,
        "n_groups": first.n_groups,
        "intervals": PROCEDURE,
        "comparisons": [
            {
                "run": _run(one.b),
                "n_located": dict(zip(("a", "b", "both"), one.n_located, strict=True)),
                "all": _rows(one.rows, adjusted),
                "own_located": _rows(one.own),
                "both_located": _rows(one.both),
                "order_depends_on_denominator": one.disputed,
                "denominator": denominator_sentence(one, letter),
                "breakdowns": {
                    dimension: {
                        name: {"n": part.n, "n_groups": part.n_groups, "metrics": _rows(part.rows)}
                        for name, part in found.items()
                    }
                    for dimension, found in one.breakdowns.items()
                },
                "settings": {name: {"a": a, "b": b} for name, (a, b) in one.settings.items()},
                **({} if flips_km is None else {"flips": _flips_json(one, flips_km)}),
            }
            for letter, one, adjusted in zip(LETTERS[1:], many, holm_of(many), strict=False)
        ],
    }


def _run(run: Run) -> dict[str, Any]:
    return {"folder": run.folder.as_posix(), "model": model_name(run.results), "task": run.results.task}


def _rows(rows: dict[str, MetricPair], adjusted: dict[str, float] | None = None) -> dict[str, Any]:
    return {
        name: {
            "a": _finite(row.a),
            "b": _finite(row.b),
            "difference": _finite(row.difference.value),
            "low": _finite(row.difference.low),
            "high": _finite(row.difference.high),
            "p": _finite(row.difference.p),
            **({} if adjusted is None else {"p_holm": _finite(adjusted[name])}),
            "n": row.difference.n,
            "n_groups": row.difference.n_groups,
            "higher_is_better": row.higher_is_better,
            "wins": row.wins,
            "losses": row.losses,
        }
        for name, row in rows.items()
    }


def _flips_json(one: Comparison, km: float) -> dict[str, Any]:
    return {"km": km, "photographs": [asdict(flip) for flip in one.flips(km)]}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
