"""Adapters: the modules that call an outside library, each of which fills a port of `forensics`.

What belongs here: code that imports PyAV, decord, OpenCV, OpenVINO, ultralytics, trackers or another large library.
The import stands inside a function, so that it costs nothing until it is used. What does not: rules of this project.
"""
