"""The words that a case is found by. Personal fields have none: names and addresses are encrypted and stay so."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, exists, insert, select, text
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.services import search_words
from hotline.services.city import gazetteer
from models import Assignment, Audience, Case, CaseWords, Contact, now
from models.search import OF_AN_OLDER_EDITION

# As many as a text of 2000 characters can have; beyond that nobody remembers them.
MOST_WORDS = 600
BATCH, MOST_BATCHES = 500, 20
# What was filed a moment ago is about to be indexed by itself.
SETTLED = timedelta(minutes=1)
_OUTSIDE_WORDS = re.compile(r"[^0-9a-z]")


def index(session: Session, case: Case) -> None:
    """Write the words of a case, anew if there are some."""
    _write_anew(session, [case])


def index_missing(database: Database) -> int:
    """The words of cases that have none yet, brought in from elsewhere, or those of an older edition. The newest first."""
    return _write_found(database, _without_words) + _write_found(database, _of_older_edition)


def _write_found(database: Database, find: Callable[[Session], Sequence[Case]]) -> int:
    done = 0
    for _ in range(MOST_BATCHES):
        with database.repeatable() as session:
            found = find(session)
            _write_anew(session, found)
        done += len(found)
        if len(found) < BATCH:
            break
    return done


def _without_words(session: Session) -> Sequence[Case]:
    missing = ~exists().where(CaseWords.case_id == Case.id)
    settled = Case.created_at < now() - SETTLED
    query = select(Case).where(missing, settled).order_by(Case.created_at.desc()).limit(BATCH)
    return session.scalars(query.with_for_update(skip_locked=True)).all()


def _of_older_edition(session: Session) -> Sequence[Case]:
    older = select(CaseWords.case_id).where(text(OF_AN_OLDER_EDITION)).order_by(CaseWords.filed_at.desc()).limit(BATCH)
    query = select(Case).where(Case.id.in_(session.scalars(older).all()))
    return session.scalars(query.with_for_update(skip_locked=True)).all()


def forget(session: Session, case_ids: Sequence[UUID]) -> None:
    """The texts of these cases are erased: nothing finds them by words any more."""
    session.execute(delete(CaseWords).where(CaseWords.case_id.in_(case_ids)))


def area_word(code: str) -> str:
    """A word that only an area of this code has."""
    return f"area{_OUTSIDE_WORDS.sub('', code.lower())}"


def channel_word(kind: str) -> str:
    """A word that all cases of this channel have."""
    return f"from{_OUTSIDE_WORDS.sub('', kind.lower())}"


def unit_word(unit_id: UUID) -> str:
    """A word that all cases have which this unit holds or held. That it still may see them is not for words to say."""
    return f"unit{unit_id.hex}"


def _write_anew(session: Session, cases: Sequence[Case]) -> None:
    ids = [case.id for case in cases]
    forget(session, ids)
    names = gazetteer.names_of(session, cases)
    of_contacts = select(Contact.id, Contact.channel).where(Contact.id.in_([case.contact_id for case in cases]))
    channels = {contact_id: channel for contact_id, channel in session.execute(of_contacts)}
    units = defaultdict[UUID, set[str]](set)
    units.update({case.id: {unit_word(case.lead_unit_id)} for case in cases if case.lead_unit_id})
    for case_id, unit_id in session.execute(select(Assignment.case_id, Assignment.unit_id).where(Assignment.case_id.in_(ids))):
        units[case_id].add(unit_word(unit_id))
    rows = [
        row
        for case in cases
        for row in _rows(case, names[case.id].values(), {channel_word(channels[case.contact_id]), *units[case.id]})
    ]
    if rows:
        session.execute(insert(CaseWords), rows)


def _rows(case: Case, places: Iterable[str], facts: set[str]) -> Iterator[dict[str, object]]:
    """Of a shielded case its units find what they may read of it, and only its area says where."""
    common = {"case_id": case.id, "filed_at": case.created_at}
    facts |= {area_word(code) for code in (case.township_code, case.community_code, case.grid_code) if code}
    own = search_words.words_of(case.title, *places, case.content, case.object_name, most=MOST_WORDS)
    own |= search_words.words_of(case.public_answer, most=MOST_WORDS)
    if not case.is_shielded:
        yield {**common, "audience": Audience.EVERYBODY, "words": sorted(own | facts)}
        return
    summary = search_words.words_of(case.unit_summary, *places, most=MOST_WORDS)
    yield {**common, "audience": Audience.TRUSTED, "words": sorted(own | facts)}
    yield {**common, "audience": Audience.UNITS, "words": sorted(summary | facts)}
