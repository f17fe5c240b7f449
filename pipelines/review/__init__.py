"""Two people examine candidates: their keys, their signed verdicts, the desk in the terminal, and the page.

Here belongs what a reviewer sees and says. Which verdicts the rules allow is decided by
`forensics/faces/review_rules.py`.
"""
