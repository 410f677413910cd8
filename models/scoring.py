"""What the scores add up to and how they stand fast: sums, closed periods, corrections, marks, figures of others."""

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Float, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Record, Word

# Values from 0 to 1 are added up as whole ten-thousandths, so that no order of adding makes a difference.
POINTS = 10_000


class Dimension(StrEnum):
    """By what figures are told apart."""

    CITY = "city"
    UNIT = "unit"
    TOWNSHIP = "township"
    COMMUNITY = "community"
    GRID = "grid"
    AGENT = "agent"
    CATEGORY = "category"
    CHANNEL = "channel"


class Omission(StrEnum):
    """Why a closed case does not count for an indicator."""

    NO_ANSWER = "no_answer"  # of the citizen: not asked, or not yet
    UNANSWERED = "unanswered"  # and the survey is over
    LEDGER = "ledger"
    APPEAL = "appeal"
    UNREASONABLE = "unreasonable"  # what the citizen said, as the centre ruled with evidence


class ScoreOmission(Record):
    """A case that an indicator leaves out, beside the scores that count; kept so that every case of a period is accounted for."""

    __tablename__ = "score_omission"
    __table_args__ = (
        UniqueConstraint("case_id", "indicator", "unit_id", "scored_on"),
        Index(None, "unit_id", "indicator", "scored_at"),
        Index(None, "scored_on"),
    )

    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"))
    indicator: Mapped[str] = mapped_column(String(24))
    reason: Mapped[Omission] = mapped_column(Word(Omission, 16))
    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"))
    agent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    scored_at: Mapped[datetime]
    scored_on: Mapped[date]


class ScoreChange(Record):
    """A day whose sums are to be made anew. Rows are only added and taken away: writers never wait for each other."""

    __tablename__ = "score_change"

    day: Mapped[date]


class _Figures:
    """Of so many cases (or calls), so many points; `assumed` of them by rule, `omitted` left out beside them."""

    dimension: Mapped[Dimension] = mapped_column(Word(Dimension, 16), primary_key=True)
    measure: Mapped[str] = mapped_column(String(24), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    counted: Mapped[int]
    points: Mapped[int] = mapped_column(BigInteger)
    assumed: Mapped[int]
    omitted: Mapped[int]


class ScoreSum(_Figures, Base):
    """The figures of a day, a month, a year: made from the scores, and the same however often they are made again."""

    __tablename__ = "score_sum"

    span: Mapped[str] = mapped_column(String(8), primary_key=True, sort_order=-2)
    starts_on: Mapped[date] = mapped_column(primary_key=True, sort_order=-1)


class ScorePeriod(Record):
    """A month that a supervisor has closed: from then on its scores and figures stay as they are."""

    __tablename__ = "score_period"

    starts_on: Mapped[date] = mapped_column(unique=True)
    ends_on: Mapped[date]  # the first day of the next one
    rule_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("rule.id"))
    profile_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("rule.id"))
    note: Mapped[str] = mapped_column(Text, default="")
    closed_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))


class PeriodFigure(_Figures, Base):
    """The figures of a closed period. A trigger refuses UPDATE and DELETE."""

    __tablename__ = "period_figure"

    period_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("score_period.id"), primary_key=True, sort_order=-1)


class ScoreCorrection(Record):
    """What turned out otherwise after the closing, by a person or by facts that came late; never changed either."""

    __tablename__ = "score_correction"

    period_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("score_period.id"), index=True)
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"), index=True)
    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"), index=True)
    indicator: Mapped[str] = mapped_column(String(24))
    was: Mapped[float | None] = mapped_column(Float)  # none: it did not count
    value: Mapped[float | None] = mapped_column(Float)
    reason: Mapped[str] = mapped_column(Text, default="")
    by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))  # none: the service, from late facts


class AnswerMark(Record):
    """A quality judge's mark of how well an answer fits what was asked, 0 to 100; the latest of a case counts."""

    __tablename__ = "answer_mark"

    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"), index=True)
    mark: Mapped[int]
    remark: Mapped[str] = mapped_column(Text, default="")
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))


class OutsideFigure(Record):
    """What somebody else measured of a unit in a month (a survey firm, the province), beside our own; the latest is shown."""

    __tablename__ = "outside_figure"
    __table_args__ = (Index(None, "starts_on", "unit_id"),)

    starts_on: Mapped[date]
    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"))
    indicator: Mapped[str] = mapped_column(String(24))
    value: Mapped[float] = mapped_column(Float)
    sample: Mapped[int | None]
    source: Mapped[str] = mapped_column(String(128))
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
