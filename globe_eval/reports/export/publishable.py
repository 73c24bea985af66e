"""The part of a run that exports may publish: its figures, and the settings that they depend on.

No photograph's id (IM2GPS3K's carry their photographer's), no response, no server's address, no path, nothing that
looks like a key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from globe_eval.benchmarks.definition import shipped
from globe_eval.errors import IncompleteRun, InputError
from globe_eval.metrics import intervals
from globe_eval.metrics.catalogue import described
from globe_eval.reports import notation
from globe_eval.reports.run import UNNAMED, Run, model_name
from globe_eval.runs.identity import weights
from globe_eval.sample import Figure, Results
from globe_eval.secrets import without_secrets

_REMOVED = "(removed)"


def refuse_partial(results: Results) -> None:
    """Raise where figures are not those of the whole benchmark, which a published table would take them for."""
    if results.task == UNNAMED:
        raise InputError("a file that was scored without the name of a benchmark; globe-eval score --task NAME")
    if results.limit is not None:
        raise InputError(f"{results.task}: a run with --limit {results.limit:g} is not published; leave --limit away")
    if results.shard is not None:
        raise InputError(f"{results.task}: shard {results.shard} of a run; globe-eval merge puts the shards together")
    if not results.complete:
        raise IncompleteRun(
            f"{results.task}: {results.status['error']:,} of {results.n:,} photographs were never answered (status "
            "error); start the run again to ask them, then export"
        )


def model_id(results: Results) -> str:
    """The model's id on the hub where its arguments have one, else its name.

    >>> from types import SimpleNamespace
    >>> model_id(SimpleNamespace(model="vllm-vlm", model_args={"pretrained": "a/b"}, model_info={}))
    'a/b'
    >>> model_id(SimpleNamespace(model="vllm-vlm", model_args={"pretrained": "/data/me/b"}, model_info={}))
    'vllm-vlm b'
    """
    which = weights({**results.model_info, **results.model_args, "answers": None})
    return which if which is not None and is_hub_id(which) else model_name(results)


def is_hub_id(name: str) -> bool:
    """Whether a name is a repository's on the hub, OWNER/NAME, and not the path of a folder that is here.

    >>> is_hub_id("Qwen/Qwen2.5-VL-7B-Instruct"), is_hub_id("out/train/sft"), is_hub_id("/data/b")
    (True, False, False)
    """
    return re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name, re.ASCII) is not None and not Path(name).is_dir()


def public(arguments: dict[str, Any]) -> dict[str, Any]:
    """Model arguments as anyone may see them: without secrets and addresses, of paths only the last part.

    >>> public({"pretrained": "/home/me/models/b", "base_url": "http://gpu7:8000/v1", "token": "x", "dtype": "half"})
    {'pretrained': 'b', 'base_url': '(removed)', 'token': '(removed)', 'dtype': 'half'}
    """
    return {name: _public(value) for name, value in without_secrets(arguments).items()}


def _public(value: Any) -> Any:
    if isinstance(value, dict):
        return public(value)
    if isinstance(value, list):
        return [_public(item) for item in value]
    if not isinstance(value, str):
        return value
    if re.search(r"https?://", value):
        return _REMOVED
    if value.startswith(("/", "~", "./", "../")) or ("/" in value and Path(value).is_dir()):
        return PurePosixPath(value).name
    return PureWindowsPath(value).name if re.match(r"[A-Za-z]:\\|\\\\", value) else value


def published_figures(results: Results) -> Iterator[tuple[str, Figure, float, bool]]:
    """Each metric that has a value and a direction, which every format asks for: name, record, value, more is better.

    An infinite median is no number, and stays away.
    """
    for name, figure in results.metrics.items():
        higher_is_better = results.own_directions.get(name, described(name).higher_is_better)
        if figure.value is not None and higher_is_better is not None:
            yield name, figure, figure.value, higher_is_better


def hub_of(task: str) -> str | None:
    """The benchmark's data set on the hub, where its YAML names one."""
    hub = shipped()[task].values.get("metadata", {}).get("hub") if task in shipped() else None
    return str(hub).partition(":")[0] if hub else None


def standard_errors(run: Run) -> dict[str, float]:
    """Standard error of each metric that is a mean, photographers considered, as its interval has it.

    Metrics with an infinite value have none, nor has one group.
    """
    found = {}
    for name, *_ in published_figures(run.results):
        if name in run.values and run.metrics[name].statistic == "mean":
            of = intervals.spread(run.values[name], run.groups)
            if of.n_groups > 1:
                found[name] = of.standard_error
    return found


def figure_depends_on(results: Results) -> dict[str, Any]:
    """The settings besides the model that a figure depends on."""
    return {
        "task_version": results.task_version,
        "answer_form": results.answer_form,
        "distance": results.distance,
        "geocoder": f"{results.geocoder.name} {results.geocoder.version}",
        "gazetteer": results.gazetteer.version,
        "parser": results.parser_version,
        "manifest_sha256": results.manifest_sha256,
        "prompt_sha256": results.prompt_sha256,
    }


def bounds(name: str, figure: Figure) -> list[float] | None:
    """The interval in the unit of `notation.published_value`, None where there is none."""
    if figure.low is None or figure.high is None:
        return None
    return [notation.published_value(name, figure.low), notation.published_value(name, figure.high)]
