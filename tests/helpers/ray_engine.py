"""Ray on this machine: two nodes, of which one can be killed, and a stage whose answers follow from what is asked."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def two_nodes() -> Iterator[tuple[str, Callable[[], None]]]:
    """The cluster's address, and what kills the second node with all that runs there; both are gone afterwards."""
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # read on import; else Ray listens on all addresses
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    alone = {
        "node_ip_address": "127.0.0.1",
        "include_dashboard": False,
        "no_monitor": True,
        "include_log_monitor": False,
    }
    cluster = Cluster(shutdown_at_exit=True)
    try:
        _, second = (cluster.add_node(num_cpus=2, object_store_memory=400_000_000, **alone) for _ in range(2))
        yield cluster.address, lambda: cluster.remove_node(second, allow_graceful=False)
    finally:
        cluster.shutdown()
