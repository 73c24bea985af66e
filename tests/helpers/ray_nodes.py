"""Two Ray nodes on this machine, of which one can be killed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager


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
