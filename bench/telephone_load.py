"""The load of the telephone benches, in processes of its own: desks, telephones of people who sit there, citizens who call.

`python -m bench.telephone_load agents|citizens` reads its plan as JSON from the first line of standard input, works until it is
done or standard input ends, and prints what happened as JSON.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress
from typing import Any

import httpx

from tests.telephony.sip import CallFailed, SipCall, SipPhone
from tests.telephony.sip_media import tone

HOST, TRUNK = "127.0.0.1", "127.0.0.2"
RING_SECONDS = 0.5
BEAT_SECONDS = 20.0
REGISTERED_FOR = 120
# As a browser does, a little shorter than the service.
KEPT_OPEN_SECONDS = 25.0
LONGEST_CALL = 200.0
VOICE = tone(1.0)


class Phone:
    """A desk phone that answers by itself."""

    def __init__(self, plan: dict[str, Any], seat: dict[str, str]) -> None:
        self._plan, self._seat = plan, seat
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, ready: asyncio.Semaphore) -> None:
        server = (HOST, self._plan["sip_port"])
        async with SipPhone(local=(HOST, 0), server=server, on_call=self._ring) as phone:
            status = await self._register(phone)
            assert status == 200, f"{self._seat['extension']} was refused: {status}"
            ready.release()
            while True:
                await asyncio.sleep(REGISTERED_FOR / 3)
                with suppress(TimeoutError):
                    await self._register(phone)

    async def _register(self, phone: SipPhone) -> int:
        return await phone.register(self._seat["extension"], self._seat["secret"], seconds=REGISTERED_FOR)

    def _ring(self, call: SipCall) -> None:
        task = asyncio.create_task(self._talk(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _talk(self, call: SipCall) -> None:
        call.ring()
        await asyncio.sleep(RING_SECONDS)
        if call.ended:
            return
        with suppress(TimeoutError, CallFailed):
            await call.answer(sound=VOICE)
            await call.gone(seconds=self._plan["talk"])
        with suppress(TimeoutError):
            await call.hang_up()


class Desk:
    """A desk that fetches what is known of the caller each time it is told that its telephone changed."""

    def __init__(self, seat: dict[str, str]) -> None:
        self._topic = f"phone:{seat['staff_id']}"
        self._headers = {"Cookie": seat["cookie"], "X-CSRF-Token": seat["csrf"]}
        self.looks = self.callers = 0

    async def run(self, client: httpx.AsyncClient) -> None:
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._beat(client))
            parts.create_task(self._watch(client))

    async def _beat(self, client: httpx.AsyncClient) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            with suppress(httpx.HTTPError):
                await client.post("/desk/beat", headers=self._headers)

    async def _watch(self, client: httpx.AsyncClient) -> None:
        while True:
            with suppress(httpx.HTTPError):
                params = {"topics": self._topic}
                async with client.stream("GET", "/desk/stream", params=params, headers=self._headers) as hints:
                    async for line in hints.aiter_lines():
                        if line.startswith("data:") and self._topic in line:
                            await self._look(client)
            await asyncio.sleep(1)

    async def _look(self, client: httpx.AsyncClient) -> None:
        page = await client.get("/phone/ring", headers=self._headers)
        self.looks += 1
        self.callers += "data-contact" in page.text


async def agents(plan: dict[str, Any]) -> dict[str, Any]:
    """Until standard input ends; what fails ends all, so that no seat is empty unnoticed."""
    ready = asyncio.Semaphore(0)
    phones = [Phone(plan, seat) for seat in plan["seats"] if plan["phones"]]
    desks = [Desk(seat) for seat in plan["seats"] if plan["desks"]]
    limits = httpx.Limits(max_connections=None, keepalive_expiry=KEPT_OPEN_SECONDS)
    async with httpx.AsyncClient(base_url=plan["url"], timeout=httpx.Timeout(10, read=60), limits=limits) as client:
        working = [asyncio.create_task(phone.run(ready)) for phone in phones]
        working += [asyncio.create_task(desk.run(client)) for desk in desks]
        for _ in phones:
            await ready.acquire()
        print("ready", flush=True)
        over = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        await asyncio.wait([over, *working], return_when=asyncio.FIRST_COMPLETED)
        failed = [task.exception() for task in working if task.done()]
        for task in working:
            task.cancel()
        await asyncio.wait(working)
    if failed:
        raise failed[0] or RuntimeError("a seat was left")
    return {"looks": sum(desk.looks for desk in desks), "callers": sum(desk.callers for desk in desks)}


async def citizens(plan: dict[str, Any]) -> dict[str, Any]:
    """At a steady pace, whether or not the last one was served."""
    outcomes: list[str] = []
    async with (
        SipPhone(local=(TRUNK, 0), server=(HOST, plan["sip_port"])) as phone,
        asyncio.TaskGroup() as group,
    ):
        began = time.perf_counter()
        for number in range(plan["calls"]):
            await asyncio.sleep(max(0.0, began + number / plan["per_second"] - time.perf_counter()))
            group.create_task(_call(phone, f"{plan['first_number'] + number}", outcomes))
    return {"outcomes": {each: outcomes.count(each) for each in set(outcomes)}}


async def _call(phone: SipPhone, number: str, outcomes: list[str]) -> None:
    try:
        call = await phone.call("12345", caller=number)
        await call.answered()
        await call.gone(seconds=LONGEST_CALL)
        outcomes.append(f"ended by {call.ended_by}")
    except (CallFailed, TimeoutError) as error:
        outcomes.append(f"failed: {error}")


def main() -> None:
    plan = json.loads(sys.stdin.readline())
    act = {"agents": agents, "citizens": citizens}[sys.argv[1]]
    print(json.dumps(asyncio.run(act(plan))), flush=True)


if __name__ == "__main__":
    main()
