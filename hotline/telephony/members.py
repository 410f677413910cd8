"""The members of the exchange's queues as it told us last, and the few actions that change them."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from hotline.telephony.ami import Ami, AmiEvent, QueueState

# As `Status` of a member: the state of its telephone.
IDLE, IN_USE, BUSY, RINGING, ON_HOLD = 1, 2, 3, 6, 8
# A queue rings a phone for no longer; what became of it is sometimes not told.
LONGEST_RING = 20.0
NEVER = -3600.0
# The dialplan's own pause: it keeps a caller for this phone.
PHONE_LOST = "phone-lost"

_LINE = re.compile(r"PJSIP/(\d{4})")
_TOLD = {"QueueMemberAdded", "QueueMemberRemoved", "QueueMemberStatus", "QueueMemberPause", "QueueMemberPenalty"}
HEARD = frozenset({*_TOLD, "AgentCalled", "AgentConnect", "AgentRingNoAnswer"})


def extension_of(interface: str) -> str:
    """Empty for what is none of our lines."""
    found = _LINE.fullmatch(interface)
    return found[1] if found else ""


def interface_of(extension: str) -> str:
    return f"PJSIP/{extension}"


@dataclass(frozen=True, slots=True)
class Place:
    """A line's place in one queue."""

    penalty: int
    paused: bool
    reason: str


@dataclass
class Member:
    places: dict[str, Place] = field(default_factory=dict)
    phone_state: int = 0
    in_call: bool = False
    called_at: float = NEVER
    left_call_at: float = NEVER
    lost_at: float = NEVER

    def stands(self, reason: str) -> bool:
        """Whether it rests for this reason in all queues; or, without one, works in all."""
        return all((place.paused, place.reason) == (bool(reason), reason) for place in self.places.values())

    def rests_for(self, reason: str) -> bool:
        return any(place.paused and place.reason == reason for place in self.places.values())


class Members:
    """`on_left_call` is told of each line whose call has just ended."""

    def __init__(self, ami: Ami, *, clock: Callable[[], float], on_left_call: Callable[[str], None]) -> None:
        self._ami, self._clock, self._on_left_call = ami, clock, on_left_call
        self._members: dict[str, Member] = {}
        self._queues: set[str] = set()

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._members))

    def get(self, extension: str) -> Member:
        return self._members.setdefault(extension, Member())

    async def rebuild(self) -> None:
        """After each sign-in at the exchange: what it told before counts no more."""
        states = await self._ami.queue_status()
        self._members, self._queues = {}, {state.queue for state in states}
        self._note_states(states)

    async def refresh(self, extension: str) -> Member:
        """As the exchange sees this line now, not as it told last."""
        queue = next(iter(self.get(extension).places), "")
        self._note_states(await self._ami.queue_status(queue))
        return self.get(extension)

    def is_free(self, extension: str) -> bool:
        """A phone that is there, in no call, and not about to ring."""
        member = self.get(extension)
        return member.phone_state == IDLE and not member.in_call and self._clock() - member.called_at > LONGEST_RING

    def _note_states(self, states: list[QueueState]) -> None:
        for state in states:
            for each in state.members:
                place = Place(each.penalty, each.paused, each.paused_reason if each.paused else "")
                self._note(extension_of(each.interface), state.queue, place, status=each.status, in_call=each.in_call)

    def on_event(self, event: AmiEvent) -> None:
        extension = extension_of(event.get("Interface"))
        if event.name in _TOLD:
            self._note_event(extension, event)
        elif event.name == "AgentCalled":
            self.get(extension).called_at = self._clock()
        elif event.name in ("AgentConnect", "AgentRingNoAnswer"):
            self.get(extension).called_at = NEVER

    def _note_event(self, extension: str, event: AmiEvent) -> None:
        if event.name == "QueueMemberRemoved":
            self.get(extension).places.pop(event.get("Queue"), None)
            return
        paused = event.get("Paused") == "1"
        place = Place(int(event.get("Penalty") or 0), paused, event.get("PausedReason") if paused else "")
        status, in_call = int(event.get("Status") or 0), event.get("InCall") == "1"
        self._note(extension, event.get("Queue"), place, status=status, in_call=in_call)

    def _note(self, extension: str, queue: str, place: Place, *, status: int, in_call: bool) -> None:
        if not extension:
            return
        member = self.get(extension)
        if member.phone_state == RINGING and status != RINGING:
            member.called_at = NEVER
        spoke = member.phone_state in (IN_USE, BUSY, ON_HOLD)
        was_lost = member.rests_for(PHONE_LOST)
        member.places[queue], member.phone_state, member.in_call = place, status, in_call
        if not was_lost and member.rests_for(PHONE_LOST):
            member.lost_at = self._clock()
        if spoke and status == IDLE:
            member.left_call_at = self._clock()
            self._on_left_call(extension)

    async def join(self, extension: str, queues: Mapping[str, int], *, name: str) -> None:
        """Into these queues with these penalties, at rest at first; out of all others."""
        member = self.get(extension)
        for queue in [queue for queue in member.places if queue not in queues]:
            await self._ami.queue_remove(queue, interface_of(extension))
            member.places.pop(queue, None)
        for queue, penalty in queues.items():
            if queue in self._queues:
                await self._place(extension, member, queue, penalty, name=name)

    async def _place(self, extension: str, member: Member, queue: str, penalty: int, *, name: str) -> None:
        place = member.places.get(queue)
        if place is None:
            await self._ami.queue_add(queue, interface_of(extension), name=name, penalty=penalty, paused=True)
            member.places[queue] = Place(penalty, paused=True, reason="")
        elif place.penalty != penalty:
            await self._ami.queue_penalty(interface_of(extension), penalty, queue=queue)
            member.places[queue] = Place(penalty, place.paused, place.reason)

    async def pause(self, extension: str, reason: str) -> None:
        """To rest for this reason in all queues; without one, to work."""
        await self._ami.queue_pause(interface_of(extension), paused=bool(reason), reason=reason)
        member = self.get(extension)
        member.places = {queue: Place(place.penalty, bool(reason), reason) for queue, place in member.places.items()}


def clock() -> float:
    return asyncio.get_running_loop().time()
