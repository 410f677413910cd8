"""Files from outside, and how large ones are kept."""
