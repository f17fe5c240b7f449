"""Trackers of other libraries behind the port of `forensics.tracking`."""
