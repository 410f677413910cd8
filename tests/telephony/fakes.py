"""An exchange that is not there: keeps what it is told, answers from what the test has put into it, and tells what changed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hotline.telephony.ami import AmiEvent, AmiRefused, AmiUnavailable, Contact, LiveChannel, QueueState
from hotline.telephony.ami_words import QueueCaller, QueueMember
from models import now

IDLE, IN_USE, RINGING = 1, 2, 6


def live_channel(name: str, *, uniqueid: str = "", bridge: str = "", application: str = "") -> LiveChannel:
    return LiveChannel(name, uniqueid or name, "", "Up", "", "", application, "", "", "", bridge, "")


@dataclass
class FakeAmi:
    """`said` has every action that changes something, by name with its arguments."""

    connected: bool = True
    queues: dict[str, QueueState] = field(default_factory=lambda: {"main": QueueState("main", 0)})
    live: list[LiveChannel] = field(default_factory=list)
    registered: list[Contact] = field(default_factory=list)
    said: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refusing: dict[str, Exception] = field(default_factory=dict)
    on_event: Callable[[AmiEvent], None] = lambda event: None
    # Runs just before an answer is given, as time passes in a real exchange.
    meanwhile: Callable[[str], None] = lambda action: None

    def _do(self, action: str, **what: Any) -> None:
        if not self.connected:
            raise AmiUnavailable("not connected to Asterisk")
        if action in self.refusing:
            raise self.refusing[action]
        self.said.append((action, what))
        self.meanwhile(action)

    def actions(self, name: str) -> list[dict[str, Any]]:
        return [what for action, what in self.said if action == name]

    def members(self, queue: str = "main") -> dict[str, QueueMember]:
        return {member.interface: member for member in self.queues[queue].members}

    def member(self, interface: str, queue: str = "main") -> QueueMember:
        return self.members(queue)[interface]

    def tell(self, name: str, **fields: str) -> None:
        self.on_event(AmiEvent(name, fields, now()))

    def _put(self, queue: str, member: QueueMember, event: str) -> None:
        others = tuple(each for each in self.queues[queue].members if each.interface != member.interface)
        self.queues[queue] = replace(self.queues[queue], members=(*others, member))
        self._tell_member(queue, member, event)

    def _tell_member(self, queue: str, member: QueueMember, event: str) -> None:
        self.tell(
            event,
            Queue=queue,
            Interface=member.interface,
            MemberName=member.name,
            Penalty=str(member.penalty),
            Status=str(member.status),
            InCall=str(int(member.in_call)),
            Paused=str(int(member.paused)),
            PausedReason=member.paused_reason,
        )

    def phone(self, interface: str, status: int, *, in_call: bool = False) -> None:
        """The telephone of a member is in this state from now on."""
        for queue in self.queues:
            if interface in self.members(queue):
                member = replace(self.member(interface, queue), status=status, in_call=in_call)
                self._put(queue, member, "QueueMemberStatus")

    def caller(self, channel: str, *, queue: str = "main", priority: int = 0) -> None:
        waiting = QueueCaller(channel, channel, 1, priority, 0, "", "")
        self.queues[queue] = replace(self.queues[queue], callers=(*self.queues[queue].callers, waiting))

    async def queue_status(self, queue: str = "") -> list[QueueState]:
        await asyncio.sleep(0)
        if not self.connected:
            raise AmiUnavailable("not connected to Asterisk")
        return [state for name, state in self.queues.items() if queue in ("", name)]

    async def channels(self) -> list[LiveChannel]:
        return self.live

    async def contacts(self) -> list[Contact]:
        return self.registered

    async def queue_add(self, queue: str, interface: str, *, name: str, penalty: int = 0, paused: bool = False) -> bool:
        if queue not in self.queues:
            raise AmiRefused("Unable to add interface to queue: No such queue")
        self._do("queue_add", queue=queue, interface=interface, name=name, penalty=penalty)
        if interface in self.members(queue):
            return False
        self._put(queue, QueueMember(interface, name, IDLE, paused, "", False, penalty), "QueueMemberAdded")
        return True

    async def queue_remove(self, queue: str, interface: str) -> bool:
        self._do("queue_remove", queue=queue, interface=interface)
        there = self.members(queue).pop(interface, None)
        if there is not None:
            others = tuple(each for each in self.queues[queue].members if each.interface != interface)
            self.queues[queue] = replace(self.queues[queue], members=others)
            self._tell_member(queue, there, "QueueMemberRemoved")
        return there is not None

    async def queue_pause(self, interface: str, *, paused: bool, queue: str = "", reason: str = "") -> None:
        self._do("queue_pause", interface=interface, paused=paused, reason=reason)
        for name in self.queues:
            if interface in self.members(name):
                member = replace(self.member(interface, name), paused=paused, paused_reason=reason)
                self._put(name, member, "QueueMemberPause")

    async def queue_penalty(self, interface: str, penalty: int, *, queue: str = "") -> None:
        self._do("queue_penalty", interface=interface, penalty=penalty, queue=queue)
        self._put(queue, replace(self.member(interface, queue), penalty=penalty), "QueueMemberPenalty")

    async def queue_priority(self, queue: str, channel: str, priority: int) -> None:
        self._do("queue_priority", queue=queue, channel=channel, priority=priority)

    async def db_put(self, family: str, key: str, value: str) -> None:
        self._do("db_put", family=family, key=key, value=value)

    async def originate(self, **what: Any) -> None:
        self._do("originate", **what)

    async def redirect(self, channel: str, **what: Any) -> None:
        self._do("redirect", channel=channel, **what)

    async def hangup(self, channel: str, *, cause: int = 16) -> None:
        self._do("hangup", channel=channel, cause=cause)

    async def mix_monitor_mute(self, channel: str, *, muted: bool, direction: str = "both") -> None:
        self._do("mix_monitor_mute", channel=channel, muted=muted)

    async def play_dtmf(self, channel: str, digit: str, *, receive: bool = False) -> None:
        self._do("play_dtmf", channel=channel, digit=digit, receive=receive)


class Pushes:
    """Keeps the topics that screens would be told of."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    def push(self, topics: list[str]) -> None:
        self.topics += topics
