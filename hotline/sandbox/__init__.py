"""Stand-ins for providers, on loopback: they speak the real formats, so that the service cannot tell. Only base URLs differ."""
