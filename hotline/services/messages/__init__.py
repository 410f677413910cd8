"""What goes out to citizens: the texts, the limits on them, and their way to the provider and back."""
