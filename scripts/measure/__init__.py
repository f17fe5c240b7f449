"""Repeatable measurements. Each is a module with a `main`."""
