"""The whole file of a case: who takes it, what is in it, and that it can be checked."""

import hashlib
import json
import re
import zipfile
from io import BytesIO
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from hotline.db import Database
from hotline.services import supervision
from hotline.services.files import files
from hotline.services.learning.duties import ReturnReason
from hotline.services.sideways import correcting
from hotline.services.telephone import recording_store
from hotline.settings import Settings
from models import AccessLog, Attachment, CaseStatus, Measure, Message, Role
from tests.conftest import SignIn
from tests.factories import unit_of
from tests.factories_cases import an_actor, fresh_key, lead_of, liaison_of, make_case
from tests.factories_recordings import make_recording, spoken_call
from tests.web.forms import form


@pytest.fixture
def number(pages: Database) -> str:
    with pages.unit_of_work() as session:
        return make_case(session, status=CaseStatus.CLOSED, content="小区门口的垃圾").number


def take(browser: TestClient, number: str, reason: str = "行政复议") -> Any:
    found = form(browser.get(f"/case/{number}").text, "bundle")
    return browser.post(found.action, data=found.filled(reason=reason))


def opened(answer: Any) -> zipfile.ZipFile:
    assert answer.status_code == 200, answer.text
    return zipfile.ZipFile(BytesIO(answer.content))


def test_a_supervisor_takes_the_whole_file_against_a_reason(as_role: SignIn, pages: Database, number: str) -> None:
    supervisor = as_role(Role.SUPERVISOR)

    assert take(supervisor, number, reason=" ").status_code == 422
    page = opened(take(supervisor, number)).read("case.html").decode()

    assert all(said in page for said in ("小区门口的垃圾", "校验链完整", "13800000172", "行政复议"))
    assert "src=" not in page
    with pages.reading() as session:
        noted = session.execute(select(AccessLog.reason).where(AccessLog.what == "bundle")).scalars().all()
    assert noted == ["行政复议"]


def test_each_file_is_listed_with_its_checksum(as_role: SignIn, number: str) -> None:
    bundle = opened(take(as_role(Role.SUPERVISOR), number))
    manifest = json.loads(bundle.read("manifest.json"))

    listed = {each["name"]: each["sha256"] for each in manifest["files"]}
    assert listed == {name: hashlib.sha256(bundle.read(name)).hexdigest() for name in ("case.html", "history.json")}
    assert bundle.read("SHA256SUMS").decode().split() == [word for name in listed for word in (listed[name], name)]
    assert (manifest["case"], manifest["history_holds"], manifest["unreadable"]) == (number, True, [])


def test_the_history_comes_with_its_seals_and_says_if_it_was_changed(as_role: SignIn, pages: Database, number: str) -> None:
    supervisor = as_role(Role.SUPERVISOR)
    proof = json.loads(opened(take(supervisor, number)).read("history.json"))

    assert proof["holds"] is True
    assert [each["action"] for each in proof["events"]][:2] == ["file", "dispatch"]
    assert len({each["seal"] for each in proof["events"]}) == len(proof["events"])

    with pages.unit_of_work() as session:
        session.execute(text("DROP TRIGGER case_event_no_update"))
        session.execute(text("UPDATE case_event SET to_status = 'closed' WHERE serial = 2"))
    bundle = opened(take(supervisor, number))
    assert json.loads(bundle.read("history.json"))["first_broken"] == 2
    assert "第 2 条与写入时不符" in bundle.read("case.html").decode()


def test_letters_and_their_files_are_in_it_and_a_lost_file_is_named(
    as_role: SignIn, pages: Database, settings: Settings, number: str
) -> None:
    files.make_folder(settings)
    with pages.unit_of_work() as session:
        message = session.scalars(select(Message)).first()
        assert message is not None
        content = files.CheckedFile(name="现场.pdf", content=b"%PDF-1.4", media_type="application/pdf")
        files.store(session, content, message=message)
    supervisor = as_role(Role.SUPERVISOR)
    bundle = opened(take(supervisor, number))
    assert bundle.read("attachments/01-现场.pdf") == b"%PDF-1.4"
    (link,) = re.findall('href="([^"]*)"', bundle.read("case.html").decode())
    assert unquote(link) == "attachments/01-现场.pdf"

    with pages.reading() as session:
        stored = session.scalars(select(Attachment.stored_as)).one()
    (settings.data_dir / "attachments" / stored).unlink()
    manifest = json.loads(opened(take(supervisor, number)).read("manifest.json"))
    assert manifest["unreadable"] == ["attachments/01-现场.pdf"]


def test_measures_with_their_answers_and_what_was_there_before_a_correction_are_in_it(as_role: SignIn, pages: Database) -> None:
    with pages.unit_of_work() as session:
        case = make_case(session, status=CaseStatus.IN_PROGRESS)
        supervisor, liaison = an_actor(session, Role.SUPERVISOR), liaison_of(session, lead_of(session, case))
        mark = supervision.take(session, case, Measure.YELLOW_CARD, basis="两次催办没有回音", by=supervisor, key=fresh_key())
        supervision.answer(session, mark, text="今天派人到场", by=liaison, key=fresh_key())
        supervision.clear(session, mark, reason="整改到位", by=supervisor, key=fresh_key())
        right, dispatcher = unit_of(session, "ZJJ"), an_actor(session, Role.DISPATCHER)
        wrong = ReturnReason.NOT_MY_DUTY
        correcting.unit(session, case, right, reason_code=wrong, reason="职责在住建", by=dispatcher, key=fresh_key())
        number = case.number

    page = opened(take(as_role(Role.SUPERVISOR), number)).read("case.html").decode()

    assert all(said in page for said in ("黄牌", "两次催办没有回音", "单位回复：今天派人到场", "解除：整改到位"))
    assert "CGJ 城管 → ZJJ 住建" in page


def test_an_administrator_takes_it_by_number_and_an_agent_never(as_role: SignIn, number: str) -> None:
    administrator, agent = as_role(Role.ADMINISTRATOR), as_role(Role.AGENT)
    found = form(administrator.get("/admin/access").text, "bundle")

    assert opened(administrator.post(found.action, data=found.filled(number=number, reason="审计"))).testzip() is None
    assert administrator.post(found.action, data=found.filled(number="1", reason="审计")).status_code == 404
    assert 'action="/bundle"' not in agent.get(f"/case/{number}").text
    theirs = form(agent.get("/search?q=").text, "sheet").fields
    refused = agent.post("/bundle", data={"csrf": theirs["csrf"], "number": number, "reason": "看看"})
    assert refused.status_code == 403


def test_recordings_are_in_it_for_those_who_may_take_copies(as_role: SignIn, pages: Database, settings: Settings) -> None:
    recording_store.make_folder(settings)
    with pages.unit_of_work() as session:
        call, _, _ = spoken_call(session)
        length = make_recording(session, call).size
        case = make_case(session)
        call.contact_id, spoken = case.contact_id, case.number
    supervisor, administrator = as_role(Role.SUPERVISOR), as_role(Role.ADMINISTRATOR)

    bundle = opened(take(supervisor, spoken))
    sound = [name for name in bundle.namelist() if name.startswith("recordings/")]
    assert [len(bundle.read(name)) for name in sound] == [length]

    found = form(administrator.get("/admin/access").text, "bundle")
    without = opened(administrator.post(found.action, data=found.filled(number=spoken, reason="审计")))
    assert json.loads(without.read("manifest.json"))["calls_withheld"] == 1
    assert not [name for name in without.namelist() if name.startswith("recordings/")]
