"""Finding cases again: the words they are found by, what a person asks, views, and what is taken out of the service."""
