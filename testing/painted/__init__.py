"""Clips whose frames carry their own number in their pixels, so that a reader cannot be wrong unseen.

Here belongs what makes such clips and what counts a reader's mistakes on them; what a reader is
expected to do with one clip belongs in the tests.
"""

from testing.painted.kinds import KINDS, Kind
from testing.painted.picture import number_in, paint

__all__ = ["KINDS", "Kind", "number_in", "paint"]
