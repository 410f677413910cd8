"""What follows from each event: every handler a few lines, fetching and calling one service.

A handler runs at least once, in a transaction; `handled_message` makes a repeat harmless. `prepare` is for slow thinking (the
classifier): it runs before the transaction, on a look at the database, and its result is handed to the handler.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from string import Formatter
from typing import Any

from sqlalchemy.orm import Session

from hotline import channels, events
from hotline.db import Database
from hotline.errors import NotFound
from hotline.events import (
    CalendarChanged,
    CallTold,
    CaseAdvanced,
    CaseFiled,
    CaseNoted,
    Event,
    FollowerBehind,
    IncidentUpdated,
    MediaAnnounced,
    MessageReady,
    MessageReceived,
    OutcomeUnclear,
    RequestDecided,
    SignalNoted,
    SurveyAnswered,
    SurveyLapsed,
)
from hotline.ports import Asking, Fetching, Polling, Receipt, ReceiptState
from hotline.services import (
    alarms,
    archiving,
    automatic,
    delivery,
    duties,
    episodes,
    files,
    floor,
    heads,
    ledger,
    media,
    notices,
    outbox,
    pausing,
    polling,
    presence,
    promoting,
    recordings,
    recounting,
    same_matter,
    scoring,
    surveys,
    switching,
    triage,
)
from hotline.services.incidents import following, telling
from hotline.settings import get_settings
from models import Action, Case, CaseStatus, Contact, Message, Request, Survey, now

KEPT_IN_OUTBOX = timedelta(days=7)
KEPT_COMMANDS = timedelta(days=30)


@dataclass(frozen=True)
class Handler:
    name: str
    run: Callable[..., None]
    prepare: Callable[[Session, Any], Any] | None = None
    # Opens its own short transactions with the network between them: the delivery of outgoing messages only.
    outside: bool = False


@dataclass(frozen=True)
class Timed:
    """Timetable work: safe to run twice, and by two processes at once."""

    every: timedelta
    run: Callable[..., object]
    # Is given the database instead of a session: it opens its own short transactions, with the network between them.
    outside: bool = False


HANDLERS: dict[type[Event], list[Handler]] = {cls: [] for cls in events.ALL.values()}


def handles(
    *kinds: type[Event], prepare: Callable[[Session, Any], Any] | None = None, outside: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function to run after each of these events."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        for kind in kinds:
            HANDLERS[kind].append(Handler(function.__name__, function, prepare, outside))
        return function

    return register


@handles(MessageReceived, CallTold, prepare=triage.think)
def suggest_category(session: Session, event: MessageReceived | CallTold, thought: triage.Thought | None) -> None:
    if thought is not None:
        triage.suggest(session, session.get_one(Contact, event.contact_id), thought.body, thought.shadow)


@handles(MessageReceived, prepare=automatic.think)
def answer_by_itself(session: Session, event: MessageReceived, body: dict[str, Any] | None) -> None:
    automatic.hear(session, event, body)


@handles(SignalNoted)
def answer_signal(session: Session, event: SignalNoted) -> None:
    automatic.answer_signal(session, event.signal_id)


@handles(CaseFiled)
def tie_same_matter(session: Session, event: CaseFiled) -> None:
    same_matter.tie(session, session.get_one(Case, event.case_id))


@handles(CaseFiled, CaseAdvanced)
def tell_citizen(session: Session, event: CaseFiled | CaseAdvanced) -> None:
    notices.tell_citizen(session, session.get_one(Case, event.case_id))


@handles(CaseAdvanced, CaseNoted)
def move_incident(session: Session, event: CaseAdvanced | CaseNoted) -> None:
    if isinstance(event, CaseAdvanced) or event.action in following.MOVES_CLOCK:
        following.hear(session, event.case_id)


@handles(FollowerBehind)
def follow_lead(session: Session, event: FollowerBehind) -> None:
    following.follow(session, event.case_id)


@handles(IncidentUpdated)
def tell_incident(session: Session, event: IncidentUpdated) -> None:
    telling.tell(session, event.update_id)


@handles(CalendarChanged)
def recount_due_times(session: Session, event: CalendarChanged) -> None:
    recounting.recount(session)


@handles(RequestDecided)
def tell_decision(session: Session, event: RequestDecided) -> None:
    notices.tell_decision(session, session.get_one(Request, event.request_id))


@handles(CaseAdvanced)
def invite_citizen(session: Session, event: CaseAdvanced) -> None:
    if event.action in (Action.CLOSE, Action.ASK_CITIZEN):
        surveys.invite(session, session.get_one(Case, event.case_id))


@handles(SurveyAnswered, SurveyLapsed)
def follow_survey(session: Session, event: SurveyAnswered | SurveyLapsed) -> None:
    surveys.follow_up(session, session.get_one(Survey, event.survey_id))


@handles(CaseAdvanced, SurveyAnswered)
def score_case(session: Session, event: CaseAdvanced | SurveyAnswered) -> None:
    if isinstance(event, SurveyAnswered) or event.to_status == CaseStatus.CLOSED:
        scoring.score_case(session, session.get_one(Case, event.case_id))


@handles(RequestDecided)
def learn_duty(session: Session, event: RequestDecided) -> None:
    duties.hear(session, session.get_one(Request, event.request_id))


@handles(MessageReady, outside=True)
def deliver(database: Database, event: MessageReady) -> None:
    with database.unit_of_work() as session:
        taken = delivery.take(session, event.outgoing_id)
    if taken is None:
        return
    channel, message = taken
    try:
        receipt = channels.get(channel).send(message)
    except NotFound as missing:
        receipt = Receipt(ReceiptState.REFUSED, reason=str(missing))
    with database.unit_of_work() as session:
        delivery.settle(session, event.outgoing_id, receipt)


@handles(OutcomeUnclear, outside=True)
def ask_outcome(database: Database, event: OutcomeUnclear) -> None:
    with database.unit_of_work() as session:
        question = delivery.ask(session, event.outgoing_id)
    if question is None:
        return
    receipt = _looked_up(channels.find(question.channel), question)
    with database.unit_of_work() as session:
        delivery.learn(session, event.outgoing_id, receipt)


def _looked_up(channel: object, question: delivery.Question) -> Receipt | None:
    if not isinstance(channel, Asking):
        return None
    return channel.look_up(question.message, provider_id=question.provider_id, tried_at=question.tried_at)


@handles(MediaAnnounced, outside=True)
def fetch_media(database: Database, event: MediaAnnounced) -> None:
    with database.reading() as session:
        channel = channels.get(session.get_one(Message, event.message_id).channel)
    if isinstance(channel, Fetching):
        media.fetch(database, event.message_id, channel.fetch)
    else:
        with database.unit_of_work() as session:
            media.give_up(session, event.message_id, f"channel {channel.kind} fetches no files")


def poll_channels(database: Database) -> None:
    for channel in channels.all():
        if isinstance(channel, Polling):
            polling.take_in(database, channel)


# Which screens show what an event changes: the names of what they watch. Whose telephone rings or is answered is told by
# `telephony` itself, at once; told again from here, each desk would ask again.
TOPICS: dict[type[Event], tuple[str, ...]] = {
    events.MessageReceived: ("staff:{staff_id}",),
    events.ContactOpened: ("wall",),
    events.ContactQueued: ("queue", "wall"),
    events.ContactTaken: ("queue", "wall", "staff:{staff_id}"),
    events.ContactConcluded: ("queue", "wall"),
    events.CallRang: ("floor",),
    events.CallAnswered: ("floor", "queue", "wall", "staff:{staff_id}"),
    events.CallEnded: ("floor", "queue", "wall"),
    events.FloorChanged: ("floor", "notices", "staff:{staff_id}"),
    events.CaseFiled: ("cases", "wall"),
    events.CaseAdvanced: ("cases", "wall"),
    events.CaseNoted: ("cases", "units"),
    events.AssignmentAdvanced: ("units",),
    events.ClockRang: ("cases", "units"),
    events.CaseSupervised: ("cases", "units"),
    events.RequestDecided: ("cases", "units"),
    events.SurveyAnswered: ("wall",),
    events.CaseScored: ("wall",),
}


_parts = Formatter().parse


def topics(event: Event) -> tuple[str, ...]:
    """The topics that an event touches: the lists that it belongs in, its contact and its case."""
    values = {key: value for key, value in event.as_body().items() if value is not None}
    own = (f"{name}:{values[f'{name}_id']}" for name in ("contact", "case") if f"{name}_id" in values)
    lists = (topic for topic in TOPICS.get(type(event), ()) if all(name in values for _, name, _, _ in _parts(topic) if name))
    return (*(topic.format(**values) for topic in lists), *own)


TIMETABLE: dict[str, Timed] = {
    "sweep_overdue": Timed(timedelta(seconds=30), alarms.sweep, outside=True),
    "end_pauses": Timed(timedelta(seconds=30), pausing.end),
    "review_ledger": Timed(timedelta(minutes=5), ledger.review),
    "send_due": Timed(timedelta(seconds=10), delivery.find_due),
    "release_gone": Timed(timedelta(seconds=10), presence.release_gone),
    "end_breaks": Timed(timedelta(seconds=10), floor.end_breaks),
    "lapse_surveys": Timed(timedelta(minutes=5), surveys.lapse),
    "end_quiet_threads": Timed(timedelta(minutes=5), episodes.end_quiet),
    "archive_closed": Timed(timedelta(hours=1), archiving.archive_closed),
    "promote_better": Timed(timedelta(hours=1), promoting.promote_better),
    "review_duties": Timed(timedelta(hours=12), duties.review),
    "sweep_files": Timed(timedelta(hours=12), files.sweep),
    "forget_commands": Timed(timedelta(hours=6), lambda session: switching.forget(session, before=now() - KEPT_COMMANDS)),
    "forget_recordings": Timed(timedelta(hours=1), recordings.forget),
    "sweep_recordings": Timed(timedelta(hours=12), recordings.sweep),
    "keep_heads": Timed(timedelta(hours=1), lambda session: heads.keep(session, get_settings().data_dir / "history-heads.jsonl")),
    "poll_channels": Timed(timedelta(seconds=30), poll_channels, outside=True),
    "forget_outbox": Timed(timedelta(hours=1), lambda session: outbox.forget(session, before=now() - KEPT_IN_OUTBOX)),
}
