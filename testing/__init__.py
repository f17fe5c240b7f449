"""Painted footage, fakes and small cases that tests and scripts share.

Nothing here is installed, and no product code imports it.
"""
