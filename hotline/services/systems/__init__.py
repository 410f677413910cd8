"""Units' own systems: who they are, what they asked for, and what they are told."""
