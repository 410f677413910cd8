"""Stand-ins for providers, on loopback, speaking their real formats: for the demo, tests and newcomers.

The service does not know them; only the addresses in its settings differ.
"""
