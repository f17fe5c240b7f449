"""Footage that the demo makes itself: `footage` stages the walks, `scenes` paints the places."""
