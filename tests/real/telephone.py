"""The whole service with an Asterisk of its own: people at desk phones who answer by themselves, citizens on the trunk."""

import asyncio
import base64
import json
import math
import os
import shutil
import signal
import subprocess
import wave
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import func, select

from hotline.db import Database
from hotline.errors import Unavailable
from hotline.services import presence
from hotline.services.telephone import lines
from models import Call, Contact, Direction, Presence, PresenceState, Role, Staff, now
from tests.cli.running import Service, command
from tests.components import Postgres, wait_until
from tests.conftest import KEY
from tests.factories import make_staff, signed_in
from tests.factories_contacts import make_agent
from tests.real.disks import Disk
from tests.telephony.asterisk import free_sip_port, kit
from tests.telephony.sip import SipCall, SipPhone
from tests.telephony.sip_media import tone

CARRIER, CENTRE = "127.0.0.2", "127.0.0.1"
SEATS = [str(1001 + seat) for seat in range(6)]
# The exchange's time of a fact and ours, with a machine in between that does other things as well.
CLOSE = timedelta(seconds=3)
T = TypeVar("T")


class Person:
    """A desk phone that answers what rings."""

    def __init__(self, centre: "Centre", extension: str, secret: str) -> None:
        self._centre, self.extension, self._secret = centre, extension, secret
        self._has_vanished = False
        self.phone = SipPhone(local=(CENTRE, 0), server=(CENTRE, centre.sip_port), on_call=self._ring)

    def _ring(self, call: SipCall) -> None:
        self.phone.keep(asyncio.create_task(self._answer(call)))

    async def _answer(self, call: SipCall) -> None:
        call.ring()
        await asyncio.sleep(0.2)
        await call.answer(sound=tone(90))
        self._centre.talks[call.caller] = (self, call)

    async def come(self) -> None:
        """The secret is on its way to the exchange when it was given."""
        await self._centre.phones.enter_async_context(self.phone)
        await self._centre.until(self.is_registered, f"line {self.extension} to be registered")

    async def is_registered(self) -> bool:
        return await self.phone.register(self.extension, self._secret) == 200

    def vanish(self, call: SipCall) -> None:
        """Neither sound nor a goodbye."""
        self._has_vanished = True
        self.phone.send_bytes = lambda data: None  # type: ignore[method-assign]
        call.media.close()

    async def come_back(self) -> None:
        if not self._has_vanished:
            return
        self._has_vanished = False
        self.phone = SipPhone(local=(CENTRE, 0), server=(CENTRE, self._centre.sip_port), on_call=self._ring)
        await self.come()


class Centre:
    def __init__(self, folder: Path, postgres: Postgres, disk: Disk) -> None:
        self.sip_port = free_sip_port()
        self.postgres, self.disk, self.folder = postgres, disk, folder / "data"
        self.service = Service(
            folder,
            HOTLINE_TELEPHONY="on",
            HOTLINE_DEMO="false",
            HOTLINE_PRIVACY__KEY=base64.b64encode(KEY).decode(),
            HOTLINE_DATABASE__URL=postgres.url,
            HOTLINE_ASTERISK__SIP_PORT=str(self.sip_port),
            HOTLINE_ASTERISK__WS_PORT=str(self.sip_port + 28),
            HOTLINE_ASTERISK__TRUNK_ADDRESSES=json.dumps([CARRIER]),
            HOTLINE_ASTERISK__TRUNK_CONTACT=f"sip:{CARRIER}:{self.sip_port + 10}",
        )
        self.database = Database(postgres.url)
        self.phones = AsyncExitStack()
        self.people: list[Person] = []
        self.talks: dict[str, tuple[Person, SipCall]] = {}
        self._dialled: dict[str, datetime] = {}
        self._count = self._numbers = 0
        self._runner = asyncio.Runner()

    # -- beginning and end

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator["Centre"]:
        kit()
        kept = folder / "data" / "recordings"
        kept.mkdir(parents=True, mode=0o700)
        write_short_notice(folder / "data" / "prompts" / "own" / "welcome.wav")
        with Postgres.temporary() as postgres, Disk.under(kept) as disk:
            centre = cls(folder, postgres, disk)
            try:
                centre.service.start()
                centre.run(centre._open())
                yield centre
            finally:
                centre._close()

    async def _open(self) -> None:
        with self.database.unit_of_work() as session:
            administrator = signed_in(session, make_staff(session, roles=(Role.ADMINISTRATOR,)))
            for extension in SEATS:
                secret = lines.new_device_secret(session, administrator, extension).secret
                lines.sit_down(session, signed_in(session, make_agent(session)), extension)
                self.people.append(Person(self, extension, secret))
        self.citizens = await self.phones.enter_async_context(
            # Who is owed a call and rung is busy, else people of the centre wait at the telephone with them.
            SipPhone(local=(CARRIER, self.sip_port + 10), server=(CENTRE, self.sip_port), on_call=SipCall.reject)
        )
        await self.until(self._exchange_is_there, "the exchange")
        await asyncio.gather(*(person.come() for person in self.people))

    async def _exchange_is_there(self) -> bool:
        return self.exchange_pid != 0

    def _close(self) -> None:
        with suppress(Exception):
            self.run(self.phones.aclose())
        self._runner.close()
        if pid := self.exchange_pid:
            os.kill(pid, signal.SIGCONT)
        self.service.process.stop(seconds=20)
        self.database.dispose()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    # -- parts and faults

    @property
    def exchange_pid(self) -> int:
        """0 while there is none."""
        with suppress(OSError, ValueError):
            pid = int((self.folder / "asterisk" / "run" / "asterisk.pid").read_text())
            if str(self.folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        return 0

    def part(self, name: str) -> int:
        for pid in self.service.children():
            with suppress(OSError):
                if f"--only\0{name}\0".encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return pid
        return 0

    def send(self, name: str, number: signal.Signals) -> int:
        pid = self.part(name)
        os.kill(pid, number)
        return pid

    def send_to_exchange(self, number: signal.Signals) -> int:
        pid = self.exchange_pid
        os.kill(pid, number)
        return pid

    async def another(self, name: str, former: int) -> int:
        return await self.until(lambda: self._another(name, former), f"another {name}")

    async def _another(self, name: str, former: int) -> int:
        pid = self.exchange_pid if name == "exchange" else self.part(name)
        return pid if pid != former else 0

    def cut_ami(self) -> None:
        """As a network does that forgets its connections."""
        cut_connections(self.sip_port - 22)

    def log(self) -> str:
        return self.service.process.log.read_text(errors="replace")

    async def as_before(self) -> None:
        """Nothing that a test did, or broke off, is left to the next one."""
        for pid in filter(None, [self.exchange_pid, *map(self.part, ("all-in-one", "telephony", "ivr"))]):
            os.kill(pid, signal.SIGCONT)
        if not self.postgres.process.running:
            await asyncio.to_thread(self.postgres.start)
        self.disk.free()
        await self.until(self._exchange_is_there, "the exchange")
        await asyncio.gather(*(person.come_back() for person in self.people))
        await asyncio.gather(*(self._hang_up_all(phone) for phone in (self.citizens, *(each.phone for each in self.people))))
        self.talks.clear()
        await self.until(self._nobody_calls, "the calls before to be over", seconds=60)
        await self._everybody_is_there()

    async def _hang_up_all(self, phone: SipPhone) -> None:
        for call in list(phone.calls.values()):
            with suppress(TimeoutError):
                await call.hang_up()

    async def _nobody_calls(self) -> bool:
        with suppress(Unavailable):
            return self.count(Call, Call.direction == Direction.IN, Call.ended_at.is_(None)) == 0
        return False

    # -- calls

    def numbers(self, count: int) -> list[str]:
        """Of citizens who have never called: a test that is tried again meets nothing of its first try."""
        self._numbers += count
        return [f"138{number:08}" for number in range(self._numbers - count + 1, self._numbers + 1)]

    async def _everybody_is_there(self) -> None:
        """A registration lasts two minutes, a module of tests longer."""
        await asyncio.gather(*(self.until(person.is_registered, "a telephone") for person in self.people))
        await asyncio.to_thread(self.everybody_is_free)

    def everybody_is_free(self) -> None:
        with self.database.unit_of_work() as session:
            for staff in session.scalars(select(Staff).join(Presence, Presence.staff_id == Staff.id)):
                if session.get_one(Presence, staff.id).state != PresenceState.AVAILABLE:
                    presence.set_presence(session, staff, PresenceState.AVAILABLE)

    async def dial(self, number: str, **how: Any) -> SipCall:
        """Returns when the exchange has answered."""
        self._dialled[number] = now()
        self._count += 1
        call = await self.citizens.call("12345", **{"caller": number, "sound": tone(90), **how})
        await call.answered(seconds=20)
        return call

    def expect(self, number: str, *, like: str) -> None:
        """The number that a caller is known by, when the address held it in another form."""
        self._dialled[number] = self._dialled[like]

    @property
    def dialled(self) -> int:
        return self._count

    async def talks_with(self, number: str, *, seconds: float = 40) -> tuple[Person, SipCall]:
        await self.until(lambda: self._talks(number), f"somebody to speak with {number}", seconds=seconds)
        return self.talks[number]

    async def _talks(self, number: str) -> bool:
        with suppress(Unavailable):
            await asyncio.to_thread(self.everybody_is_free)
        return number in self.talks

    async def speaks(self, number: str) -> SipCall:
        """A call in which both hear each other."""
        call = await self.dial(number)
        _, mine = await self.talks_with(number)
        await asyncio.gather(call.hears(), mine.hears())
        return call

    # -- what became of them

    async def until(self, look: Callable[[], Awaitable[T]], what: str, *, seconds: float = 40) -> T:
        try:
            async with asyncio.timeout(seconds):
                while not (found := await look()):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise TimeoutError(f"waited {seconds:g} s for {what}; {self.service.process.tail(5)[:2000]}") from None
        return found

    async def ended(self, number: str, *, seconds: float = 60) -> Call:
        """The one call, of one contact, with truthful times."""

        async def look() -> Call | None:
            return await asyncio.to_thread(self._over, number)

        call = await self.until(look, f"the end of the call of {number}", seconds=seconds)
        assert call is not None
        assert abs(call.started_at - self._dialled[number]) < CLOSE
        times = [call.started_at, call.queued_at, call.answered_at, call.ended_at]
        assert (known := [each for each in times if each is not None]) == sorted(known)
        return call

    def _over(self, number: str) -> Call | None:
        try:
            found = self.calls_of(number)
        except Unavailable:
            return None
        assert len(found) <= 1
        return found[0] if found and found[0].ended_at is not None else None

    def calls_of(self, number: str) -> list[Call]:
        with self.database.reading() as session:
            contacts = [each.id for each in session.scalars(select(Contact)) if each.number == f"+86{number}"]
            assert len(contacts) <= 1, number
            return list(session.scalars(select(Call).where(Call.contact_id.in_(contacts), Call.direction == Direction.IN)))

    def count(self, model: type[Any], *which: Any) -> int:
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(model).where(*which)) or 0

    def exported(self) -> list[dict[str, Any]]:
        told = command("export", "contacts", env=self.service.env)
        assert told.returncode == 0, told.stderr
        return [json.loads(line) for line in told.stdout.splitlines()]

    def answers_again(self) -> None:
        wait_until(self.service.answers, "the pages to answer again", seconds=60)


def cut_connections(port: int) -> None:
    ss = shutil.which("ss")
    if ss is None or os.geteuid() != 0:
        pytest.skip("connections of others are cut by `ss`, as root")
    subprocess.run([ss, "-K", "dst", "127.0.0.1", "dport", "=", str(port)], check=True, capture_output=True, timeout=10)


def write_short_notice(path: Path) -> None:
    """A city's own recording, so that no test waits for six seconds of greeting."""
    path.parent.mkdir(parents=True)
    with wave.open(str(path), "wb") as notice:
        notice.setparams((1, 2, 8000, 0, "NONE", ""))
        notice.writeframes(b"".join(int(8000 * math.sin(each / 3)).to_bytes(2, "little", signed=True) for each in range(8000)))
