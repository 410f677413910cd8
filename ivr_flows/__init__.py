"""What callers hear: flows as data and a pure engine for them. The telephone part of the service fills this room."""
