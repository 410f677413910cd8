"""Answers, verdicts, and what the citizen is told."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.errors import Invalid, NotAllowed, NoteRequired, Outdated, RuleBroken, WrongState
from hotline.ports import File
from hotline.services import answers, cases, checks
from hotline.services.files import files
from hotline.services.messages import notices
from hotline.services.profiles import profiles
from hotline.settings import Settings
from models import (
    Action,
    Answer,
    AssignmentStatus,
    Attachment,
    Case,
    CaseStatus,
    Check,
    ClosureKind,
    Role,
    Verdict,
    now,
)
from tests.factories_cases import an_actor, assists_of, check, fresh_key, lead_of, liaison_of, make_case, send_back, told
from tests.factories_contacts import make_contact


def on_the_spot(session: Session) -> Case:
    case = make_case(session, status=CaseStatus.ANSWERED, profile=profiles.shipped("one_desk"))
    cases.advance(session, case, Action.VERIFY, by=an_actor(session, Role.VERIFIER), key=fresh_key())
    return case


def submit(session: Session, case: Case, **values: Any) -> Answer:
    lead = lead_of(session, case)
    usual = {"public_text": "已清运", "closure": ClosureKind.SOLVED, "key": fresh_key()}
    by = values.pop("by", None) or liaison_of(session, lead)
    return answers.submit_answer(session, lead, by=by, **usual | values)


def test_an_answer_goes_to_the_centre_to_be_checked(session: Session) -> None:
    case = make_case(session, status=CaseStatus.IN_PROGRESS)

    given = submit(session, case, internal_note="保洁公司已扣分")

    assert (case.status, given.internal_note) == (CaseStatus.ANSWERED, "保洁公司已扣分")
    assert case.public_answer == ""


def test_a_unit_cannot_answer_before_it_signs(session: Session) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED)

    with pytest.raises(WrongState):
        submit(session, case)

    assert session.scalars(select(Answer)).all() == []


@pytest.mark.parametrize(
    ("change", "field"),
    [({"public_text": "  "}, "public_text"), ({"public_text": "长" * 5001}, "public_text"), ({"closure": "direct"}, "closure")],
)
def test_an_answer_that_says_nothing_is_refused(session: Session, change: dict[str, Any], field: str) -> None:
    case = make_case(session, status=CaseStatus.IN_PROGRESS)

    with pytest.raises(Invalid) as refusal:
        submit(session, case, **change)

    assert refusal.value.field == field


def test_the_same_answer_again_is_kept_once(session: Session) -> None:
    case, key = make_case(session, status=CaseStatus.IN_PROGRESS), fresh_key()
    by = liaison_of(session, lead_of(session, case))

    assert submit(session, case, by=by, key=key).id == submit(session, case, by=by, key=key).id
    with pytest.raises(Outdated):
        submit(session, case, by=by, seen=1)


def test_an_answer_may_bring_evidence(session: Session, settings: Settings) -> None:
    (settings.data_dir / "attachments").mkdir()
    case = make_case(session, status=CaseStatus.IN_PROGRESS)
    picture = files.check(File("现场.png", _pixel()))

    given = submit(session, case, files=[picture])

    assert session.scalars(select(Attachment.answer_id)).all() == [given.id]


def _pixel() -> bytes:

    out = BytesIO()
    Image.new("RGB", (2, 2), "white").save(out, "PNG")
    return out.getvalue()


def test_the_first_word_with_the_citizen_is_noted_once(session: Session, clock: Traveller) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED)
    lead = lead_of(session, case)
    by, key, first = liaison_of(session, lead), fresh_key(), now()

    answers.note_contacted(session, lead, text="已电话联系", by=by, key=key)
    clock.shift(timedelta(hours=1))
    answers.note_contacted(session, lead, text="已电话联系", by=by, key=key)
    answers.note_contacted(session, lead, text="又联系了一次", by=by, key=fresh_key())

    assert lead.contacted_at == first
    with pytest.raises(NotAllowed):
        answers.note_contacted(session, lead, text="x", by=an_actor(session, Role.LIAISON, unit="GAJ"), key=fresh_key())
    with pytest.raises(NotAllowed):
        answers.note_contacted(session, lead, text="x", by=an_actor(session, Role.AGENT), key=fresh_key())


def test_there_is_nobody_to_contact_for_after_the_answer(session: Session) -> None:
    case = make_case(session, status=CaseStatus.ANSWERED)
    lead = lead_of(session, case)

    with pytest.raises(WrongState):
        answers.note_contacted(session, lead, text="x", by=liaison_of(session, lead), key=fresh_key())


def test_an_answer_that_passes_closes_the_case_and_becomes_its_own(session: Session) -> None:
    case = make_case(session, status=CaseStatus.ANSWERED, assists=("T001",))

    check(session, case)

    assert (case.status, case.closure, case.public_answer[:5]) == (CaseStatus.CLOSED, ClosureKind.SOLVED, "垃圾已清运")
    assert lead_of(session, case).status == AssignmentStatus.DONE
    assert assists_of(session, case)[0].status == AssignmentStatus.WITHDRAWN


def test_an_answer_that_is_sent_back_is_worked_on_again(session: Session) -> None:
    case = make_case(session, status=CaseStatus.ANSWERED)

    first = lead_of(session, case).answer_due_at

    with pytest.raises(NoteRequired):
        send_back(session, case, remark=" ")
    send_back(session, case)

    lead = lead_of(session, case)
    assert (case.status, case.rework_count, lead.status) == (CaseStatus.IN_PROGRESS, 1, AssignmentStatus.IN_PROGRESS)
    assert case.due_at == lead.due_at
    assert case.due_at == lead.answer_due_at > first


def test_one_verdict_counts(session: Session) -> None:
    case, by, key = make_case(session, status=CaseStatus.ANSWERED), an_actor(session, Role.VERIFIER), fresh_key()

    first = checks.record_verdict(session, case, Verdict.PASSED, by=by, key=key, seen=case.version)
    again = checks.record_verdict(session, case, Verdict.PASSED, by=by, key=key, seen=1)

    assert first.id == again.id
    with pytest.raises(WrongState):
        checks.record_verdict(session, case, Verdict.PASSED, by=by, key=fresh_key())
    assert len(session.scalars(select(Check)).all()) == 1


def test_only_verifiers_check(session: Session) -> None:
    case = make_case(session, status=CaseStatus.ANSWERED)

    with pytest.raises(NotAllowed):
        checks.record_verdict(session, case, Verdict.PASSED, by=an_actor(session, Role.AGENT), key=fresh_key())

    assert (case.status, case.public_answer) == (CaseStatus.ANSWERED, "")


def test_the_citizen_is_told_the_checked_answer_and_not_before(session: Session) -> None:
    case = make_case(session, status=CaseStatus.ANSWERED)
    notices.tell_citizen(session, case)
    assert told(session, case, "answered") == []

    check(session, case)
    notices.tell_citizen(session, case)

    (message,) = told(session, case, "answered")
    assert (message.channel, message.recipient) == ("mailbox", "+8613800000172")
    assert case.number in message.text
    assert case.public_answer in message.text


@pytest.mark.parametrize(
    ("channel", "number", "way"),
    [
        ("sms", "", ("sms", "+8613911112222")),
        ("wechat", "13800000172", ("wechat", "+8613911112222")),
        ("mailbox", "", ("mailbox", "its own reference")),
    ],
)
def test_the_answer_goes_where_the_request_came_from(session: Session, channel: str, number: str, way: tuple[str, str]) -> None:
    contact = make_contact(session, channel=channel, sender="+8613911112222")
    case = make_case(session, status=CaseStatus.CLOSED, contact=contact, number=number)

    notices.tell_citizen(session, case)

    (message,) = told(session, case, "answered")
    assert (message.channel, message.recipient) == (way[0], contact.reference if "own" in way[1] else way[1])


@pytest.mark.parametrize(("number", "reached"), [("13800000172", ["sms"]), ("", [])])
def test_a_caller_is_reached_by_text_if_there_is_a_number(session: Session, number: str, reached: list[str]) -> None:
    contact = make_contact(session, channel="voice", text="")
    case = make_case(session, status=CaseStatus.CLOSED, contact=contact, number=number)

    notices.tell_citizen(session, case)

    assert [message.channel for message in told(session, case, "answered")] == reached


@pytest.mark.parametrize("verdict", Verdict)
def test_what_was_seen_on_the_spot_is_written_down_whatever_the_verdict(session: Session, verdict: Verdict) -> None:
    case, verifier = on_the_spot(session), an_actor(session, Role.VERIFIER)

    with pytest.raises(NoteRequired):
        checks.record_verdict(session, case, verdict, by=verifier, key=fresh_key())
    seen = checks.record_verdict(session, case, verdict, remark="灯亮", by=verifier, key=fresh_key())

    assert (seen.on_site, seen.remark, seen.verdict) == (True, "灯亮", verdict)
    assert case.status == (CaseStatus.CLOSED if verdict == Verdict.PASSED else CaseStatus.IN_PROGRESS)


def test_photographs_of_a_check_are_kept_with_it(session: Session, settings: Settings) -> None:
    (settings.data_dir / "attachments").mkdir()
    case = on_the_spot(session)
    photograph = files.check(File("IMG_1.png", _pixel()))

    seen = checks.record_verdict(
        session,
        case,
        Verdict.PASSED,
        remark="灯亮",
        files=[photograph],
        by=an_actor(session, Role.VERIFIER),
        key=fresh_key(),
    )

    kept = session.scalars(select(Attachment).where(Attachment.check_id == seen.id)).one()
    assert kept.name == "IMG_1.png"
    assert files.open(kept) == photograph.content


def test_whatever_closes_a_checked_case_gives_its_answer_to_the_citizen(session: Session) -> None:
    case = make_case(session, status=CaseStatus.ANSWERED)

    cases.advance(session, case, Action.CLOSE, by=an_actor(session, Role.VERIFIER), key=fresh_key())

    assert (case.public_answer, case.closure) == ("垃圾已清运，今后每天清运两次。", ClosureKind.SOLVED)


def test_a_case_without_an_answer_is_not_closed(session: Session) -> None:
    case = make_case(session, status=CaseStatus.IN_PROGRESS)
    lead = lead_of(session, case)
    cases.advance(session, lead, Action.ANSWER, by=liaison_of(session, lead), key=fresh_key())

    with pytest.raises(RuleBroken, match="no answer"):
        cases.advance(session, case, Action.CLOSE, by=an_actor(session, Role.VERIFIER), key=fresh_key())

    assert case.status == CaseStatus.ANSWERED


def test_an_answer_that_is_not_there_cannot_be_checked(session: Session) -> None:
    case = make_case(session, status=CaseStatus.IN_PROGRESS)
    lead = lead_of(session, case)
    cases.advance(session, lead, Action.ANSWER, by=liaison_of(session, lead), key=fresh_key())

    with pytest.raises(WrongState):
        check(session, case)
