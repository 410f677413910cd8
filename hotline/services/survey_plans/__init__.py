"""Surveys as data: in which ways and how often a citizen is asked, what is read in replies, and what follows."""
