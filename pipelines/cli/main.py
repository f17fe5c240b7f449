"""The group of all commands, and how an error becomes a message and an exit code."""

import errno
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import click

from forensics.errors import CannotStart, Explained, ForensicsError
from pipelines.cli.groups import Group
from pipelines.cli.output import say
from pipelines.cli.text_types import only_text
from pipelines.run.cancellation import Interrupted

__all__ = ["exit_code_of", "main"]

_INTERRUPTED = 130
# Whatever a command makes, and whatever its workers make; who shares a case does so by the folder's access list.
_FOR_ITS_OWNER_ONLY = 0o077

# command -> (module, function); imported when used, so that help is instant
_COMMANDS = {
    "doctor": ("pipelines.cli.doctor", "doctor"),
    "models": ("pipelines.cli.models", "models"),
    "demo": ("pipelines.cli.demo", "demo"),
    "scan": ("pipelines.cli.run", "scan"),
    "case": ("pipelines.cli.cases", "case"),
    "ingest": ("pipelines.cli.run", "ingest_command"),
    "evidence": ("pipelines.cli.cases", "evidence"),
    "run": ("pipelines.cli.run", "run_command"),
    "watchlist": ("pipelines.cli.watchlist", "watchlist"),
    "reviewer": ("pipelines.cli.review", "reviewer"),
    "review": ("pipelines.cli.review", "review"),
    "cancel": ("pipelines.cli.cases", "cancel"),
    "status": ("pipelines.cli.status", "status"),
    "query": ("pipelines.cli.query", "query"),
    "verify": ("pipelines.cli.proof", "verify"),
    "reproduce": ("pipelines.cli.reproduce", "reproduce_command"),
    "installation": ("pipelines.cli.checkpoints", "installation"),
    "export": ("pipelines.cli.status", "export"),
}


class _Lazy(Group):
    """Loads a command's module when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order a person meets them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None for an unknown name."""
        if cmd_name not in _COMMANDS:
            return None
        module, function = _COMMANDS[cmd_name]
        command: click.Command = getattr(__import__(module, fromlist=[function]), function)
        return only_text(command)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="video-forensics")
def forensics() -> None:
    """Footage in, sighting tables out.

    \b
    Example:
      forensics scan gate.mp4 hall.mp4 --case my-case
      forensics query my-case
    """


def main() -> NoReturn:
    """Be the process of one command: hear its signals, and leave with its exit code."""
    os.umask(_FOR_ITS_OWNER_ONLY)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        code = exit_code_of(sys.argv[1:])
    except KeyboardInterrupt:  # one more, while the first was being answered
        code = _INTERRUPTED
    # The command has ended; a Ctrl-C while the interpreter goes down must not hide its exit code.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


def exit_code_of(arguments: Sequence[str]) -> int:
    """Run one command, say what went wrong, and return its exit code; signals are left as they are."""
    try:
        status = forensics.main(args=list(arguments), prog_name="forensics", standalone_mode=False)
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
    except BrokenPipeError:
        # whoever read our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ForensicsError.exit_code
    except OSError as error:
        code = _explained(error)
    except (KeyboardInterrupt, click.Abort):
        say("interrupted; run the same command again to go on")
        code = _INTERRUPTED
    return code


def _terminated(signal_number: int, frame: FrameType | None) -> None:
    """Whoever ends the process by SIGTERM ends it in order, as by Ctrl-C: its end is on record, its workers end too."""
    raise KeyboardInterrupt


def _explained(error: OSError) -> int:
    """Print what the operating system refused, on which path; returns the exit code."""
    problem = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    if error.errno == errno.ENOSPC:
        _print_error(problem, "free some space and run the same command again; it continues")
        return CannotStart.exit_code
    _print_error(problem, "check the path, its permissions and the disk, then run the same command again")
    return ForensicsError.exit_code


def _print_error(problem: str, next_step: str) -> None:
    say(f"error: {problem}\nnext: {next_step}")
