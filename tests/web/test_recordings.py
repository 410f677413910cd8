"""Recordings in the browser: by range, for those who may, each start noted, as a copy, and as a player on a page."""

import re
from datetime import timedelta

import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.services import access
from hotline.services.telephone import calling, recording_store, recording_upkeep, recordings
from hotline.settings import Settings
from hotline.web import render
from models import AccessLog, Call, CallStep, Case, CaseStatus, Contact, Recording, RecordingKind, Role, now
from tests.conftest import SignIn
from tests.factories import make_staff
from tests.factories_cases import make_case
from tests.factories_recordings import make_recording, spoken_call
from tests.sounds import tone, wav

CONTENT = wav(tone(30))
SIZE = len(CONTENT)


@pytest.fixture
def recording(pages: Database, client: TestClient, settings: Settings) -> Recording:
    """The mix of a call that somebody answered; the sides are there as well."""
    recording_store.make_folder(settings)
    with pages.unit_of_work() as session:
        call = spoken_call(session)[0]
        for kind in (RecordingKind.CALLER, RecordingKind.AGENT):
            make_recording(session, call, kind)
        return make_recording(session, call, seconds=30)


@pytest.fixture
def judge(as_role: SignIn, recording: Recording) -> TestClient:
    return as_role(Role.QUALITY_JUDGE)


def url(recording: Recording, rest: str = "") -> str:
    return f"/recordings/{recording.id}{rest}"


def looks(pages: Database, recording: Recording) -> list[str]:
    with pages.reading() as session:
        return list(session.scalars(select(AccessLog.what).where(AccessLog.subject_id == recording.id)))


def test_the_whole_sound_is_played_and_never_kept_by_the_browser(judge: TestClient, recording: Recording) -> None:
    answer = judge.get(url(recording))

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["content-length"] == str(SIZE)
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-", 0, SIZE),
        ("bytes=0-0", 0, 1),
        ("bytes=65530-65545", 65530, 65546),
        ("bytes=100000-", 100000, SIZE),
        ("bytes=-500", SIZE - 500, SIZE),
        (f"bytes=-{SIZE + 5}", 0, SIZE),
        (f"bytes=9-{SIZE + 5}", 9, SIZE),
    ],
)
def test_a_stretch_is_answered_by_itself(judge: TestClient, recording: Recording, asked: str, start: int, end: int) -> None:
    answer = judge.get(url(recording), headers={"Range": asked})

    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE + 9}-{SIZE + 10}", "bytes=-0", "bytes=9-3"])
def test_a_stretch_outside_of_it_is_refused(judge: TestClient, recording: Recording, asked: str) -> None:
    answer = judge.get(url(recording), headers={"Range": asked})

    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize("asked", ["bytes=-", "bytes=a-b", "items=0-5", "bytes=0-5,9-12", f"bytes={'9' * 40}-"])
def test_what_is_no_range_of_ours_gets_the_whole(judge: TestClient, recording: Recording, asked: str) -> None:
    answer = judge.get(url(recording), headers={"Range": asked})

    assert (answer.status_code, len(answer.content)) == (200, SIZE)


def test_the_rest_of_another_file_is_never_put_behind_the_beginning_of_this_one(judge: TestClient, recording: Recording) -> None:
    mark = judge.head(url(recording)).headers["etag"]

    same = judge.get(url(recording), headers={"Range": "bytes=5-9", "If-Range": mark})
    other = judge.get(url(recording), headers={"Range": "bytes=5-9", "If-Range": '"another"'})

    assert (same.status_code, other.status_code) == (206, 200)
    assert recording.stored_as not in mark


def test_a_look_at_its_headers_is_no_listening(judge: TestClient, pages: Database, recording: Recording) -> None:
    answer = judge.head(url(recording), headers={"Range": "bytes=5-9"})

    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", str(SIZE))
    assert looks(pages, recording) == []


def test_a_start_of_a_player_is_noted_once(judge: TestClient, pages: Database, recording: Recording) -> None:
    for asked in ("bytes=0-", "bytes=400000-", "bytes=0-", "bytes=100-200"):
        assert judge.get(url(recording), headers={"Range": asked}).status_code == 206

    assert looks(pages, recording) == ["listened"]


def test_who_skips_the_beginning_is_noted_all_the_same(judge: TestClient, pages: Database, recording: Recording) -> None:
    judge.get(url(recording), headers={"Range": "bytes=44-"})

    assert looks(pages, recording) == ["listened"]


@pytest.mark.parametrize("rest", ["", "/waveform", "/copy"])
@pytest.mark.parametrize(("role", "unit"), [(Role.AGENT, ""), (Role.LIAISON, "CGJ"), (Role.ADMINISTRATOR, "")])
def test_others_do_not_find_it(as_role: SignIn, recording: Recording, pages: Database, rest: str, role: Role, unit: str) -> None:
    browser = as_role(role, unit=unit)

    assert browser.get(url(recording, rest)).status_code in (403, 404)
    assert looks(pages, recording) == []


@pytest.mark.parametrize("rest", ["", "/waveform", "/copy"])
def test_nobody_hears_anything_without_signing_in(client: TestClient, recording: Recording, rest: str) -> None:
    assert client.get(url(recording, rest)).status_code in (303, 401)


def test_a_copy_has_a_name_and_is_noted(judge: TestClient, as_role: SignIn, pages: Database, recording: Recording) -> None:
    answer = judge.get(url(recording, "/copy"), headers={"Range": "bytes=0-9"})

    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert re.match(r"attachment; filename\*=UTF-8''\d{8}-\d{6}-.+\.wav$", answer.headers["content-disposition"])
    assert looks(pages, recording) == ["copied"]
    assert as_role(Role.VERIFIER).get(url(recording, "/copy")).status_code == 403


def test_the_outline_is_fetched_without_listening(judge: TestClient, pages: Database, recording: Recording) -> None:
    answer = judge.get(url(recording, "/waveform"))

    assert answer.json() == {"seconds": 30.0, "peaks": [50] * recordings.OUTLINE}
    assert answer.headers["cache-control"] == "private, no-store"
    assert looks(pages, recording) == []


def test_a_file_that_is_gone_is_said(judge: TestClient, settings: Settings, recording: Recording) -> None:
    (settings.data_dir / "recordings" / recording.stored_as).unlink()

    assert judge.get(url(recording)).status_code == 503
    assert judge.get(url(recording, "/waveform")).status_code == 503


def test_a_contact_whose_recordings_were_erased_says_when(as_role: SignIn, pages: Database, recording: Recording) -> None:
    with pages.reading() as session:
        address = f"/phone/bar?c={session.get_one(Call, recording.call_id).contact_id}"
    desk = as_role(Role.SHIFT_LEADER)
    assert "已过保存期限" not in desk.get(address).text
    with pages.unit_of_work() as session:
        for each in session.scalars(select(Recording)):
            each.recorded_at = now() - timedelta(days=731)
    with pages.unit_of_work() as session:
        assert recording_upkeep.forget(session) == 3

    text = desk.get(address).text

    assert "录音已过保存期限" in text
    assert "<audio" not in text


def shown(pages: Database, contact: Contact, *roles: Role) -> str:
    with pages.unit_of_work() as session:
        staff = make_staff(session, roles=roles)
    me = access.Me(staff.id, staff.id, staff.username, staff.name, frozenset(roles), None, "", "")
    with pages.reading() as session:
        tracks = recordings.of_contact(session, me, contact)
    return bytes(render.fragment(Request({"type": "http"}), "recordings/_list.html", recordings=tracks).body).decode()


def test_a_page_shows_a_player_with_the_muted_stretches_in_words(pages: Database, recording: Recording) -> None:
    with pages.unit_of_work() as session:
        call = session.get_one(Call, recording.call_id)
        assert call.answered_at
        contact = session.get_one(Contact, call.contact_id)
        for step, seconds in ((CallStep.RECORDING_PAUSED, 4), (CallStep.RECORDING_RESUMED, 10.5)):
            calling.step(session, call.linkedid, step, at=call.answered_at + timedelta(seconds=seconds))

    page = shown(pages, contact, Role.SHIFT_LEADER)

    assert page.count("<audio") == 1
    assert f'src="/recordings/{recording.id}"' in page
    assert 'data-muted="4.0-10.5 "' in page
    assert "已静音（市民读卡号或证件号）：0:04–0:10" in page
    assert page.count("<option value=") == 6
    assert "data-copy" in page
    assert "data-copy" not in shown(pages, contact, Role.VERIFIER)
    assert shown(pages, contact, Role.DISPATCHER).strip() == ""


def test_a_page_says_which_side_of_a_call_was_lost_and_plays_the_rest(pages: Database, recording: Recording) -> None:
    with pages.reading() as session:
        contact = session.get_one(Contact, session.get_one(Call, recording.call_id).contact_id)
    whole = shown(pages, contact, Role.SHIFT_LEADER)
    with pages.unit_of_work() as session:
        session.delete(session.scalars(select(Recording).where(Recording.kind == RecordingKind.CALLER)).one())

    page = shown(pages, contact, Role.SHIFT_LEADER)

    assert "缺" not in whole
    assert "缺市民一方的录音" in page
    assert f'src="/recordings/{recording.id}"' in page
    assert page.count("<option value=") == 5


def test_a_case_has_the_recording_of_its_call_for_those_who_may_hear_it(
    pages: Database, as_role: SignIn, recording: Recording
) -> None:
    with pages.unit_of_work() as session:
        case = f"/case/{make_case(session, status=CaseStatus.DISPATCHED).number}"
        of_case = session.scalars(select(Case)).one()
        of_case.contact_id = session.get_one(Call, recording.call_id).contact_id

    verifier = as_role(Role.VERIFIER)
    assert f'hx-get="{case}/recordings"' in verifier.get(case).text
    assert url(recording) in verifier.get(f"{case}/recordings").text
    for other in (as_role(Role.DISPATCHER), as_role(Role.LIAISON, unit="CGJ")):
        assert url(recording) not in other.get(f"{case}/recordings").text
