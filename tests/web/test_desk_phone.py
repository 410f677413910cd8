"""A person of the centre sits down at a telephone on a desk and leaves it again."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.services.telephone import lines
from models import PhoneLine, Role, Staff, SwitchboardCommand
from tests.conftest import SignIn
from tests.web.forms import form

PAGE = "/phone/desk"


@pytest.fixture
def with_secrets(as_role: SignIn) -> None:
    """Two telephones have been set up."""
    admin = as_role(Role.ADMINISTRATOR)
    csrf = form(admin.get("/admin/telephone").text, "desk-secret").fields
    for extension in ("1001", "1002"):
        assert admin.post(f"/admin/telephone/desk/{extension}/secret", data=csrf).status_code == 200


def sit_down(browser: TestClient, extension: str) -> int:
    fields = form(browser.get(PAGE).text, "desk-sit-down").filled(extension=extension)
    return browser.post(PAGE, data=fields).status_code


def line_of(pages: Database, username: str) -> str:
    with pages.reading() as session:
        line = lines.line_of(session, session.scalars(select(Staff.id).where(Staff.username == username)).one())
        return line.extension if line else ""


@pytest.mark.usefixtures("with_secrets")
def test_a_person_sits_down_at_a_free_telephone_and_leaves_it(as_role: SignIn, pages: Database) -> None:
    agent = as_role(Role.AGENT, username="wang")

    assert sit_down(agent, "1002") == 303
    assert line_of(pages, "wang") == "1002"
    left = form(agent.get(PAGE).text, "desk-leave", extension="1002")
    assert agent.post(left.action, data=left.filled()).status_code == 303

    assert line_of(pages, "wang") == ""
    with pages.reading() as session:
        asked = session.scalars(select(SwitchboardCommand).order_by(SwitchboardCommand.created_at)).all()
        assert [str(command.action) for command in asked][-2:] == ["sign_in", "sign_out"]
        assert session.get_one(PhoneLine, "1002").digest is not None


@pytest.mark.usefixtures("with_secrets")
def test_a_telephone_that_somebody_sits_at_is_not_offered_and_cannot_be_taken_or_freed(as_role: SignIn, pages: Database) -> None:
    first, second = as_role(Role.AGENT, username="wang"), as_role(Role.AGENT, username="li")
    sit_down(first, "1001")
    page = second.get(PAGE).text
    fields = form(page, "desk-sit-down").filled(extension="1001")

    assert 'value="1002"' in page
    assert 'value="1001"' not in page
    assert second.post(PAGE, data=fields).status_code == 409
    assert second.post(f"{PAGE}/leave", data=fields).status_code == 409
    assert (line_of(pages, "wang"), line_of(pages, "li")) == ("1001", "")


def test_a_telephone_without_a_secret_cannot_be_sat_at(as_role: SignIn) -> None:
    agent = as_role(Role.AGENT)
    page = agent.get(PAGE).text

    assert "没有空着的话机" in page
    assert agent.post(PAGE, data=form(page, "sign-out").filled(extension="1001")).status_code == 409
    assert agent.post(PAGE, data=form(page, "sign-out").filled(extension="2001")).status_code == 404


@pytest.mark.usefixtures("with_secrets")
def test_units_have_no_telephone(as_role: SignIn) -> None:
    assert as_role(Role.LIAISON, unit="CGJ").get(PAGE).status_code == 403
