"""The stand-in for vLLM: a stage of Ray's kind whose answers follow from the pixels and what is asked."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

from globe_eval.models.ray_rows import ERROR

CITIES = [("France", "Paris"), ("Japan", "Kyoto"), ("Kenya", "Nairobi"), ("Peru", "Lima"), ("Canada", "Toronto")]


def answer(picture: Any, prompt: str) -> str:
    """What the stub sees in a picture: nothing but its pixels and what it is asked decide."""
    country, city = CITIES[hashlib.sha256(picture.tobytes() + prompt.encode()).digest()[0] % len(CITIES)]
    return f"<answer>country: {country}\ncity: {city}</answer>"


def answered(row: dict[str, Any]) -> dict[str, Any]:
    """What vLLM's stage adds to a row."""
    (picture,) = row.pop("multimodal_data")["image"]
    text = answer(picture, row["prompt"])
    tokens = list(text.encode())
    return {"generated_text": text, "generated_tokens": tokens, "num_input_tokens": len(row["prompt"]), ERROR: ""}


def stub_stage(seconds: float, map_batches_kwargs: dict[str, Any]) -> Any:
    """A stage of Ray's kind, made here so that this module can be read without Ray."""
    from ray.llm._internal.batch.stages.base import StatefulStage, StatefulStageUDF

    class Engine(StatefulStageUDF):  # type: ignore[misc]
        async def udf(self, rows: list[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
            await asyncio.sleep(seconds)
            for row in rows:
                yield {self.IDX_IN_BATCH_COLUMN: row[self.IDX_IN_BATCH_COLUMN], **answered(row)}

    class Stage(StatefulStage):  # type: ignore[misc]
        fn: type[StatefulStageUDF] = Engine

    return Stage(fn_constructor_kwargs={}, map_batches_kwargs=map_batches_kwargs)
