"""A cluster of several nodes on this machine: a node that joins is used, a killed one costs no item."""

import json
import subprocess
import sys

# A process of its own: what Ray leaves of a cluster in its driver is nothing that other tests should live with.
_COMMAND = [sys.executable, "-m", "scripts.measure.scale", "nodes", "--short"]


def test_a_node_that_joins_is_used_and_one_that_is_killed_costs_no_item() -> None:
    done = subprocess.run(_COMMAND, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout[done.stdout.index("{") :]) == {"items": 120, "done": 120, "nodes": 3}
