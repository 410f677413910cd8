"""The limit of an arrival: one bare FastAPI endpoint that writes the same rows, as durably, with plain SQLAlchemy Core.

It checks nothing, limits nothing, renders nothing, and knows no services. `python -m bench.bare URL PORT` serves it.
"""

import base64
import os
import sys
import threading
import uuid
from contextlib import nullcontext
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Form
from sqlalchemy import insert

from hotline.db import engine_for
from models import Contact, Message, OutboxMessage, QueueEntry, base, privacy

EVENTS = ("MessageReceived", "ContactOpened", "ContactQueued")


def bare_app(url: str) -> FastAPI:
    app = FastAPI(openapi_url=None)
    engine = engine_for(url, pool_size=40)
    # SQLite lets one writer in at a time; without turns its waiters would sleep and poll.
    turn = threading.Lock() if url.startswith("sqlite") else nullcontext()

    @app.post("/")
    def receive(text: Annotated[str, Form()], number: Annotated[str, Form()], place: Annotated[str, Form()]) -> dict[str, str]:
        rows = _rows(text, number, place)
        with turn, engine.begin() as connection:
            for table, values in rows:
                connection.execute(insert(table), values)
        return {"received": "yes"}

    return app


def _rows(text: str, number: str, place: str) -> list:
    at, contact, message = base.now(), base.new_id(), base.new_id()
    reference = f"990181-{uuid.uuid4().hex[:20]}"
    hashed = privacy.lookup_hash("number", number)
    episode = {
        "id": contact,
        "reference": reference,
        "code_hash": privacy.lookup_hash("code", reference),
        "channel": "mailbox",
        "source": "citizen",
        "received_at": at,
        "subject": text[:60],
        "sender_kind": "person",
        "number": number,
        "number_hash": hashed,
        "confidential": False,
        "consent": "consent/1",
        "wished_kind": "complaint",
        "place_text": place,
        "urgency": "normal",
        "skill": "general",
        "language": "zh",
        "queued_at": at,
        "version": 1,
        "created_at": at,
    }
    letter = {
        "id": message,
        "channel": "mailbox",
        "external_id": uuid.uuid4().hex,
        "contact_id": contact,
        "text": text,
        "received_at": at,
        "created_at": at,
    }
    place_in_queue = {
        "contact_id": contact,
        "channel": "mailbox",
        "skill": "general",
        "language": "zh",
        "urgency_weight": 0,
        "clock_from": at.timestamp(),
        "limit_seconds": 86400.0,
    }
    body = {"message_id": str(message), "contact_id": str(contact)}
    told = [{"id": base.new_id(), "event": name, "body": body, "ready_at": at, "created_at": at} for name in EVENTS]
    return [(Contact, episode), (Message, letter), (QueueEntry, place_in_queue), (OutboxMessage, told)]


def main() -> None:
    url, port = sys.argv[1:]
    privacy.install(privacy.KeyRing([base64.b64decode(os.environ["BENCH_KEY"])]))
    uvicorn.run(bare_app(url), host="127.0.0.1", port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
