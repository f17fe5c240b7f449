"""The group of all commands; turns errors into messages and exit codes."""

import contextlib
import errno
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from forensics.adapters.libraries.process_title import set_process_title
from forensics.errors import CannotStart, Explained, ForensicsError, UsageError
from pipelines.cli.groups import Group
from pipelines.cli.output import say
from pipelines.cli.streams import finish_streams, prepare_streams, use_utf8
from pipelines.cli.text_types import only_text
from pipelines.run.cancellation import Interrupted

if TYPE_CHECKING:  # commands load what they use; the group loads nothing
    from pipelines.stages.model_loaders import ModelLoaders

__all__ = ["exit_code_of", "main"]

_INTERRUPTED = 130
_COMPLETE_VARIABLE = "_FORENSICS_COMPLETE"
_NO_SUCH_PLACE = frozenset({errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP})
# Files that commands and workers make are private; a case is shared by the access list of its folder.
_FOR_ITS_OWNER_ONLY = 0o077

# command -> (module, function); imported when used, so that help is instant
_COMMANDS = {
    "doctor": ("pipelines.cli.doctor", "doctor"),
    "models": ("pipelines.cli.models", "models"),
    "settings": ("pipelines.cli.settings", "settings_command"),
    "demo": ("pipelines.cli.demo", "demo"),
    "scan": ("pipelines.cli.run", "scan"),
    "case": ("pipelines.cli.cases", "case"),
    "ingest": ("pipelines.cli.ingest", "ingest_command"),
    "evidence": ("pipelines.cli.evidence", "evidence"),
    "run": ("pipelines.cli.run", "run_command"),
    "watchlist": ("pipelines.cli.watchlist", "watchlist"),
    "reviewer": ("pipelines.cli.review", "reviewer"),
    "review": ("pipelines.cli.review", "review"),
    "cancel": ("pipelines.cli.run", "cancel"),
    "status": ("pipelines.cli.status", "status"),
    "query": ("pipelines.cli.query", "query"),
    "verify": ("pipelines.cli.proof", "verify"),
    "reproduce": ("pipelines.cli.reproduce", "reproduce_command"),
    "installation": ("pipelines.cli.checkpoints", "installation"),
    "export": ("pipelines.cli.status", "export"),
}


class _Lazy(Group):
    """Imports the module of a command when it is used."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command; of an unknown name the error suggests those that are spelled alike."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(args[0], possibilities=_COMMANDS, ctx=ctx) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of a typical workflow."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command; None for an unknown name."""
        if cmd_name not in _COMMANDS:
            return None
        module, function = _COMMANDS[cmd_name]
        command: click.Command = getattr(__import__(module, fromlist=[function]), function)
        return only_text(command)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="video-forensics")
def forensics() -> None:
    """Process archived video into sighting tables: exact frames, repeatable runs.

    \b
    Example:
      forensics scan gate.mp4 hall.mp4 --case my-case
      forensics query my-case
    """


def main() -> NoReturn:
    """Run one command as a process: handle its signals and exit with its code."""
    if _COMPLETE_VARIABLE in os.environ:
        _complete(os.environ[_COMPLETE_VARIABLE])
    set_process_title(_title_of(sys.argv[1:]))
    use_utf8()
    prepare_streams()
    os.umask(_FOR_ITS_OWNER_ONLY)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        code = exit_code_of(sys.argv[1:])
    except KeyboardInterrupt:  # a second one, while the first is handled
        code = _INTERRUPTED
    # The command has ended; a Ctrl-C while the interpreter exits must not hide its exit code.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(_finish(code))


def _complete(instruction: str) -> NoReturn:
    """Answer the completion of a shell."""
    from pipelines.cli.completion import complete

    use_utf8()
    sys.exit(complete(_COMPLETE_VARIABLE, instruction))


def _title_of(arguments: Sequence[str]) -> str:
    """Return what other users of the machine may read of a command line: the command, but no name, reason or verdict.

    >>> _title_of(["query", "my-case", "candidates", "--entry", "E1"]), _title_of(["--version"])
    ('forensics query', 'forensics')
    """
    return " ".join(["forensics", *(word for word in arguments[:1] if word in _COMMANDS)])


def _finish(code: int) -> int:
    """Write the rest of the output of a command that ended with this exit code; return that of the process."""
    try:
        remark = finish_streams()
    except OSError as error:
        return code or _explained(error)
    if remark:
        say(remark)
    return code


def exit_code_of(arguments: Sequence[str], loaders: "ModelLoaders | None" = None) -> int:
    """Run one command, print its error if it has one, and return its exit code; signals are left as they are.

    Args:
        arguments: of the command line.
        loaders: how models are opened; None opens them as the settings say.
    """
    try:
        with _notices_printed():
            status = forensics.main(args=list(arguments), prog_name="forensics", standalone_mode=False, obj=loaders)
        code = status if isinstance(status, int) else 0
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except Explained as error:
        _print_error(error.statement, error.next_step)
        code = error.exit_code
    except ForensicsError as error:
        say(f"error: {error}")
        code = error.exit_code
    except Interrupted as stop:
        say(str(stop))
        code = stop.exit_code
    except OSError as error:
        code = _explained(error)
    except (KeyboardInterrupt, click.Abort):
        say("interrupted; run the same command again to continue")
        code = _INTERRUPTED
    return code


class _Notices(logging.Handler):
    """Prints what the program did beside the command, such as a removal that retention required."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message."""
        say(record.getMessage())


@contextlib.contextmanager
def _notices_printed() -> Iterator[None]:
    """Print the notices of the program within the block."""
    logger, notices = logging.getLogger("pipelines"), _Notices()
    logger.addHandler(notices)
    try:
        yield
    finally:
        logger.removeHandler(notices)


def _terminated(signal_number: int, frame: FrameType | None) -> None:
    """Handle SIGTERM like Ctrl-C: the end is logged and the workers end."""
    raise KeyboardInterrupt


def _explained(error: OSError) -> int:
    """Print what the operating system refused, on which path; returns the exit code."""
    place = error.filename or "a file, or standard output"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        _print_error(
            f"the disk of {place} is full ({error.strerror})",
            "free some space there and run the same command again; it continues",
        )
        return CannotStart.exit_code
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        _print_error(
            f"{place} cannot be written or read ({error.strerror})",
            "check its permissions and how its disk is mounted, then run the same command again",
        )
        return CannotStart.exit_code
    problem = f"{place}: {error.strerror}" if error.strerror else str(error)
    if error.errno in _NO_SUCH_PLACE:
        _print_error(problem, "give a path that can exist; if it is inside a case, see `forensics verify CASE`")
        return UsageError.exit_code
    _print_error(problem, "check the path, its permissions and the disk, then run the same command again")
    return CannotStart.exit_code


def _print_error(problem: str, next_step: str) -> None:
    say(f"error: {problem}\nnext: {next_step}")
