"""Who may do what with a case, and that nothing of it is bent or kept too long: mandate, lock, log, keys, erasure.

Here belongs what decides whether a command may work and what becomes of a case. What it looks for belongs to
`pipelines/search`, who examines what was found to `pipelines/review`.
"""
