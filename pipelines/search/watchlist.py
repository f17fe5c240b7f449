"""The watch-list of a case: a few entries, each with a legal basis, an end, and sealed reference pictures.

An entry's pictures and its template lie in `watchlist/<entry>/`, sealed; what may be read of it, such as
its basis and what was wrong or good about its pictures, stands in `entry.json` beside them.
"""

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from forensics.adapters.face_models import FaceModels, open_faces
from forensics.adapters.face_quality import REFERENCE_LIMITS
from forensics.adapters.sealing import Key, seal, unseal
from forensics.audit import read_chain
from forensics.calibrations import pairwise_threshold
from forensics.case import CaseFolder
from forensics.comparison import people_in
from forensics.detections import FloatArray
from forensics.digests import sha256_of_bytes
from forensics.errors import NotAuthorised, UsageError
from forensics.faces import FaceDetector, FaceEmbedder, worth
from forensics.pooling import Pools, pooled, similarities, singles
from forensics.tables.files import encoded_json, write_bytes
from forensics.templates import Templates
from pipelines.custody.case_file import Case
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.erasure import certified, destroy_files
from pipelines.custody.mandate_words import last_day_text
from pipelines.search.candidate_faces import parts_without
from pipelines.search.portraits import Picture, Portrait, Unfit, portrait_again, portrait_of

__all__ = [
    "CHOSEN",
    "FROM_CANDIDATE",
    "Entry",
    "add_entry",
    "entries_of",
    "expired_entries",
    "forget_half_added",
    "half_added",
    "people_of",
    "reference_pictures",
    "remove_entry",
    "templates_of",
]

CHOSEN: Final = "pictures"
"""The origin of an entry whose pictures a person chose."""

FROM_CANDIDATE: Final = "candidate "
"""What the origin of every other entry begins with; ``SIGHTING:ENTRY`` follows."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody who is looked for.

    Attributes:
        entry_id: its name in `candidates`; a number or a code word serves as well as a name.
        basis: why this person may be looked for.
        expires_utc: when the entry ends.
        added_utc, added_by: when and by whom it was added.
        origin: `CHOSEN`, or the confirmed candidate whose faces serve as pictures.
        pictures: for each reference picture its SHA-256 and the quality of the face in it.
    """

    entry_id: str
    basis: str
    expires_utc: datetime
    added_utc: datetime
    added_by: str
    origin: str
    pictures: tuple[dict[str, Any], ...]

    @property
    def candidate(self) -> tuple[str, str] | None:
        """The sighting and the entry of the confirmed candidate that its faces are of; None where people chose."""
        if not self.origin.startswith(FROM_CANDIDATE):
            return None
        sighting_id, _, entry_id = self.origin.removeprefix(FROM_CANDIDATE).partition(":")
        return sighting_id, entry_id


def entries_of(folder: CaseFolder) -> list[Entry]:
    """All entries, by id."""
    return [_read(path) for path in sorted(folder.watchlist.glob("*/entry.json"))]


def _read(path: Path) -> Entry:
    stored = json.loads(path.read_text())
    return Entry(
        entry_id=path.parent.name,
        basis=stored["basis"],
        expires_utc=datetime.fromisoformat(stored["expires_utc"]),
        added_utc=datetime.fromisoformat(stored["added_utc"]),
        added_by=stored["added_by"],
        origin=stored["origin"],
        pictures=tuple(stored["pictures"]),
    )


def add_entry(
    case: Case,
    files: DecidingFiles,
    entry_id: str,
    pictures: Sequence[Picture],
    *,
    origin: str,
    basis: str,
    expires_utc: datetime,
    models_for: Callable[[], FaceModels],
    key_for: Callable[[], Key],
    now: datetime,
    who: str,
) -> Entry:
    """The entry lies in the watch-list, its pictures and template sealed; the caller holds the case's lock.

    Raises:
        UsageError: something about the entry or one of its pictures is wrong, and what; the pictures show two
            people; one of them is another entry's.
        NotAuthorised: the case compares no faces, or its list is full.
    """
    _check_entry(case, entry_id, basis=basis, expires_utc=expires_utc, now=now)
    _refuse_known(case.folder, pictures)
    key, models = key_for(), models_for()
    detector, embedder = open_faces(models)
    references = _fit(pictures, detector, embedder, all_of_them=origin == CHOSEN)
    _refuse_two_people(references, embedder, one_person=pairwise_threshold(models.embedder))
    folder = case.folder.watchlist / entry_id
    for each in references:
        write_bytes(_picture_file(folder, each.sha256), seal(key, each.data, _picture_context(entry_id, each.sha256)))
    _write_template(folder, key, _template(references, embedder), models)
    described = tuple(each.described() for each in references)
    entry = Entry(entry_id, basis.strip(), expires_utc, now, who, origin, described)
    stored = {
        "basis": entry.basis,
        "expires_utc": expires_utc.isoformat(),
        "added_utc": now.isoformat(),
        "added_by": who,
        "origin": origin,
        "pictures": list(entry.pictures),
    }
    files.write(folder / "entry.json", encoded_json(stored))
    return entry


def _fit(
    pictures: Sequence[Picture], detector: FaceDetector, embedder: FaceEmbedder, *, all_of_them: bool
) -> list[Portrait]:
    """Those that are good enough; what a person chose must all be, what was found in footage at least once."""
    references: list[Portrait] = []
    unfit: list[Unfit] = []
    for picture in pictures:
        try:
            references.append(portrait_of(picture, detector, embedder, REFERENCE_LIMITS))
        except Unfit as error:
            unfit.append(error)
    if unfit and all_of_them:
        raise unfit[0]
    if unfit and not references:
        raise _no_face_serves(unfit)
    return references


def _no_face_serves(unfit: Sequence[Unfit]) -> Unfit:
    """Every face of a confirmed candidate with what is wrong with it; of that moment there is no better picture."""
    return Unfit(
        "no face of the candidate can be a reference: " + "; ".join(each.problem for each in unfit),
        "have another candidate confirmed that shows the person larger, sharper or from the front, or give a picture "
        "from elsewhere; the candidate itself stays confirmed",
        tuple(dict.fromkeys(problem for each in unfit for problem in each.problems)),
    )


def _refuse_known(folder: CaseFolder, pictures: Sequence[Picture]) -> None:
    """One picture under two names would make each the other's best rival, and the list longer than it is."""
    owners = {known["sha256"]: entry.entry_id for entry in entries_of(folder) for known in entry.pictures}
    for picture in pictures:
        owner = owners.get(sha256_of_bytes(picture.data))
        if owner is not None:
            raise UsageError(
                f"{picture.name}: is a reference of entry {owner} already",
                "one person is one entry; give other pictures",
            )


def _refuse_two_people(references: Sequence[Portrait], embedder: FaceEmbedder, *, one_person: float) -> None:
    """References that are no more alike than strangers', directly or through others, are of two people."""
    if len(references) < 2:
        return
    vectors = _vectors(references, embedder)
    groups = people_in(vectors, embedder.measure, one_person)
    if len(groups) == 1:
        return
    first = groups[0]
    others = np.concatenate(groups[1:])
    between = similarities(singles(vectors[first], embedder.measure), singles(vectors[others], embedder.measure),
                           embedder.measure)  # fmt: skip
    row, column = np.unravel_index(int(between.argmax()), between.shape)
    one, other = references[int(first[row])], references[int(others[column])]
    raise UsageError(
        f"{one.name} and {other.name} are {between.max():.3f} alike, as two people are; one person's are at least "
        f"{one_person:.3f}",
        "an entry is one person: give each an entry of their own, or leave out the picture that shows somebody else",
    )


def _check_entry(case: Case, entry_id: str, *, basis: str, expires_utc: datetime, now: datetime) -> None:
    mode, ends = case.mandate.mode, case.mandate.expires_utc
    if not mode.compares_faces:
        raise NotAuthorised(
            f"a case in mode {mode.value} has no watch-list", "make a case with --mode search or --mode missing"
        )
    if not _NAME.fullmatch(entry_id):
        raise UsageError(f"{entry_id!r} is no name of an entry", "use up to 64 letters, digits, dots and hyphens")
    if not basis.strip():
        raise UsageError("the basis is empty", "say with --basis why this person may be looked for")
    if expires_utc <= now:
        raise UsageError(f"--expires {last_day_text(expires_utc)} is over", "state when the entry ends")
    if ends is not None and expires_utc > ends:
        raise UsageError(f"the entry would outlive the case, whose last day is {last_day_text(ends)}", "end it earlier")
    known = entries_of(case.folder)
    if any(entry.entry_id.casefold() == entry_id.casefold() for entry in known):
        raise UsageError(f"there is an entry {entry_id} already", "choose another name")
    if entry_id.casefold() in _former_names(case.folder):
        raise UsageError(
            f"there was an entry {entry_id}, and verdicts may name it",
            "choose another name: one name stands for the same pictures for ever",
        )
    if len(known) >= case.watchlist_limit:
        raise NotAuthorised(
            f"the watch-list has {len(known)} entries, the case allows {case.watchlist_limit}",
            "remove one, or raise it on record: forensics case policy CASE --watchlist-limit N --reason TEXT",
        )


def _former_names(folder: CaseFolder) -> set[str]:
    """Of entries whose pictures were destroyed, as they are compared."""
    paths = (Path(path) for path in certified(folder))
    return {path.parts[1].casefold() for path in paths if path.is_relative_to(folder.watchlist.name)}


def _template(references: Sequence[Portrait], embedder: FaceEmbedder) -> Pools:
    """The one pool that stands for the entry."""
    vectors = _vectors(references, embedder)
    weights = np.array([worth(each.quality, REFERENCE_LIMITS) for each in references])
    return pooled(vectors, weights, embedder.measure)


def _vectors(references: Sequence[Portrait], embedder: FaceEmbedder) -> FloatArray:
    return embedder.embed([embedder.aligned(each.rgb, each.face) for each in references])


def reference_pictures(folder: CaseFolder, key: Key, entry_id: str) -> list[bytes]:
    """The entry's reference pictures as they were given.

    Raises:
        UsageError: there is no such entry.
    """
    entry = _named(folder, entry_id)
    return [
        unseal(key, _picture_file(folder.watchlist / entry_id, digest).read_bytes(), _picture_context(entry_id, digest))
        for digest in (picture["sha256"] for picture in entry.pictures)
    ]


def templates_of(case: Case, key: Key, models: FaceModels, *, now: datetime) -> Templates:
    """One vector by these models for every entry that has not ended; made anew from the pictures where needed."""
    entries = [entry for entry in entries_of(case.folder) if entry.expires_utc > now]
    missing = [e for e in entries if not _template_file(case.folder.watchlist / e.entry_id, models).exists()]
    if missing:
        detector, embedder = open_faces(models)
        for entry in missing:
            references = [
                portrait_again(data, detector, embedder)
                for data in reference_pictures(case.folder, key, entry.entry_id)
            ]
            _write_template(case.folder.watchlist / entry.entry_id, key, _template(references, embedder), models)
    ids = tuple(entry.entry_id for entry in entries)
    pools = [_load_template(case.folder.watchlist / entry_id, key, models) for entry_id in ids]
    nobody = Pools(np.zeros((0, 1), dtype=np.float32), np.zeros(0, dtype=np.float32))
    return Templates(ids, people_of(case.folder, entries), Pools.stacked(pools) if pools else nobody)


def people_of(folder: CaseFolder, entries: Sequence[Entry]) -> tuple[str, ...]:
    """Who each entry is of, in their order: the entry from which, candidate by candidate, it was made.

    Two people said of each of those candidates that it is the person of its entry. The log knows the origin of entries
    that are on the list no more.
    """
    parents = {entry.entry_id: entry.candidate[1] for entry in entries if entry.candidate is not None}
    if not parents:
        return tuple(entry.entry_id for entry in entries)
    lines = read_chain(folder.audit_file).lines
    done = {line.of for line in lines if line.kind == "end" and line.facts.get("exit_code") == 0}
    for line in lines:
        origin = str(line.facts.get("origin", ""))
        if line.command == "watchlist add" and line.number in done and origin.startswith(FROM_CANDIDATE):
            parents.setdefault(line.facts["entry"], origin.rpartition(":")[2])
    return tuple(_first(entry.entry_id, parents) for entry in entries)


def _first(entry_id: str, parents: Mapping[str, str]) -> str:
    """The end of the chain; of names that would lead in a circle, the first."""
    chain = [entry_id]
    while chain[-1] in parents and parents[chain[-1]] not in chain:
        chain.append(parents[chain[-1]])
    return chain[-1]


def _write_template(folder: Path, key: Key, pool: Pools, models: FaceModels) -> None:
    data = Templates((folder.name,), (folder.name,), pool).encoded()
    write_bytes(_template_file(folder, models), seal(key, data, _template_context(folder.name, models)))


def _load_template(folder: Path, key: Key, models: FaceModels) -> Pools:
    data = unseal(key, _template_file(folder, models).read_bytes(), _template_context(folder.name, models))
    return Templates.decoded((folder.name,), (folder.name,), data).pools


def _picture_file(folder: Path, sha256: str) -> Path:
    return folder / f"{sha256[:16]}.picture.sealed"


def _picture_context(entry_id: str, sha256: str) -> str:
    return f"reference:{entry_id}:{sha256}"


def _template_file(folder: Path, models: FaceModels) -> Path:
    return folder / f"{models.digest}.template.sealed"


def _template_context(entry_id: str, models: FaceModels) -> str:
    return f"template:{entry_id}:{models.digest}"


def _named(folder: CaseFolder, entry_id: str) -> Entry:
    entries = {entry.entry_id: entry for entry in entries_of(folder)}
    if entry_id not in entries:
        raise UsageError(
            f"the watch-list has no entry {entry_id!r}", f"it has: {', '.join(entries) if entries else 'none'}"
        )
    return entries[entry_id]


def half_added(folder: CaseFolder) -> list[Path]:
    """Folders of entries that a dying command left without saying who is meant: sealed pictures of nobody."""
    if folder.watchlist.is_symlink():
        return []
    folders = [path for path in sorted(folder.watchlist.glob("*")) if path.is_dir() and not path.is_symlink()]
    return [path for path in folders if not (path / "entry.json").exists()]


def forget_half_added(folder: CaseFolder) -> None:
    """They are gone; the caller holds the case's lock."""
    for path in half_added(folder):
        shutil.rmtree(path)


def expired_entries(folder: CaseFolder, now: datetime) -> list[str]:
    """Ids of the entries that have ended."""
    return [entry.entry_id for entry in entries_of(folder) if entry.expires_utc <= now]


def remove_entry(
    case: Case, files: DecidingFiles, entry_id: str, *, why: str, who: dict[str, str], now: datetime
) -> Path:
    """The entry's pictures, template and the faces that were like it are gone; returns the certificate.

    Rows of candidates that name it are numbers; they go with the next run, which compares without it.

    Raises:
        UsageError: there is no such entry.
        NotAuthorised: the case is on hold.
    """
    _named(case.folder, entry_id)
    if case.mandate.hold:
        raise NotAuthorised(f"the case is on hold ({case.mandate.hold})", "nothing of it may be deleted")
    paths = [path for path in sorted((case.folder.watchlist / entry_id).iterdir()) if path.is_file()]
    paths += parts_without(case.folder, entry_id)
    return destroy_files(case, files, paths, reason="entry", why=f"{entry_id}: {why}", who=who, now=now)
