"""The broker as the relay sees it: how full each lane is, and an event's tasks."""

from collections.abc import Mapping, Sequence

from celery import Celery
from kombu.exceptions import OperationalError as BrokerDown
from redis.exceptions import RedisError

from hotline import events
from hotline.handling import HANDLERS, Lane
from models import OutboxMessage

# Tasks that no worker has begun, for each lane. What waits longer waits in the outbox, where it is found once: published again
# each time its lease ends, it would keep the workers busy with repeats until it counted as given up.
MOST_WAITING = 200
AWAY = (BrokerDown, RedisError)

_QUEUES: Mapping[Lane, str] = {Lane.MESSAGES: "celery", Lane.SYSTEMS: Lane.SYSTEMS.value}


class Post:
    """`full` are the events that find no room at the moment; of the `busy` ones a task that went out before may still wait."""

    def __init__(self, broker: Celery) -> None:
        self._broker = broker
        self.full: Sequence[str] = ()
        self.busy: Sequence[str] = ()

    def look(self) -> Exception | None:
        """Asks how much waits. Returns the trouble if the broker is away: then there is room for nothing."""
        try:
            waiting = self._waiting()
        except (*AWAY, OSError) as trouble:
            self.full = self.busy = _events_in(set(Lane))
            return BrokerDown(str(trouble))
        self.full = _events_in({lane for lane, tasks in waiting.items() if tasks >= MOST_WAITING})
        self.busy = _events_in({lane for lane, tasks in waiting.items() if tasks})
        return None

    def send(self, row: OutboxMessage) -> None:
        """What waits for a network is a task of its own, all else of an event is one: several would wait for each other."""
        handlers = HANDLERS[events.ALL[row.event]]
        together = [each for each in handlers if not each.outside]
        for task in (*([together] if together else []), *([each] for each in handlers if each.outside)):
            names = [handler.name for handler in task]
            self._broker.send_task("hotline.consequence", args=[str(row.id), *names], queue=_QUEUES[task[0].lane], retry=False)

    def _waiting(self) -> dict[Lane, int]:
        with self._broker.pool.acquire(block=True) as connection:
            connection.ensure_connection(max_retries=1)
            waiting = {}
            for lane, queue in _QUEUES.items():
                try:
                    with connection.channel() as channel:
                        waiting[lane] = int(channel.queue_declare(queue, passive=True).message_count)
                except connection.channel_errors:  # nothing has ever been in it
                    waiting[lane] = 0
        return waiting


def _events_in(lanes: set[Lane]) -> list[str]:
    """From which something follows in one of these."""
    return [name for name, event in events.ALL.items() if any(handler.lane in lanes for handler in HANDLERS[event])]
