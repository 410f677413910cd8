"""Files from outside: checked by content, stripped of position data, kept encrypted in the data folder.

`check` is slow and comes before the transaction; `store` belongs to it, and takes its file away again if it fails.
"""

import hashlib
import io
import os
import secrets
import threading
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError
from sqlalchemy import event, select
from sqlalchemy.orm import Session, SessionTransaction

from hotline.errors import FileRefused, Unavailable
from hotline.ports import File, Inbound
from hotline.services.files import clips, pdfs
from hotline.settings import Settings, get_settings
from models import Answer, Attachment, Check, Message, now, privacy

# No transaction lasts as long as this.
SURELY_SETTLED = timedelta(days=1)
AT_ONCE = 500
MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 40_000_000
MOST_FILES = 5
LONGEST_NAME = 100
IMAGES = {"JPEG": ("image/jpeg", ".jpg"), "PNG": ("image/png", ".png"), "WEBP": ("image/webp", ".webp")}
PDF = ("application/pdf", ".pdf")
# How a stored file is answered to a browser: never rendered as a page of ours, never sniffed, never run.
DOWNLOAD_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, no-store",
}

# The library itself refuses more than twice as many before it decodes anything.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS
# A 40-megapixel picture takes 160 MB while it is written anew.
_heavy_work = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class CheckedFile(File):
    """A file that may be stored: `content` is what will be kept, `media_type` what it is, whatever its name said."""

    media_type: str = ""


def checked(inbound: Inbound) -> Inbound:
    """The same arrival with every file checked, for doors to do before they open a transaction."""
    if len(inbound.files) > MOST_FILES:
        raise FileRefused("At most {count} files can be sent.", field="files", count=MOST_FILES)
    return replace(inbound, files=tuple(check(file) for file in inbound.files))


def check(file: File) -> CheckedFile:
    """Refuse what is no harmless picture or PDF; pictures are written anew, without the place and camera they hold."""
    if isinstance(file, CheckedFile):
        return file
    if len(file.content) > MOST_BYTES:
        raise _refused("This file is larger than 10 MB.", file)
    with _heavy_work:
        if file.content[:1024].lstrip().startswith(b"%PDF-"):
            return _check_pdf(file)
        return _check_image(file)


def check_fetched(file: File) -> CheckedFile:
    """The same for what a provider hands out, which may be voice or video as well: kept to be downloaded, never played here."""
    if len(file.content) > MOST_BYTES:
        raise _refused("This file is larger than 10 MB.", file)
    try:
        clip = clips.read(file.content)
    except clips.Damaged as error:
        raise _refused("This file is damaged and cannot be opened.", file) from error
    return check(file) if clip is None else CheckedFile(_clean_name(file.name, clip.ending), clip.content, clip.media_type)


def _check_pdf(file: File) -> CheckedFile:
    fault = pdfs.fault_of(file.content)
    if fault is not None:
        raise _refused(fault, file)
    return CheckedFile(_clean_name(file.name, PDF[1]), file.content, PDF[0])


def _check_image(file: File) -> CheckedFile:
    try:
        with Image.open(io.BytesIO(file.content), formats=list(IMAGES)) as image:
            kind = str(image.format)
            if image.width * image.height > MOST_PIXELS:
                raise _refused("This file has too many pixels.", file)
            content = _written_anew(image, kind)
    except UnidentifiedImageError as error:
        raise _refused("This is not a JPEG, PNG or WebP picture and not a PDF.", file) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _refused("This file has too many pixels.", file) from error
    # The decoders raise whatever a broken file makes them stumble over.
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, MemoryError) as error:
        raise _refused("This file is damaged and cannot be opened.", file) from error
    media_type, ending = IMAGES[kind]
    return CheckedFile(_clean_name(file.name, ending), content, media_type)


def _written_anew(image: Image.Image, kind: str) -> bytes:
    """Its pixels, upright, and nothing else: no position, no camera, no comment, no colour profile, no second frame."""
    upright = ImageOps.exif_transpose(image)
    has_alpha = kind != "JPEG" and upright.has_transparency_data
    plain = upright.convert("RGBA" if has_alpha else "RGB")
    plain.info.clear()
    written = io.BytesIO()
    plain.save(written, kind, quality=85)
    return written.getvalue()


def _clean_name(name: str, ending: str) -> str:
    """Its last part, in visible characters, with the ending of what it is."""
    base = name.replace("\\", "/").rpartition("/")[2]
    visible = "".join(each for each in base if unicodedata.category(each)[0] not in "CZ" or each == " ")
    stem = visible.rpartition(".")[0] or visible
    return (stem.strip(" .")[:LONGEST_NAME] or "file") + ending


def _refused(sentence: str, file: File) -> FileRefused:
    return FileRefused(sentence, field="files", name=file.name)


def make_folder(settings: Settings) -> None:
    """Once, when the service is set up. Later a missing folder is a disk that is not mounted, and is not made anew."""
    folder(settings).mkdir(mode=0o700, exist_ok=True)


def store(
    session: Session,
    file: CheckedFile,
    *,
    message: Message | None = None,
    answer: Answer | None = None,
    check: Check | None = None,
) -> Attachment:
    """Encrypted and on the disk before this returns; gone again if the transaction fails."""
    stored_as = secrets.token_hex(24)
    path = folder(get_settings()) / stored_as
    _remove_on_rollback(session, path)
    try:
        _write(path, privacy.ring().encrypt(file.content))
    except OSError as error:
        _remove(path.with_suffix(".part"))
        raise Unavailable() from error
    attachment = Attachment(
        message_id=message.id if message else None,
        answer_id=answer.id if answer else None,
        check_id=check.id if check else None,
        name=file.name,
        media_type=file.media_type,
        size=len(file.content),
        digest=hashlib.sha256(file.content).hexdigest(),
        stored_as=stored_as,
    )
    session.add(attachment)
    return attachment


def open(attachment: Attachment) -> bytes:
    """The file as it was checked. A file that is missing, or not the one that was stored, is Unavailable."""
    try:
        content = privacy.ring().decrypt((folder(get_settings()) / attachment.stored_as).read_bytes())
    except OSError as error:
        raise Unavailable("This file cannot be read at the moment.") from error
    if hashlib.sha256(content).hexdigest() != attachment.digest:
        raise Unavailable("This file cannot be read at the moment.")
    return content


def sweep(session: Session) -> int:
    """Remove files that no row knows: a process was killed between the writing of a file and its commit. Returns how many."""
    long_ago = (now() - SURELY_SETTLED).timestamp()
    old = [path for path in folder(get_settings()).glob("*") if path.stat().st_mtime < long_ago]
    swept = 0
    for start in range(0, len(old), AT_ONCE):
        some = {path.name: path for path in old[start : start + AT_ONCE]}
        known = set(session.scalars(select(Attachment.stored_as).where(Attachment.stored_as.in_(some))))
        for name in some.keys() - known:
            _remove(some[name])
            swept += 1
    return swept


def folder(settings: Settings) -> Path:
    return settings.data_dir / "attachments"


def _write(path: Path, sealed: bytes) -> None:
    """Whole or not at all: written aside, flushed to the disk, renamed, the folder flushed too."""
    aside = path.with_suffix(".part")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(sealed)
        out.flush()
        os.fsync(out.fileno())
    aside.rename(path)
    parent = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def _remove(path: Path) -> None:
    """A folder that cannot be written to cannot be tidied either, and holds nothing to tidy."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _remove_on_rollback(session: Session, path: Path) -> None:
    """The file goes when the transaction that stored it, or one around that, is rolled back."""
    session.connection()  # so that there is a transaction to remember
    stored_in = session.get_nested_transaction() or session.get_transaction()

    def remove(_: Session, rolled_back: SessionTransaction) -> None:
        if rolled_back in _with_parents(stored_in):
            _remove(path)

    event.listen(session, "after_soft_rollback", remove)


def _with_parents(transaction: SessionTransaction | None) -> list[SessionTransaction]:
    found = []
    while transaction is not None:
        found.append(transaction)
        transaction = transaction.parent
    return found
