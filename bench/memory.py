"""What the embedded service keeps in memory when a drill has been through all its parts."""

from collections.abc import Iterator

from bench import service
from bench.figures import Figure

CONTACTS, CONTACTS_SMALL = 300, 30
AGENTS, UNITS = 6, 6
BAR_MEGABYTES = 450.0


def memory(small: bool) -> Iterator[Figure]:
    with service.running(settings=service.DEMO) as running:
        before = running.resident_megabytes()
        sizes = {"contacts": CONTACTS_SMALL if small else CONTACTS, "agents": AGENTS, "units": UNITS}
        running.run("drill", *(f"--{name}={size}" for name, size in sizes.items()))
        details = {"idle_mb": before, "processes": len(service.family(running.process.pid)), **sizes}
        yield Figure("memory", "embedded", running.resident_megabytes(), "MB PSS", bar=BAR_MEGABYTES, details=details)
