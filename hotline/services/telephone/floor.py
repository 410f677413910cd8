"""What goes on among the people of the centre: silent calls for help, notices with receipts, breaks, what callers are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NoteRequired, NotFound, RuleBroken, WrongState
from hotline.events import FloorChanged
from hotline.services import access, core, outbox, presence
from hotline.services.access import Me
from hotline.services.telephone import lines, switching
from models import (
    Announcement,
    BreakRequest,
    BreakState,
    HelpCall,
    Notice,
    NoticeRead,
    Presence,
    PresenceState,
    Role,
    Staff,
    now,
)

LEADERS = (Role.SHIFT_LEADER, Role.SUPERVISOR)
LONGEST_NOTICE = 500
# Callers hear it before they wait: twenty seconds are long.
LONGEST_ANNOUNCEMENT = 80
LONGEST_BREAK = 120
NOTICE_LASTS = timedelta(hours=12)
ANNOUNCEMENT_LASTS = timedelta(hours=12)


def call_for_help(session: Session, staff: Staff) -> HelpCall:
    """Silent: the caller hears nothing. Asked again while nobody has come, it is the same call."""
    _in_turn(session, staff)
    waiting = session.scalar(
        select(HelpCall).where(HelpCall.staff_id == staff.id, HelpCall.answered_at.is_(None)).with_for_update()
    )
    if waiting is not None:
        return waiting
    talk = switching.talk_of(session, staff.id)
    asked = HelpCall(staff_id=staff.id, call_id=talk.call.id if talk else None, contact_id=talk.call.contact_id if talk else None)
    session.add(asked)
    outbox.emit(session, FloorChanged(staff.id))
    return asked


def answer_help(session: Session, me: Me, help_id: UUID) -> HelpCall:
    """The first who comes has it; the second is told."""
    access.require(me, *LEADERS)
    asked = session.get(HelpCall, help_id, with_for_update=True, populate_existing=True)
    if asked is None:
        raise NotFound()
    if asked.answered_at is not None and asked.answered_by_id != me.staff_id:
        raise WrongState("A colleague is already helping.")
    asked.answered_at, asked.answered_by_id = asked.answered_at or now(), me.staff_id
    outbox.emit(session, FloorChanged(asked.staff_id))
    return asked


def post_notice(session: Session, me: Me, text: str, *, hand_over: bool = False) -> Notice:
    """To everybody on the floor; a hand-over is for whoever leads the next shift."""
    access.require(me, *LEADERS)
    text = _words(text, longest=LONGEST_NOTICE)
    notice = Notice(text=text, hand_over=hand_over, by_id=me.staff_id, ends_at=now() + NOTICE_LASTS)
    session.add(notice)
    outbox.emit(session, FloorChanged(me.staff_id))
    return notice


def read_notice(session: Session, me: Me, notice_id: UUID) -> None:
    """The receipt; a second one changes nothing."""
    if session.get(Notice, notice_id) is None:
        raise NotFound()
    values = {"notice_id": notice_id, "staff_id": me.staff_id, "read_at": now()}
    core.insert_once(session, NoticeRead, values, unique=("notice_id", "staff_id"))
    outbox.emit(session, FloorChanged(me.staff_id))


def unread(session: Session, me: Me) -> Sequence[Notice]:
    """What this person has not confirmed yet. Hand-overs are for leaders only."""
    read = exists().where(NoticeRead.notice_id == Notice.id, NoticeRead.staff_id == me.staff_id)
    query = select(Notice).where(Notice.ends_at > now(), ~read, Notice.by_id != me.staff_id).order_by(Notice.created_at)
    if not me.has(*LEADERS):
        query = query.where(Notice.hand_over.is_(False))
    return session.scalars(query).all()


@dataclass(frozen=True)
class Posted:
    """A notice as its writer sees it: how many have confirmed it."""

    notice: Notice
    by: str
    read: int


def posted(session: Session) -> Sequence[Posted]:
    receipts = select(func.count()).where(NoticeRead.notice_id == Notice.id).scalar_subquery()
    rows = session.execute(
        select(Notice, Staff.name, receipts)
        .join(Staff, Staff.id == Notice.by_id)
        .where(Notice.ends_at > now())
        .order_by(Notice.created_at.desc())
    )
    return [Posted(notice, name, read) for notice, name, read in rows]


def ask_break(session: Session, staff: Staff, *, reason: str, minutes: int) -> BreakRequest:
    """One open request a person; asked again it says the new wish."""
    reason = reason.strip()[:64]
    if not reason:
        raise NoteRequired(field="reason")
    if not 1 <= minutes <= LONGEST_BREAK:
        raise Invalid("A break lasts 1 to {most} minutes.", field="minutes", most=LONGEST_BREAK)
    _in_turn(session, staff)
    asked = session.scalar(
        select(BreakRequest).where(BreakRequest.staff_id == staff.id, BreakRequest.state == BreakState.ASKED).with_for_update()
    )
    if asked is None:
        asked = BreakRequest(staff_id=staff.id, reason=reason, minutes=minutes)
        session.add(asked)
    asked.reason, asked.minutes = reason, minutes
    outbox.emit(session, FloorChanged(staff.id))
    return asked


def take_break_back(session: Session, staff: Staff) -> None:
    asked = session.scalar(
        select(BreakRequest).where(BreakRequest.staff_id == staff.id, BreakRequest.state == BreakState.ASKED).with_for_update()
    )
    if asked is not None:
        asked.state = BreakState.TAKEN_BACK
        outbox.emit(session, FloorChanged(staff.id))


def decide_break(session: Session, me: Me, request_id: UUID, *, granted: bool) -> BreakRequest:
    """Granted, the seat is paused at once: a call in hand is finished, and no further one comes."""
    access.require(me, *LEADERS)
    asked = session.get(BreakRequest, request_id, with_for_update=True, populate_existing=True)
    if asked is None:
        raise NotFound()
    if asked.state != BreakState.ASKED:
        raise WrongState("This request has been decided or taken back.")
    if granted:
        _begin_break(session, asked)
    asked.state = BreakState.GRANTED if granted else BreakState.REFUSED
    asked.decided_by_id, asked.decided_at = me.staff_id, now()
    outbox.emit(session, FloorChanged(asked.staff_id))
    return asked


def _begin_break(session: Session, asked: BreakRequest) -> None:
    """Who has gone home meanwhile is not brought back, and a leader's word is no sign of life from the desk."""
    seat = session.get(Presence, asked.staff_id)
    if seat is None or seat.state == PresenceState.OFFLINE:
        return
    presence.move(session, asked.staff_id, PresenceState.PAUSED, asked.reason)
    lines.tell_pause(session, asked.staff_id, paused=True)


def end_breaks(session: Session) -> int:
    """Whose granted minutes are up is available again, wherever the desk still gives signs of life. Returns how many people.

    A telephone that then rings in vain pauses its seat, as any other does.
    """
    resting = session.execute(
        select(Presence, BreakRequest)
        .join(BreakRequest, BreakRequest.staff_id == Presence.staff_id)
        .where(Presence.state == PresenceState.PAUSED, BreakRequest.state == BreakState.GRANTED)
        .with_for_update(of=Presence, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    back = [seat.staff_id for seat, granted in resting if granted.ends_at is not None and granted.ends_at <= now()]
    for staff_id in back:
        presence.move(session, staff_id, PresenceState.AVAILABLE)
        lines.tell_pause(session, staff_id, paused=False)
        outbox.emit(session, FloorChanged(staff_id))
    return len(back)


def announce(session: Session, me: Me, text: str) -> Announcement:
    """Before they wait, callers hear of an outage that is known. One at a time: a new one takes the place of the former."""
    access.require(me, *LEADERS)
    text = _words(text, longest=LONGEST_ANNOUNCEMENT)
    for former in _running(session):
        former.ended_at = now()
    announcement = Announcement(text=text, by_id=me.staff_id, ends_at=now() + ANNOUNCEMENT_LASTS)
    session.add(announcement)
    outbox.emit(session, FloorChanged(me.staff_id))
    return announcement


def end_announcement(session: Session, me: Me) -> None:
    access.require(me, *LEADERS)
    for running in _running(session):
        running.ended_at = now()
    outbox.emit(session, FloorChanged(me.staff_id))


def announcement(session: Session) -> Announcement | None:
    """What callers hear now."""
    return next(iter(_running(session)), None)


def _running(session: Session) -> Sequence[Announcement]:
    running = (Announcement.ended_at.is_(None), (Announcement.ends_at.is_(None)) | (Announcement.ends_at > now()))
    return session.scalars(select(Announcement).where(*running).order_by(Announcement.created_at.desc())).all()


def _in_turn(session: Session, staff: Staff) -> None:
    """What one person asks twice at the same moment is met one after the other, so that the second finds the first."""
    session.execute(select(Staff.id).where(Staff.id == staff.id).with_for_update(key_share=True))


def _words(text: str, *, longest: int) -> str:
    text = " ".join(text.split())
    if not text:
        raise Invalid("Please fill in this field.", field="text")
    if len(text) > longest:
        raise RuleBroken("At most {most} characters.", field="text", most=longest)
    return text
