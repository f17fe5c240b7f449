"""Work that sleeps on several nodes on this machine: how much of them is used, who joins, who is killed."""

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

from pipelines.runners.ray import RayRunner
from pipelines.runners.ray_cluster import bound_to_loopback, connected, ray
from pipelines.stages.port import Done

__all__ = ["come_and_go", "on_nodes"]

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Sleeping:
    """Sleeps so many seconds for every item, and says on which node.

    Attributes:
        name: of the stage.
    """

    name: ClassVar[str] = "sleep"

    def frames_in(self, item: float) -> int:
        """None."""
        return 1

    def open(self) -> Callable[[float], str]:
        """Nothing is loaded."""
        return _slept


def _slept(seconds: float) -> str:
    time.sleep(seconds)
    return str(ray.get_runtime_context().get_node_id())


@contextlib.contextmanager
def cluster_of(n_nodes: int) -> Iterator[Any]:
    """A head without processors and so many nodes with one each, all on loopback; this process is connected to it."""
    from ray.cluster_utils import Cluster

    folder = Path(tempfile.mkdtemp(prefix="nodes-", dir="/tmp"))
    # other programs on this machine must not take it for the cluster that they are to join
    unannounced = patch("ray._private.utils.write_ray_address")
    with bound_to_loopback(), unannounced:
        cluster = Cluster()
        cluster.add_node(num_cpus=0, node_ip_address=_LOOPBACK, temp_dir=str(folder / "ray"), include_dashboard=False)
        for _ in range(n_nodes):
            add_node(cluster)
        try:
            with connected(cluster.address, n_nodes):
                yield cluster
        finally:
            cluster.shutdown()
            shutil.rmtree(folder, ignore_errors=True)


def add_node(cluster: Any) -> Any:
    """One more node with one processor."""
    return cluster.add_node(num_cpus=1, node_ip_address=_LOOPBACK)


def used(n_nodes: int, *, n_items: int, seconds: float) -> float:
    """The share of the nodes' time in which they worked, from the first begin to the last end."""
    with cluster_of(n_nodes):
        done = [each for each in RayRunner(None).map(Sleeping(), [seconds] * n_items) if isinstance(each, Done)]
    if len(done) != n_items:
        raise SystemExit(f"{len(done)} of {n_items} items were done on {n_nodes} nodes")
    began, ended = min(each.began_s for each in done), max(each.began_s + each.seconds for each in done)
    return sum(each.seconds for each in done) / (n_nodes * (ended - began))


def joined_after(*, seconds: float) -> float:
    """Seconds until a node that joins two others while they work has begun its first item."""
    with cluster_of(2) as cluster:
        known = {node["NodeID"] for node in ray.nodes()}
        joined_s = 0.0
        for number, each in enumerate(RayRunner(None).map(Sleeping(), [seconds] * 1000)):
            if number == 4:
                add_node(cluster)
                joined_s = time.time()
            if isinstance(each, Done) and each.result not in known:
                return each.began_s - joined_s
    raise SystemExit("the node that joined was never used")


def killed(*, n_items: int, seconds: float) -> dict[str, Any]:
    """What became of the items where one of three nodes is killed while they work."""
    with cluster_of(3) as cluster:
        outcomes = []
        for number, each in enumerate(RayRunner(None, retries=1).map(Sleeping(), [seconds] * n_items)):
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


def come_and_go() -> dict[str, Any]:
    """In short: two nodes, a third joins, one of the first is killed."""
    with cluster_of(2) as cluster:
        outcomes, joined = [], None
        for number, each in enumerate(RayRunner(None, retries=1).map(Sleeping(), [0.2] * 120)):
            outcomes.append(each)
            if number == 4:
                joined = add_node(cluster)
            if number == 70:
                cluster.remove_node(next(iter(cluster.worker_nodes - {joined})), allow_graceful=False)
    done = [each.result for each in outcomes if isinstance(each, Done)]
    return {"items": len(outcomes), "done": len(done), "nodes": len(set(done))}


def on_nodes() -> dict[str, Any]:
    """All of it."""
    efficiency = {n: round(used(n, n_items=100 * n, seconds=0.2), 4) for n in (2, 4, 8)}
    return {
        "efficiency": efficiency,
        "joined_after_s": round(joined_after(seconds=0.2), 1),
        "killed": killed(n_items=150, seconds=0.2),
    }
