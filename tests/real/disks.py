"""Small disks for a folder of a test: they can be filled up and made read-only. Mounting takes root."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import pytest

SIZE_MIB = 32


class Disk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    @classmethod
    @contextmanager
    def under(cls, folder: Path) -> Iterator[Self]:
        """A disk of its own in the place of an empty folder, gone afterwards."""
        if os.geteuid() != 0:
            pytest.skip("small disks are mounted by root only: run the tests as root")
        _run("mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m,mode=0700", "tmpfs", str(folder))
        try:
            yield cls(folder)
        finally:
            _run("umount", "--lazy", str(folder))

    def fill(self) -> None:
        """Not a byte is left."""
        with self._ballast.open("wb", buffering=0) as ballast, suppress(OSError):
            while True:
                ballast.write(bytes(4096))

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)

    def make_read_only(self) -> None:
        """Refused by the system while a file on it is open for writing."""
        _run("mount", "-o", "remount,ro", str(self.folder))

    def make_writable(self) -> None:
        _run("mount", "-o", "remount,rw", str(self.folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
