"""Reads a JUnit report, names what failed and prints the closing line `N passed, N failed`; with CI=true skipping fails."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree


def tally(report: ElementTree.Element) -> tuple[int, int, int]:
    """How many passed, failed (errors among them) and were skipped."""
    suites = list(report.iter("testsuite"))

    def total(name: str) -> int:
        return sum(int(suite.get(name, 0)) for suite in suites)

    failed = total("failures") + total("errors")
    return total("tests") - failed - total("skipped"), failed, total("skipped")


def failures(report: ElementTree.Element) -> Iterator[str]:
    """A line for each test that failed, with the first line of what it said."""
    for case in report.iter("testcase"):
        for fault in (*case.findall("failure"), *case.findall("error")):
            said = (fault.get("message") or "").strip().partition("\n")[0]
            yield f"failed: {case.get('classname')}::{case.get('name')}: {said[:200]}"


def main(path: Path) -> int:
    if not path.exists():
        print("The tests did not run to their end.\n0 passed, 1 failed")
        return 1
    report = ElementTree.parse(path).getroot()  # noqa: S314 - our own pytest wrote it
    passed, failed, skipped = tally(report)
    for line in failures(report):
        print(line)
    if skipped:
        print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")
    return int(failed > 0 or (skipped > 0 and os.environ.get("CI") == "true"))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
