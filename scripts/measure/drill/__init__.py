"""Disturbs the real command line and checks that nothing is lost.

`job` defines the undisturbed job, `trial` one disturbed case and the checks afterwards. Each other module holds one
family of disturbances. `scripts/drill` runs them all.
"""
