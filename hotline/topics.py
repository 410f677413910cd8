"""Which screens show what an event changes: the names of what they watch.

Whose telephone rings or is answered is told by `telephony` itself, at once; told again from here, each desk would ask again.
"""

from string import Formatter

from hotline import events
from hotline.events import Event

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
    events.AlertRaised: ("wall", "floor"),
    events.AlertCleared: ("wall", "floor"),
}
_parts = Formatter().parse


def of(event: Event) -> tuple[str, ...]:
    """The topics that an event touches: the lists that it belongs in, its contact and its case."""
    values = {key: value for key, value in event.as_body().items() if value is not None}
    own = (f"{name}:{values[f'{name}_id']}" for name in ("contact", "case") if f"{name}_id" in values)
    lists = (topic for topic in TOPICS.get(type(event), ()) if all(name in values for _, name, _, _ in _parts(topic) if name))
    return (*(topic.format(**values) for topic in lists), *own)
