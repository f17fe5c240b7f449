"""Several nodes, on this machine: all of them work, one that joins is used, one that is killed costs nothing."""

import warnings
from collections.abc import Iterator

import pytest

from pipelines.stages.port import Done


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Ray leaves sockets and processes to the interpreter, which warns of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_a_node_that_joins_is_used_and_one_that_is_killed_costs_no_item() -> None:
    from pipelines.runners.ray import RayRunner
    from scripts.measure.scale.on_nodes import Sleeping, add_node, cluster_of

    with cluster_of(2) as cluster:
        outcomes, joined = [], None
        for number, each in enumerate(RayRunner(None, retries=1).map(Sleeping(), [0.2] * 120)):
            outcomes.append(each)
            if number == 4:
                joined = add_node(cluster)
            if number == 70:
                cluster.remove_node(next(iter(cluster.worker_nodes - {joined})), allow_graceful=False)
    done = [each for each in outcomes if isinstance(each, Done)]
    assert len(done) == len(outcomes) == 120
    assert len({each.result for each in done}) == 3
