"""What people do in the simulated year beside what the demo's people do."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.seeds.cast import Cast
from hotline.seeds.letters import Letter
from hotline.seeds.year.people import Opinion
from hotline.services import dispatching, drafts, signing_in, supervision
from hotline.services.access import Me
from hotline.services.city import gazetteer, places
from hotline.services.draft_form import DraftForm
from hotline.services.queue_rule import VOICE
from hotline.services.sideways import withdrawing
from hotline.services.survey_plans import control, desk, rulings
from hotline.services.telephone import lines
from hotline.services.units import extensions
from models import (
    Assignment,
    AttemptOutcome,
    Case,
    Contact,
    ControlFinding,
    Mark,
    MarkKind,
    Request,
    RequestKind,
    RequestState,
    Ruling,
    Unit,
)
from models.base import as_if


@dataclass(frozen=True)
class Seat:
    me: Me
    extension: str


class YearCast(Cast):
    """Agents sit until the evening, each with a telephone; receipts come with the next round."""

    def __init__(self, session: Session, *, acts: int, seated: dict[str, Seat]) -> None:
        super().__init__(session, acts=acts)
        self.seated = seated

    def sit_down(self, by: str) -> None:
        if by in self.seated:
            return
        _, token = signing_in.open_session(self.session, self[by], address="192.0.2.10")
        me = signing_in.who(self.session, token)
        if me is None:
            raise LookupError("a sign-in of this moment is not known")
        self.seated[by] = Seat(me, lines.sign_in(self.session, me).extension)
        super().sit_down(by)

    def stand_up(self, by: str) -> None:
        """Not after each contact."""

    def write_up(self, by: str, *, at: datetime) -> None:
        """The notes on a call are written: the next one may come."""
        with as_if(at):
            super().sit_down(by)
            self.follow()

    def go_home(self, but: Collection[str] = ()) -> None:
        """`but`: whoever still has something open, which would go back to the queue."""
        for username in sorted(set(self.seated).difference(but)):
            super().stand_up(username)
            seat = self.seated.pop(username)
            lines.sign_out(self.session, session_id=seat.me.session_id)
            signing_in.sign_out(self.session, seat.me)
        self.follow()

    def settle_deliveries(self) -> None:
        """With the round."""

    def receive_receipts(self) -> None:
        super().settle_deliveries()

    def open_form(self, contact: Contact, letter: Letter) -> DraftForm:
        """Of a caller nothing is written yet: the agent asks for the place."""
        form = super().open_form(contact, letter)
        if contact.channel != VOICE or not letter.place:
            return form
        path = gazetteer.area_path(self.session, places.area_of(self.session, letter.place))
        return form.model_copy(update={f"{area.kind}_code": area.code for area in path if f"{area.kind}_code" in drafts.AREAS})

    def case(self, case_id: UUID) -> Case:
        return self.session.get_one(Case, case_id)

    def unit_of(self, case: Case) -> Unit:
        return self.session.get_one(Unit, self.lead(case).unit_id)

    def decide_return(self, case: Case, *, grant: bool, at: datetime) -> None:
        request = self._open(case, RequestKind.RETURN)
        unit = self.session.get(Unit, request.proposed_unit_id) if grant else None
        note = "" if grant else "职责清单明确由你单位办理，请继续办理。"
        with as_if(at):
            dispatching.decide_return(
                self.session, request, grant=grant, unit=unit, note=note, by=self.actor("dispatcher1"), key=self.key()
            )
            self.follow()

    def rule(self, case: Case, ruling: Ruling, *, at: datetime) -> None:
        request = self._open(case, RequestKind.REOPENING)
        note = "市民反映属实，请重新办理。" if ruling == Ruling.REWORK else "已向市民说明，法律政策所限。"
        with as_if(at):
            rulings.rule(self.session, request, ruling, note=note, by=self.actor("verifier1"), key=self.key())
            self.follow()

    def dispatch_again(self, case: Case, *, at: datetime) -> None:
        unit = self.unit_of(case)
        with as_if(at):
            dispatching.dispatch(self.session, case, unit, by=self.actor("dispatcher1"), key=self.key(), note="二次办理")
            self.follow()

    def waiting_for_ruling(self) -> Sequence[UUID]:
        asked = (Request.kind == RequestKind.REOPENING, Request.state == RequestState.OPEN)
        return self.session.scalars(select(Request.case_id).where(*asked).order_by(Request.id)).all()

    def hear(self, line: desk.Line, opinion: Opinion) -> None:
        by = self.actor("callback1")
        desk.take(self.session, line.attempt.id, by=by)
        desk.hear(
            self.session,
            line.attempt.id,
            solved=opinion.solved,
            result=opinion.result,
            unit=opinion.unit,
            remark=opinion.remark,
            by=by,
        )
        self.follow()

    def miss(self, line: desk.Line, outcome: AttemptOutcome) -> None:
        by = self.actor("callback1")
        desk.take(self.session, line.attempt.id, by=by)
        desk.note_unreached(self.session, line.attempt.id, outcome, by=by)
        self.follow()

    def control(self, line: control.Line, *, confirmed: bool) -> None:
        finding = ControlFinding.CONFIRMED if confirmed else ControlFinding.CONTRADICTED
        note = "" if confirmed else "市民说没有人来过，也没有评价过。"
        control.find(self.session, line.control.id, finding, note=note, by=self.actor("leader1"))
        self.follow()

    def withdraw(self, case: Case, *, at: datetime) -> None:
        """With the code, on the page of the progress."""
        with as_if(at):
            withdrawing.withdraw(self.session, case, reason="问题已经自行解决，不用再办了。", key=self.key())
            self.follow()

    def ask_for_time(self, case: Case, *, at: datetime) -> bool:
        """Two working days more; False where the rules give none."""
        assignment = self.lead(case)
        with as_if(at):
            if extensions.why_not(self.session, case, assignment, asked_before=False) is not None:
                return False
            until = min(assignment.answer_due_at + timedelta(days=2), extensions.latest(self.session, case, assignment))
            extensions.ask(
                self.session,
                assignment,
                until=until,
                reason_code=extensions.ExtensionReason.DIFFICULT,
                basis="需要采购配件并协调产权单位，原定时限内难以完成。",
                by=self.liaison(assignment.unit_id),
                key=self.key(),
            )
            self.follow()
        return True

    def decide_time(self, case: Case, *, grant: bool, at: datetime) -> None:
        request = self._open(case, RequestKind.EXTENSION)
        note = "" if grant else "情况简单，请按原时限办理。"
        with as_if(at):
            extensions.decide(self.session, request, grant=grant, note=note, by=self.actor("dispatcher1"), key=self.key())
            self.follow()

    def answer_measures(self) -> None:
        """The units say what they do about each measure that was taken against them."""
        asked = (Mark.kind == MarkKind.SUPERVISION, Mark.answered_at.is_(None), Mark.cleared_at.is_(None))
        for mark in self.session.scalars(select(Mark).where(*asked).order_by(Mark.id)).all():
            unit_id = self.session.get_one(Assignment, mark.assignment_id).unit_id
            supervision.answer(
                self.session, mark, text="已约谈经办人，明确专人今日内办结。", by=self.liaison(unit_id), key=self.key()
            )
        self.follow()

    def _open(self, case: Case, kind: RequestKind) -> Request:
        asked = select(Request).where(Request.case_id == case.id, Request.kind == kind, Request.state == RequestState.OPEN)
        return self.session.scalars(asked).one()
