"""Review of candidates by two people: reviewers' keys, signed verdicts, the review desk and the browser page.

Code belongs here that shows candidates to reviewers or stores their verdicts. The rules that allow or refuse a verdict
are in `forensics/faces/review_rules.py`.
"""
