"""What other systems call: the callbacks of providers, and what operators look at."""
