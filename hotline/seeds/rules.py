"""Rule files into editions: the city's own facts, the profile, queue weights, texts."""

from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from hotline.seeds import files
from hotline.services.profiles import profile_editions, profiles
from models import Rule

# The rest of the city's file has tables of its own.
CITY = ("province", "prefecture", "county", "origin", "code_scheme")


def load_rules(session: Session) -> int:
    """A body that was not loaded before becomes a new edition; what an administrator wrote since then is not undone."""
    consent = files.read("consent.yaml")
    bodies = [
        ("queue", "default", files.read("queue.yaml")),
        ("alerts", "default", files.read("alerts.yaml")),
        ("telephone", "default", files.read("telephone.yaml")),
        ("conversations", "default", files.read("conversations.yaml")),
        ("texting", "default", files.read("texting.yaml")),
        ("texts", "default", files.read("texts.yaml")),
        ("scoring", "default", files.read("scoring.yaml")),
        ("unit_notices", "default", files.read("unit_notices.yaml")),
        ("surveys", "default", files.read("surveys.yaml")),
        ("doors", "default", files.read("doors.yaml")),
        ("nuisance", "default", files.read("nuisance.yaml")),
        (consent["kind"], consent["code"], consent["body"]),
    ]
    added = sum(_load(session, kind, code, body) for kind, code, body in bodies)
    return added + _load_profile(session)


def load_city(session: Session) -> bool:
    """The city's own facts, with the digest of the whole file: a new edition means that its ground is to be loaded as well."""
    city = files.read("city.yaml")
    return _load(session, "city", "default", {**{key: city[key] for key in CITY}, "file": files.digest("city.yaml")})


def _load(session: Session, kind: str, code: str, body: dict[str, Any]) -> bool:
    if _is_known(session, kind, code, body):
        return False
    same = (Rule.kind == kind, Rule.code == code)
    edition = session.scalar(select(func.coalesce(func.max(Rule.edition), 0)).where(*same)) or 0
    session.execute(update(Rule).where(*same).values(current=False))
    session.add(Rule(kind=kind, code=code, edition=edition + 1, digest=profiles.digest_of(body), body=body, current=True))
    session.flush()
    return True


def _load_profile(session: Session) -> bool:
    """The default, in its newest edition, unless an administrator has put one in force."""
    body = profiles.shipped()
    if profile_editions.was_chosen(session) or _is_known(session, profiles.KIND, profiles.DEFAULT, body):
        return False
    profiles.install(session, profiles.DEFAULT, body)
    return True


def _is_known(session: Session, kind: str, code: str, body: dict[str, Any]) -> bool:
    editions = select(Rule.id).where(Rule.kind == kind, Rule.code == code, Rule.digest == profiles.digest_of(body))
    return session.scalar(editions) is not None
