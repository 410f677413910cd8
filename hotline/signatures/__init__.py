"""How providers sign and seal what they send and take: nothing but the arithmetic, for both ends of a line."""
