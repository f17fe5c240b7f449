"""The page on which a reviewer looks at pictures and decides: this machine only, no script, nothing fetched."""
