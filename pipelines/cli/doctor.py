"""`doctor`: what this machine can do."""

import click

from pipelines.cli.output import emit, json_option, table_text
from pipelines.desk.doctor import examine

__all__ = ["doctor"]

_CANNOT_RUN = 6


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Show what this machine can do, what is missing and how to install it.

    \b
    Example:
      forensics doctor
    """
    findings = examine()
    rows = [[finding.state, finding.what, finding.detail] for finding in findings]
    columns = ["state", "what", "detail"]
    emit({"findings": [dict(zip(columns, row, strict=True)) for row in rows]}, table_text(columns, rows), as_json)
    return _CANNOT_RUN if any(finding.state == "missing" for finding in findings) else 0
