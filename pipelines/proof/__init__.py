"""Proof that results are unchanged: verify a whole case, check one frame, reproduce a run, disclose a case.

Nothing here changes a case. Recording, signing and registering files is the task of `pipelines/custody`.
"""
