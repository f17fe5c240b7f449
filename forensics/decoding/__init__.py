"""Decoding in a child process that a watchdog can kill.

Native decoders can loop for ever while holding the interpreter's lock, and can take memory without
end, so no reader runs in a process whose work would be lost with it. `child` is the side that asks,
`served` the side that decodes, `memory` the pixels they share.
"""
