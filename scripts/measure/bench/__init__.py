"""Measures the speed of the main job, with and without the gate, against YOLO.track, decoding and the network alone.

Each contender runs in its own process. Contenders of one comparison alternate, so that a machine that becomes slower
affects all of them; the results are ratios.
"""
