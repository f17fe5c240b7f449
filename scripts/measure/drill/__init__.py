"""The survival campaign: the real command line is disturbed in every way we know, and must lose nothing.

`job` is what is done undisturbed, `trial` one disturbed case and what must be true of it afterwards; each other file
is one family of disturbances. `scripts/drill` runs them all.
"""
