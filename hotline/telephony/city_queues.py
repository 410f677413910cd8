"""What Asterisk is given of the city's rules when it starts: its queues."""

from collections.abc import Sequence

from hotline.db import reading
from hotline.services.telephone import telephone_rule
from hotline.telephony.configuration import QueueConfig


def queues() -> Sequence[QueueConfig]:
    with reading() as session:
        rule = telephone_rule.current(session)
    return [QueueConfig(name, queue.weight) for name, queue in rule.queues.items()]
