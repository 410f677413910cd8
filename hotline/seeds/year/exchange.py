"""What the telephone exchange would tell of the calls of the simulated year."""

from datetime import datetime, timedelta
from uuid import UUID

from hotline.seeds.year.acting import YearCast
from hotline.services.telephone import calling, flow_calls, telephone_rule
from models.base import as_if

RINGS = timedelta(seconds=4)


class Line:
    """One call, told fact by fact; every day has a cast of its own."""

    def __init__(self, number: int) -> None:
        self._linkedid = f"demo-call-{number:06}"

    def arrive(self, cast: YearCast, *, number: str, at: datetime) -> UUID:
        with as_if(at):
            call = calling.arrived(
                cast.session, linkedid=self._linkedid, channel_name="PJSIP/trunk", number=number, name="", called="12345", at=at
            )
            cast.follow()
        return call.contact_id

    def wait(self, cast: YearCast, *, at: datetime) -> None:
        with as_if(at):
            queue = next(iter(telephone_rule.current(cast.session).queues))
            calling.queued(cast.session, self._linkedid, queue=queue, at=at)
            cast.follow()

    def answer(self, cast: YearCast, *, by: str, at: datetime) -> None:
        with as_if(at):
            cast.sit_down(by)
            extension = cast.seated[by].extension
            leg = {"extension": extension, "unique_id": f"{self._linkedid}-{extension}"}
            calling.rang(cast.session, self._linkedid, channel_name=f"PJSIP/{extension}", at=at - RINGS, **leg)
            calling.answered(cast.session, self._linkedid, at=at, **leg)
            cast.follow()

    def end(self, cast: YearCast, *, at: datetime, grade: int | None = None) -> None:
        """`grade`: what the caller says of the agent by a key, once the agent has left."""
        with as_if(at):
            if grade is not None:
                flow_calls.keep(cast.session, self._linkedid, "agent_grade", {"agent_grade": str(grade)})
            calling.ended(cast.session, self._linkedid, at=at)
            cast.follow()
