"""The city's places and grids."""
