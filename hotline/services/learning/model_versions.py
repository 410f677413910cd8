"""Which model suggests and which one only listens: editions of a rule, the folders to choose from, one step back."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

import classifier
from classifier import ModelUnusable
from hotline.errors import NotFound, RuleBroken
from hotline.services import administration, editions
from hotline.services.access import Me
from hotline.services.editions import Edition
from hotline.settings import Settings, get_settings
from models import Rule

log = logging.getLogger(__name__)

KIND, CODE = "model", "default"
SHIPPED = ""  # the model of the setting, which every service has


class InUse(BaseModel):
    """Folders of `data_dir/models` by name. `former` is what one step back leads to."""

    current: str = SHIPPED
    shadow: str | None = None
    former: str | None = None
    by_rule: bool = False  # whether a shadow that proves better takes over by itself
    promoted_by_rule: bool = False  # whether this edition came about so


@dataclass(frozen=True)
class Saved:
    """A model that is there to be chosen, as its manifest tells of it."""

    name: str
    version: str
    trained_at: str
    measures: dict[str, dict[str, Any]]
    labels: dict[str, dict[str, int]]  # by question, how many examples of each label it was trained on


def in_use(session: Session) -> InUse:
    rule = _edition(session)
    return InUse.model_validate(rule.body) if rule else InUse()


def folder(name: str, settings: Settings) -> Path:
    return settings.data_dir / "models" / name if name else settings.model_dir


def saved(settings: Settings) -> list[Saved]:
    """The shipped one first, then the others by the time of their training; a folder that cannot be read is left out."""
    root = settings.data_dir / "models"
    names = [each.name for each in root.iterdir() if each.is_dir()] if root.is_dir() else []
    found = [each for name in names if (each := about(name, settings))]
    shipped = about(SHIPPED, settings)
    return [*([shipped] if shipped else []), *sorted(found, key=lambda each: each.trained_at)]


def about(name: str, settings: Settings) -> Saved | None:
    try:
        manifest = json.loads((folder(name, settings) / "manifest.json").read_text(encoding="utf-8"))
        measures = {task: figures for task, figures in manifest.get("measures", {}).items() if isinstance(figures, dict)}
        labels = manifest.get("labels", {})
        return Saved(name, str(manifest["version"]), str(manifest.get("trained_at", "")), measures, labels)
    except (OSError, ValueError, KeyError, AttributeError) as error:
        log.warning("a model's manifest cannot be read", extra={"model": name, "reason": str(error)})
        return None


def shadow(session: Session, name: str | None, *, by: Me) -> None:
    """Let a model listen beside the current one; without a name none does."""
    now_in_use = in_use(session)
    if name is not None and name == now_in_use.current:
        raise RuleBroken("This model is in use already.")
    _require(name)
    _change(session, now_in_use.model_copy(update={"shadow": name, "promoted_by_rule": False}), by=by)


def promote(session: Session, name: str, *, by: Me) -> None:
    """From now on this model suggests. The former one listens, so that both stay comparable."""
    _promote(session, name, by=by)


def promote_by_rule(session: Session, name: str) -> None:
    """The same without a person; the history of editions says so."""
    _promote(session, name, by=None)


def _promote(session: Session, name: str, *, by: Me | None) -> None:
    now_in_use = in_use(session)
    if name == now_in_use.current:
        raise RuleBroken("This model is in use already.")
    _require(name)
    before = now_in_use.current
    chosen = InUse(current=name, shadow=before, former=before, by_rule=now_in_use.by_rule, promoted_by_rule=by is None)
    _change(session, chosen, by=by)


def let_rule_promote(session: Session, wanted: bool, *, by: Me) -> None:
    _change(session, in_use(session).model_copy(update={"by_rule": wanted, "promoted_by_rule": False}), by=by)


@dataclass(frozen=True)
class Turn:
    """An edition: from then on these models suggested and listened."""

    edition: Edition
    chosen: InUse


def history(session: Session) -> list[Turn]:
    """The latest first."""
    bodies = {number: body for number, body in session.execute(select(Rule.edition, Rule.body).where(Rule.kind == KIND))}
    return [Turn(each, InUse.model_validate(bodies[each.number])) for each in editions.of_kind(session, KIND)]


def step_back(session: Session, *, by: Me) -> None:
    former = in_use(session).former
    if former is None:
        raise RuleBroken("There is no former model.")
    promote(session, former, by=by)


def _require(name: str | None) -> None:
    """It is there, and its files are whole: what cannot be loaded is not chosen."""
    if name is None:
        return
    settings = get_settings()
    if name not in {each.name for each in saved(settings)}:
        raise NotFound()
    try:
        classifier.load(folder(name, settings), None)
    except (ModelUnusable, OSError) as error:
        log.warning("a model was not chosen", extra={"model": name, "reason": str(error)})
        raise RuleBroken("The files of this model are damaged or foreign: the one in use stays.") from error


def _edition(session: Session) -> Rule | None:
    return session.scalars(select(Rule).where(Rule.kind == KIND, Rule.code == CODE, Rule.current)).one_or_none()


def _change(session: Session, chosen: InUse, *, by: Me | None) -> None:
    before = _edition(session) or Rule(kind=KIND, code=CODE, digest="")
    administration.new_edition(session, before, chosen.model_dump(), by=by)
