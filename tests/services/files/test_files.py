"""Files from outside: what is let in, what is taken out of it, and that none is left half-written."""

import io
import os
import resource
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pikepdf
import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.errors import FileRefused, Unavailable
from hotline.ports import File
from hotline.services import intake
from hotline.services.files import files
from hotline.settings import Settings
from models import Attachment, Contact, Message
from tests.factories_contacts import make_inbound
from tests.pictures import photograph, picture


def pdf(pages: int = 1, **options: pikepdf.Object) -> bytes:
    made = pikepdf.new()
    for _ in range(pages):
        made.add_blank_page(page_size=(200, 200))
    for key, value in options.items():
        made.Root[f"/{key}"] = made.make_indirect(value)
    written = io.BytesIO()
    made.save(written)
    return written.getvalue()


def many_pixels() -> bytes:
    """A few kilobytes that would become 900 million pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + name + data + zlib.crc32(name + data).to_bytes(4)

    header = (30_000).to_bytes(4) + (30_000).to_bytes(4) + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


@pytest.fixture
def folder(settings: Settings) -> Path:
    files.make_folder(settings)
    return settings.data_dir / "attachments"


@pytest.mark.parametrize(
    ("content", "media_type", "ending"),
    [
        (picture("JPEG"), "image/jpeg", ".jpg"),
        (picture("PNG", mode="P"), "image/png", ".png"),
        (picture("PNG", mode="RGBA"), "image/png", ".png"),
        (picture("WEBP"), "image/webp", ".webp"),
        (picture("JPEG", mode="CMYK"), "image/jpeg", ".jpg"),
        (pdf(), "application/pdf", ".pdf"),
    ],
)
def test_a_file_is_what_its_content_says_whatever_its_name(content: bytes, media_type: str, ending: str) -> None:
    checked = files.check(File("照片.exe", content))

    assert (checked.media_type, checked.name) == (media_type, f"照片{ending}")
    assert files.check(checked) is checked


def test_place_camera_and_comment_are_taken_out_and_the_picture_is_upright() -> None:
    checked = files.check(File("IMG_1.jpg", photograph()))

    with Image.open(io.BytesIO(checked.content)) as image:
        assert image.size == (40, 60)
        assert dict(image.getexif()) == {}
        assert "comment" not in image.info
    assert b"home" not in checked.content
    assert b"camera" not in checked.content


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not a JPEG"),
        (b"MZ\x90\0 a program", "not a JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "not a JPEG"),
        (picture("GIF", mode="P"), "not a JPEG"),
        (picture("JPEG", size=(300, 300))[:600], "damaged"),
        (picture("PNG", size=(8000, 6000), mode="L"), "too many pixels"),
        (many_pixels(), "too many pixels"),
        (b"x" * (10 * 1024 * 1024 + 1), "10 MB"),
        (b"%PDF-1.7 nothing more", "damaged"),
        (pdf(pages=201), "200 pages"),
        (pdf(OpenAction=pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")), "scripts"),
        (pdf(OpenAction=pikepdf.Dictionary(S=pikepdf.Name.Launch, F="cmd.exe")), "scripts"),
        (pdf(Names=pikepdf.Dictionary(EmbeddedFiles=pikepdf.Dictionary(Names=[]))), "scripts"),
        (pdf(Anything=pikepdf.Array([pikepdf.Array([pikepdf.Dictionary(S=pikepdf.Name.SubmitForm)])])), "scripts"),
    ],
)
def test_what_is_no_harmless_picture_or_pdf_is_refused(content: bytes, sentence: str) -> None:
    with pytest.raises(FileRefused, match=sentence):
        files.check(File("文件.jpg", content))


def test_a_pdf_behind_a_password_is_refused() -> None:
    written = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf())) as locked:
        locked.save(written, encryption=pikepdf.Encryption(owner="secret", user="secret"))

    with pytest.raises(FileRefused, match="password"):
        files.check(File("a.pdf", written.getvalue()))


def test_a_pdf_that_unpacks_beyond_its_limit_is_refused() -> None:
    packed = _packed_spaces(1_000_000_000)
    start = b"%PDF-1.5\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[]/Count 0>>\nendobj\n"
    table = b"3 0 obj\n<</Type/XRef/Size 4/W[1 2 1]/Root 1 0 R/Filter/FlateDecode/Length %d>>\nstream\n" % len(packed)
    content = start + table + packed + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(start)

    with pytest.raises(FileRefused, match="damaged"):
        files.check(File("a.pdf", content))


def _packed_spaces(count: int) -> bytes:
    packer = zlib.compressobj(9)
    million = b" " * 1_000_000
    return b"".join(packer.compress(million) for _ in range(count // 1_000_000)) + packer.flush()


def test_at_most_five_files_come_with_an_arrival() -> None:
    with pytest.raises(FileRefused, match="At most 5"):
        files.checked(make_inbound(files=tuple(File(f"{number}.jpg", picture()) for number in range(6))))


@pytest.mark.parametrize(
    ("name", "kept"),
    [("../../etc/passwd", "passwd.jpg"), ("C:\\temp\\a.jpg", "a.jpg"), ("a\r\nb\u202egpj.exe", "abgpj.jpg"), (".", "file.jpg")],
)
def test_a_name_is_a_name_and_no_path(name: str, kept: str) -> None:
    assert files.check(File(name, picture())).name == kept


def test_a_letters_files_are_kept_encrypted_and_read_again(session: Session, folder: Path) -> None:
    inbound = files.checked(make_inbound(files=(File("路灯.jpg", photograph()),)))

    received = intake.receive(session, inbound)
    intake.receive(session, inbound)

    assert received.message is not None
    attachment = session.scalars(select(Attachment)).one()
    assert (attachment.message_id, attachment.name, attachment.media_type) == (received.message.id, "路灯.jpg", "image/jpeg")
    assert files.open(attachment) == inbound.files[0].content
    [path] = folder.iterdir()
    assert b"JFIF" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_goes_when_its_transaction_fails(database: Database, folder: Path) -> None:
    def receive_and_fail(session: Session) -> None:
        intake.receive(session, make_inbound(files=(File("a.jpg", picture()),)))
        assert len(list(folder.iterdir())) == 1
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError), database.unit_of_work() as session:
        receive_and_fail(session)

    assert list(folder.iterdir()) == []


def test_a_file_stays_when_something_else_is_rolled_back(database: Database, folder: Path) -> None:
    with database.unit_of_work() as session:
        with session.begin_nested():
            intake.receive(session, make_inbound(files=(File("a.jpg", picture()),)))
        session.begin_nested().rollback()
    with database.reading() as session:
        attachment = session.scalars(select(Attachment)).one()

    assert files.open(attachment)


def test_a_file_goes_with_the_part_of_a_transaction_that_stored_it(database: Database, folder: Path) -> None:
    with database.unit_of_work() as session:
        part = session.begin_nested()
        intake.receive(session, make_inbound(files=(File("a.jpg", picture()),)))
        part.rollback()

    assert list(folder.iterdir()) == []


@contextmanager
def a_full_disk() -> Iterator[None]:
    """Files cannot grow beyond a megabyte while this lasts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def how_many_rows(database: Database) -> int:
    with database.reading() as session:
        return sum(len(session.scalars(select(entity)).all()) for entity in (Contact, Message, Attachment))


def test_a_full_disk_is_said_and_leaves_nothing(database: Database, folder: Path) -> None:
    noise = Image.effect_noise((1400, 1400), 100)
    written = io.BytesIO()
    noise.save(written, "PNG")
    inbound = files.checked(make_inbound(files=(File("a.png", written.getvalue()),)))

    with pytest.raises(Unavailable), database.unit_of_work() as session, a_full_disk():
        intake.receive(session, inbound)

    assert list(folder.iterdir()) == []
    assert how_many_rows(database) == 0


def test_a_missing_folder_is_said_and_is_not_made_anew(database: Database, folder: Path) -> None:
    folder.rmdir()

    with pytest.raises(Unavailable), database.unit_of_work() as session:
        intake.receive(session, make_inbound(files=(File("a.jpg", picture()),)))

    assert not folder.exists()
    assert how_many_rows(database) == 0


def test_a_stored_file_that_is_gone_or_changed_is_not_shown(session: Session, folder: Path) -> None:
    intake.receive(session, make_inbound(files=(File("a.jpg", picture()),)))
    intake.receive(session, make_inbound(files=(File("b.jpg", picture(size=(9, 9))),)))
    first, second = session.scalars(select(Attachment).order_by(Attachment.id)).all()
    (folder / first.stored_as).write_bytes((folder / second.stored_as).read_bytes())
    (folder / second.stored_as).unlink()

    for attachment in (first, second):
        with pytest.raises(Unavailable):
            files.open(attachment)


def test_a_file_that_no_row_knows_is_swept_away_after_a_day(session: Session, folder: Path) -> None:
    received = intake.receive(session, make_inbound())
    kept = files.store(session, files.check(File("a.png", picture("PNG"))), message=received.message)
    session.flush()
    for name in ("orphan", "fresh"):
        (folder / name).write_bytes(b"?")
    for name in ("orphan", kept.stored_as):
        os.utime(folder / name, (0, 0))

    assert files.sweep(session) == 1
    assert {path.name for path in folder.iterdir()} == {kept.stored_as, "fresh"}
