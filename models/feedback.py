"""What is thought of the work: the centre's checks, the citizen's survey, and the scores that follow."""

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import CITY_TIME, Base, Record, Word


class Verdict(StrEnum):
    PASSED = "passed"
    SENT_BACK = "sent_back"


class Check(Record):
    """A verifier's verdict on an answer, given at the desk or on the spot."""

    __tablename__ = "check"

    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"), index=True)
    answer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("answer.id"))
    verdict: Mapped[Verdict] = mapped_column(Word(Verdict, 16))
    on_site: Mapped[bool] = mapped_column(default=False, server_default=false())
    remark: Mapped[str] = mapped_column(Text, default="")
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))


class Grade(StrEnum):
    """The five grades of the national rating (GB/T 39734-2020); the first three count as satisfied."""

    VERY_SATISFIED = "very_satisfied"
    SATISFIED = "satisfied"
    FAIRLY_SATISFIED = "fairly_satisfied"
    DISSATISFIED = "dissatisfied"
    VERY_DISSATISFIED = "very_dissatisfied"

    @property
    def is_satisfied(self) -> bool:
        return self not in (Grade.DISSATISFIED, Grade.VERY_DISSATISFIED)


class Survey(Record):
    """One invitation a case; opening it consumes nothing, the first valid answer counts, corrections stay beside it."""

    __tablename__ = "survey"
    __table_args__ = (UniqueConstraint("case_id", "round"),)

    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"))
    round: Mapped[int] = mapped_column(default=1)  # asked again only after rework
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    lapses_at: Mapped[datetime] = mapped_column(index=True)
    answered_at: Mapped[datetime | None]
    lapsed_at: Mapped[datetime | None]
    answers: Mapped[list["SurveyAnswer"]] = relationship(lazy="raise", order_by="SurveyAnswer.created_at")


class SurveyAnswer(Record):
    """One submission; the last within 24 hours of the first one counts."""

    __tablename__ = "survey_answer"

    survey_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("survey.id"), index=True)
    way: Mapped[str] = mapped_column(String(16))  # web, track, sms, keypad, person
    solved: Mapped[bool]
    result: Mapped[Grade] = mapped_column(Word(Grade, 24))
    unit: Mapped[Grade] = mapped_column(Word(Grade, 24))
    remark: Mapped[str] = mapped_column(Text, default="")


class ContactRating(Base):
    """How the agent of a conversation was: the citizen is asked once an episode. `rating` is as that of a call."""

    __tablename__ = "contact_rating"

    contact_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contact.id"), primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime]
    rating: Mapped[int | None]  # 1 to 5, the best
    rated_at: Mapped[datetime | None] = mapped_column(index=True)


def _day_scored(context: DefaultExecutionContext) -> date:
    at: datetime = context.get_current_parameters()["scored_at"]  # type: ignore[no-untyped-call]  # published without types
    return at.astimezone(CITY_TIME).date()


class Score(Record):
    """One indicator of one case, computed from stored events; computing again replaces it with the same value.

    A case that is closed again after its period was closed is scored once more, on its later day.
    """

    __tablename__ = "score"
    __table_args__ = (
        UniqueConstraint("case_id", "indicator", "unit_id", "scored_on"),
        Index(None, "unit_id", "indicator", "scored_at"),
        Index(None, "scored_at"),
        Index(None, "scored_on"),
    )

    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"))
    indicator: Mapped[str] = mapped_column(String(24))  # services.profiles.Indicator
    value: Mapped[float] = mapped_column(Float)  # 0 to 1
    unit_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("unit.id"))
    agent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"), index=True)
    scored_at: Mapped[datetime]
    scored_on: Mapped[date] = mapped_column(default=_day_scored)  # the city's day
    assumed: Mapped[bool] = mapped_column(default=False, server_default=false())  # nobody answered; valued by rule
