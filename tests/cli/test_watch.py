"""One part kept alive without a whole supervisor around it, as in a container of its own."""

import os
import signal
import sys
from pathlib import Path

from tests.components import Process, wait_until
from tests.house.source import ROOT

WATCH = "import sys; from hotline.cli import supervisor; sys.executable = sys.argv[1]; sys.exit(supervisor.watch('ivr'))"
PART = """#!/bin/sh
trap 'echo told' HUP
trap 'exit 0' TERM
echo begun
while :; do sleep 0.1; done
"""


def test_the_part_is_told_to_load_its_flows_again_and_both_live_on(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_text(PART)
    part.chmod(0o700)
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    watch = Process([sys.executable, "-c", WATCH, str(part)], tmp_path / "log", env=environment)
    watch.start()
    try:
        wait_until(lambda: "begun" in watch.tail(), "the part to begin")
        os.kill(watch.pid, signal.SIGHUP)
        wait_until(lambda: "told" in watch.tail(), "the part to be told")
    finally:
        watch.stop()

    assert watch.exit_code == 0
    assert watch.tail().count("begun") == 1
