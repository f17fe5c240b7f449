"""Report of a missing person: which body keeps it, and when the person was reported missing."""

from dataclasses import dataclass
from datetime import datetime

from forensics.custody.stated_facts import check_past, check_statement, stated_instant
from forensics.errors import UsageError
from forensics.json_object import JsonObject

__all__ = ["MissingReport", "check_report"]


@dataclass(frozen=True, slots=True)
class MissingReport:
    """Report of the missing person, for whom a case in mode missing searches; its reference is that of the mandate.

    Attributes:
        body: body that keeps the report.
        reported_utc: when the person was reported missing, aware, in UTC; midnight means a day; None if not stated.
        document_sha256: SHA-256 of a document of the report; empty if none was given.
    """

    body: str = ""
    reported_utc: datetime | None = None
    document_sha256: str = ""

    @property
    def missing_fields(self) -> tuple[str, ...]:
        """Names of the command line options of what the report lacks."""
        stated = {"report-body": self.body.strip(), "reported": self.reported_utc}
        return tuple(name for name, value in stated.items() if not value)

    def describe(self) -> JsonObject:
        """Return all facts as JSON; None for what is not known."""
        return {
            "body": self.body or None,
            "reported_utc": stated_instant(self.reported_utc),
            "document_sha256": self.document_sha256 or None,
        }


def check_report(report: MissingReport, *, now: datetime) -> None:
    """Check what is stated about a report when a case is created.

    Raises:
        UsageError: something is missing or states nothing, or the report is in the future.
    """
    if report.missing_fields or report.reported_utc is None:
        missing = ", ".join(f"--{name}" for name in report.missing_fields)
        raise UsageError(f"the report of the missing person also needs {missing}", "give these options, see --help")
    check_statement("--report-body", report.body)
    check_past("--reported", report.reported_utc, now)
