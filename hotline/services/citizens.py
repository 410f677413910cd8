"""Citizens as they become known: a number and a name that a person, or a code sent to that number, has confirmed."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services import phones
from models import Citizen, CitizenKind, CitizenNumber, new_id, now


def known(session: Session, number: str, name: str, *, kind: CitizenKind, confirmed_by_id: UUID | None) -> Citizen:
    """The citizen of this number (E.164) and name, who becomes known now if he or she was not.

    Without a name, whoever became known by the number first; a family may share one.
    """
    hashed = phones.number_hash(number)
    found = session.scalars(
        select(Citizen)
        .join(CitizenNumber, CitizenNumber.citizen_id == Citizen.id)
        .where(CitizenNumber.number_hash == hashed)
        .order_by(Citizen.created_at)
    ).all()
    for citizen in found:
        if not name or citizen.name == name or citizen.name is None:
            citizen.name = citizen.name or name or None
            return citizen
    citizen = Citizen(id=new_id(), kind=kind, name=name or None)
    session.add(citizen)
    session.add(
        CitizenNumber(
            citizen_id=citizen.id, number=number, number_hash=hashed, confirmed_at=now(), confirmed_by_id=confirmed_by_id
        )
    )
    session.flush()
    return citizen
