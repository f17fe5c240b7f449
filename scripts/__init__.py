"""Commands of the project; `measure` holds those that print figures."""
