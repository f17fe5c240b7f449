"""What became of a group of pictures while it is decoded, so that nothing is trusted that may lack something."""

import math
from dataclasses import dataclass, field

__all__ = ["Group"]


@dataclass(slots=True)
class Group:
    """Frames [start, stop) while they are decoded.

    Attributes:
        start, stop: frame numbers; `start` is a keyframe, `stop` the next one.
        stored_at: at which place in the group each frame's packet is stored.
        failed: what the decoder said of a frame's packet.
        damaged_from: the first place from which nothing is trusted.
        seen_up_to: one past the last frame the decoder returned.
    """

    start: int
    stop: int
    stored_at: dict[int, int] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    damaged_from: float = math.inf
    seen_up_to: int = -1

    def takes(self, number: int) -> None:
        """The packet of this frame is the next one in the group."""
        self.stored_at[number] = len(self.stored_at)

    def distrust(self, number: int) -> None:
        """What is stored from this frame on may lack something."""
        self.damaged_from = min(self.damaged_from, self.stored_at.get(number, 0))

    def sees(self, number: int) -> None:
        """The decoder returned this frame; what it passed over is missing for those that need it."""
        for passed in range(max(self.start, self.seen_up_to), number):
            if passed in self.stored_at:
                self.distrust(passed)
        self.seen_up_to = number + 1

    def is_damaged(self, number: int) -> bool:
        """Whether something stored at or before this frame failed."""
        return self.stored_at.get(number, math.inf) >= self.damaged_from
