"""Asks Asterisk over AMI, one question after the other: at start, in the self-test, in tests. Calls have their own client."""

import socket
from collections.abc import Callable
from types import TracebackType
from typing import Self

BANNER = b"Asterisk Call Manager"
_END = b"\r\n\r\n"


class ConsoleClosed(Exception):
    """Asterisk does not answer, or no longer."""


class Console:
    """A sign-in to AMI; leaving the block ends it."""

    def __init__(self, host: str, port: int, secret: str, *, seconds: float = 5.0) -> None:
        self._address, self._secret, self._seconds = (host, port), secret, seconds
        self._waiting = b""
        self._asked = 0

    def __enter__(self) -> Self:
        try:
            self._socket = socket.create_connection(self._address, self._seconds)
        except OSError as error:
            raise ConsoleClosed(str(error)) from None
        # The banner is one line before the first answer, and no field of it.
        answer = self.ask("Login", Username="hotline", Secret=self._secret)
        if answer.get("Response") != "Success":
            self._socket.close()
            raise ConsoleClosed(answer.get("Message", "sign-in refused"))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.close()

    def ask(self, action: str, **fields: str | list[str]) -> dict[str, str]:
        """The answer; a field with a list is sent once for each of its values."""
        self._asked += 1
        number = str(self._asked)
        lines = [f"Action: {action}", f"ActionID: {number}"]
        for name, value in fields.items():
            lines += [f"{name}: {one}" for one in ([value] if isinstance(value, str) else value)]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a line break in a field")
        try:
            self._socket.sendall("\r\n".join(lines).encode() + _END)
        except OSError as error:
            raise ConsoleClosed(str(error)) from None
        return self._next(lambda message: "Event" not in message and message.get("ActionID") == number)

    def wait_for(self, event: str, **fields: str) -> dict[str, str]:
        """The next event of this name with these fields; what comes before it is gone."""
        wanted = {"Event": event, **fields}
        return self._next(lambda message: wanted.items() <= message.items())

    def _next(self, fits: Callable[[dict[str, str]], bool]) -> dict[str, str]:
        while True:
            text = self._read_until(_END).decode("utf-8", "replace")
            message = dict(line.split(": ", 1) for line in text.split("\r\n") if ": " in line)
            if fits(message):
                return message

    def _read_until(self, end: bytes) -> bytes:
        while end not in self._waiting:
            try:
                received = self._socket.recv(65536)
            except OSError as error:
                raise ConsoleClosed(str(error)) from None
            if not received:
                raise ConsoleClosed("the connection ended")
            self._waiting += received
        found, _, self._waiting = self._waiting.partition(end)
        return found


def answers(host: str, port: int, *, seconds: float = 2.0) -> bool:
    """Whether an AMI greets there."""
    try:
        with socket.create_connection((host, port), seconds) as connection:
            return connection.recv(64).startswith(BANNER)
    except OSError:
        return False
