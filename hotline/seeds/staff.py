"""Demo accounts, one for every desk, with one password that the data folder keeps."""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher
from pydantic import SecretStr
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from hotline.settings import Settings
from models import Role, Staff, StaffRole, Unit, UnitKind

AGENTS = 24


@dataclass(frozen=True)
class Account:
    username: str
    name: str
    role: Role
    unit: str | None = None


SEATS = (
    Account("leader1", "班长一号", Role.SHIFT_LEADER),
    Account("dispatcher1", "派单员一号", Role.DISPATCHER),
    Account("dispatcher2", "派单员二号", Role.DISPATCHER),
    Account("verifier1", "核查员一号", Role.VERIFIER),
    Account("verifier2", "核查员二号", Role.VERIFIER),
    Account("callback1", "回访员一号", Role.CALLBACK_AGENT),
    Account("supervisor1", "督办员一号", Role.SUPERVISOR),
    Account("admin1", "管理员一号", Role.ADMINISTRATOR),
)
# One of each level below a street.
BELOW = (
    Account("community1", "滨江社区联络员", Role.LIAISON, "990181001001"),
    Account("grid1", "滨江社区网格员", Role.GRID_WORKER, "990181001001004"),
)
# The units that hear most, first: their liaisons are liaison1, liaison2 …; every other main unit follows.
BUSIEST = ("CGJ", "ZJJ", "JJD", "RSJ", "SCJ", "GAJ", "T001", "T002", "T003", "GSG", "GDG", "STJ")


def password_file(settings: Settings) -> Path:
    return settings.data_dir / "demo-password"


def kept_password(settings: Settings) -> str | None:
    path = password_file(settings)
    return path.read_text().strip() if path.exists() else None


def demo_password(settings: Settings) -> str:
    """The one set, else the one kept, else a new one; kept for the next start, readable by its owner only."""
    kept = kept_password(settings)
    chosen = settings.demo_password or SecretStr(kept or secrets.token_urlsafe(9))
    password = chosen.get_secret_value()
    if password != kept:
        path = password_file(settings)
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(password + "\n")
    return password


def load_staff(session: Session, password: str) -> int:
    """Add the accounts that are missing; returns how many. All share one password, so it is hashed once."""
    missing = [account for account in _accounts(session) if not _exists(session, account.username)]
    if not missing:
        return 0
    password_hash = PasswordHasher().hash(password)
    units = {unit.code: unit.id for unit in session.scalars(select(Unit))}
    session.add_all(
        Staff(
            username=account.username,
            name=account.name,
            password_hash=password_hash,
            unit_id=units.get(account.unit or ""),
            role_rows=[StaffRole(role=account.role)],
        )
        for account in missing
    )
    session.flush()
    return len(missing)


def change_password(session: Session, password: str) -> None:
    """Another demo password was set than at the last start."""
    ours = Staff.username.in_(usernames(session))
    session.execute(update(Staff).where(ours).values(password_hash=PasswordHasher().hash(password)))


def usernames(session: Session) -> list[str]:
    return [account.username for account in _accounts(session)]


def _exists(session: Session, username: str) -> bool:
    return bool(session.scalar(select(func.count()).select_from(Staff).where(Staff.username == username)))


def _accounts(session: Session) -> Iterator[Account]:
    for number in range(1, AGENTS + 1):
        yield Account(f"agent{number}", f"话务员{number}号", Role.AGENT)
    yield from SEATS
    units = session.scalars(
        select(Unit)
        .where(Unit.active, Unit.kind.not_in([UnitKind.COMMUNITY, UnitKind.GRID, UnitKind.REDIRECT]))
        .order_by(Unit.code)
    ).all()
    ranked = sorted(units, key=lambda unit: BUSIEST.index(unit.code) if unit.code in BUSIEST else len(BUSIEST))
    for number, unit in enumerate(ranked, 1):
        yield Account(f"liaison{number}", f"{unit.short}联络员", Role.LIAISON, unit.code)
    yield from BELOW
