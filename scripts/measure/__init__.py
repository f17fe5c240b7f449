"""Measurements that anyone can repeat; each is a module with a `main`."""
