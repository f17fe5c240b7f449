"""How fast the main job is, against what people write first, against decoding and the network alone, and gated.

Each contender runs in a process of its own; those that are compared run in turn, so that a machine that gets slower
slows them all, and what is told is their ratio.
"""
