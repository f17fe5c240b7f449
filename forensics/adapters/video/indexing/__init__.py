"""The packet index of a video file, made once at ingest."""
