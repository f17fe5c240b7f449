"""A run: the plan, the stages in their order, what is checked before and after, and its record."""
