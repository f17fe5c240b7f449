"""Encryption and signatures of case data."""
