"""Status of a case (`status`) and of this machine (`doctor`)."""
