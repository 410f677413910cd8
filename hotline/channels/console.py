"""Prints instead of sending: development, drills, and what a demo would have sent."""

import sys

from hotline.errors import NotGenuine
from hotline.ports import HttpAnswer, Outbound, Parsed, RawRequest, Receipt, ReceiptState, Refusal


class Console:
    """Sends to standard output; nothing ever comes in this way."""

    kind = "console"

    def parse(self, raw: RawRequest) -> Parsed:
        raise NotGenuine("Nothing is received on this channel.")

    def refuse(self, reason: Refusal) -> HttpAnswer:
        return HttpAnswer(status=403)

    def send(self, message: Outbound) -> Receipt:
        sys.stdout.write(f"to {message.recipient[:3]}…: {message.text}\n")
        sys.stdout.flush()
        return Receipt(ReceiptState.DELIVERED, provider_id=message.key)
