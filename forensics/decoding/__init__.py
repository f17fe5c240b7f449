"""Decoding in a child process that a watchdog can kill.

Native decoders can loop forever while they hold the interpreter's lock, and can use memory without limit, so no reader
runs in a process whose work would be lost with it. `child` is the requesting side, `child_main` the decoding side,
`frame_slots` the pixels that they share. Readers and formats belong in `forensics.adapters`.
"""
