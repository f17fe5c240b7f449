"""Browser page of the review: served on this machine only, without scripts and without external resources."""
