"""Merges decoding arguments: the user's replace the task's, whichever of its names an argument goes by."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from globe_eval.errors import InputError

LENGTHS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
"""Names of the limit on an answer's tokens, in lm-eval's order of precedence."""
USUAL = (
    *LENGTHS, "temperature", "do_sample", "top_p", "top_k", "min_p", "until", "stop", "seed", "num_beams",
    "repetition_penalty", "frequency_penalty", "presence_penalty", "length_penalty", "reasoning_effort",
)  # fmt: skip


def merge_arguments(task: Mapping[str, Any], given: Mapping[str, Any], *, backend: str = "endpoint") -> dict[str, Any]:
    """The task's arguments with the user's over them.

    A limit under any name replaces the task's under any other; a temperature decides whether is sampled, and
    `do_sample=true` alone leaves the temperature to the model. Null takes an argument away.

    Args:
        task: of the benchmark's YAML.
        given: of the user.
        backend: the model; lm-eval's own ones, whose names begin with hf and vllm, and `ray-vllm` know one name of the
            limit, call stops `until` and read no null, and vLLM's take a missing temperature for greedy decoding.

    Raises InputError where the user's arguments contradict each other, or one is a usual one misspelt.

    >>> greedy = {"do_sample": False, "temperature": 0.0}
    >>> merge_arguments({**greedy, "max_gen_toks": 256}, {"temperature": 0.7, "max_tokens": 64})
    {'do_sample': True, 'temperature': 0.7, 'max_tokens': 64}
    >>> merge_arguments(greedy, {"temperature": None}, backend="hf-multimodal")
    {}
    """
    if not given:
        return dict(task)
    limits = {name: given[name] for name in LENGTHS if name in given}
    _refuse_contradictions(given, limits)
    if given.get("do_sample") is None and "temperature" in given:
        temperature = given["temperature"]
        given = {**given, "do_sample": None if temperature is None else temperature != 0}
    result = {
        name: value
        for name, value in task.items()
        if not (limits and name in LENGTHS) and not (given.get("do_sample") and name == "temperature")
    }
    result |= {
        name: value for name, value in given.items() if not (name in LENGTHS and value is None and len(limits) > 1)
    }
    vllm = backend.startswith(("vllm", "ray"))
    if not (vllm or backend.startswith("hf")):
        return result
    if vllm and given.get("do_sample") is not False and result.get("temperature") is None:
        if "temperature" in given:
            raise InputError(f"--gen_kwargs: temperature=null: {backend} has no temperature of its own; give a number")
        result["temperature"] = 1.0
    if "stop" in given:
        if "until" in given:
            raise InputError(f"--gen_kwargs: {_shown(given)}: stop and until are the same; give one of them")
        result["until"] = result.pop("stop")
    if vllm and "n" in given:
        raise InputError(f"--gen_kwargs: n={given['n']}: {backend} reads one answer; --repeats asks several times")
    if limits:
        (limit,) = {name: value for name, value in result.items() if name in LENGTHS}.values() or (None,)
        result = {name: value for name, value in result.items() if name not in LENGTHS} | {"max_gen_toks": limit}
    return {name: value for name, value in result.items() if value is not None}


def _refuse_contradictions(given: Mapping[str, Any], limits: Mapping[str, Any]) -> None:
    """Raise InputError for a usual name misspelt, two limits, or a temperature that `do_sample` contradicts."""
    for name in given:  # a server may have names of its own, and ignores what it does not know
        if name not in USUAL and (meant := get_close_matches(name, USUAL, n=1, cutoff=0.9)):
            raise InputError(f"--gen_kwargs: no argument {name!r}; did you mean {meant[0]!r}?")
    if len({repr(value) for value in limits.values() if value is not None}) > 1:
        raise InputError(f"--gen_kwargs: {_shown(limits)}: two limits of one answer; give one of them")
    temperature, sampled = given.get("temperature"), given.get("do_sample")
    if (sampled is False and temperature) or (sampled is True and temperature == 0):
        both = {"do_sample": sampled, "temperature": temperature}
        raise InputError(f"--gen_kwargs: {_shown(both)} contradict each other; give one of them")


def _shown(arguments: Mapping[str, Any]) -> str:
    return " and ".join(f"{name}={value}" for name, value in arguments.items())
