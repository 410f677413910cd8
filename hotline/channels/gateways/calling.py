"""Calls to a gateway: each with its time limits, and what became of it when no answer tells."""

import httpx

from hotline.channels.trust import trust
from hotline.ports import Receipt, ReceiptState

TOO_MANY = 429
# Its server went on alone: the text may have been sent.
GATEWAY_TIMEOUT = 504


def call(request: httpx.Request, *, seconds: float) -> httpx.Response | Receipt:
    """The provider's answer, or what is known of the message without one."""
    try:
        with httpx.Client(timeout=seconds, verify=trust()) as client:
            answer = client.send(request)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        return Receipt(ReceiptState.TRY_LATER, reason=_kind(error))
    except httpx.HTTPError as error:
        return Receipt(ReceiptState.UNKNOWN, reason=_kind(error))
    return busy(answer.status_code) or answer


def busy(status: int) -> Receipt | None:
    """None for a status that says something of the message itself."""
    if status == GATEWAY_TIMEOUT:
        return Receipt(ReceiptState.UNKNOWN, reason=f"status {status}")
    if status == TOO_MANY or status >= 500:
        return Receipt(ReceiptState.TRY_LATER, reason=f"status {status}")
    return None


def _kind(error: Exception) -> str:
    """Not its words: they hold the address, and that may hold a number."""
    return type(error).__name__
