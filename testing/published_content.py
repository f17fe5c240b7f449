"""Content of published tables that does not depend on the id of the case, to compare runs of several cases."""

import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq

from forensics.digests import sha256_of_bytes, sha256_of_file
from forensics.tables.files import encode_table

__all__ = ["digest_without_case", "published_content"]

_ID, _METADATA = "case_id", b"forensics.case_id"


def published_content(root: Path) -> dict[str, str]:
    """Return a digest of every published table, of the manifest and of every thumbnail, by path in the case."""
    files = [*(root / "tables").rglob("*.*"), *root.glob("runs/*/crops/*.jpg")]
    return {path.relative_to(root).as_posix(): digest_without_case(path) for path in sorted(files)}


def digest_without_case(path: Path) -> str:
    """Return the SHA-256 of a file, of a table or manifest as it would be without the id of its case."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        metadata = {name: value for name, value in (table.schema.metadata or {}).items() if name != _METADATA}
        return sha256_of_bytes(encode_table(table.drop_columns([_ID]).replace_schema_metadata(metadata)))
    if path.name == "MANIFEST.json":
        manifest = json.loads(path.read_text())
        files = [{"path": file["path"], "rows": file["rows"]} for file in manifest["files"]]
        return hashlib.sha256(json.dumps({**manifest, _ID: "", "files": files}).encode()).hexdigest()
    return sha256_of_file(path)
