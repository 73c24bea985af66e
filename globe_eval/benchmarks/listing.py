"""The output of `globe-eval ls tasks`: a line or a paragraph a benchmark, variants folded into it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from globe_eval.benchmarks.definition import Definition, data_folder, find_data, is_prepared, prepared_fact, tags
from globe_eval.benchmarks.prompts import PROMPT_NAMES, SHORT_NAMES, find_prompt

GAP = 2
"""Spaces between two columns."""
CEILINGS = "ceilings.json"
"""Beside the YAML of a benchmark that is drawn: its name -> what `ceilings.of_every_form` says of it."""


def table(known: Mapping[str, Definition], width: int = 80) -> str:
    """One line a benchmark: name, n, whether its data are on this machine, what it is; below, what else has a name.

    `width` is the terminal's, in characters; descriptions are cut to it.
    """
    variants = variants_of(known)
    benchmarks = [(name, one) for name, one in sorted(known.items()) if not one.is_group and name not in variants]
    header = ("task", "n", "data", "what it is")
    rows = [
        (name, _stated(one, "n"), "here" if is_here(one.values) else "-", _stated(one, "description"))
        for name, one in benchmarks
    ]
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(3)]
    left = max(20, width - sum(widths) - 3 * GAP)

    def line(row: Sequence[str]) -> str:
        cells = row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2].ljust(widths[2])
        return (" " * GAP).join([*cells, textwrap.shorten(row[3], left, placeholder=" …")]).rstrip()

    rule = (" " * GAP).join("-" * length for length in (*widths, left))
    groups = [
        f"{name} ({', '.join(map(str, one.values['task']))})" for name, one in sorted(known.items()) if one.is_group
    ]
    more = [
        _item("variants", ", ".join(variants), width),
        _item("groups", "; ".join(groups), width),
        _item("tags", "; ".join(f"{tag} ({len(of)} tasks)" for tag, of in tags(known).items()), width),
        _item("--prompt", ", ".join(name for name in PROMPT_NAMES if name not in SHORT_NAMES.values()), width),
    ]
    return "\n".join([line(header), rule, *map(line, rows), "", *filter(None, more)])


def details(known: Mapping[str, Definition], width: int = 80) -> str:
    """A paragraph a benchmark: all that its YAML says of it, its variants, and the best that answers can score."""
    variants = variants_of(known)
    paragraphs = []
    for name in sorted(known):
        if name in variants:
            continue
        values, metadata = known[name].values, known[name].values.get("metadata") or {}
        if known[name].is_group:
            paragraphs.append("\n".join([name, _item("group of", ", ".join(map(str, values["task"])), width)]))
            continue
        own = [variant for variant, base in variants.items() if base == name]
        facts = {
            "what": _stated(known[name], "description"),
            "n": f"{metadata['n']:,}, version {metadata.get('version')}" if metadata.get("n") else "",
            "data": "here" if is_here(values) else f"not in {data_folder()}; source: {metadata.get('source', '')}",
            "answers": str(answer_form(values)),
            "variants": "; ".join(f"{variant}: {answer_form(known[variant].values)}" for variant in own),
            "ceiling": _ceilings(known[name]),
            "licence": _stated(known[name], "license"),
            "unverified": ", ".join(map(str, metadata.get("unverified") or ())),
        }
        lines = [_item(key, text, width) for key, text in facts.items()]
        paragraphs.append("\n".join([name, *filter(None, lines)]))
    return "\n\n".join(paragraphs)


def variants_of(known: Mapping[str, Definition]) -> dict[str, str]:
    """Variant -> the benchmark whose YAML it includes and whose photographs it has; sorted by name."""
    by_path = {one.path.resolve(): name for name, one in known.items()}
    found = {}
    for name, one in sorted(known.items()):
        include = one.values.get("include")
        base = by_path.get((one.path.parent / str(include)).resolve()) if include else None
        if base is not None and base != name and _data(one) == _data(known[base]):
            found[name] = base
    return found


def is_here(values: Mapping[str, Any]) -> bool:
    """Whether the truth and the pictures of a YAML are on this machine, prepared or as downloaded; none is read."""
    given = values.get("dataset_kwargs") or {}
    if "custom_dataset" in values:
        return True
    if is_prepared(data_folder() / str(given.get("prepared", values.get("task")))):
        return True
    return all(given.get(key) and find_data(given[key]) for key in ("truth", "images"))


def answer_form(values: Mapping[str, Any]) -> Any:
    """The form of answer that a YAML asks for; None where its prompt is unknown."""
    prompt = find_prompt(str(values.get("prompt", "globe_readme")))
    return values.get("answer_form") or (prompt.answer_form if prompt else None)


def wrap(text: str, width: int) -> str:
    """One paragraph within the width, later lines indented; words and paths stay whole."""
    return textwrap.fill(text, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _data(one: Definition) -> tuple[Any, Any]:
    return one.values.get("dataset_kwargs"), one.values.get("custom_dataset")


def _stated(one: Definition, key: str) -> str:
    return str((one.values.get("metadata") or {}).get(key) or "")


def _item(key: str, text: str, width: int) -> str:
    """`  key         text`, the text within the width beside its key; nothing where there is none."""
    indent = " " * 14
    head = f"  {key}".ljust(len(indent))
    wrapped = textwrap.fill(text, max(width, 40), initial_indent=head, subsequent_indent=indent, break_on_hyphens=False)
    return wrapped if text else ""


def _ceilings(one: Definition) -> str:
    """The best that an answer of each form can score: as the benchmark's folder says, or `globe-eval prepare`."""
    values, stated = one.values, one.path.parent / CEILINGS
    given = values.get("dataset_kwargs") or {}
    folder, reach = data_folder() / str(given.get("prepared", values.get("task"))), None
    if "custom_dataset" in values:  # drawn: there is nothing to prepare
        reach = json.loads(stated.read_text(encoding="utf-8")).get(one.name) if stated.is_file() else None
    elif "where" not in given and is_prepared(folder):
        reach = prepared_fact(folder, "ceilings")
    if not reach:
        return "names, address: prepare it to know; coordinates: 100 %"
    shares = {form: " / ".join(f"{100 * share:.1f}" for share in reach[form]["ceiling"].values()) for form in reach}
    forms = [f"{form} {'100' if form == 'coordinates' else text}" for form, text in shares.items()]
    return f"{'; '.join(forms)} (% within 1 / 25 / 200 / 750 / 2,500 km)"
