"""One file per heavy library, each filling a port of `forensics`.

What belongs here: code that imports PyAV, decord, OpenCV, OpenVINO, ultralytics or trackers, always
inside a function, when it is used. What does not: any rule of ours.
"""
