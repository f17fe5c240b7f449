"""A stage in a worker process: opened at once, or when the worker has received the key of the case.

The key pair exists only in the memory of the worker. What a cluster stores of the transfer is the public key and
ciphertext.
"""

from collections.abc import Callable
from typing import Any

from forensics.adapters.crypto.case_key import KeyReceiver
from pipelines.stages.port import Stage, UsesKey, open_stage

__all__ = ["WorkerStage"]


class WorkerStage:
    """One stage in a worker.

    Args:
        stage: the stage.
    """

    def __init__(self, stage: Stage[Any, Any]) -> None:
        self._stage = stage
        self._receiver = KeyReceiver() if isinstance(stage, UsesKey) and stage.uses_key else None

    @property
    def public_key(self) -> bytes | None:
        """Public key for which the key of the case must be encrypted; None if the stage needs no key."""
        return None if self._receiver is None else self._receiver.public_key

    def open(self, encrypted_key: bytes | None) -> Callable[[Any], Any]:
        """Open the stage.

        Args:
            encrypted_key: result of `CaseKey.encrypted_for`; None if the stage needs no key.
        """
        if self._receiver is None or encrypted_key is None:
            return open_stage(self._stage, None)
        return open_stage(self._stage, self._receiver.receive(encrypted_key))
