"""All pages for people: citizens, agents, units, the centre."""
