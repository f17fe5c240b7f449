"""Paths of all files of a case. Only this module knows the names inside the folder."""

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forensics.errors import IntegrityBroken, UsageError
from forensics.faults import Fault, FaultKind
from forensics.spelling import in_shell, is_text

__all__ = ["CASE_FILE", "SEALED_SUFFIX", "CaseFolder", "RunFolder"]

CASE_FILE: Final = "case.toml"
"""Name of the file that makes a folder a case."""
SEALED_SUFFIX: Final = ".sealed"
"""Suffix of the names of encrypted files."""

_RECORD: Final = "run.json"
# Stages whose parts say who somebody may be.
_SEALED_STAGES: Final = frozenset({"recognise"})
_MANIFEST: Final = "MANIFEST.json"
# In a folder of their own until schema version 1.
_CANDIDATE_FILES: Final = ("candidates.*", ".candidates.*", "candidates/*")
_TABLE_FOLDERS: Final = ("runs/*/tables", "tables", ".tables.new", ".tables.old")
# All files from which a person could be recognised.
_BIOMETRIC: Final = (
    "watchlist/**/*",
    "runs/*/parts/recognise/*",
    ".reproduce/runs/*/parts/recognise/*",
    *(f"{folder}/{files}" for folder in _TABLE_FOLDERS for files in _CANDIDATE_FILES),
    *(f".reproduce/{folder}/{files}" for folder in _TABLE_FOLDERS for files in _CANDIDATE_FILES),
    "lists/*",
    "runs/*/crops/*.jpg.sealed",
    ".reproduce/runs/*/crops/*.jpg.sealed",
    *("reviews.jsonl", f"reviews.jsonl{SEALED_SUFFIX}", ".reviews.jsonl.*.tmp", f"calibration{SEALED_SUFFIX}"),
)
# Folders of what was computed from footage.
_RESULT_FOLDERS: Final = (*_TABLE_FOLDERS, "runs/*/parts", "runs/*/crops")
_CASE_LEVELS: Final = ("*", ".*", "evidence/*", "evidence/*/*", "runs/*", "tables/*", "tables/*/*")
_TOP_LEVEL: Final = ("*", ".*")
_FILE_LEVELS: Final = ("watchlist/*/*", "certificates/*", "lists/*", "runs/*/*", "runs/*/tables/*", "runs/*/plan/*")
_NO_SPECIAL_FILES: Final = "no command makes one; remove it, and restore the file from a backup"
_RUN_LEVELS: Final = ("*", "parts/*")


def _find_special_files(root: Path, patterns: Iterable[str]) -> list[Fault]:
    """Return what is neither a file nor a folder, such as a pipe: reading it would never end."""
    found = [path for pattern in patterns for path in sorted(root.glob(pattern)) if _is_special(path)]
    return [Fault(FaultKind.UNREADABLE, path, "is neither a file nor a folder") for path in found]


def _is_special(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _find_links(root: Path, patterns: Iterable[str]) -> list[Fault]:
    linked = [path for pattern in patterns for path in sorted(root.glob(pattern)) if path.is_symlink()]
    return [Fault(FaultKind.LINK, path, f"is a link to another place, {path.readlink()}") for path in linked]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run inside a case.

    Attributes:
        root: `runs/<run>`.
        case_root: folder of the case that the run belongs to.
    """

    root: Path
    case_root: Path

    @property
    def run_id(self) -> str:
        """Id of the run: a digest of its settings, model and libraries."""
        return self.root.name

    def find_outside_links(self) -> list[Fault]:
        """Return the links to other places in the run's folder, where written files would be lost to the case."""
        return _find_links(self.root, _RUN_LEVELS)

    @property
    def record(self) -> Path:
        """Record of the run: settings, digests, versions, models, figures."""
        return self.root / _RECORD

    @property
    def plan(self) -> Path:
        """Folder of the chunk boundaries, fixed when each evidence was first planned."""
        return self.root / "plan"

    def boundaries(self, evidence_id: str) -> Path:
        """Return the file of the chunk boundaries of one evidence."""
        return self.plan / f"{evidence_id}.json"

    @property
    def parts_list(self) -> Path:
        """List of the parts that the tables of this run were made of, in the format of `sha256sum`."""
        return self.root / "PARTS.sha256"

    @property
    def stored_parts(self) -> Path:
        """Record of the parts that were stored, see `pipelines/custody/part_records.py`."""
        return self.root / "stored-parts.hmac"

    def parts_folder(self, stage: str) -> Path:
        """Return the folder of the parts of one stage."""
        return self.root / "parts" / stage

    def part(self, stage: str, unit: str) -> Path:
        """Return the file of a part: the immutable output of one unit of work of one stage."""
        return self.parts_folder(stage) / f"{unit}.parquet{SEALED_SUFFIX if stage in _SEALED_STAGES else ''}"

    def parts(self, stage: str) -> list[Path]:
        """Return the stored parts of one stage, by name, without unfinished files."""
        return sorted(self.parts_folder(stage).glob(self.part(stage, "[!.]*").name))

    @property
    def has_parts(self) -> bool:
        """Whether any part of any stage is stored."""
        return any(self.root.glob("parts/*/[!.]*.parquet*"))

    @property
    def crops(self) -> Path:
        """Folder of the thumbnails of all tracks."""
        return self.root / "crops"

    def crop(self, track_id: str) -> Path:
        """Return the file of the thumbnail of one track."""
        return self.crops / f"{track_id}.jpg"

    @property
    def tables(self) -> Path:
        """Folder of the tables of this run."""
        return self.root / "tables"

    @property
    def manifest(self) -> Path:
        """Manifest of these tables: run, files, rows and digests."""
        return self.tables / _MANIFEST


@dataclass(frozen=True, slots=True)
class CaseFolder:
    """A case on disk.

    Attributes:
        root: absolute path of the case's folder.
    """

    root: Path

    @classmethod
    def at(cls, path: Path) -> "CaseFolder":
        """Return the existing case at `path`.

        Raises:
            UsageError: there is no case at this path.
            IntegrityBroken: a file directly in it is neither a file nor a folder.
        """
        folder = cls.for_path(path)
        if folder.case_file.exists():
            for special in _find_special_files(folder.root, _TOP_LEVEL):
                raise special.to_error(_NO_SPECIAL_FILES)
        if not folder.case_file.is_file():
            raise UsageError(
                "not a case, there is no case.toml in it",
                "check the path, or create a case with "
                f"`forensics case init {in_shell(path)} --purpose ... --operator ...`",
                path,
            )
        return folder

    @classmethod
    def for_path(cls, path: Path) -> "CaseFolder":
        """Return the folder of an existing or a new case at `path`.

        Raises:
            UsageError: the path is not UTF-8, which the readers of tables require.
        """
        root = path.absolute()
        if not is_text(str(root)):
            raise UsageError(
                f"some bytes of the path {str(root)!a} are not UTF-8, so it cannot hold a case",
                "rename the folder, or choose another one for the case",
            )
        return cls(root)

    def resolve_inside(self, relative: str) -> Path:
        """Return the absolute path of a file that is recorded by its path relative to the case.

        Raises:
            IntegrityBroken: the path leads out of the case.
        """
        path = self.root / relative
        if ".." in Path(relative).parts or not path.resolve().is_relative_to(self.root.resolve()):
            raise IntegrityBroken(
                f"a file of the case names the path {relative!r}, which leads out of the case",
                "restore the case from a backup; nothing outside the case was opened",
                self.root,
            )
        return path

    def find_outside_links(self) -> list[Fault]:
        """Return the links in the case to other places, whose content is not part of the case."""
        return _find_links(self.root, _CASE_LEVELS)

    def refuse_special_files(self) -> None:
        """Check that nothing in the folders of the case is a pipe, a socket or a device, which no command writes.

        Raises:
            IntegrityBroken: something is.
        """
        for special in _find_special_files(self.root, (*_CASE_LEVELS, *_FILE_LEVELS)):
            raise special.to_error(_NO_SPECIAL_FILES)

    def writable_folders(self) -> Iterator[Path]:
        """Yield every folder that commands write files of the case to; other folders may hold footage."""
        yield self.root
        for top in (
            *(self.evidence_file.parent, self.runs, self.tables),
            *(self.watchlist, self.certificates, self.published_lists),
        ):
            yield from (path for path in (top, *top.rglob("*")) if path.is_dir())

    @property
    def case_file(self) -> Path:
        """Mandate, mode, cameras and their clocks."""
        return self.root / CASE_FILE

    @property
    def lock_file(self) -> Path:
        """Lock held while a command changes the case; the file names the process that holds it."""
        return self.root / ".lock"

    @property
    def cancel_file(self) -> Path:
        """Request to cancel: a run ends after the chunks in progress while this file exists."""
        return self.root / ".cancel"

    @property
    def audit_file(self) -> Path:
        """Log of the case, hash-chained: a line for each begin and end of a command."""
        return self.root / "audit.jsonl"

    @property
    def torn_audit_file(self) -> Path:
        """Incomplete lines that killed commands left in the log."""
        return self.root / "audit.torn"

    @property
    def checkpoints_file(self) -> Path:
        """Signed checkpoints of the log: its length and its head."""
        return self.root / "checkpoints.jsonl"

    @property
    def denied_file(self) -> Path:
        """Mark of a denied authority, with who denied it and why; every run ends at once while it exists."""
        return self.root / ".denied"

    @property
    def certificates(self) -> Path:
        """Folder of the certificates of destruction: which files, when, why and by whom."""
        return self.root / "certificates"

    @property
    def watchlist(self) -> Path:
        """Folder of the watch-list: entries and their sealed reference pictures and templates."""
        return self.root / "watchlist"

    @property
    def reviewers_file(self) -> Path:
        """Public keys of the reviewers."""
        return self.root / "reviewers.json"

    @property
    def reviews_file(self) -> Path:
        """Signed verdicts, hash-chained, sealed."""
        return self.root / f"reviews.jsonl{SEALED_SUFFIX}"

    @property
    def published_lists(self) -> Path:
        """Folder of all lists of candidates that were ever published, sealed."""
        return self.root / "lists"

    @property
    def calibration_file(self) -> Path:
        """Calibration of similarities from the case's own picture pairs, sealed against edits."""
        return self.root / f"calibration{SEALED_SUFFIX}"

    @property
    def sources_file(self) -> Path:
        """Table of every path that was given to ingest."""
        return self.root / "evidence" / "sources.parquet"

    @property
    def evidence_file(self) -> Path:
        """Table of every evidence."""
        return self.root / "evidence" / "evidence.parquet"

    def index_file(self, evidence_id: str) -> Path:
        """Return the file of the packet index of one evidence."""
        return self.root / "evidence" / "index" / f"{evidence_id}.parquet"

    def working_copy(self, evidence_id: str) -> Path:
        """Return the path, without suffix, of the stream copy of footage that cannot seek."""
        return self.root / "evidence" / "copies" / evidence_id

    @property
    def reproduction(self) -> Path:
        """Scratch folder in which `reproduce` computes a run again; removed afterwards."""
        return self.root / ".reproduce"

    @property
    def runs(self) -> Path:
        """Folder that holds one folder per run."""
        return self.root / "runs"

    def run(self, run_id: str) -> RunFolder:
        """Return the folder of one run."""
        return RunFolder(self.runs / run_id, self.root)

    def run_folders(self) -> list[RunFolder]:
        """Return the folders of all runs, by name."""
        return [self.run(path.name) for path in sorted(self.runs.glob("*")) if path.is_dir()]

    def run_of_record(self, path: Path) -> RunFolder | None:
        """Return the run whose record is at a path; None if the path is not the record of a run."""
        is_record = path.name == _RECORD and path.parent.parent == self.runs
        return self.run(path.parent.name) if is_record else None

    def compared_parts(self) -> list[Path]:
        """Return the parts of the recognise stage of all runs, including withheld and unfinished ones."""
        return sorted(self.runs.glob("*/parts/recognise/*"))

    def candidate_tables(self) -> list[Path]:
        """Return the candidate tables of all runs, including withheld ones."""
        return sorted(path for files in _CANDIDATE_FILES for path in self.runs.glob(f"*/tables/{files}"))

    def biometric_files(self) -> list[Path]:
        """Return all files from which a person could be recognised, by path; a link counts wherever it leads."""
        return self._own_files(_BIOMETRIC)

    def result_files(self) -> list[Path]:
        """Return all files computed from footage, by path but the manifest first: without it no table is read.

        Records and plans of runs, verdicts and the kept lists of candidates are not among them.
        """
        patterns = (*(f"{folder}/**/*" for folder in _RESULT_FOLDERS), "runs/*/PARTS.sha256", self.contact_sheet.name)
        return sorted(self._own_files(patterns), key=lambda path: (path != self.manifest, path))

    def result_folders(self) -> list[Path]:
        """Return the folders that hold only results and folders of results, deepest first."""
        tops = [path for pattern in _RESULT_FOLDERS for path in self.root.glob(pattern)]
        found = {path for top in tops for path in (top, *top.rglob("*")) if path.is_dir() and not path.is_symlink()}
        return sorted(found, reverse=True)

    def _own_files(self, patterns: Iterable[str]) -> list[Path]:
        """Return the files that fit a pattern, by path; of links that lead out of the case only the links."""
        found = {path for pattern in patterns for path in self.root.glob(pattern)}
        own = {path for path in found if path.parent.resolve().is_relative_to(self.root.resolve())}
        return sorted(path for path in own if path.is_symlink() or path.is_file())

    def entry_file(self, reference: str) -> Path:
        """Return the file of an entry, by the name of its folder: its end, and sealed its name, basis and pictures."""
        return self.watchlist / reference / "entry.json"

    def entry_files(self) -> list[Path]:
        """Return the files of all entries."""
        return sorted(self.watchlist.glob("*/entry.json"))

    def unfinished_tables(self) -> tuple[Path, Path]:
        """Return the folders that a command leaves if it is killed while it publishes tables."""
        return self.root / ".tables.new", self.root / ".tables.old"

    @property
    def contact_sheet(self) -> Path:
        """Picture of all people found, which `demo` writes."""
        return self.root / "sightings.png"

    @property
    def tables(self) -> Path:
        """Folder of the published tables, of one chosen run."""
        return self.root / "tables"

    @property
    def manifest(self) -> Path:
        """Manifest of the published tables: the chosen run, and every file with its rows and digest."""
        return self.tables / _MANIFEST
