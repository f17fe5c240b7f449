"""Everything about a run: its plan, its stages in order, the checks before and after it, and its record."""
