"""Recordings of calls: the sound itself by range, its outline, and a copy for those who may take one."""

import re
from hashlib import sha256
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from hotline.services.files import files
from hotline.services.telephone import recording_store, recordings, sound
from hotline.web import times
from hotline.web.deps import Look, Me
from hotline.words import word
from models import Recording

router = APIRouter(prefix="/recordings", include_in_schema=False)

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


@router.api_route("/{recording_id}", methods=["GET", "HEAD"])
def play(request: Request, look: Look, me: Me, recording_id: UUID) -> Response:
    recording = recordings.see(look, me, recording_id)
    asked = _asked(request, recording)
    if asked is not None and not asked:
        return Response(status_code=416, headers={**files.DOWNLOAD_HEADERS, "Content-Range": f"bytes */{recording.size}"})
    if request.method == "GET":
        recordings.note_listening(look, me, recording, from_byte=asked.start if asked else 0)
    return _answer(request, recording, asked)


@router.get("/{recording_id}/copy")
def copy(request: Request, look: Look, me: Me, recording_id: UUID) -> Response:
    recording = recordings.see_copy(look, me, recording_id)
    answer = _answer(request, recording, None)
    name = f"{times.local(recording.recorded_at, '%Y%m%d-%H%M%S')}-{word('recording', recording.kind)}"
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}.{sound.ENDINGS[recording.media_type]}"
    return answer


@router.get("/{recording_id}/waveform")
def waveform(look: Look, me: Me, recording_id: UUID) -> Response:
    recording = recordings.see(look, me, recording_id)
    body = {"seconds": round(recording.seconds, 3), "peaks": recordings.outline(recording)}
    return JSONResponse(body, headers={"Cache-Control": "private, no-store"})


def _etag(recording: Recording) -> str:
    """Another one once it is archived: the bytes are others."""
    return f'"{sha256(recording.stored_as.encode()).hexdigest()[:32]}"'


def _asked(request: Request, recording: Recording) -> range | None:
    """The one range that is asked for, of just this file; None means the whole."""
    found = _RANGE.fullmatch(request.headers.get("range", ""))
    if request.method != "GET" or found is None or not any(found.groups()):
        return None
    if request.headers.get("if-range", _etag(recording)) != _etag(recording):
        return None
    first, last = found.groups()
    whole = range(recording.size)
    if not first:
        return whole[max(0, recording.size - int(last)) :]
    return whole[int(first) : int(last) + 1 if last else None]


def _answer(request: Request, recording: Recording, asked: range | None) -> Response:
    wanted = range(recording.size) if asked is None else asked
    headers = {
        **files.DOWNLOAD_HEADERS,
        "Accept-Ranges": "bytes",
        "ETag": _etag(recording),
        "Content-Length": str(len(wanted)),
    }
    if asked is not None:
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{recording.size}"
    if request.method == "HEAD":
        return Response(headers=headers, media_type=recording.media_type)
    pieces = recording_store.open(recording.stored_as).pieces(wanted.start, wanted.stop)
    return StreamingResponse(pieces, status_code=200 if asked is None else 206, headers=headers, media_type=recording.media_type)
