"""Options of `case init` and `case authorise` that state an authority, or the report of a missing person."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from forensics.custody.authority import PENDING, RECORD_OPTIONS, Authority, is_pending_text
from forensics.custody.mandate import Mode
from forensics.custody.missing_report import MissingReport
from forensics.digests import sha256_of_file
from forensics.errors import UsageError
from pipelines.cli.option_values import gathered
from pipelines.cli.output import parse_day_or_time, path_type

__all__ = [
    "AuthorityOptions",
    "ReportOptions",
    "refuse_free_text",
    "stated_authority",
    "stated_report",
    "with_authority_options",
    "with_report_options",
]

_RECORD: Final = ", ".join(f"--{name}" for name in RECORD_OPTIONS)


@dataclass(frozen=True, slots=True)
class AuthorityOptions:
    """What is stated about an authority; texts are empty if they are not given.

    Attributes:
        decided_by: name or office of the person who decided.
        authority_body: court or authority.
        authority_reference: file number.
        requested_utc: when it was asked for.
        granted_utc: when it was granted.
        document: signed document, of the authority or of the report; None if there is none.
    """

    decided_by: str
    authority_body: str
    authority_reference: str
    requested_utc: datetime | None
    granted_utc: datetime | None
    document: Path | None

    def to_authority(self, *, document_sha256: str, is_pending: bool) -> Authority:
        """Return the authority that is stated."""
        return Authority(
            decided_by=self.decided_by.strip(),
            body=self.authority_body.strip(),
            reference=self.authority_reference.strip(),
            requested_utc=self.requested_utc,
            granted_utc=self.granted_utc,
            document_sha256=document_sha256,
            is_pending=is_pending,
        )


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What is stated about the report of a missing person.

    Attributes:
        report_body: body that keeps it.
        reported_utc: when the person was reported missing.
    """

    report_body: str
    reported_utc: datetime | None


with_authority_options: Callable[[Any], Any] = gathered(
    "authority_options",
    AuthorityOptions,
    click.option("--decided-by", default="", metavar="NAME", help="Name or office of the person who decided."),
    click.option("--authority-body", default="", metavar="COURT", help="Court or authority that was asked."),
    click.option("--authority-reference", default="", metavar="NUMBER", help="File number of the decision."),
    click.option("--requested", "requested_utc", type=parse_day_or_time(), help="Day or time of the request."),
    click.option("--granted", "granted_utc", type=parse_day_or_time(), help="Day or time of the decision."),
    click.option(
        "--document",
        type=path_type,
        metavar="FILE",
        help="Signed document; the case keeps its SHA-256, not the file.",
    ),
)

with_report_options: Callable[[Any], Any] = gathered(
    "report_options",
    ReportOptions,
    click.option(
        "--report-body",
        default="",
        metavar="BODY",
        help="Body that keeps the report of a missing person.",
    ),
    click.option(
        "--reported",
        "reported_utc",
        type=parse_day_or_time(),
        help="Day or time at which the person was reported missing.",
    ),
)


def refuse_free_text(ctx: click.Context, param: click.Parameter, text: str | None) -> bool:
    """Return whether the value of `--authority` is ``pending``; False if it is not given.

    Raises:
        UsageError: it is anything else.
    """
    if text is None:
        return False
    if not is_pending_text(text):
        raise UsageError(f"--authority {text!a} is not {PENDING}", f"state who decided, what and when: {_RECORD}")
    return True


def stated_authority(mode: Mode, options: AuthorityOptions, *, is_pending: bool) -> Authority | None:
    """Return the authority that the options state; None if they state none.

    Raises:
        UsageError: the document cannot be read, or belongs to nothing in this mode.
    """
    document_sha256 = "" if mode is Mode.MISSING else _digest_document(options.document)
    authority = options.to_authority(document_sha256=document_sha256, is_pending=is_pending)
    return None if authority == Authority() else authority


def stated_report(mode: Mode, options: ReportOptions, document: Path | None) -> MissingReport | None:
    """Return the report of a missing person that the options state; None if they state none.

    Raises:
        UsageError: the document cannot be read.
    """
    document_sha256 = _digest_document(document) if mode is Mode.MISSING else ""
    report = MissingReport(options.report_body.strip(), options.reported_utc, document_sha256)
    return None if report == MissingReport() else report


def _digest_document(document: Path | None) -> str:
    """Return the SHA-256 of a document; empty without one.

    Raises:
        UsageError: it is not a file, is empty, or cannot be read.
    """
    if document is None:
        return ""
    next_step = "give the signed document as a file: --document FILE"
    if not document.is_file() or not document.stat().st_size:
        raise UsageError("not a document: it is no file, or it is empty", next_step, document)
    try:
        return sha256_of_file(document)
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", next_step, document) from error
