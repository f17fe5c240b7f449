"""Folders and ZIP archives of still pictures: members, capture times, pixels."""
