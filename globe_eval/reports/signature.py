"""How a run was made: a screen of settings, a signature in one line (after sacrebleu), a citation."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from globe_eval.reports import notation
from globe_eval.reports.run import model_name
from globe_eval.sample import Results

BOUNDS = ("max_pixels", "max_side")


def signature(results: Results) -> str:
    """One line of `key:value` with `|` between; two runs with the same line differ in the model's answers alone.

    Values hold no space, `|` or `:`; SHA-256s are cut to eight digits.
    """
    decoding = results.decoding or {}
    chosen = {key: value for key, value in sorted(decoding.items()) if key != "until" and value is not None}
    parts = {
        "task": results.task,
        "version": results.task_version,
        "manifest": results.manifest_sha256[:8],
        "n": results.n if results.limit is None else f"{results.n}(limited)",
        "prompt": results.prompt and f"{results.prompt}.{(results.prompt_sha256 or 'none')[:8]}",
        "form": results.answer_form,
        "decoding": ",".join(f"{key}={value}" for key, value in chosen.items()),
        "pictures": ",".join(f"{key}={size}" for key in BOUNDS if (size := getattr(results.images, key, None))),
        "seed": results.seed,
        "distance": results.distance,
        "geocoder": None
        if results.answer_form == "coordinates"
        else f"{results.geocoder.name}.{results.resolver_version}.{results.gazetteer.sha256[:8]}",
        "parser": results.parser_version,
        "intervals": results.intervals,
        "globe-eval": results.packages.get("globe-eval"),
    }
    return "|".join(f"{key}:{_word(value)}" for key, value in parts.items() if value not in (None, ""))


def _word(value: object) -> str:
    """
    >>> _word("effective-n t, version: 1")
    'effective-n_t,_version_1'
    """
    return "_".join(str(value).replace("|", " ").replace(":", " ").split())


def citation(results: Results, metadata: Mapping[str, Any]) -> str:
    """A sentence for a paper, before the signature; `metadata` is that of the benchmark's YAML, empty if not known."""
    version = results.packages.get("globe-eval", "")
    source = f" ({metadata['citation']})" if metadata.get("citation") else ""
    return (
        f"{model_name(results)} on {_versioned(results, source)}, {results.n:,} photographs; "
        f"read, located and scored by globe-eval {version}. Signature:"
    )


def facts(results: Results) -> dict[str, str]:
    """How a run was made, label and text; empty where the run does not have it."""
    return {
        "model": model_name(results),
        "arguments": pairs(results.model_args),
        "says of itself": pairs(results.model_info),
        "task": f"{_versioned(results)}, {results.n:,} photographs",
        "prompt": results.prompt or "none: scored from a file of answers",
        "answer form": results.answer_form,
        "decoding": pairs(results.decoding or {}),
        "distance": results.distance,
        "geocoder": f"{results.geocoder.name}, {results.geocoder.version}; gazetteer {results.gazetteer.version}",
        "intervals": results.intervals or "percentile bootstrap by group",
        "started": f"{results.started}, {results.duration_seconds:,.1f} s",
        "status": notation.status_counts(results),
        "versions": ", ".join(f"{name} {version}" for name, version in results.packages.items()),
        "commit": results.git_commit or "",
    }


def screen(results: Results, metadata: Mapping[str, Any], width: int = 80) -> str:
    """The settings of a run, wrapped at `width` columns, and how to cite it; the signature is one line all the same."""
    known = {label: text for label, text in facts(results).items() if text}
    first = max(map(len, known)) + 2
    lines = [f"{name:<{first}}{_wrapped(text, width, first)}" for name, text in known.items()]
    made = [_command(results.command, width), ""] if results.command else []
    return "\n".join([*made, *lines, "", "to cite:", _wrapped(citation(results, metadata), width), signature(results)])


def _command(text: str, width: int) -> str:
    r"""
    >>> print(_command("globe-eval --model knn --tasks miniworld -o 'my runs'", 40))
    globe-eval --model knn --tasks \
        miniworld -o 'my runs'
    """
    try:
        words = [shlex.quote(word).replace(" ", "\0") for word in shlex.split(text)]
    except ValueError:
        return text
    room = max(width, 40) - len(" \\")
    lines = wrap(" ".join(words), room, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    return " \\\n".join(lines).replace("\0", " ")


def _wrapped(text: str, width: int, indent: int = 0) -> str:
    """Lines of `width` columns, all but the first indented."""
    lines = wrap(text, max(width, 40) - indent, break_on_hyphens=False)
    return f"\n{' ' * indent}".join(lines)


def _versioned(results: Results, source: str = "") -> str:
    """The task and its version; answers scored against a table alone have none."""
    return f"{results.task}{source}" + (f", version {results.task_version}" if results.task_version else "")


def pairs(values: Mapping[str, Any]) -> str:
    """Names with their values, as `temperature=0, do_sample=false`."""
    return ", ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in values.items()
    )
