"""The WeChat official account: what is taken, and how an answer goes out. Words, wrapping and calls have files of their own.

An answer is a customer-service message while the citizen's window is open, else an approved template, else it goes another way.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from hotline.channels import wechat_words, wechat_xml
from hotline.channels.wechat_account import account
from hotline.channels.wechat_api import Api, NotSent, Refused, Unclear
from hotline.errors import Invalid, NotGenuine
from hotline.ports import File, HttpAnswer, Media, Outbound, Parsed, RawRequest, Receipt, ReceiptState, Refusal, TokenStore
from hotline.settings import Wechat as Settings
from hotline.signatures.wechat import Envelope, is_signed
from models.base import now

WINDOW = timedelta(hours=48)
MOST_TEXT_BYTES = 2048
LONGEST_ECHO = 256
PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
STATUS = {
    Refusal.NOT_GENUINE: 403,
    Refusal.TOO_LARGE: 413,
    Refusal.MALFORMED: 403,
    Refusal.TOO_MANY: 429,
    Refusal.UNAVAILABLE: 503,
}

# The window is closed: 48 hours are over, or as many answers as WeChat allows have followed the citizen's last word.
TOO_LATE, TOO_MANY_ANSWERS = 45015, 45047
STATES: Mapping[int, ReceiptState] = {
    -1: ReceiptState.TRY_LATER,  # busy
    40001: ReceiptState.TRY_LATER,  # the renewed token is refused as well
    40014: ReceiptState.TRY_LATER,
    42001: ReceiptState.TRY_LATER,
    45009: ReceiptState.TRY_LATER,  # calls of the day are used up
    45011: ReceiptState.TRY_LATER,  # calls of the minute
    TOO_MANY_ANSWERS: ReceiptState.TRY_LATER,
    TOO_LATE: ReceiptState.UNREACHABLE,
    40003: ReceiptState.UNREACHABLE,  # no follower of this account
    43004: ReceiptState.UNREACHABLE,  # does not follow it any more
    43019: ReceiptState.UNREACHABLE,  # on the account's black list
    43101: ReceiptState.UNREACHABLE,  # has not agreed to this message
}

_TIMESTAMP = re.compile(r"[0-9]{1,11}")


class Wechat:
    kind = wechat_words.KIND

    def __init__(self, settings: Settings, tokens: Callable[[], TokenStore]) -> None:
        self._settings = settings
        self._token = settings.token.get_secret_value() if settings.token else ""
        aes_key = settings.aes_key.get_secret_value() if settings.aes_key else ""
        self._envelope = Envelope(aes_key, settings.app_id) if aes_key else None
        self._api = Api(settings, tokens)

    def parse(self, raw: RawRequest) -> Parsed:
        self._require_fresh(raw.query)
        if raw.method == "GET":
            return self._confirm(raw.query)
        return wechat_words.parsed(wechat_xml.read(self._opened(raw)), at=now())

    def refuse(self, reason: Refusal) -> HttpAnswer:
        """What is malformed is as good as forged: in plain mode the signature does not cover the body."""
        return HttpAnswer(status=STATUS[reason], body=reason.encode())

    def send(self, message: Outbound) -> Receipt:
        if not self._api.is_configured:
            return Receipt(ReceiptState.UNREACHABLE, reason="the account's app id and secret are not set")
        try:
            return self._written_or_notified(message)
        except Refused as error:
            return Receipt(STATES.get(error.code, ReceiptState.REFUSED), reason=str(error))
        except NotSent as error:
            return Receipt(ReceiptState.TRY_LATER, reason=str(error))
        except Unclear as error:
            return Receipt(ReceiptState.UNKNOWN, reason=str(error))

    def fetch(self, media: Media) -> File:
        return self._api.download(media)

    def _require_fresh(self, query: Mapping[str, str]) -> None:
        """Genuine by its signature, and of these minutes. In safe mode the message's own signature may stand alone."""
        given = query.get("signature", "")
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        is_covered = self._envelope is not None and not given and "msg_signature" in query
        if not self._token or not (is_covered or is_signed(given, self._token, timestamp, nonce)):
            raise NotGenuine()
        if not _TIMESTAMP.fullmatch(timestamp) or abs(now().timestamp() - int(timestamp)) > self._settings.freshness_seconds:
            raise NotGenuine("The callback is stale.")

    def _confirm(self, query: Mapping[str, str]) -> Parsed:
        """WeChat asks whether the address is ours: its word is said back."""
        echo = query.get("echostr", "")
        if not query.get("signature") or not 0 < len(echo) <= LONGEST_ECHO:
            raise Invalid()
        return Parsed(answer=HttpAnswer(body=echo.encode(), headers={"X-Content-Type-Options": "nosniff"}))

    def _opened(self, raw: RawRequest) -> bytes:
        """The message itself. With a key set, nothing is taken that was not wrapped with it."""
        if self._envelope is None:
            return raw.body
        sealed = wechat_xml.read(raw.body).get("Encrypt", "").strip()
        query = raw.query
        words = (self._token, query.get("timestamp", ""), query.get("nonce", ""), sealed)
        if not sealed or not is_signed(query.get("msg_signature", ""), *words):
            raise NotGenuine()
        return self._envelope.open(sealed)

    def _written_or_notified(self, message: Outbound) -> Receipt:
        closed: Refused | None = None
        if message.heard_at is None or now() - message.heard_at < WINDOW:
            try:
                return self._write(message)
            except Refused as error:
                if error.code not in (TOO_LATE, TOO_MANY_ANSWERS):
                    raise
                closed = error
        return self._notify(message, closed)

    def _write(self, message: Outbound) -> Receipt:
        """Texts first, then pictures; what went out before something failed is not sent again blindly."""
        kinds = [_picture_type(file) for file in message.files]
        if "" in kinds:
            return Receipt(ReceiptState.REFUSED, reason="WeChat takes JPEG and PNG pictures only")
        pictures = [self._api.upload(file, kind) for file, kind in zip(message.files, kinds, strict=True)]
        parts: list[dict[str, Any]] = [{"msgtype": "text", "text": {"content": each}} for each in _pieces(message.text)]
        parts += [{"msgtype": "image", "image": {"media_id": each}} for each in pictures]
        for count, part in enumerate(parts):
            try:
                self._api.post("/cgi-bin/message/custom/send", {"touser": message.recipient, **part})
            except (Refused, NotSent, Unclear) as error:
                if count:
                    raise Unclear(f"{count} of {len(parts)} parts were sent, then: {error}") from error
                raise
        return Receipt(ReceiptState.ACCEPTED)

    def _notify(self, message: Outbound, closed: Refused | None) -> Receipt:
        template = account().templates.get(message.purpose)
        template_id = self._settings.templates.get(message.purpose)
        if template is None or not template_id:
            if closed is not None:
                raise closed
            return Receipt(ReceiptState.UNREACHABLE, reason=f"48 hours are over and “{message.purpose}” has no template")
        values = {**message.values, "text": message.text}
        body = {"touser": message.recipient, "template_id": template_id, "data": template.filled(values)}
        address = template.address(values)
        if template.kind == "subscribe":
            told = self._api.post("/cgi-bin/message/subscribe/bizsend", {**body, **({"page": address} if address else {})})
        else:
            # WeChat drops a second one of the same id for ten minutes.
            own = {"client_msg_id": message.key.replace("-", "")[:32], **({"url": address} if address else {})}
            told = self._api.post("/cgi-bin/message/template/send", {**body, **own})
        return Receipt(ReceiptState.ACCEPTED, provider_id=str(told.get("msgid", "")))


def _picture_type(file: File) -> str:
    return next((kind for mark, kind in PICTURES.items() if file.content.startswith(mark)), "")


def _pieces(text: str) -> list[str]:
    """Of at most 2,048 bytes, cut between signs."""
    pieces, piece, size = [], "", 0
    for sign in text:
        length = len(sign.encode(errors="ignore"))
        if size + length > MOST_TEXT_BYTES:
            pieces.append(piece)
            piece, size = "", 0
        piece, size = piece + sign, size + length
    return [*pieces, piece] if piece else pieces
