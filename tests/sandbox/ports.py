"""Ports side by side, as the stand-ins want them."""

import socket
from contextlib import ExitStack

from tests.components import free_port


def free_ports(count: int) -> int:
    """The first of so many that are free."""
    while True:
        first = free_port()
        try:
            with ExitStack() as stack:
                for port in range(first, first + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            continue
        return first
