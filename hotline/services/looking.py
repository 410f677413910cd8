"""A look at the database for a door: outside any transaction that writes; then it is noted whose data was opened."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from hotline.db import reading, unit_of_work
from hotline.services import access


@contextmanager
def looking() -> Iterator[Session]:
    with reading() as session:
        looks = access.keep_looks(session)
        yield session
    if looks:
        with unit_of_work() as session:
            session.add_all(looks)
