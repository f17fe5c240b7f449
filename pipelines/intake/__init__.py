"""Intake: footage is found, digested, indexed and listed as evidence of a case."""
