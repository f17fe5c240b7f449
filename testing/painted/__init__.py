"""Clips with the number of each frame in its pixels, so that every error of a reader is detected.

Here belongs what makes such clips and what counts the errors of a reader on them. Expectations about one clip belong
in the tests.
"""

from testing.painted.kinds import KINDS, Kind
from testing.painted.picture import number_in, paint

__all__ = ["KINDS", "Kind", "number_in", "paint"]
