"""What a fresh database needs: the city's reference data from YAML; and for the demo, accounts and cases in every state."""

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.seeds import city, roster, rules, staff, taxonomy, templates, views
from hotline.services.city import grid_units
from hotline.services.clocks import deadlines
from hotline.settings import Settings
from models import CalendarDay, Contact, now


def load_reference(session: Session) -> dict[str, int]:
    """Bring the tables to what the files say; returns how many rows of each kind are new. A second call finds nothing to do."""
    added = {}
    has_new_city, has_new_taxonomy = rules.load_city(session), taxonomy.load_categories(session)
    if has_new_city or has_new_taxonomy:
        added["units"] = taxonomy.load_units(session)
    if has_new_city:
        added["areas"] = city.load_areas(session)
        added["place names"] = city.load_place_names(session)
    added["units of grids"] = grid_units.align(session)
    added["editions of the taxonomy"] = int(has_new_taxonomy)
    added["editions of rules"] = rules.load_rules(session)
    added["calendar days"] = _load_calendar(session)
    return {what: count for what, count in added.items() if count}


def _load_calendar(session: Session) -> int:
    """Last year to next year, for limits that run across the turn of a year."""
    this_year = now().year
    before = _calendar_days(session)
    last = session.scalar(select(func.max(CalendarDay.day)))
    assumed = session.scalar(select(CalendarDay.day).where(CalendarDay.provisional).limit(1))
    if last is None or last < date(this_year + 1, 12, 31) or assumed:
        deadlines.fill_calendar(session, range(this_year - 1, this_year + 2))
    return _calendar_days(session) - before


def _calendar_days(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(CalendarDay)) or 0


def load(database: Database, settings: Settings) -> dict[str, int]:
    """Reference data, and what the demo adds to it; each part is durable or absent as a whole."""
    with database.unit_of_work() as session:
        added = load_reference(session)
    if settings.demo:
        added |= _load_demo(database, settings)
    return added


def _load_demo(database: Database, settings: Settings) -> dict[str, int]:
    added = load_people(database, settings)
    with database.reading() as session:
        is_empty = session.scalar(select(Contact.id).limit(1)) is None
    if is_empty:
        # Only now, for it loads the classifier.
        from hotline.seeds.cases import load_cases

        added["demo contacts"] = load_cases(database, settings)
        with database.unit_of_work() as session:
            added["views"] = views.load_views(session)
            added["templates"] = templates.load_templates(session)
    return {what: count for what, count in added.items() if count}


def load_people(database: Database, settings: Settings) -> dict[str, int]:
    """The demo's accounts and who is on duty; a new password where another one was set."""
    before = staff.kept_password(settings)
    password = staff.demo_password(settings)
    with database.unit_of_work() as session:
        if before not in (None, password):
            staff.change_password(session, password)
        return {
            "demo accounts": staff.load_staff(session, password),
            "people on duty": roster.load_rosters(session, settings),
        }
