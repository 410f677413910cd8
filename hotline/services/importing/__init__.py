"""Cases of a system that the city had before: looked through whole, written whole or not at all, taken back as a whole."""
