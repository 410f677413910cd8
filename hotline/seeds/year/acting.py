"""What people do in the simulated year beside what the demo's people do."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.seeds.cast import Cast
from hotline.seeds.year.people import Opinion
from hotline.services import dispatching
from hotline.services.survey_plans import control, desk, rulings
from models import (
    AttemptOutcome,
    Case,
    ControlFinding,
    Request,
    RequestKind,
    RequestState,
    Ruling,
    Unit,
)
from models.base import as_if


class YearCast(Cast):
    """Agents sit until the evening; receipts come with the next round."""

    def __init__(self, session: Session, *, acts: int, seated: set[str]) -> None:
        super().__init__(session, acts=acts)
        self._seated = seated

    def sit_down(self, by: str) -> None:
        if by not in self._seated:
            super().sit_down(by)
            self._seated.add(by)

    def stand_up(self, by: str) -> None:
        """Not after each contact."""

    def go_home(self, but: Collection[str]) -> None:
        """`but`: whoever still has something open, which would go back to the queue."""
        for username in sorted(self._seated.difference(but)):
            super().stand_up(username)
            self._seated.discard(username)
        self.follow()

    def settle_deliveries(self) -> None:
        """With the round."""

    def receive_receipts(self) -> None:
        super().settle_deliveries()

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

    def _open(self, case: Case, kind: RequestKind) -> Request:
        asked = select(Request).where(Request.case_id == case.id, Request.kind == kind, Request.state == RequestState.OPEN)
        return self.session.scalars(asked).one()
