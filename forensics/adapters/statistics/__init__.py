"""Statistics from outside libraries: likelihood ratios and exact confidence bounds."""
