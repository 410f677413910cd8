"""Whose certificates are believed when we call others; read from the disk once."""

import ssl
from functools import lru_cache

import httpx


@lru_cache(maxsize=1)
def trust() -> ssl.SSLContext:
    return httpx.create_ssl_context()
