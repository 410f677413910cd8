"""The people of the demo at their work: each act through the services, at a time of the past, with all that follows from it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from hotline import events
from hotline.ports import Inbound
from hotline.seeds.letters import Letter
from hotline.seeds.memory import Memory
from hotline.services import (
    access,
    answers,
    cases,
    checks,
    dispatching,
    drafts,
    intake,
    outbox,
    presence,
    queueing,
    same_matter,
    surveys,
)
from hotline.services.actors import Actor
from hotline.services.cases import How
from hotline.services.conversations import threads
from hotline.services.dispatching import ReturnReason
from hotline.services.draft_form import DraftForm
from hotline.services.incidents import linking, telling
from hotline.services.scores import recount, sums
from hotline.services.sideways import doors, refusals
from hotline.services.survey_plans import rulings
from hotline.services.survey_plans.traces import Origin
from hotline.services.units import levels
from hotline.tasks import HANDLERS
from hotline.timetable import TIMETABLE
from models import (
    Assignment,
    Case,
    ClosureKind,
    Conclusion,
    Contact,
    ContactRating,
    Conversation,
    Delivery,
    Grade,
    OutboxMessage,
    OutgoingMessage,
    PresenceState,
    Request,
    RequestType,
    Ruling,
    Staff,
    Survey,
    Unit,
    Verdict,
    now,
)
from models.base import as_if

NO_SENSE = "内容不成句，无联系方式，无法核实"
TURNED_AWAY = {"court": "该事项已进入诉讼程序，请向受理法院查询。", "police": "属于治安警情，已转110，请注意安全。"}


class Cast:
    def __init__(self, session: Session, *, acts: int = 0) -> None:
        """`acts`: how many there were in earlier transactions; each has a key of its own."""
        self.session = session
        self._memory = Memory.of(session)
        everybody = session.scalars(select(Staff).options(joinedload(Staff.unit)).order_by(Staff.created_at)).all()
        self._staff = {staff.username: staff for staff in everybody}
        self._liaisons = {staff.unit_id: staff for staff in everybody if staff.unit_id}
        self.acts = acts

    def __getitem__(self, username: str) -> Staff:
        return self._staff[username]

    def actor(self, username: str) -> Actor:
        return access.actor(self._staff[username])

    def liaison(self, unit_id: UUID) -> Actor:
        return access.actor(self._liaisons[unit_id])

    def key(self) -> str:
        self.acts += 1
        return f"demo-{self.acts:05}"

    def write(self, letter: Letter, *, at: datetime, channel: str, name: str, number: str) -> Contact:
        with as_if(at):
            received = intake.receive(
                self.session,
                Inbound(
                    channel=channel,
                    external_id=f"demo:{self.key()}",
                    sender=number,
                    text=letter.text,
                    received_at=at,
                    name=name if channel == "mailbox" else "",
                    number=number if channel != "wechat" else "",
                    place=letter.place if channel == "mailbox" else "",
                    wished_kind=letter.kind if channel == "mailbox" else "",
                    confidential=letter.confidential,
                ),
            )
            self.follow()
        return received.contact

    def sit_down(self, by: str) -> None:
        presence.set_presence(self.session, self[by], PresenceState.AVAILABLE)

    def stand_up(self, by: str) -> None:
        presence.set_presence(self.session, self[by], PresenceState.OFFLINE)

    def take(self, contact: Contact, *, by: str, at: datetime) -> None:
        with as_if(at):
            self.sit_down(by)
            queueing.take(self.session, self[by], contact.id)
            self.follow()

    def reply(self, contact: Contact, text: str, *, by: str, at: datetime) -> None:
        with as_if(at):
            threads.reply(self.session, contact, text=text, by=self[by], key=self.key())
            self.follow()

    def rate(self, contact: Contact, said: Letter, *, at: datetime) -> None:
        """In the same conversation, if the citizen was asked there how the agent was."""
        if self.session.get(ContactRating, contact.id) is None:
            return
        sender = self.session.get_one(Conversation, contact.conversation_id).sender
        self.write(said, at=at, channel=contact.channel, name="", number=sender)

    def file(
        self, contact: Contact, letter: Letter, *, by: str, at: datetime, how: How, to_unit: bool = True, door: str = "court"
    ) -> Case:
        with as_if(at):
            case = cases.file_case(
                self.session,
                contact,
                self._form(contact, letter, with_unit=how == "dispatch" and to_unit),
                matter=1,
                by=self.actor(by),
                key=self.key(),
                how=how,
                answer=letter.answer if how == "answer" else "",
                reason=TURNED_AWAY[door] if how == "redirect" else "",
            )
            if how == "redirect":
                doors.keep(self.session, case, door, by=self.actor(by), key=self.key())
            conclusions = {"answer": Conclusion.ANSWERED, "redirect": Conclusion.REDIRECTED}
            conclusion = conclusions.get(how, Conclusion.FILED)
            queueing.conclude(self.session, contact, conclusion, by=self[by], note="已登记" if how == "redirect" else "")
            self.stand_up(by)
            self.follow()
        return case

    def filed(self, letter: Letter, *, by: str, at: datetime, number: str, name: str, same_as: Case | None = None) -> Case:
        """A letter to the mailbox, taken and filed within minutes."""
        contact = self.write(letter, at=at, channel="mailbox", name=name, number=number)
        self.take(contact, by=by, at=at + timedelta(minutes=3))
        if same_as:
            self.find_same(contact, same_as, by=by, at=at + timedelta(minutes=4))
        return self.file(contact, letter, by=by, at=at + timedelta(minutes=6), how="dispatch")

    def find_same(self, contact: Contact, earlier: Case, *, by: str, at: datetime) -> None:
        with as_if(at):
            same_matter.pick(self.session, contact, 1, earlier.number, by=self[by])

    def gather(self, found: Sequence[Case], *, title: str, news: str, at: datetime) -> None:
        """These cases are one incident, of which agents know and citizens are told the news."""
        by = self.actor("dispatcher1")
        with as_if(at):
            incident = linking.open_incident(self.session, found, title=title, by=by, key=self.key())
            telling.set_known(self.session, incident, text=news, until=at + timedelta(hours=8), by=by)
            telling.update(self.session, incident, text=news, by=by, key=self.key())
            self.follow()

    def void(self, contact: Contact, *, by: str, at: datetime, code: str = "empty", note: str = NO_SENSE) -> None:
        with as_if(at):
            queueing.conclude(self.session, contact, Conclusion.VOID, by=self[by], note=note)
            contact.void_code = code
            self.stand_up(by)
            self.follow()

    def refuse(self, contact: Contact, *, by: str, at: datetime) -> None:
        basis = "三天内三次发送与诉求无关的内容，劝阻后仍继续。"
        with as_if(at):
            row = refusals.propose(self.session, contact, basis=basis, by=self.actor(by))
            refusals.decide(self.session, row, grant=True, note="情况属实。", by=self.actor("leader1"))
            self.follow()

    def open_form(self, contact: Contact, letter: Letter) -> DraftForm:
        """What the service has filled in by itself."""
        return drafts.open_draft(self.session, contact, 1)

    def _form(self, contact: Contact, letter: Letter, *, with_unit: bool) -> DraftForm:
        form = self.open_form(contact, letter)
        lead, assists = dispatching.choose_unit(self.session, letter.category, form.area_code or "")
        return form.model_copy(
            update={
                "request_type": RequestType(letter.kind),
                "category": letter.category,
                "unit": lead.code if with_unit else "",
                "assist_units": [unit.code for unit in assists[1:2]] if with_unit else [],
                "urgency": contact.urgency,
                "title": letter.title,
                "content": letter.text,
                "place_text": letter.place or "全市",
                "confidential": letter.confidential,
                "unit_summary": f"群众反映：{letter.title}，请核查处理。"
                if letter.kind == "report" or letter.confidential
                else "",
            }
        )

    def lead(self, case: Case) -> Assignment:
        return self.session.scalars(
            select(Assignment)
            .where(Assignment.case_id == case.id, Assignment.lead)
            .order_by(Assignment.dispatched_at.desc())
            .limit(1)
        ).one()

    def sign(self, case: Case, *, at: datetime) -> None:
        assignment = self.lead(case)
        with as_if(at):
            dispatching.sign(self.session, assignment, by=self.liaison(assignment.unit_id), key=self.key())
            self.follow()

    def talk(self, case: Case, *, at: datetime) -> None:
        assignment = self.lead(case)
        by = self.liaison(assignment.unit_id)
        with as_if(at):
            answers.note_contacted(self.session, assignment, text="已电话联系，约定上门查看。", by=by, key=self.key())
            self.follow()

    def send_down(self, case: Case, *, at: datetime) -> None:
        """A street lets the community of the place do it, and that one the grid, as far down as the demo has people."""
        above = self.lead(case)
        with as_if(at):
            for code in (case.community_code, case.grid_code):
                below = self.session.scalar(select(Unit).where(Unit.code == code, Unit.parent_id == above.unit_id))
                if below is None:
                    break
                by = self.liaison(above.unit_id)
                above = levels.send_down(self.session, above, below, note="请先看现场。", by=by, key=self.key())
                if below.id not in self._liaisons:
                    break
                dispatching.sign(self.session, above, by=self.liaison(below.id), key=self.key())
            self.follow()

    def ask_return(self, case: Case, *, at: datetime) -> None:
        assignment = self.lead(case)
        proposed_code = "ZJJ" if case.category_code.startswith("01") else "CGJ"
        proposed = self.session.scalars(select(Unit).where(Unit.code == proposed_code)).one()
        with as_if(at):
            dispatching.ask_return(
                self.session,
                assignment,
                reason_code=ReturnReason.NOT_MY_DUTY,
                basis="按部门职责清单，此事项由建议单位负责，我单位无执法权限。",
                proposed_unit=proposed,
                by=self.liaison(assignment.unit_id),
                key=self.key(),
            )
            self.follow()

    def answer(self, case: Case, letter: Letter, *, at: datetime) -> None:
        assignment = self.lead(case)
        with as_if(at):
            answers.submit_answer(
                self.session,
                assignment,
                public_text=letter.answer,
                internal_note="现场照片已存档。",
                closure=ClosureKind.SOLVED,
                by=self.liaison(assignment.unit_id),
                key=self.key(),
            )
            self.follow()

    def check(self, case: Case, verdict: Verdict, *, at: datetime) -> None:
        remark = "" if verdict == Verdict.PASSED else "答复未说明何时完成，请补充。"
        with as_if(at):
            checks.record_verdict(self.session, case, verdict, remark=remark, by=self.actor("verifier1"), key=self.key())
            self.follow()

    def survey(
        self,
        case: Case,
        *,
        solved: bool,
        result: Grade,
        unit: Grade,
        remark: str,
        at: datetime,
        origin: Origin = Origin(),  # noqa: B008 -- it cannot be changed
    ) -> None:
        latest = select(Survey).where(Survey.case_id == case.id).order_by(Survey.round.desc()).limit(1)
        survey = self.session.scalars(latest).one()
        with as_if(at):
            surveys.record_answers(
                self.session, survey, way="track", solved=solved, result=result, unit=unit, remark=remark, origin=origin
            )
            self.follow()

    def reopen(self, case: Case, *, at: datetime) -> None:
        request = self.session.scalars(select(Request).where(Request.case_id == case.id, Request.kind == "reopening")).one()
        by = self.actor("verifier1")
        with as_if(at):
            rulings.rule(self.session, request, Ruling.REWORK, note="市民反映问题仍在，重新办理", by=by, key=self.key())
            self.follow()

    def archive(self) -> None:
        TIMETABLE["archive_closed"].run(self.session)
        self.follow()

    def add_up(self) -> None:
        """Every day anew: the timetable looks at days that changed since, and here all of them lie in the past."""
        sums.refresh_days(self.session, recount.days(self.session))

    def follow(self) -> None:
        """What follows from the events so far, at this time. Nothing is sent: a demo's citizens have no telephones."""
        self.session.flush()
        while outbox.take_announced(self.session):
            rows = self.session.scalars(select(OutboxMessage).where(OutboxMessage.done_at.is_(None))).all()
            for row in rows:
                self._run_handlers(events.ALL[row.event].from_body(row.body))
            outbox.settle(self.session, [row.id for row in rows])
            self.session.flush()
        self.settle_deliveries()
        self._memory.forget()

    def _run_handlers(self, event: events.Event) -> None:
        for handler in HANDLERS[type(event)]:
            if handler.prepare:
                handler.run(self.session, event, handler.prepare(self.session, event))
            elif not handler.outside:
                handler.run(self.session, event)

    def settle_deliveries(self) -> None:
        self.session.execute(
            update(OutgoingMessage)
            .where(OutgoingMessage.delivery == Delivery.WAITING)
            .values(delivery=Delivery.DELIVERED, settled_at=now(), next_try_at=None)
        )
