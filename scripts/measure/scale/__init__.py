"""How the main job behaves where there is much of it: a campus, a hundred thousand chunks, many nodes, large tables."""
