"""Statistics by other libraries: likelihood ratios and exact intervals."""
