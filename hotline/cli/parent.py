"""What a part does that the supervisor has started; imports nothing heavy."""

import os
import signal
import sys
import threading


def is_let_begin() -> bool:
    """Wait for the supervisor's byte; from then on this process ends when the pipe does, even by a kill -9 of the supervisor."""
    if not sys.stdin.buffer.read(1):
        return False

    def watch() -> None:
        # Not by its buffer: the lock of a buffer that a thread reads from at the end of the program makes that a crash.
        while os.read(sys.stdin.fileno(), 1):
            continue
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
    return True
