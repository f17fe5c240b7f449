"""Measure what encryption costs: its share of a run that compares faces, and the time to read many candidates.

    scripts/bench-sealing FOOTAGE --model MODEL --entry PICTURE

The run is serial, so all of its encryption happens in this process and is timed call by call. It fails if encryption
takes more than 2 % of the run, or if 100,000 candidates take more than 0.3 s to decrypt and to filter.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import polars as pl
import pyarrow as pa

from forensics.adapters.crypto.case_key import Key
from forensics.custody.case_folder import SEALED_SUFFIX, CaseFolder
from forensics.faces.comparison import Decision
from forensics.tables.files import describe_file, seal_table, write_bytes, write_json
from forensics.tables.published import candidates_of
from forensics.tables.schemas import CANDIDATES, CANDIDATES_TABLE
from testing.commands import ENTRY_LAST_DAY, Answer, RedirectingCall, search_case

_LARGEST_SHARE: Final = 0.02
_LONGEST_READ_S: Final = 0.3
_N_ROWS: Final = 100_000
_ROUNDS: Final = 5


@dataclass(slots=True)
class _Timed:
    """Calls of a function, with the seconds that they took together."""

    n_calls: int = 0
    seconds: float = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, with its calls counted and timed."""

        def timed(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.n_calls += 1
                self.seconds += time.perf_counter() - began

        return timed


def main() -> int:
    """Print both figures as JSON; return 1 if one is too large."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("footage", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="detector")
    parser.add_argument("--entry", type=Path, action="append", required=True, help="reference picture; several times")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        with patch.dict(os.environ, {"FORENSICS_KEYS": f"{folder}/keys"}):
            run = _measure_run(Path(folder), arguments.footage, arguments.model, arguments.entry)
        read_s = _measure_reading(Path(folder) / "large")
    figures = {**run, "rows": _N_ROWS, "read_s": round(read_s, 3)}
    print(json.dumps(figures, indent=2))
    return int(run["share"] > _LARGEST_SHARE or read_s > _LONGEST_READ_S)


def _measure_run(folder: Path, footage: Path, model: Path, entries: list[Path]) -> dict[str, float]:
    """Return the seconds of a run in mode missing and those of its encryption."""
    call, case = RedirectingCall(), search_case(folder / "case", mode="missing")
    _must(call("ingest", case, footage, "--camera", "gate", "--start", "2026-05-01T10:00:00Z", "--clock-error", 0))
    for entry in entries:
        expires = ("--basis", "bench", "--expires", ENTRY_LAST_DAY)
        _must(call("watchlist", "add", case, entry.stem, entry, *expires))
    spent = _Timed()
    with (
        patch.object(Key, "seal", spent.around(Key.seal)),
        patch.object(Key, "unseal", spent.around(Key.unseal)),
        patch.object(Key, "reference", spent.around(Key.reference)),
    ):
        began = time.perf_counter()
        _must(call("run", case, "--model", model, "--set", "detect.classes=person", "--runner", "serial", "--quiet"))
        whole = time.perf_counter() - began
    return {
        "run_s": round(whole, 2),
        "encryption_s": round(spent.seconds, 4),
        "calls": spent.n_calls,
        "share": round(spent.seconds / whole, 5),
    }


def _must(answer: Answer) -> None:
    assert answer.code == 0, answer.err


def _measure_reading(root: Path) -> float:
    """Return the median seconds to decrypt 100,000 candidates and to select those of one entry."""
    folder, key = CaseFolder(root), Key.fresh()
    path = folder.tables / f"{CANDIDATES_TABLE}.parquet{SEALED_SUFFIX}"
    write_bytes(path, seal_table(path, _many_candidates(), key))
    write_json(folder.manifest, {"run": "0" * 16, "files": [describe_file(path, folder.tables, n_rows=_N_ROWS)]})
    seconds = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        candidates_of(folder, key).filter(entry_id="E1", decision=Decision.CANDIDATE.value).collect()
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds))


def _many_candidates() -> pa.Table:
    rng = np.random.default_rng(1)
    n_similar = _N_ROWS // 20
    decisions = [Decision.CANDIDATE.value] * n_similar + [Decision.BELOW.value] * (_N_ROWS - n_similar)
    known = {
        "sighting_id": [f"{number:016x}" for number in rng.integers(1 << 62, size=_N_ROWS)],
        "entry_id": [f"E{number}" for number in rng.integers(5, size=_N_ROWS)],
        "decision": decisions,
        "similarity": [float(value) for value in rng.uniform(size=n_similar)] + [None] * (_N_ROWS - n_similar),
        "quality": rng.uniform(size=_N_ROWS),
        "model_id": ["yunet-bf75c41d+Dlib-4c77b6fe"] * _N_ROWS,
        "reason": ["small 5, turned_away 2"] * _N_ROWS,
    }
    rows = pl.DataFrame(known).to_arrow()
    columns = [
        rows[field.name].cast(field.type) if field.name in known else pa.nulls(_N_ROWS, field.type)
        for field in CANDIDATES
    ]
    return pa.table(dict(zip(CANDIDATES.names, columns, strict=True)), schema=CANDIDATES)


if __name__ == "__main__":
    raise SystemExit(main())
