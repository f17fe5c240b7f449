"""Generates the demo's footage: `footage` animates the people, `scenes` paints the backgrounds."""
