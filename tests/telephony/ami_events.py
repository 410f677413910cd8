"""What Asterisk tells of a call, in the order in which it tells it: event by event, with the headers that we read."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from hotline.telephony.ami import AmiEvent

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
CITIZEN = "13800138000"


class Story:
    """Tells one call; each event comes `later` seconds after the one before."""

    def __init__(self, linkedid: str = "t1-1795289344.6", *, start: datetime = START) -> None:
        self.linkedid, self.at = linkedid, start
        self.caller = {"Channel": "PJSIP/trunk-00000006", "Uniqueid": linkedid, "Linkedid": linkedid, "CallerIDNum": CITIZEN}

    def event(self, name: str, later: float = 0.0, **headers: str) -> AmiEvent:
        self.at += timedelta(seconds=later)
        return AmiEvent(name, {"Event": name, **self.caller, **headers}, self.at)

    def user_event(self, name: str, later: float = 0.0, **headers: str) -> AmiEvent:
        return self.event("UserEvent", later, UserEvent=name, **headers)

    def arrives(self, **headers: str) -> AmiEvent:
        usual = {"CallerIDName": "张三丰", "Context": "from-trunk", "Exten": "12345"}
        return self.event("Newchannel", 0, **{**usual, **headers})

    def joins(self, later: float = 6.0, queue: str = "main") -> AmiEvent:
        return self.event("QueueCallerJoin", later, Queue=queue, Position="1", Count="1")

    def leg(self, extension: str, serial: int = 1) -> dict[str, str]:
        channel = f"PJSIP/{extension}-{serial:08x}"
        unique_id = f"{self.linkedid}-{extension}-{serial}"
        return {"DestChannel": channel, "DestUniqueid": unique_id, "Interface": f"PJSIP/{extension}", "MemberName": extension}

    def rings(self, extension: str, later: float = 1.0, serial: int = 1) -> AmiEvent:
        return self.event("AgentCalled", later, Queue="main", **self.leg(extension, serial))

    def rings_directly(self, extension: str, later: float = 1.0, serial: int = 2, **headers: str) -> AmiEvent:
        """By the dialplan: after a transfer, or for whoever has the first claim."""
        leg = self.leg(extension, serial)
        return self.event("DialBegin", later, DestChannel=leg["DestChannel"], DestUniqueid=leg["DestUniqueid"], **headers)

    def asks(self, asking: str, extension: str, later: float = 1.0) -> AmiEvent:
        """A call of its own from one line to another."""
        return self.rings_directly(extension, later, Channel=f"PJSIP/{asking}-00000009", Linkedid="another")

    def misses(self, extension: str, later: float = 15.0, serial: int = 1) -> Iterator[AmiEvent]:
        leg = self.leg(extension, serial)
        yield self.event("AgentRingNoAnswer", later, RingTime="15000", **leg)
        yield self.of_leg("Hangup", extension, serial=serial, Cause="16")

    def answers(self, extension: str, later: float = 2.0, serial: int = 1) -> Iterator[AmiEvent]:
        leg = self.leg(extension, serial)
        yield self.event("DialEnd", later, DialStatus="ANSWER", **leg)
        yield self.event("QueueCallerLeave", Queue="main")
        yield self.event("AgentConnect", 0, HoldTime="2", RingTime="1000", **leg)
        yield self.event("BridgeCreate", BridgeUniqueid="b1")
        yield self.of_leg("BridgeEnter", extension, serial=serial, BridgeUniqueid="b1")
        yield self.event("BridgeEnter", BridgeUniqueid="b1")

    def of_leg(self, name: str, extension: str, later: float = 0.0, serial: int = 1, **headers: str) -> AmiEvent:
        leg = self.leg(extension, serial)
        own = {"Channel": leg["DestChannel"], "Uniqueid": leg["DestUniqueid"]}
        return self.event(name, later, **{**own, **headers})

    def agent_hangs_up(self, extension: str, later: float = 30.0, cause: str = "16", serial: int = 1) -> Iterator[AmiEvent]:
        yield self.event("AgentComplete", later, TalkTime="30", Reason="agent", **self.leg(extension, serial))
        yield self.of_leg("BridgeLeave", extension, serial=serial, BridgeUniqueid="b1")
        yield self.of_leg("Hangup", extension, serial=serial, Cause=cause)

    def hangs_up(self, later: float = 1.0, cause: str = "0") -> AmiEvent:
        return self.event("Hangup", later, Cause=cause)

    def answered_call(self, extension: str) -> Iterator[AmiEvent]:
        """The whole of an ordinary call."""
        yield self.arrives()
        yield self.event("DTMFEnd", Digit="1")
        yield self.event("MixMonitorStart")
        yield self.joins()
        yield self.rings(extension)
        yield self.event("DialBegin", 0, **self.leg(extension))
        yield from self.answers(extension)
        yield self.of_leg("Hold", extension, 5)
        yield self.of_leg("Unhold", extension, 7)
        yield from self.agent_hangs_up(extension)
        yield self.hangs_up()
