"""Alarms of the wall: what is looked for, raised and cleared, and who is told of it by message."""
