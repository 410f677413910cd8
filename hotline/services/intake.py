"""The one door in: any message or call joins or opens a contact, once, however often and from wherever it is delivered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from hotline.events import ContactOpened, ContactQueued, Event, MessageReceived
from hotline.ports import Inbound
from hotline.services import actors, cases, core, numbering, outbox, phones, queue_rule, queueing
from hotline.services.city import gazetteer
from hotline.services.conversations import conversations
from hotline.services.files import files
from hotline.services.messages import media
from hotline.services.queue_rule import VOICE
from hotline.services.units import pausing
from models import Action, Base, Call, Case, CitizenKind, Contact, Conversation, Direction, Message, QueueEntry, now

MAILBOX = "mailbox"
LONGEST_SUBJECT = 200

_MESSAGE_ID = (
    select(Message.id)
    .where(Message.channel == bindparam("arrived_by"), Message.external_id == bindparam("known_as"))
    .scalar_subquery()
)
# What every arrival asks, in one journey.
_LOOK = select(_MESSAGE_ID, queue_rule.EDITION)
_OPEN_CONTACT = (
    select(*core.table(Contact).columns)
    .where(Contact.conversation_id == bindparam("thread"), Contact.concluded_at.is_(None))
    .order_by(Contact.received_at.desc())
    .limit(1)
)


@dataclass(frozen=True)
class Received:
    """`query_code` is there for whoever may see it: with a new contact, and with a letter delivered again."""

    contact: Contact
    message: Message | None
    is_new: bool
    query_code: str | None = None


@dataclass(frozen=True)
class Home:
    """The contact that a message belongs to, and the case if it remarks on one."""

    contact: Contact
    case: Case | None = None
    is_opened: bool = False
    query_code: str | None = None


def receive(session: Session, inbound: Inbound) -> Received:
    """Idempotent on (channel, external id), under concurrency too: the first delivery counts, a repeat gets the same answer.

    A message joins the open contact of its sender's conversation; each letter of the mailbox opens one of its own. A call opens a
    contact but does not queue: its caller joins the queue later. Doors check the files before they open the transaction.
    """
    if inbound.channel == VOICE:
        return _receive_call(session, inbound)
    known, edition = _looked_up(session, inbound)
    if known is not None:
        return _again(session, inbound, known)
    inbound = _placed(session, inbound)
    home = _home_of(session, inbound)
    message = core.made(Message, _message(inbound, home))
    if not _written(session, home, message, edition):
        return _yield_to_first(session, inbound)
    for file in inbound.files:
        files.store(session, files.check(file), message=message)
    media.announce(session, message, inbound)
    _learn_place(home, inbound)
    if home.case is not None:
        cases.note(session, home.case, Action.REMARK, by=actors.SERVICE, key=f"remark:{message.id}", text=message.text)
        pausing.hear_citizen(session, home.case, key=f"heard:{message.id}")
    return Received(home.contact, message, is_new=True, query_code=home.query_code)


def is_known(session: Session, inbound: Inbound) -> bool:
    known, _ = _looked_up(session, inbound)
    return known is not None


def _looked_up(session: Session, inbound: Inbound) -> Sequence[UUID | None]:
    """The message if it is known, and the edition of the queue's rule. Most arrivals are new: this is asked past the ORM."""
    return core.send(session, _LOOK, {"arrived_by": inbound.channel, "known_as": inbound.external_id})[0]


def _again(session: Session, inbound: Inbound, message_id: UUID) -> Received:
    message = session.get_one(Message, message_id)
    contact = session.get_one(Contact, message.contact_id)
    code = numbering.repeatable_query_code(inbound.external_id) if inbound.channel == MAILBOX else ""
    is_its_code = bool(code) and contact.code_hash == numbering.code_hash(contact.reference, code)
    return Received(contact, message, is_new=False, query_code=code if is_its_code else None)


def _home_of(session: Session, inbound: Inbound) -> Home:
    found = _remarked_on(session, inbound.about) if inbound.about else None
    if found is not None:
        return found
    if inbound.channel == MAILBOX:
        return _open_contact(session, inbound)
    conversation = conversations.hold(session, inbound.channel, inbound.sender, heard_at=inbound.received_at)
    found_open = core.send(session, _OPEN_CONTACT, {"thread": conversation.id})
    if not found_open:
        return _open_contact(session, inbound, conversation)
    contact = core.loaded(session, Contact, found_open[0])
    contact.unanswered_since = contact.unanswered_since or inbound.received_at
    return Home(contact)


def _remarked_on(session: Session, reference: str) -> Home | None:
    """None as well for a contact that ended without a case: nobody would read a remark there, so it begins a new one."""
    case = session.scalars(select(Case).where(Case.number == reference)).one_or_none()
    if case is not None:
        return Home(session.get_one(Contact, case.contact_id), case)
    contact = session.scalars(select(Contact).where(Contact.reference == reference)).one_or_none()
    return Home(contact) if contact is not None and contact.concluded_at is None else None


def _open_contact(session: Session, inbound: Inbound, conversation: Conversation | None = None) -> Home:
    reference = numbering.next_reference(session)
    is_letter = inbound.channel == MAILBOX
    code = numbering.repeatable_query_code(inbound.external_id) if is_letter else numbering.new_query_code()
    number = phones.normalise(inbound.number)
    values = {
        "reference": reference,
        "code_hash": numbering.code_hash(reference, code),
        "channel": inbound.channel,
        "conversation_id": conversation.id if conversation else None,
        "citizen_id": conversation.citizen_id if conversation else None,
        "source": inbound.source,
        "received_at": inbound.received_at,
        "subject": _first_line(inbound.text),
        "sender_kind": CitizenKind(inbound.sender_kind),
        "sender_name": _storable(inbound.name) or None,
        "number": number or _storable(inbound.number) or None,  # what is no number is kept as it was given
        "number_hash": phones.number_hash(number) if number else None,
        "confidential": inbound.confidential,
        "consent": inbound.consent,
        "wished_kind": inbound.wished_kind,
        "place_text": _storable(inbound.place) or None,
        "grid_code": inbound.area_code or None,
        "queued_at": None if inbound.channel == VOICE else now(),
        "unanswered_since": inbound.received_at if conversation else None,
    }
    return Home(core.made(Contact, values), is_opened=True, query_code=code)


def _placed(session: Session, inbound: Inbound) -> Inbound:
    """What a position on the map says, where nothing was said in words: the grid, and how the citizen's map names the place."""
    position = inbound.position
    if position is None:
        return inbound
    area = inbound.area_code or gazetteer.area_at(session, position.latitude, position.longitude) or ""
    return replace(inbound, area_code=area, place=inbound.place or position.label)


def _learn_place(home: Home, inbound: Inbound) -> None:
    """A position that follows the first words tells where it is, unless that is known."""
    if inbound.position is None or home.is_opened:
        return
    home.contact.grid_code = home.contact.grid_code or inbound.area_code or None
    home.contact.place_text = home.contact.place_text or _storable(inbound.place) or None


def _message(inbound: Inbound, home: Home) -> dict[str, Any]:
    return {
        "channel": inbound.channel,
        "gateway": inbound.gateway,
        "external_id": inbound.external_id,
        "direction": Direction.IN,
        "contact_id": home.contact.id,
        "conversation_id": home.contact.conversation_id,
        "case_id": home.case.id if home.case else None,
        "text": _storable(inbound.text),
        "sent_at": inbound.sent_at,
        "received_at": inbound.received_at,
    }


def _written(session: Session, home: Home, message: Message, edition: UUID | None) -> bool:
    """False if the same message was delivered by another way at the same moment and that one is stored."""
    contact = home.contact
    rows: list[Base] = [message]
    told: list[Event] = [MessageReceived(message.id, contact.id, contact.taken_by_id)]
    if home.is_opened:
        place = queueing.place_of(contact, queue_rule.edition(session, edition), channel=contact.channel)
        rows = [contact, message, core.made(QueueEntry, place)]
        told = [ContactQueued(contact.id), ContactOpened(contact.id), *told]
    if not core.insert_together(session, [*rows, *outbox.rows(*told)], once=message, unique=("channel", "external_id")):
        return False
    outbox.announced(session)
    core.stored(session, message)
    if home.is_opened:
        core.stored(session, contact)
    return True


def _yield_to_first(session: Session, inbound: Inbound) -> Received:
    known, _ = _looked_up(session, inbound)
    if known is None:
        raise LookupError("a stored message cannot be read again")
    return _again(session, inbound, known)


def _receive_call(session: Session, inbound: Inbound) -> Received:
    known = _known_call(session, inbound.external_id)
    if known is not None:
        return Received(known, None, is_new=False)
    opened = open_call(session, inbound)
    return _receive_call(session, inbound) if opened is None else Received(opened[0], None, is_new=True)


def open_call(session: Session, inbound: Inbound, **about: str) -> tuple[Contact, Call] | None:
    """A call that nobody knows yet, with its contact; None if somebody else was faster. `about`: columns of the call."""
    contact = _open_contact(session, inbound).contact
    values = {"linkedid": inbound.external_id, "contact_id": contact.id, "started_at": inbound.received_at, **about}
    rows = [contact, call := core.made(Call, values), *outbox.rows(ContactOpened(contact.id))]
    if not core.insert_together(session, rows, once=call, unique=("linkedid",)):
        return None
    outbox.announced(session)
    return core.stored(session, contact), core.stored(session, call)


def _known_call(session: Session, linkedid: str) -> Contact | None:
    return session.scalars(
        select(Contact).join(Call, Call.contact_id == Contact.id).where(Call.linkedid == linkedid)
    ).one_or_none()


def _storable(text: str) -> str:
    """Without what no database stores: zero characters and halves of characters."""
    return text.encode(errors="ignore").decode().replace("\0", "")


def _first_line(text: str) -> str:
    return next((line.strip() for line in _storable(text).splitlines() if line.strip()), "")[:LONGEST_SUBJECT]
