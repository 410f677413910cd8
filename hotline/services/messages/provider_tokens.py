"""Provider tokens in the database: kept encrypted, shared by all processes, renewed by one of them before they end."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from hotline import db
from hotline.errors import Unavailable
from hotline.ports import Token
from hotline.services import core
from models import ProviderToken, now

# From here on a token is renewed; whoever comes meanwhile still uses it.
BEFORE_ITS_END = timedelta(minutes=4)
# A renewal that takes longer has died with its process. Longer than any call to a provider may take.
LEASE = timedelta(seconds=20)
WAIT_SECONDS = 15.0
LOOK_AGAIN_SECONDS = 0.05


@dataclass(frozen=True)
class Held:
    text: str
    expires_at: datetime

    @property
    def is_good(self) -> bool:
        return now() < self.expires_at

    @property
    def is_fresh(self) -> bool:
        return now() < self.expires_at - BEFORE_ITS_END


class ProviderTokens:
    """Opens its own short transactions: whoever asks must not be in one, for `fetch` speaks with the provider."""

    def token(self, name: str, fetch: Callable[[], Token], *, refused: str = "") -> str:
        ends = time.monotonic() + WAIT_SECONDS
        while True:
            held = _held(name, but_not=refused)
            if held is not None and held.is_fresh:
                return held.text
            if _claim(name):
                return _renewed(name, fetch, refused)
            if held is not None:
                return held.text
            if time.monotonic() > ends:
                raise Unavailable("Another process is renewing the token.")
            time.sleep(LOOK_AGAIN_SECONDS)


def _renewed(name: str, fetch: Callable[[], Token], refused: str) -> str:
    """Looks once more first: another process may have renewed it just before the claim."""
    try:
        held = _held(name, but_not=refused)
        if held is not None and held.is_fresh:
            return held.text
        token = fetch()
        with db.database().repeatable() as session:
            _put(session, name, token)
        return token.text
    finally:
        with db.database().repeatable() as session:
            session.execute(delete(ProviderToken).where(ProviderToken.name == _lease_of(name)))


def _held(name: str, *, but_not: str) -> Held | None:
    with db.database().reading() as session:
        row = session.get(ProviderToken, name)
        held = Held(row.token, row.expires_at) if row is not None else None
    return held if held is not None and held.is_good and held.text != but_not else None


def _put(session: Session, name: str, token: Token) -> None:
    values = {"token": token.text, "expires_at": now() + token.lasting}
    upsert = core.insert_into(session, ProviderToken).values(name=name, **values)
    session.execute(upsert.on_conflict_do_update(index_elements=["name"], set_=values))


def _claim(name: str) -> bool:
    """A row beside the token's own says that somebody is renewing it; True for the one who wrote it."""
    with db.database().repeatable() as session:
        until = now() + LEASE
        upsert = core.insert_into(session, ProviderToken).values(name=_lease_of(name), token="", expires_at=until)
        claimed = upsert.on_conflict_do_update(
            index_elements=["name"], set_={"expires_at": until}, where=ProviderToken.expires_at < now()
        ).returning(ProviderToken.name)
        return session.execute(claimed).first() is not None


def _lease_of(name: str) -> str:
    return f"{name}:renewing"
