"""That a result is what it was: the whole case compared with what was recorded, one frame, one run again.

Nothing here changes a case. What records, signs and registers is `pipelines/custody`.
"""
