"""Every fact the service announces. Ids and plain values only, for they travel as JSON; `tasks` says what follows."""

from dataclasses import dataclass, fields
from typing import Any, Self
from uuid import UUID


@dataclass(frozen=True)
class Event:
    @property
    def name(self) -> str:
        return type(self).__name__

    def as_body(self) -> dict[str, Any]:
        return {key: str(value) if isinstance(value, UUID) else value for key, value in vars(self).items()}

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> Self:
        ids = {field.name for field in fields(cls) if field.name.endswith("_id")}
        return cls(**{key: UUID(value) if key in ids and value else value for key, value in body.items()})


@dataclass(frozen=True)
class MessageReceived(Event):
    """A citizen's message is stored."""

    message_id: UUID
    contact_id: UUID
    staff_id: UUID | None = None  # who works on the contact already


@dataclass(frozen=True)
class MediaAnnounced(Event):
    """A message brought files that wait at the provider."""

    message_id: UUID
    contact_id: UUID


@dataclass(frozen=True)
class SignalNoted(Event):
    """A citizen did something on a channel that is no message."""

    signal_id: UUID


@dataclass(frozen=True)
class ContactOpened(Event):
    """A new episode began."""

    contact_id: UUID


@dataclass(frozen=True)
class ContactQueued(Event):
    """A contact waits in the queue, for the first time or again."""

    contact_id: UUID


@dataclass(frozen=True)
class ContactTaken(Event):
    """An agent works on a contact."""

    contact_id: UUID
    staff_id: UUID


@dataclass(frozen=True)
class ContactConcluded(Event):
    """An agent finished with a contact."""

    contact_id: UUID


@dataclass(frozen=True)
class ContactSuggested(Event):
    """The classifier's suggestion for a contact is stored."""

    contact_id: UUID


@dataclass(frozen=True)
class CallRang(Event):
    """An agent's telephone rings for a call."""

    contact_id: UUID
    staff_id: UUID


@dataclass(frozen=True)
class CallAnswered(Event):
    """A person of the centre speaks with the caller."""

    call_id: UUID
    contact_id: UUID
    staff_id: UUID


@dataclass(frozen=True)
class CallEnded(Event):
    """A call is over, however it ended."""

    call_id: UUID
    contact_id: UUID


@dataclass(frozen=True)
class CallTold(Event):
    """An agent has written down more of what a caller says."""

    contact_id: UUID


@dataclass(frozen=True)
class FloorChanged(Event):
    """Something on the floor concerns this person: help, a notice, a break, what callers are told."""

    staff_id: UUID


@dataclass(frozen=True)
class CaseFiled(Event):
    """A matter became a case."""

    case_id: UUID


@dataclass(frozen=True)
class CaseAdvanced(Event):
    """A case changed its state."""

    case_id: UUID
    action: str
    to_status: str


@dataclass(frozen=True)
class CaseNoted(Event):
    """Something was added to a case's history without a change of state: a remark, a reminder, a request, a mark."""

    case_id: UUID
    action: str


@dataclass(frozen=True)
class AssignmentAdvanced(Event):
    """An assignment changed its state."""

    case_id: UUID
    assignment_id: UUID
    action: str
    to_status: str


@dataclass(frozen=True)
class CalendarChanged(Event):
    """Days are worked, or free, otherwise than due times reckoned with; or an assumption was confirmed."""


@dataclass(frozen=True)
class ClockRang(Event):
    """A clock of a case is nearly over or has run out; told once for each of these."""

    case_id: UUID
    assignment_id: UUID | None
    stage: str


@dataclass(frozen=True)
class CaseSupervised(Event):
    """A unit was reminded, supervised, carded or criticised, by rule or by a person."""

    case_id: UUID
    mark_id: UUID


@dataclass(frozen=True)
class FollowerBehind(Event):
    """A case of an incident may be behind the one that it follows."""

    case_id: UUID


@dataclass(frozen=True)
class IncidentUpdated(Event):
    """There is news of an incident for its citizens."""

    update_id: UUID


@dataclass(frozen=True)
class RequestDecided(Event):
    """A return, reopening or other request was granted or refused."""

    request_id: UUID


@dataclass(frozen=True)
class SurveyAnswered(Event):
    """A citizen answered, or corrected an answer within 24 hours."""

    survey_id: UUID
    case_id: UUID


@dataclass(frozen=True)
class SurveyLapsed(Event):
    """Nobody answered in time."""

    survey_id: UUID
    case_id: UUID


@dataclass(frozen=True)
class CaseScored(Event):
    """The indicators of a case were computed, again or for the first time."""

    case_id: UUID


@dataclass(frozen=True)
class MessageReady(Event):
    """An outgoing message waits to be sent."""

    outgoing_id: UUID
    contact_id: UUID | None = None


@dataclass(frozen=True)
class OutcomeUnclear(Event):
    """An outgoing message was tried, nobody knows what became of it, and it is time to ask its provider."""

    outgoing_id: UUID


@dataclass(frozen=True)
class DeliveryChanged(Event):
    """More is known of how a message of a thread reached, or did not reach, the citizen."""

    outgoing_id: UUID
    contact_id: UUID


@dataclass(frozen=True)
class AlertRaised(Event):
    """Something about the city or the centre should be known at once."""

    alert_id: UUID


@dataclass(frozen=True)
class AlertCleared(Event):
    """What an alert was raised about is over."""

    alert_id: UUID


@dataclass(frozen=True)
class ReportSigned(Event):
    """A supervisor signed a monthly report, or a unit's was written with the city's."""

    report_id: UUID


@dataclass(frozen=True)
class UnitReportDue(Event):
    """The city's report of a month is signed, and this unit is in it."""

    month: str
    unit_code: str
    staff_id: UUID


@dataclass(frozen=True)
class UnitSucceeded(Event):
    """A unit took the place of another, and takes over its open cases."""

    former_id: UUID
    unit_id: UUID
    by_id: UUID
    reason: str


@dataclass(frozen=True)
class WebhookDue(Event):
    """A unit's system is to be told something."""

    webhook_id: UUID


@dataclass(frozen=True)
class PolicePushReady(Event):
    """A case waits to be pushed to the police platform."""

    push_id: UUID
    case_id: UUID


ALL: dict[str, type[Event]] = {cls.__name__: cls for cls in Event.__subclasses__()}
