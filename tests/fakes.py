"""Fakes at the real seams: a channel that records, a classifier that says what it is told."""

from dataclasses import dataclass, field
from typing import Any

from classifier import City, Place, Prediction, Ranked, Urgency
from classifier.model import Classifier
from hotline.errors import Invalid, NotGenuine
from hotline.ports import HttpAnswer, Inbound, Outbound, Parsed, RawRequest, Receipt, ReceiptState, Refusal
from models import now

SIGNATURE = "genuine"
STATUS = {
    Refusal.NOT_GENUINE: 403,
    Refusal.TOO_LARGE: 413,
    Refusal.MALFORMED: 422,
    Refusal.TOO_MANY: 429,
    Refusal.UNAVAILABLE: 503,
}


@dataclass
class RecordingChannel:
    """A provider whose messages are lines `id sender text`, signed by a header; what is sent through it is kept."""

    kind: str = "sms"
    receipt: Receipt = field(default_factory=lambda: Receipt(ReceiptState.ACCEPTED, "provider-1"))
    sent: list[Outbound] = field(default_factory=list)
    requests: list[RawRequest] = field(default_factory=list)

    def parse(self, raw: RawRequest) -> Parsed:
        self.requests.append(raw)
        if raw.headers.get("x-signature") != SIGNATURE:
            raise NotGenuine()
        lines = [line.split(" ", 2) for line in raw.body.decode().splitlines()]
        if any(len(line) != 3 for line in lines):
            raise Invalid()
        receipts = tuple(Receipt(ReceiptState(state), provider_id) for kind, provider_id, state in lines if kind == "receipt")
        messages = tuple(self._message(*line) for line in lines if line[0] != "receipt")
        return Parsed(messages, receipts=receipts, answer=HttpAnswer(body=b"thank you"))

    def _message(self, external_id: str, sender: str, text: str) -> Inbound:
        return Inbound(self.kind, external_id, sender, text, now(), number=sender)

    def refuse(self, reason: Refusal) -> HttpAnswer:
        return HttpAnswer(STATUS[reason], reason.encode())

    def send(self, message: Outbound) -> Receipt:
        self.sent.append(message)
        return self.receipt


def prediction(**values: Any) -> Prediction:
    """A suggestion: street lights, city management, an ordinary complaint without a place, but for what is said otherwise."""
    usual = {
        "request_type": (Ranked("complaint", 0.8, ("坏",)),),
        "category": (Ranked("0101", 0.7, ("路灯",)), Ranked("0102", 0.2), Ranked("0103", 0.1)),
        "unit": (Ranked("CGJ", 0.7, ("路灯",)), Ranked("ZJJ", 0.2), Ranked("GAJ", 0.1)),
        "sure": True,
        "urgency": Urgency("normal", ""),
        "place": Place("none"),
        "model_version": "stub",
    }
    return Prediction(**{**usual, **values})


class StubClassifier(Classifier):
    """Says the same of every text, and keeps the texts it was asked about."""

    version = "stub"

    def __init__(self, said: Prediction | None = None) -> None:
        self.said = said or prediction()
        self.asked: list[tuple[str, str | None]] = []
        self.city: City | None = None

    def know(self, city: City | None) -> None:
        self.city = city

    def predict(self, text: str, *, area: str | None = None) -> Prediction:
        self.asked.append((text, area))
        return self.said
