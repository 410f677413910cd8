"""People for the telephone benches: accounts, sign-ins through the web door, and a SIP line with a secret for each."""

from dataclasses import asdict, dataclass
from urllib.parse import urlencode

from sqlalchemy import Engine, exists, insert, select, update
from sqlalchemy.orm import Session

from bench.browsing import ask, sign_in
from bench.load import Answer, request
from bench.service import Service
from hotline.services.access import Me
from hotline.services.telephone import lines, telephone_rule
from models import LineKind, Role, Rule, Staff, StaffRole, StaffSession, SwitchboardCommand, base
from tests.components import wait_until

# A real person's notes take half a minute; sixty people who take five calls a second have no time for them.
WRAP_UP_SECONDS = 1


@dataclass(frozen=True)
class Seat:
    staff_id: str
    extension: str
    secret: str
    cookie: str
    csrf: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def take_seats(running: Service, engine: Engine, count: int) -> list[Seat]:
    """Signed in at the web and at a line of their own, not available yet."""
    with Session(engine) as session, session.begin():
        _shorten_wrap_up(session)
        usernames = _add_people(session, count)
    cookies = {username: sign_in(running, username) for username in usernames}
    with Session(engine) as session, session.begin():
        seats = [_sit_down(session, username, cookies[username], place) for place, username in enumerate(usernames)]
    wait_until(lambda: _is_carried_out(engine), "the lines to be brought to the exchange", seconds=60)
    return seats


def _is_carried_out(engine: Engine) -> bool:
    with engine.connect() as connection:
        return not connection.execute(select(exists().where(SwitchboardCommand.settled_at.is_(None)))).scalar()


def _shorten_wrap_up(session: Session) -> None:
    body = telephone_rule.current(session).model_dump(mode="json", by_alias=True) | {"wrap_up": WRAP_UP_SECONDS}
    session.execute(update(Rule).where(Rule.kind == telephone_rule.KIND).values(current=False))
    session.add(Rule(kind=telephone_rule.KIND, code="default", edition=1000, digest="bench", body=body, current=True))


def _add_people(session: Session, count: int) -> list[str]:
    """With the demo's password, so that nothing need be hashed; for calls only, as the demo's letters wait as well."""
    known = session.scalars(select(Staff).where(Staff.username == "agent1")).one()
    usernames = [f"seat{number}" for number in range(1, count + 1)]
    for username in usernames:
        staff = Staff(id=base.new_id(), username=username, name=username, password_hash=known.password_hash, channels=["voice"])
        session.add(staff)
        session.flush()
        session.execute(insert(StaffRole).values(staff_id=staff.id, role=Role.AGENT))
    return usernames


def _sit_down(session: Session, username: str, cookie: str, place: int) -> Seat:
    """At a desk phone, as the load speaks no DTLS; its secret is the administrator's to make."""
    staff = session.scalars(select(Staff).where(Staff.username == username)).one()
    latest = select(StaffSession).where(StaffSession.staff_id == staff.id).order_by(StaffSession.created_at.desc())
    signed_in = session.scalars(latest.limit(1)).one()
    extension = str(lines.FIRST[LineKind.DESK] + place)
    credentials = lines.new_device_secret(session, _me(staff, signed_in, Role.ADMINISTRATOR), extension)
    session.flush()
    lines.sit_down(session, _me(staff, signed_in, Role.AGENT), extension)
    session.flush()
    return Seat(str(staff.id), extension, credentials.secret, cookie, signed_in.csrf)


def _me(staff: Staff, signed_in: StaffSession, role: Role) -> Me:
    return Me(staff.id, signed_in.id, staff.username, staff.name, frozenset({role}), None, "", signed_in.csrf)


def post(running: Service, seat: Seat, path: str, **filled: str) -> Answer:
    headers = {"Cookie": seat.cookie, "X-CSRF-Token": seat.csrf}
    return ask(
        running, request("POST", path, headers=headers, content=("application/x-www-form-urlencoded", urlencode(filled).encode()))
    )


def make_available(running: Service, seat: Seat) -> None:
    answer = post(running, seat, "/desk/presence", state="available")
    assert answer.status in {200, 303}, f"{seat.extension} is not available: {answer.status}"
