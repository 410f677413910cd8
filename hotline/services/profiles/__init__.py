"""How a city works, as data."""
