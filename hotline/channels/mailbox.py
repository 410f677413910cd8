"""The web mailbox. Citizens write on its page, which checks what they wrote; what they are told waits behind number and code."""

from hotline.errors import NotGenuine
from hotline.ports import Channel, HttpAnswer, Outbound, Parsed, RawRequest, Receipt, ReceiptState, Refusal

STATUS = {
    Refusal.NOT_GENUINE: 403,
    Refusal.TOO_LARGE: 413,
    Refusal.MALFORMED: 422,
    Refusal.TOO_MANY: 429,
    Refusal.UNAVAILABLE: 503,
}


class Mailbox:
    kind = "mailbox"

    def __init__(self, *, echo: Channel | None = None) -> None:
        """`echo` also shows what is sent: a demo has nobody who looks behind number and code."""
        self._echo = echo

    def parse(self, raw: RawRequest) -> Parsed:
        """Refuses: no provider speaks for citizens here, and a letter past the page would be one without consent and pace."""
        raise NotGenuine("Letters are written on the page of the mailbox.")

    def refuse(self, reason: Refusal) -> HttpAnswer:
        return HttpAnswer(status=STATUS[reason], body=reason.encode())

    def send(self, message: Outbound) -> Receipt:
        """Nothing leaves the house: it is there to be read as soon as it is written."""
        if self._echo is not None:
            self._echo.send(message)
        return Receipt(ReceiptState.DELIVERED, provider_id=message.key)
