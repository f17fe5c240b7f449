"""Bytes of containers, seen without their demuxer: what it passes over, joined files, headers."""
