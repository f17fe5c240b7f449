"""Encrypts what versions before 0.3 stored in clear: verdicts, entries, candidates, faces, thumbnails of people.

Files in clear are removed last, and every step can be repeated, so the next command continues after a kill. Lines of
the log stay as they are, because they are chained: names in them, and what was deleted before, are beyond reach.
"""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

import pyarrow as pa
import pyarrow.compute as pc

from forensics.custody.case_document import Case
from forensics.custody.case_folder import SEALED_SUFFIX, CaseFolder, RunFolder
from forensics.custody.registered_files import WROTE
from forensics.custody.sealer import Sealer, is_sealed
from forensics.digests import sha256_of_bytes, sha256_of_file
from forensics.errors import CannotStart
from forensics.json_object import JsonObject, decode_json
from forensics.tables.files import encode_json, encode_table, read_any_table, seal_table, write_bytes
from forensics.tables.schemas import CANDIDATES, CANDIDATES_TABLE, RECOGNISE_PART, SIGHT_PART
from forensics.tables.sighting_rows import THUMBNAIL, seal_thumbnails
from pipelines.custody.case_lock import lock_case
from pipelines.custody.clear_files import CLEAR_VERDICTS, clear_entries
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.entries import decode_entry, encode_entry, entry_folder
from pipelines.custody.keys import find_key
from pipelines.custody.part_records import PartRecords
from pipelines.custody.session import Session

__all__ = ["seal_old_case"]

_CONTEXT: Final = "verdicts"
_COMPARED: Final = ("candidate", "lead")


def seal_old_case(session: Session) -> None:
    """Seal the files, unless another command holds the lock, or the key cannot be used.

    Numbers that this version would not have kept are left out, unless nothing may be deleted.
    """
    with contextlib.suppress(CannotStart), lock_case(session.folder):
        session.reload()
        key = find_key(session.case)
        if key is None:
            return
        _seal_verdicts(session.folder, session.files, key)
        for entry in list(clear_entries(session.folder)):
            _seal_entry(session.case, session.files, entry, key)
        runs = session.folder.run_folders()
        for run in sorted(runs, key=lambda run: run.run_id == _published(session.folder)):
            _seal_run(session.case, run, session.files, key)
        text = "files of an older version were encrypted with the key of the case"
        session.record.note("sealed", {"text": text})
        session.retention_actions.append(text)


def _published(folder: CaseFolder) -> str:
    """Return the id of the published run; empty if there is none."""
    return str(decode_json(folder.manifest.read_text())["run"]) if folder.manifest.exists() else ""


def _seal_verdicts(folder: CaseFolder, files: DecidingFiles, key: Sealer) -> None:
    clear = folder.root / CLEAR_VERDICTS
    if clear.exists():
        files.write(folder.reviews_file, key.seal(clear.read_bytes(), _CONTEXT))
        _remove(clear, files)


def _seal_entry(case: Case, files: DecidingFiles, old: Path, key: Sealer) -> None:
    """Move an entry to a folder named by reference, with its pictures and templates sealed for that folder."""
    stored = decode_json((old / "entry.json").read_text())
    new = entry_folder(case.folder, key, old.name)
    entry = decode_entry(new, old.name, stored)
    for picture in entry.pictures:
        sha256 = picture["sha256"]
        data = key.unseal((old / f"{sha256[:16]}.picture.sealed").read_bytes(), f"reference:{old.name}:{sha256}")
        target = new / f"{key.reference('picture', sha256)}.picture.sealed"
        write_bytes(target, key.seal(data, f"reference:{new.name}:{sha256}"))
    for template in old.glob("*.template.sealed"):
        digest = template.name.split(".")[0]
        data = key.unseal(template.read_bytes(), f"template:{old.name}:{digest}")
        write_bytes(new / template.name, key.seal(data, f"template:{new.name}:{digest}"))
    files.write(case.folder.entry_file(new.name), encode_entry(entry, key))
    _remove(old / "entry.json", files)
    for path in old.iterdir():
        path.unlink()
    old.rmdir()


def _seal_run(case: Case, run: RunFolder, files: DecidingFiles, key: Sealer) -> None:
    """Seal the parts, thumbnails and candidates of a run, name them in its lists, and remove what was in clear."""
    folder, keeps_numbers = case.folder, bool(case.mandate.hold)
    parts = sorted(run.parts_folder("recognise").glob("[!.]*.parquet"))
    for part in parts:
        sealed, rows = _sealed_name(part), _with_fewer_numbers(_comparisons(part, key), RECOGNISE_PART, keeps_numbers)
        PartRecords.of(run).store(sealed, seal_table(sealed, rows, key))
    for part in run.parts("sight"):
        _seal_sights(part, key)
    crops = sorted(run.crops.glob("*.jpg"))
    for crop in crops:
        write_bytes(_sealed_name(crop), key.seal(crop.read_bytes(), THUMBNAIL))
    places = [run.tables, *([folder.tables] if run.run_id == _published(folder) else [])]
    tables = [path for place in places for path in sorted((place / CANDIDATES_TABLE).glob("*.parquet"))]
    for table in tables:
        sealed, rows = _sealed_name(table), _with_fewer_numbers(read_any_table(table), CANDIDATES, keeps_numbers)
        write_bytes(sealed, seal_table(sealed, rows, key))
    if run.parts_list.exists():
        files.write(run.parts_list, _new_inventory(run))
    if run.manifest.exists():
        _write_manifest(folder, run, files)
    _remove_all([*parts, *crops, *tables])


def _comparisons(part: Path, key: Sealer) -> pa.Table:
    """Return the rows of a part with its faces decrypted."""
    rows = [
        {
            **{name: value for name, value in row.items() if name != "sealed_faces"},
            "faces": [
                key.unseal(face, f"face:{row['sighting_id']}:{number}")
                for number, face in enumerate(row["sealed_faces"])
            ],
        }
        for row in read_any_table(part).to_pylist()
    ]
    schema = pa.schema([field for field in RECOGNISE_PART if field.name != "frames"])
    return pa.Table.from_pylist(rows, schema=schema)


def _with_fewer_numbers(table: pa.Table, schema: pa.Schema, keeps_numbers: bool) -> pa.Table:
    """Return the rows with numbers that depend on a similarity for candidates and leads only, or with all of them."""
    if "frames" not in table.column_names:  # which frames the faces are from was not recorded
        table = table.append_column("frames", pa.array([[]] * len(table), pa.list_(pa.int64())))
    if keeps_numbers:
        return table.select(schema.names).cast(schema)
    is_similar = pc.is_in(table["decision"], pa.array(_COMPARED))
    columns = {name: table[name] for name in schema.names}
    for name in {"rank", "similarity", "margin", "log10_likelihood_ratio"} & columns.keys():
        columns[name] = pc.if_else(is_similar, table[name], pa.scalar(None, schema.field(name).type))
    return pa.table(columns, schema=schema)


def _seal_sights(part: Path, key: Sealer) -> None:
    sights = read_any_table(part)
    if any(jpeg is not None and not is_sealed(jpeg) for jpeg in sights["jpeg"].to_pylist()):
        with part.open("r+b") as before:
            PartRecords.holding(part).store(part, encode_table(seal_thumbnails(sights.cast(SIGHT_PART), key)))
            _overwrite_open(before)


def _sealed_name(path: Path) -> Path:
    return path.with_name(f"{path.name}{SEALED_SUFFIX}")


def _remove(path: Path, files: DecidingFiles) -> None:
    """Remove a registered file, and overwrite what was its content."""
    with path.open("r+b") as before:
        files.remove(path)
        _overwrite_open(before)


def _remove_all(paths: Sequence[Path]) -> None:
    """Remove files, then overwrite what was their content: some have two names."""
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(path.open("r+b")) for path in paths]
        for path in paths:
            path.unlink()
        for file in files:
            _overwrite_open(file)


def _overwrite_open(file: IO[bytes]) -> None:
    """Overwrite a file in place, which removes its content from plain disks."""
    file.write(bytes(os.fstat(file.fileno()).st_size))
    file.flush()
    os.fsync(file.fileno())


def _present(path: Path) -> Path:
    """Return the path of a file, or of the sealed file that takes its place."""
    return _sealed_name(path) if _sealed_name(path).exists() else path


def _new_inventory(run: RunFolder) -> bytes:
    """Return the list of parts with their present names and digests; parts that were destroyed stay as they were."""
    lines = []
    for line in run.parts_list.read_text().splitlines():
        sha256, _, name = line.partition("  ")
        path = _present(run.case_root / name)
        digest = sha256_of_file(path) if path.exists() else sha256
        lines.append(f"{digest}  {path.relative_to(run.case_root).as_posix()}\n")
    return "".join(lines).encode()


def _write_manifest(folder: CaseFolder, run: RunFolder, files: DecidingFiles) -> None:
    """Write the manifest with the present names and digests, and record it as published."""
    is_published = run.run_id == _published(folder)
    places = [run.manifest, *([folder.manifest] if is_published else [])]
    manifest: JsonObject = decode_json(run.manifest.read_text())
    manifest["files"] = [_described(run.tables, file) for file in manifest["files"]]
    manifest["pictures"] = [_described(run.case_root, picture) for picture in manifest.get("pictures", [])]
    data = encode_json(manifest)
    if all(path.read_bytes() == data for path in places):
        return
    if not is_published:
        write_bytes(run.manifest, data)
        files.note(WROTE, {"files": {folder.manifest.relative_to(folder.root).as_posix(): sha256_of_bytes(data)}})
        return
    with files.record_replacement(folder.manifest, sha256_of_bytes(data)):
        for path in places:
            write_bytes(path, data)


def _described(root: Path, entry: JsonObject) -> JsonObject:
    path = _present(root / entry["path"])
    if path == root / entry["path"] or not path.exists():
        return entry
    described = {**entry, "path": path.relative_to(root).as_posix(), "sha256": sha256_of_file(path)}
    return described | ({"bytes": path.stat().st_size} if "bytes" in entry else {})
