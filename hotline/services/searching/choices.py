"""What the filters of a search offer."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from models import Category, TaxonomyVersion


def categories(session: Session) -> list[tuple[str, str, Sequence[tuple[str, str]]]]:
    """The two upper levels of the edition in force: code and name, and the same of what is under it."""
    above = aliased(Category)
    rows = session.execute(
        select(above.code.label("group"), above.name.label("title"), Category.code, Category.name)
        .join(TaxonomyVersion, TaxonomyVersion.id == above.taxonomy_id)
        .join(Category, (Category.taxonomy_id == above.taxonomy_id) & (Category.parent_code == above.code))
        .where(TaxonomyVersion.current, above.parent_code.is_(None))
        .order_by(above.code, Category.code)
    )
    grouped = groupby(rows, key=attrgetter("group", "title"))
    return [(code, title, [(row.code, row.name) for row in below]) for (code, title), below in grouped]
