"""How long it takes to find the earlier cases about the same matter among years of them in PostgreSQL."""

import time
from collections.abc import Iterator, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bench import years
from bench.figures import Figure, percentile
from bench.letters import SENTENCES
from bench.years import LARGEST, LITTLE
from hotline.db import engine_for
from hotline.services import same_matter
from hotline.services.draft_form import DraftForm
from models import Area, AreaKind, Case, Contact

LOOKS, LOOKS_SMALL, WARM_UP = 300, 30, 5
BAR_MS = 50.0


def same_matter_found(small: bool) -> Iterator[Figure]:
    with years.database(LITTLE if small else LARGEST) as url:
        engine = engine_for(url)
        with Session(engine) as session:
            seconds, found = _looks(session, LOOKS_SMALL if small else LOOKS)
            cases = session.scalar(select(func.count()).select_from(Case))
        engine.dispose()
    ordered = [1000 * each for each in seconds]
    details = {"cases": cases, "p50_ms": percentile(ordered, 0.5), "longest_ms": max(ordered), "found": sum(found) / len(found)}
    yield Figure("same_matter", "postgresql", percentile(ordered, 0.95), "ms p95", bar=BAR_MS, details=details)


def _looks(session: Session, many: int) -> tuple[Sequence[float], Sequence[int]]:
    """Of contacts that wait, each of a number and in a community of its own."""
    contacts = session.scalars(select(Contact).where(Contact.concluded_at.is_(None)).order_by(Contact.id).limit(many)).all()
    communities = session.scalars(select(Area.code).where(Area.kind == AreaKind.COMMUNITY).order_by(Area.code)).all()
    seconds: list[float] = []
    found: list[int] = []
    for serial, contact in enumerate([*contacts[:WARM_UP], *contacts]):
        form = DraftForm(
            title="噪声", content=SENTENCES[serial % len(SENTENCES)], community_code=communities[serial % len(communities)]
        )
        started = time.perf_counter()
        cases = same_matter.find(session, contact, form)
        seconds.append(time.perf_counter() - started)
        found.append(len(cases))
    return seconds[WARM_UP:], found[WARM_UP:]
