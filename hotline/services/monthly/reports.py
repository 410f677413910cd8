"""Monthly reports: drawn from what is stored until a supervisor signs, from then on as they were signed; sent to who is named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.errors import NotAllowed, NotFound, WrongState
from hotline.events import ReportSigned, UnitReportDue
from hotline.services import access, core
from hotline.services.access import Me
from hotline.services.alerts import telling
from hotline.services.monthly import figures, saying, tables
from hotline.services.monthly.figures import Figures
from hotline.services.monthly.months import Month
from hotline.services.monthly.saying import Compared
from hotline.services.monthly.tables import Table
from hotline.services.outbox import emit
from hotline.settings import get_settings
from hotline.words import say
from models import Contact, MonthlyReport, Role, Staff, Unit, new_id, now

SEEN_BY = (Role.SUPERVISOR, Role.SHIFT_LEADER, Role.ADMINISTRATOR, Role.QUALITY_JUDGE)
CITY = ""
LONGEST = 2000
MOST_MONTHS = 24
ALREADY_SIGNED = "This month's report has been signed already."
NOT_OVER = "The month is not over yet."
Signed = Mapping[Month, MonthlyReport]


@dataclass(frozen=True)
class Report:
    month: Month
    unit_code: str
    unit: str  # empty: the city
    compared: Compared
    sentences: Sequence[str]
    tables: Sequence[Table]
    signed: MonthlyReport | None
    signed_by: str

    @property
    def may_be_signed(self) -> bool:
        return self.signed is None and self.month.end <= now()


@dataclass(frozen=True)
class Listed:
    month: Month
    signed: MonthlyReport | None
    signed_by: str


def latest(session: Session, unit_code: str = CITY) -> list[Listed]:
    """This month and those before back to the first in which anything came, with who signed them."""
    rows = session.execute(
        select(MonthlyReport, Staff.name)
        .join(Staff, Staff.id == MonthlyReport.signed_by_id)
        .where(MonthlyReport.unit_code == unit_code)
    )
    signed = {row.month: (row, name) for row, name in rows}
    months, first = [Month.of(now())], session.scalar(select(func.min(Contact.received_at)))
    earliest = min([months[0].first, *signed, *([Month.of(first).first] if first else [])])
    while months[-1].first > earliest and len(months) < MOST_MONTHS:
        months.append(months[-1].before)
    return [Listed(month, *signed.get(month.first, (None, ""))) for month in months]


def show(session: Session, month: Month, unit_code: str, *, to: Me) -> Report:
    """A unit sees its own, once it is signed."""
    unit = _unit(session, unit_code)
    signed = _signed(session, month, unit_code)
    if not to.has(*SEEN_BY) and (month not in signed or unit is None or not _belongs(to, unit)):
        raise NotAllowed()
    return _shown(session, month, unit, signed)


def signed(session: Session, report_id: UUID) -> Report:
    """For those to whom it is sent: supervisors have named them."""
    row = session.get_one(MonthlyReport, report_id)
    month = Month(row.month)
    return _shown(session, month, _unit(session, row.unit_code), {month: row})


def _shown(session: Session, month: Month, unit: Unit | None, signed: Signed) -> Report:
    row = signed.get(month)
    by = session.scalar(select(Staff.name).where(Staff.id == row.signed_by_id)) if row else None
    compared = _as_signed(row) if row else _drawn(session, month, unit, signed)
    return Report(
        month=month,
        unit_code=unit.code if unit else CITY,
        unit=unit.name if unit else "",
        compared=compared,
        sentences=saying.sentences(compared, city=unit is None, over=month.end <= now()),
        tables=tables.all_of(compared),
        signed=row,
        signed_by=by or "",
    )


def sign(session: Session, month: Month, unit_code: str, *, remark: str, by: Me) -> None:
    """The figures stay as they are from now on. Of two supervisors who sign at once, the second is told so."""
    access.require(by, Role.SUPERVISOR)
    if month.end > now():
        raise WrongState(NOT_OVER)
    unit = _unit(session, unit_code)
    if not _keep(session, month, unit, remark=remark.strip()[:LONGEST], by_id=by.staff_id):
        raise WrongState(ALREADY_SIGNED)


def write_for_unit(session: Session, month: Month, unit_code: str, *, by_id: UUID) -> None:
    """What follows from the city's: the unit's own, unless a supervisor has signed it before."""
    _keep(session, month, _unit(session, unit_code), remark="", by_id=by_id)


def send(session: Session, report: MonthlyReport) -> int:
    """To who is named for it; and of the city's report each unit that is in it gets its own."""
    month, unit = Month(report.month), _unit(session, report.unit_code)
    if unit is None:
        for line in Figures.model_validate(report.body["now"]).units:
            emit(session, UnitReportDue(str(month), line.code, report.signed_by_id))
    query = f"?unit={report.unit_code}" if unit else ""
    link = f"{get_settings().public_url}/reports/monthly/{month}{query}"
    text = say("Monthly report {month}, {of}, is signed: {link}", month=month, of=unit.name if unit else say("city"), link=link)
    report.sent_at = now()
    return telling.tell_report(session, text, unit_id=unit.id if unit else None, report_id=report.id)


def _keep(session: Session, month: Month, unit: Unit | None, *, remark: str, by_id: UUID) -> bool:
    code = unit.code if unit else CITY
    signed = _signed(session, month, code)
    if month in signed:
        return False
    compared = _drawn(session, month, unit, signed)
    kept = {"now": compared.now, "before": compared.before, "year_before": compared.year_before}
    body = {name: each.model_dump(mode="json") if each else None for name, each in kept.items()}
    report_id = new_id()
    values = {"id": report_id, "month": month.first, "unit_code": code, "body": body, "remark": remark, "signed_by_id": by_id}
    if not core.insert_once(session, MonthlyReport, values, unique=("month", "unit_code")):
        return False
    emit(session, ReportSigned(report_id))
    return True


def _drawn(session: Session, month: Month, unit: Unit | None, signed: Signed) -> Compared:
    """A signed month is compared as everybody was told of it."""
    known = figures.names(session)
    told = {each: Figures.model_validate(row.body["now"]) for each, row in signed.items()}
    this = figures.of_month(session, month, unit, known)
    before = told.get(month.before) or figures.to_compare(session, month.before, unit, known)
    year_before = told.get(month.year_before) or figures.volume(session, month.year_before, unit)
    return Compared(this, *(each if not each.is_empty else None for each in (before, year_before)))


def _as_signed(row: MonthlyReport) -> Compared:
    kept = [row.body[name] for name in ("before", "year_before")]
    return Compared(Figures.model_validate(row.body["now"]), *(Figures.model_validate(each) if each else None for each in kept))


def _signed(session: Session, month: Month, code: str) -> Signed:
    """This month's report and those that it is compared with, as far as they are signed."""
    firsts = [each.first for each in (month, month.before, month.year_before)]
    rows = select(MonthlyReport).where(MonthlyReport.month.in_(firsts), MonthlyReport.unit_code == code)
    return {Month(row.month): row for row in session.scalars(rows)}


def _unit(session: Session, code: str) -> Unit | None:
    if code == CITY:
        return None
    unit = session.scalars(select(Unit).where(Unit.code == code)).one_or_none()
    if unit is None:
        raise NotFound()
    return unit


def _belongs(me: Me, unit: Unit) -> bool:
    return bool(me.unit_path) and unit.path.startswith(me.unit_path)
