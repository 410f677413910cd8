"""Threads of citizens: signals beside messages, and files that a provider keeps for us."""

import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline import channels
from hotline.db import Database
from hotline.errors import FileRefused, Unavailable
from hotline.ports import File, Inbound, Media, Signal, SignalKind
from hotline.services import intake
from hotline.services.conversations import conversations
from hotline.services.files import files
from hotline.settings import Settings
from models import Attachment, Contact, Conversation, ConversationSignal, OutboxMessage, PendingMedia, now
from tests.fakes import RecordingChannel

ACCOUNT = "openid-1"


def written(external_id: str = "m1", **values: object) -> Inbound:
    return Inbound("wechat", external_id, ACCOUNT, "路灯坏了", now(), **values)  # type: ignore[arg-type]


def signal(kind: SignalKind, external_id: str = "s1") -> Signal:
    return Signal(kind, "wechat", external_id, ACCOUNT, now())


def thread(session: Session) -> Conversation:
    return session.scalars(select(Conversation)).one()


def test_a_signal_opens_no_contact_and_is_kept_once(session: Session) -> None:
    assert conversations.note(session, signal(SignalKind.SUBSCRIBED))
    assert not conversations.note(session, signal(SignalKind.SUBSCRIBED))

    assert [row.kind for row in session.scalars(select(ConversationSignal))] == ["subscribed"]
    assert session.scalars(select(Contact)).all() == []


def test_who_leaves_and_writes_again_is_reachable_again(session: Session) -> None:
    conversations.note(session, signal(SignalKind.SUBSCRIBED))
    conversations.note(session, signal(SignalKind.UNSUBSCRIBED, "s2"))
    assert thread(session).left_at is not None

    intake.receive(session, written())

    assert thread(session).left_at is None


def test_a_thread_knows_when_it_was_last_heard_whatever_order_messages_come_in(session: Session) -> None:
    late = now()
    intake.receive(session, Inbound("wechat", "m2", ACCOUNT, "请快点", late))
    intake.receive(session, Inbound("wechat", "m1", ACCOUNT, "路灯坏了", late - timedelta(minutes=1)))

    assert thread(session).heard_at == late


class Gallery(RecordingChannel):
    """Gives out a picture for `good`, something else for `bad`, and nothing for `away` until it is `back`."""

    back = False

    def fetch(self, media: Media) -> File:
        if media.reference == "away" and not self.back:
            raise Unavailable()
        if media.reference == "bad":
            raise FileRefused("This file has too many pixels.")
        out = io.BytesIO()
        Image.new("RGB", (8, 8)).save(out, "PNG")
        return File("picture", out.getvalue())


@pytest.fixture
def gallery(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Gallery:
    files.make_folder(settings)
    channel = Gallery("wechat")
    monkeypatch.setitem(channels.register(), "wechat", channel)
    return channel


def test_files_are_fetched_once_and_what_cannot_be_had_is_said(
    database: Database, drain: Callable[[], int], gallery: Gallery
) -> None:
    with database.unit_of_work() as session:
        for _ in range(2):
            intake.receive(session, written(media=(Media("good"), Media("bad"))))

    drain()

    with database.reading() as session:
        assert [row.media_type for row in session.scalars(select(Attachment))] == ["image/png"]
        rows = session.scalars(select(PendingMedia).order_by(PendingMedia.position)).all()
        assert [row.failure for row in rows] == ["", "This file has too many pixels."]
        assert all(row.settled_at for row in rows)


def test_a_file_that_cannot_be_had_now_is_asked_for_again(database: Database, drain: Callable[[], int], gallery: Gallery) -> None:
    with database.unit_of_work() as session:
        intake.receive(session, written(media=(Media("good"), Media("away"))))
    drain()
    with database.reading() as session:
        assert len(session.scalars(select(Attachment)).all()) == 1

    gallery.back = True
    with database.unit_of_work() as session:
        for row in session.scalars(select(OutboxMessage).where(OutboxMessage.done_at.is_(None))):
            row.ready_at = now()
    drain()

    with database.reading() as session:
        assert len(session.scalars(select(Attachment)).all()) == 2
