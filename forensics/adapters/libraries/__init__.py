"""Libraries that several adapters share, loaded without their side effects."""
