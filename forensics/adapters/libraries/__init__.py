"""Libraries that several adapters share, opened without their side effects."""
