"""Attacks on what a case protects, each with the strongest means that its attacker has."""
