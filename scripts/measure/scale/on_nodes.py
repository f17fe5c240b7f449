"""Items that sleep on several nodes on this machine: utilisation, a node that joins, a node that is killed."""

import contextlib
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

from pipelines.runners.ray import RayHost
from pipelines.runners.ray_cluster import RayCluster, bind_to_loopback, ray
from pipelines.runners.worker_pool import WorkerPool
from pipelines.stages.port import Done

__all__ = ["measure_join_and_kill", "measure_nodes", "start_servers"]

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Sleeping:
    """Sleeps for the seconds of each item and returns the id of its node.

    Attributes:
        name: of the stage.
    """

    name: ClassVar[str] = "sleep"

    def frames_in(self, item: float) -> int:
        """Return 1; an item counts as one frame."""
        return 1

    def open(self) -> Callable[[float], str]:
        """Return the work; nothing is loaded."""
        return _sleep


def _sleep(seconds: float) -> str:
    time.sleep(seconds)
    return str(ray.get_runtime_context().get_node_id())


@contextlib.contextmanager
def start_cluster(n_nodes: int) -> Iterator[Any]:
    """Start a cluster and connect to it."""
    with start_servers(n_nodes) as cluster, RayCluster(cluster.address, n_nodes):
        yield cluster


@contextlib.contextmanager
def start_servers(n_nodes: int) -> Iterator[Any]:
    """Start a head without processors and nodes with one processor each, all on loopback."""
    from ray.cluster_utils import Cluster

    folder = Path(tempfile.mkdtemp(prefix="nodes-", dir="/tmp"))
    # prevent other programs on this machine from finding and joining this cluster
    unannounced = patch("ray._private.utils.write_ray_address")
    with bind_to_loopback(), unannounced:
        cluster = Cluster()
        cluster.add_node(num_cpus=0, node_ip_address=_LOOPBACK, temp_dir=str(folder / "ray"), include_dashboard=False)
        for _ in range(n_nodes):
            add_node(cluster)
        try:
            yield cluster
        finally:
            cluster.shutdown()
            shutil.rmtree(folder, ignore_errors=True)


def add_node(cluster: Any) -> Any:
    """Add a node with one processor."""
    return cluster.add_node(num_cpus=1, node_ip_address=_LOOPBACK)


def every_processor() -> WorkerPool:
    """Return a runner with one worker for each processor of the cluster."""
    return WorkerPool(RayHost(None, None))


def measure_efficiency(n_nodes: int, *, n_items: int, seconds: float) -> float:
    """Return the share of node time spent working, from the first start to the last end."""
    with start_cluster(n_nodes), every_processor() as pool:
        done = [each for each in pool.map(Sleeping(), [seconds] * n_items) if isinstance(each, Done)]
    if len(done) != n_items:
        raise SystemExit(f"{len(done)} items were done on {n_nodes} nodes, expected {n_items}")
    began, ended = min(each.began_s for each in done), max(each.began_s + each.seconds for each in done)
    return sum(each.seconds for each in done) / (n_nodes * (ended - began))


def measure_join(*, seconds: float) -> float:
    """Return the seconds from adding a third node during the work until it starts its first item."""
    with start_cluster(2) as cluster, every_processor() as pool:
        known = {node["NodeID"] for node in ray.nodes()}
        joined_s = 0.0
        for number, each in enumerate(pool.map(Sleeping(), [seconds] * 1000)):
            if number == 4:
                add_node(cluster)
                joined_s = time.time()
            if isinstance(each, Done) and each.result not in known:
                return each.began_s - joined_s
    raise SystemExit("the node that joined was never used")


def measure_kill(*, n_items: int, seconds: float) -> dict[str, Any]:
    """Count the finished and lost items after one of three nodes is killed during the work."""
    with start_cluster(3) as cluster, every_processor() as pool:
        outcomes = []
        for number, each in enumerate(pool.map(Sleeping(), [seconds] * n_items)):
            outcomes.append(each)
            if number == n_items // 3:
                cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    done = [each for each in outcomes if isinstance(each, Done)]
    by_node = Counter(each.result for each in done)
    return {
        "items": n_items,
        "done": len(done),
        "lost": len(outcomes) - len(done),
        "on_each_node": sorted(by_node.values()),
    }


def measure_join_and_kill() -> dict[str, Any]:
    """Run the short version: two nodes, a third one joins, one of the first two is killed."""
    with start_cluster(2) as cluster, every_processor() as pool:
        outcomes, joined = [], None
        for number, each in enumerate(pool.map(Sleeping(), [0.2] * 120)):
            outcomes.append(each)
            if number == 4:
                joined = add_node(cluster)
            if number == 70:
                cluster.remove_node(next(iter(cluster.worker_nodes - {joined})), allow_graceful=False)
    done = [each.result for each in outcomes if isinstance(each, Done)]
    return {"items": len(outcomes), "done": len(done), "nodes": len(set(done))}


def measure_nodes() -> dict[str, Any]:
    """Run all measurements."""
    efficiency = {n: round(measure_efficiency(n, n_items=100 * n, seconds=0.2), 4) for n in (2, 4, 8)}
    return {
        "efficiency": efficiency,
        "joined_after_s": round(measure_join(seconds=0.2), 1),
        "killed": measure_kill(n_items=150, seconds=0.2),
    }
