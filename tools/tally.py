"""Reads a JUnit report and prints the closing line `N passed, N failed`; with CI=true a skipped test is a failure too."""

import os
import sys
from pathlib import Path
from xml.etree import ElementTree


def tally(report: Path) -> tuple[int, int, int]:
    """How many passed, failed (errors among them) and were skipped."""
    suites = list(ElementTree.parse(report).iter("testsuite"))  # noqa: S314 - our own pytest wrote it

    def total(name: str) -> int:
        return sum(int(suite.get(name, 0)) for suite in suites)

    failed = total("failures") + total("errors")
    return total("tests") - failed - total("skipped"), failed, total("skipped")


def main(report: Path) -> int:
    if not report.exists():
        print("The tests did not run to their end.\n0 passed, 1 failed")
        return 1
    passed, failed, skipped = tally(report)
    if skipped:
        print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0 or (skipped > 0 and os.environ.get("CI") == "true"))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
