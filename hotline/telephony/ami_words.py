"""What the typed questions of `ami` return, read from the events of a list."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from hotline.telephony.ami_link import AmiEvent

SPECIAL = re.compile(r'([\\,"()\[\]])')


@dataclass(frozen=True, slots=True)
class LiveChannel:
    name: str
    uniqueid: str
    linkedid: str
    state: str
    context: str
    exten: str
    application: str
    caller_number: str
    caller_name: str
    connected_number: str
    bridge_id: str
    duration: str


@dataclass(frozen=True, slots=True)
class QueueMember:
    interface: str
    name: str
    status: int
    paused: bool
    paused_reason: str
    in_call: bool
    penalty: int


@dataclass(frozen=True, slots=True)
class QueueCaller:
    channel: str
    uniqueid: str
    position: int
    priority: int
    wait_seconds: int
    caller_number: str
    caller_name: str


@dataclass(frozen=True, slots=True)
class QueueState:
    queue: str
    weight: int
    members: tuple[QueueMember, ...] = ()
    callers: tuple[QueueCaller, ...] = ()


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a phone is registered. `object_name` is the key of its row, needed to remove it."""

    aor: str
    endpoint: str
    uri: str
    status: str
    object_name: str


@dataclass
class _Gathered:
    weight: int
    members: list[QueueMember] = field(default_factory=list)
    callers: list[QueueCaller] = field(default_factory=list)


def as_channel(event: AmiEvent) -> LiveChannel:
    return LiveChannel(
        name=event.get("Channel"),
        uniqueid=event.get("Uniqueid"),
        linkedid=event.get("Linkedid"),
        state=event.get("ChannelStateDesc"),
        context=event.get("Context"),
        exten=event.get("Exten"),
        application=event.get("Application"),
        caller_number=event.get("CallerIDNum"),
        caller_name=event.get("CallerIDName"),
        connected_number=event.get("ConnectedLineNum"),
        bridge_id=event.get("BridgeId"),
        duration=event.get("Duration"),
    )


def as_queues(events: Iterable[AmiEvent]) -> list[QueueState]:
    queues: dict[str, _Gathered] = {}
    for event in events:
        name = event.get("Queue")
        if event.name == "QueueParams":
            queues[name] = _Gathered(weight=number(event, "Weight"))
        elif event.name == "QueueMember" and name in queues:
            queues[name].members.append(as_member(event))
        elif event.name == "QueueEntry" and name in queues:
            queues[name].callers.append(as_caller(event))
    return [QueueState(name, each.weight, tuple(each.members), tuple(each.callers)) for name, each in queues.items()]


def as_member(event: AmiEvent) -> QueueMember:
    return QueueMember(
        interface=event.get("Location"),
        name=event.get("Name"),
        status=number(event, "Status"),
        paused=event.get("Paused") == "1",
        paused_reason=event.get("PausedReason"),
        in_call=event.get("InCall") == "1",
        penalty=number(event, "Penalty"),
    )


def as_caller(event: AmiEvent) -> QueueCaller:
    return QueueCaller(
        channel=event.get("Channel"),
        uniqueid=event.get("Uniqueid"),
        position=number(event, "Position"),
        priority=number(event, "Priority"),
        wait_seconds=number(event, "Wait"),
        caller_number=known(event.get("CallerIDNum")),
        caller_name=known(event.get("CallerIDName")),
    )


def as_contact(event: AmiEvent) -> Contact:
    name = event.get("ObjectName")
    return Contact(
        aor=name.partition(";@")[0],
        endpoint=event.get("Endpoint"),
        uri=event.get("Uri"),
        status=event.get("Status"),
        object_name=name,
    )


def known(value: str) -> str:
    return "" if value == "unknown" else value


def number(event: AmiEvent, header: str) -> int:
    value = event.get(header)
    return int(value) if value.lstrip("-").isdigit() else 0


def variable(name: str, value: str) -> str:
    """One `Variable` header of Originate. Asterisk would cut the value at a comma and set what follows as another variable."""
    escaped = SPECIAL.sub(r"\\\1", value)
    return f"{name}={escaped}"
