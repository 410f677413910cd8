"""The load of the telephone benches, in processes of its own: people with a telephone and a desk, and citizens who call.

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
LONGEST_CALL = 200.0
VOICE = tone(1.0)


class Agent:
    """A telephone that answers by itself, and a desk that draws what is known of the caller while it rings."""

    def __init__(self, plan: dict[str, Any], seat: dict[str, str]) -> None:
        self._plan, self._seat = plan, seat
        self._headers = {"Cookie": seat["cookie"], "X-CSRF-Token": seat["csrf"]}
        self._tasks: set[asyncio.Task[None]] = set()
        self._rang_at = 0.0
        self.rings = self.answered = 0
        self.pops: list[float] = []

    async def run(self, client: httpx.AsyncClient, ready: asyncio.Semaphore) -> None:
        server = (HOST, self._plan["sip_port"])
        async with SipPhone(local=(HOST, 0), server=server, on_call=self._ring) as phone, asyncio.TaskGroup() as parts:
            status = await phone.register(self._seat["extension"], self._seat["secret"], seconds=REGISTERED_FOR)
            assert status == 200, f"{self._seat['extension']} was refused: {status}"
            ready.release()
            parts.create_task(self._stay(phone))
            if self._plan["desks"]:
                parts.create_task(self._beat(client))
                parts.create_task(self._watch(client))

    def _ring(self, call: SipCall) -> None:
        self.rings += 1
        self._rang_at = time.time()
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
            self.answered += 1
            await call.gone(seconds=self._plan["talk"])
        await call.hang_up()

    async def _stay(self, phone: SipPhone) -> None:
        while True:
            await asyncio.sleep(REGISTERED_FOR / 3)
            with suppress(TimeoutError):
                await phone.register(self._seat["extension"], self._seat["secret"], seconds=REGISTERED_FOR)

    async def _beat(self, client: httpx.AsyncClient) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            with suppress(httpx.HTTPError):
                await client.post("/desk/beat", headers=self._headers)

    async def _watch(self, client: httpx.AsyncClient) -> None:
        """What the desk's page does with a hint that its telephone changed."""
        topic = f"phone:{self._seat['staff_id']}"
        while True:
            with suppress(httpx.HTTPError):
                async with client.stream("GET", "/desk/stream", params={"topics": topic}, headers=self._headers) as hints:
                    async for line in hints.aiter_lines():
                        if line.startswith("data:") and topic in line:
                            await self._pop(client)
            await asyncio.sleep(1)

    async def _pop(self, client: httpx.AsyncClient) -> None:
        page = await client.get("/phone/ring", headers=self._headers)
        if "data-contact" in page.text and self._rang_at:
            self.pops.append(time.time() - self._rang_at)
            self._rang_at = 0.0


async def agents(plan: dict[str, Any]) -> dict[str, Any]:
    people = [Agent(plan, seat) for seat in plan["seats"]]
    ready = asyncio.Semaphore(0)
    limits = httpx.Limits(max_connections=None, keepalive_expiry=2.0)
    async with httpx.AsyncClient(base_url=plan["url"], timeout=httpx.Timeout(10, read=60), limits=limits) as client:
        working = [asyncio.create_task(person.run(client, ready)) for person in people]
        for _ in people:
            await ready.acquire()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        for task in working:
            task.cancel()
        await asyncio.wait(working)
    return {
        "rings": sum(person.rings for person in people),
        "answered": sum(person.answered for person in people),
        "pops": [seconds for person in people for seconds in person.pops],
    }


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
