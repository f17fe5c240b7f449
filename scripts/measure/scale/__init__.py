"""Measures the main job at scale: a campus of cameras, a hundred thousand chunks, many nodes, large tables."""
