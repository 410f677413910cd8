"""When something is due, and what follows when it is not done."""
