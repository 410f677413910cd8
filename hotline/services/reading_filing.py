"""What the filing form shows: the draft, the suggestions beside all that may be chosen, the limits that would run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services import matters
from hotline.services.clocks import deadlines
from hotline.services.clocks.deadlines import Limit
from hotline.services.draft_form import DraftForm
from hotline.services.profiles.profiles import Profile
from hotline.services.reading import EarlierCase, area_names
from hotline.services.sideways import doors
from hotline.services.sideways.doors import Door
from models import Action, Category, Contact, Draft, TaxonomyVersion, Unit, UnitKind, now
from models.workflow import Clock


@dataclass(frozen=True)
class Option:
    code: str
    name: str


@dataclass(frozen=True)
class CategoryOption(Option):
    required: frozenset[str] = frozenset()
    hint: str = ""  # transfer, redirect or void, instead of dispatching


@dataclass(frozen=True)
class Pick:
    """One of the three suggestions: confirmed or changed with one key."""

    code: str
    name: str
    confidence: float
    words: Sequence[str]
    reason: str = ""  # why it is suggested instead of what the tables say


@dataclass(frozen=True)
class Alike:
    """An example that the model learnt from, with what it was."""

    text: str
    category: str


@dataclass(frozen=True)
class Limits:
    """What would run from the dispatch on."""

    sign: Limit
    contact: Limit
    answer: Limit
    answer_due: datetime


@dataclass(frozen=True)
class Matter:
    serial: int
    case_number: str  # empty while it is a draft


@dataclass(frozen=True)
class FilingView:
    form: DraftForm
    matter: int
    matters: Sequence[Matter]
    saved_at: datetime | None
    categories: Sequence[Pick]
    category_options: Sequence[CategoryOption]
    doors: Sequence[Door]  # where else a matter belongs that is not ours
    units: Sequence[Pick]
    unit_options: Sequence[Option]
    place: str  # the recognised area, in words
    choices: Sequence[Option]  # places of one name: which one is asked
    sure: bool
    alike: Sequence[Alike]  # shown where the model is not sure
    shortened: bool  # a long text was judged by its beginning and end
    urgency_reason: str
    limits: Limits
    # What the profile in force lets an agent do with it.
    may_dispatch: bool
    may_submit: bool  # to the shift leader, who reviews it

    @property
    def category(self) -> CategoryOption | None:
        return next((option for option in self.category_options if option.code == self.form.category), None)

    @property
    def needs(self) -> frozenset[str]:
        return self.category.required if self.category else frozenset()

    @property
    def filed_as(self) -> str:
        return next((each.case_number for each in self.matters if each.serial == self.matter), "")

    @property
    def assists(self) -> Sequence[Option]:
        return [option for option in self.unit_options if option.code in self.form.assist_units]

    def name_of_category(self, code: str) -> str:
        return next((option.name for option in self.category_options if option.code == code), code)

    def name_of_unit(self, code: str) -> str:
        return next((option.name for option in self.unit_options if option.code == code), code)


def filing_view(
    session: Session,
    contact: Contact,
    matter: int,
    form: DraftForm,
    *,
    suggestion: Mapping[str, Any] | None,
    filed: Sequence[EarlierCase],
    profile: Profile,
    known: Mapping[int, Draft] | None = None,
) -> FilingView:
    """The drafts are read unless they are `known`."""
    kept = known if known is not None else matters.kept(session, contact)
    # The suggestion read the whole contact: it stands for the first matter only.
    body = (suggestion or {}) if matter == 1 else {}
    (options, offered), units = choices(session), _units(session)
    return FilingView(
        form=form,
        matter=matter,
        matters=_matters(matter, kept, filed),
        saved_at=kept[matter].saved_at if matter in kept else None,
        categories=_picks(body.get("category", ()), options),
        category_options=options,
        doors=offered,
        units=_picks(body.get("unit", ()), units),
        unit_options=units,
        place=area_names(session, [form.township_code, form.community_code, form.grid_code]),
        choices=_choices(body, form),
        sure=bool(body.get("sure")),
        alike=_alike(body, options),
        shortened=bool(body.get("shortened")),
        urgency_reason=(body.get("urgency") or {}).get("reason", ""),
        limits=_limits(session, profile, form),
        may_dispatch=profile.case_step(None, Action.FILE) is not None,
        may_submit=profile.case_step(None, Action.FILE_FOR_REVIEW) is not None,
    )


def _matters(open_one: int, kept: Mapping[int, Draft], filed: Sequence[EarlierCase]) -> list[Matter]:
    numbers = {case.matter: case.number for case in filed}
    return [Matter(serial, numbers.get(serial, "")) for serial in sorted({1, open_one, *kept, *numbers})]


def _picks(ranked: Sequence[Mapping[str, Any]], options: Sequence[Option]) -> list[Pick]:
    names = {option.code: option.name for option in options}
    return [
        Pick(each["code"], names[each["code"]], float(each["confidence"]), tuple(each.get("words", ())), each.get("reason", ""))
        for each in ranked[:3]
        if each["code"] in names
    ]


def _alike(body: Mapping[str, Any], options: Sequence[Option]) -> list[Alike]:
    names = {option.code: option.name for option in options}
    return [Alike(each["text"], names[each["code"]]) for each in body.get("neighbours", ()) if each["code"] in names]


def _choices(body: Mapping[str, Any], form: DraftForm) -> list[Option]:
    """The homonym question stays until an area is chosen."""
    place = body.get("place") or {}
    if place.get("kind") != "ask" or form.community_code:
        return []
    return [Option(each["code"], each["name"]) for each in place.get("candidates", ())]


def _limits(session: Session, profile: Profile, form: DraftForm) -> Limits:
    sign, contact, answer = (profile.limit(stage, form.urgency) for stage in (Clock.SIGN, "contact", Clock.ANSWER))
    return Limits(sign, contact, answer, deadlines.due_at(session, now(), answer).at)


def choices(session: Session) -> tuple[Sequence[CategoryOption], Sequence[Door]]:
    """The categories and doors of today."""
    current = select(TaxonomyVersion.id, doors.edition_column).where(TaxonomyVersion.current)
    edition, of_doors = session.execute(current).one_or_none() or (None, None)
    if edition is not None and edition not in _editions:
        _editions[edition] = _read_categories(session, edition)
    return _editions.get(edition, ()), doors.of_edition(session, of_doors)


# An edition never changes, so that each is read once in a process.
_editions: dict[UUID | None, tuple[CategoryOption, ...]] = {}


def _read_categories(session: Session, edition: UUID) -> tuple[CategoryOption, ...]:
    """Second and third level, named with all that is above them."""
    rows = session.execute(
        select(Category.code, Category.name, Category.parent_code, Category.level, Category.required, Category.routing_hint)
        .where(Category.taxonomy_id == edition)
        .order_by(Category.code)
    ).all()
    names, parents = {row.code: row.name for row in rows}, {row.code: row.parent_code for row in rows}

    def path(code: str) -> str:
        above = parents[code]
        return f"{path(above)} › {names[code]}" if above in names else names[code]

    return tuple(
        CategoryOption(row.code, path(row.code), frozenset(row.required), row.routing_hint) for row in rows if row.level > 1
    )


def _units(session: Session) -> Sequence[Option]:
    """Communities are reached through their township, which may pass a case on."""
    rows = session.execute(
        select(Unit.code, Unit.name)
        .where(Unit.active, Unit.kind.not_in((UnitKind.COMMUNITY, UnitKind.GRID, UnitKind.REDIRECT)))
        .order_by(Unit.code)
    )
    return [Option(code, name) for code, name in rows]
