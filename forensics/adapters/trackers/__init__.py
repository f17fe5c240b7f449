"""Trackers of other libraries that fill the port of `forensics.tracking`."""
