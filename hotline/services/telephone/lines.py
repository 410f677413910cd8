"""The telephone lines that people have: whose each is, with what secret, in which queues, and whether it rests."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, exists, or_, select, update
from sqlalchemy.orm import Session

from hotline.errors import NotFound, RuleBroken
from hotline.services import access, core
from hotline.services.access import CENTRE, Me
from hotline.services.queue_rule import VOICE
from hotline.services.telephone import switching, telephone_rule
from hotline.services.telephone.telephone_rule import TelephoneRule
from hotline.settings import get_settings
from models import (
    Contact,
    LineKind,
    Offer,
    PhoneLine,
    Presence,
    PresenceState,
    Role,
    Staff,
    StaffSession,
    SwitchboardAction,
    SwitchboardCommand,
    now,
)
from models.base import UtcTime

REALM = "asterisk"
FIRST = {LineKind.DESK: 1001, LineKind.BROWSER: 2001}
MOST = 999

# Why a line rests, beside the reason that a person gave for a pause.
ABSENT, WRAPPING_UP, ON_TEXT, ON_OFFER = "offline", "wrap-up", "text", "offer"


@dataclass(frozen=True)
class Credentials:
    """What a telephone registers with. The secret is told once and kept nowhere."""

    extension: str
    secret: str = field(repr=False)
    realm: str = REALM


@dataclass(frozen=True)
class Seat:
    """A signed-in line and where its person stands. `reason` says why it rests; empty: calls may come."""

    extension: str
    staff_id: UUID
    username: str
    queues: dict[str, int]
    state: PresenceState
    since: datetime | None
    reason: str
    missed_rings: int
    takes_text: bool
    # The web session that the line was signed in with is over.
    ended: bool

    @property
    def paused(self) -> bool:
        return bool(self.reason)


def sign_in(session: Session, me: Me) -> Credentials:
    """A browser line with a secret of this sign-in. A person has one: a second page takes it over from the first."""
    access.require(me, *CENTRE)
    line = _take(session, me, LineKind.BROWSER)
    return _with_new_secret(session, line, by=me.staff_id)


def sit_down(session: Session, me: Me, extension: str) -> PhoneLine:
    """The desk phone at this place rings for this person until the web session ends; it has its own secret already."""
    access.require(me, *CENTRE)
    line = _desk_phone(session, extension)
    if line.digest is None or line.staff_id not in (None, me.staff_id):
        raise RuleBroken("This telephone is not free.")
    for other in _signed_in(session, PhoneLine.staff_id == me.staff_id, PhoneLine.kind == LineKind.DESK):
        if other.extension != extension:
            _leave(session, other)
    _give(line, me)
    _tell(session, line, SwitchboardAction.SIGN_IN, by=me.staff_id)
    return line


def new_device_secret(session: Session, me: Me, extension: str) -> Credentials:
    """For a telephone on a desk; shown to the administrator this once. Whoever knew the former one is out."""
    access.require(me, Role.ADMINISTRATOR)
    return _with_new_secret(session, _desk_phone(session, extension), by=me.staff_id)


def _with_new_secret(session: Session, line: PhoneLine, *, by: UUID) -> Credentials:
    secret = secrets.token_urlsafe(24)
    line.digest = digest_of(line.extension, secret)
    _tell(session, line, SwitchboardAction.SIGN_IN, by=by)
    return Credentials(line.extension, secret)


def digest_of(extension: str, secret: str) -> str:
    """What SIP compares (RFC 8760 keeps MD5 for it); the secret has 192 random bits, so that nobody finds it by trying."""
    return hashlib.md5(f"{extension}:{REALM}:{secret}".encode(), usedforsecurity=False).hexdigest()


def _take(session: Session, me: Me, kind: LineKind) -> PhoneLine:
    # Two pages opened at once wait for each other here, so that both get the same line.
    session.execute(select(Staff.id).where(Staff.id == me.staff_id).with_for_update(key_share=True))
    mine = session.scalar(_of_kind(kind).where(PhoneLine.staff_id == me.staff_id).with_for_update())
    line = mine or _free(session, kind)
    if line is None:
        raise RuleBroken("All {count} telephone lines are in use; please tell the administrator.", count=len(pool(kind)))
    _give(line, me)
    return line


def _give(line: PhoneLine, me: Me) -> None:
    line.staff_id, line.session_id = me.staff_id, me.session_id
    line.signed_in_at, line.missed_rings = now(), 0


def _free(session: Session, kind: LineKind) -> PhoneLine | None:
    free = _of_kind(kind).where(PhoneLine.staff_id.is_(None)).order_by(PhoneLine.extension).limit(1)
    line = session.scalar(free.with_for_update(skip_locked=True))
    if line is None and _add_missing(session, kind):
        line = session.scalar(free.with_for_update(skip_locked=True))
    return line


def pool(kind: LineKind) -> range:
    """The extensions that the exchange has of this kind."""
    asterisk = get_settings().asterisk
    return extensions(kind, asterisk.browser_lines if kind == LineKind.BROWSER else asterisk.desk_lines)


def extensions(kind: LineKind, count: int) -> range:
    return range(FIRST[kind], FIRST[kind] + min(count, MOST))


def _of_kind(kind: LineKind) -> Select[PhoneLine]:
    lines = pool(kind)
    return select(PhoneLine).where(PhoneLine.kind == kind, PhoneLine.extension.between(str(lines[0]), str(lines[-1])))


def _add_missing(session: Session, kind: LineKind) -> int:
    """Once for the whole pool: afterwards there is none to add."""
    known = set(session.scalars(select(PhoneLine.extension).where(PhoneLine.kind == kind)))
    return sum(_add(session, str(number), kind) for number in pool(kind) if str(number) not in known)


def _add(session: Session, extension: str, kind: LineKind) -> bool:
    row = {"extension": extension, "kind": kind, "reachable": False, "missed_rings": 0, "digest": None}
    return core.insert_once(session, PhoneLine, row, unique=("extension",))


def _desk_phone(session: Session, extension: str) -> PhoneLine:
    if extension not in map(str, pool(LineKind.DESK)):
        raise NotFound()
    _add(session, extension, LineKind.DESK)
    return session.get_one(PhoneLine, extension, with_for_update=True, populate_existing=True)


def sign_out(
    session: Session, *, session_id: UUID | None = None, staff_id: UUID | None = None, extension: str | None = None
) -> int:
    """The lines of a web session, or of a person, or one, are nobody's; a browser's secret is worth nothing from now on."""
    named = {PhoneLine.session_id: session_id, PhoneLine.staff_id: staff_id, PhoneLine.extension: extension}
    whose = or_(*(column == value for column, value in named.items() if value is not None))
    found = _signed_in(session, whose)
    for line in found:
        _leave(session, line)
    return len(found)


def _signed_in(session: Session, *which: ColumnElement[bool]) -> Sequence[PhoneLine]:
    return session.scalars(select(PhoneLine).where(PhoneLine.signed_in_at.is_not(None), *which).with_for_update()).all()


def _leave(session: Session, line: PhoneLine) -> None:
    by, line.staff_id = line.staff_id, None
    line.session_id = line.signed_in_at = None
    if line.kind == LineKind.BROWSER:
        line.digest = None
    _tell(session, line, SwitchboardAction.SIGN_OUT, by=by)


def _tell(session: Session, line: PhoneLine, action: SwitchboardAction, *, by: UUID | None) -> SwitchboardCommand:
    return switching.ask(session, action, {"extension": line.extension}, by=by, lasting=switching.RINGING)


def tell_pause(session: Session, staff_id: UUID, *, paused: bool) -> SwitchboardCommand | None:
    """The person's line is to rest, or to work again; its row says when the exchange has done so. None without a line."""
    line = line_of(session, staff_id)
    if line is None:
        return None
    return _tell(session, line, SwitchboardAction.PAUSE if paused else SwitchboardAction.UNPAUSE, by=staff_id)


def line_of(session: Session, staff_id: UUID) -> PhoneLine | None:
    """The line that the person signed in at last."""
    return session.scalar(
        select(PhoneLine)
        .where(PhoneLine.staff_id == staff_id, PhoneLine.signed_in_at.is_not(None))
        .order_by(PhoneLine.signed_in_at.desc())
        .limit(1)
    )


def staff_of(session: Session, extension: str) -> UUID | None:
    return session.scalar(select(PhoneLine.staff_id).where(PhoneLine.extension == extension, PhoneLine.signed_in_at.is_not(None)))


def set_reachable(session: Session, extension: str, reachable: bool) -> None:
    """As the exchange says of the telephone at this line."""
    same = (PhoneLine.extension == extension, PhoneLine.reachable.is_not(reachable))
    session.execute(update(PhoneLine).where(*same).values(reachable=reachable))


def _queues(rule: TelephoneRule, skills: list[str], languages: list[str], channels: list[str]) -> dict[str, int]:
    """Each queue that a person's skills and languages open, with its penalty: what is named first is served first."""
    if VOICE not in channels:
        return {}
    return {
        name: skills.index(queue.skill) + languages.index(queue.language)
        for name, queue in rule.queues.items()
        if queue.skill in skills and queue.language in languages
    }


def desired(session: Session) -> list[Seat]:
    """Every signed-in line as it should be now; whoever has stood there longest comes first."""
    rule = telephone_rule.current(session)
    rows = [SeatRow._make(row) for row in core.send(session, _seats(), {"at": now()})]
    opened: dict[str, dict[str, int]] = {}  # most people have the same skills
    return [_seat(row, _opened_by(row, rule, opened)) for row in rows]


def _opened_by(row: "SeatRow", rule: TelephoneRule, known: dict[str, dict[str, int]]) -> dict[str, int]:
    these = repr((row.skills, row.languages, row.channels))
    if these not in known:
        known[these] = _queues(rule, row.skills, row.languages, row.channels)
    return known[these]


def digests(session: Session, extension: str = "") -> dict[str, str | None]:
    """Whom the exchange is to let register at each line, or at one; None: nobody."""
    which = [PhoneLine.extension == extension] if extension else []
    rows = session.execute(select(PhoneLine.extension, PhoneLine.digest).where(*which).order_by(PhoneLine.extension))
    return {row.extension: row.digest for row in rows}


class SeatRow(NamedTuple):
    """The columns of `_seats`."""

    extension: str
    missed_rings: int
    staff_id: UUID
    username: str
    skills: list[str]
    languages: list[str]
    channels: list[str]
    state: PresenceState | None
    reason: str
    since: datetime | None
    on_text: bool
    on_offer: bool
    ended: bool | None


@cache
def _seats() -> Select[*tuple[Any, ...]]:
    """One row a signed-in line; `at` is the present."""
    on_text = exists().where(Contact.taken_by_id == Staff.id, Contact.concluded_at.is_(None), Contact.channel != VOICE)
    over = or_(~Staff.active, StaffSession.revoked_at.is_not(None), StaffSession.expires_at <= bindparam("at", type_=UtcTime))
    return (
        select(
            PhoneLine.extension,
            PhoneLine.missed_rings,
            Staff.id.label("staff_id"),
            Staff.username,
            Staff.skills,
            Staff.languages,
            Staff.channels,
            Presence.state,
            Presence.reason,
            Presence.since,
            on_text.label("on_text"),
            exists().where(Offer.staff_id == Staff.id).label("on_offer"),
            over.label("ended"),
        )
        .join(Staff, Staff.id == PhoneLine.staff_id)
        .outerjoin(Presence, Presence.staff_id == Staff.id)
        .outerjoin(StaffSession, StaffSession.id == PhoneLine.session_id)
        .where(PhoneLine.signed_in_at.is_not(None))
        .order_by(Presence.since, PhoneLine.extension)
    )


def _seat(row: SeatRow, queues: dict[str, int]) -> Seat:
    return Seat(
        extension=row.extension,
        staff_id=row.staff_id,
        username=row.username,
        queues=queues,
        state=row.state or PresenceState.OFFLINE,
        since=row.since,
        reason=_reason(row),
        missed_rings=row.missed_rings,
        takes_text=any(channel != VOICE for channel in row.channels),
        ended=bool(row.ended),
    )


def _reason(row: SeatRow) -> str:
    if row.state == PresenceState.AVAILABLE:
        return ON_TEXT if row.on_text else ON_OFFER if row.on_offer else ""
    if row.state == PresenceState.PAUSED:
        # It goes into one line of what is said to the exchange.
        return " ".join(row.reason.split()) or PresenceState.PAUSED.value
    return WRAPPING_UP if row.state == PresenceState.WRAP_UP else ABSENT
