"""What a person asks first: the state of a case and of this machine."""
