"""Runners that execute stages: `serial` is the reference, `ray` runs on a cluster; both pass one conformance suite."""
