"""Developer commands of the project. `measure` holds the ones that print figures."""
