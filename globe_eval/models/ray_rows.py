"""The stages of a row in Ray Data: path -> bytes -> input of vLLM -> answer.

Each function runs in Ray's own processes, which therefore load no more than Pillow.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from globe_eval.benchmarks.images import ImageError, Photograph, decode, read_bytes

ERROR = "__inference_error__"
"""Ray's column for why a row has no answer; its stages pass by a row in which it is not empty."""

Row = dict[str, Any]


class EngineRequest(NamedTuple):
    """A prompt and its sampling arguments, shared by all photographs that are asked the same."""

    prompt: str
    sampling: Mapping[str, Any]
    """Arguments of vLLM's SamplingParams."""


def with_bytes(row: Row) -> Row:
    """Runs on this machine: the row with the bytes of its photograph."""
    photograph: Photograph = pickle.loads(row["photograph"])
    try:
        return {**row, "data": read_bytes(photograph.path, photograph.name), ERROR: ""}
    except ImageError as error:
        return {**row, "data": b"", ERROR: str(error)}


def engine_input(questions: Sequence[EngineRequest], row: Row) -> Row:
    """Runs on any node: the input of vLLM's stage; the bytes of the row are dropped."""
    if row[ERROR]:
        return {}
    photograph: Photograph = pickle.loads(row["photograph"])
    prompt, sampling = questions[row["question"]]
    try:
        picture = decode(row["data"], photograph.name, photograph.bounds)
    except ImageError as error:
        return {"data": b"", ERROR: str(error)}
    return {"data": b"", "prompt": prompt, "multimodal_data": {"image": [picture]}, "sampling_params": dict(sampling)}


def answer_of(row: Row) -> Row:
    """Runs on any node: the fields of a finished row that this machine needs."""
    return {
        "index": row["index"],
        "error": row[ERROR],
        "text": row.get("generated_text") or "",
        "tokens": [int(token) for token in row.get("generated_tokens") or ()],
        "prompt_tokens": row.get("num_input_tokens") or 0,
    }
