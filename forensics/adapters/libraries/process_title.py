"""Title of this process in lists of processes, which every user of the machine can read."""

import os

__all__ = ["set_process_title"]

_KEEPS_ENVIRONMENT = "SPT_NOENV"


def set_process_title(title: str) -> None:
    """Overwrite the command line that the system shows for this process; its arguments stay available to it."""
    has_variable = _KEEPS_ENVIRONMENT in os.environ
    os.environ[_KEEPS_ENVIRONMENT] = "1"  # the title takes the memory of the arguments only
    import setproctitle

    setproctitle.setproctitle(title)
    if not has_variable:
        del os.environ[_KEEPS_ENVIRONMENT]
