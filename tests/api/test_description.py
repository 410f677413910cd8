"""The description of /api/v1 holds what is true: each answer that it promises is really given, in the shape that it says."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator

from hotline.app import create_app
from hotline.db import Database
from hotline.settings import Settings
from models import CaseStatus, Scope
from tests.api.cases import CASES, a_case
from tests.factories_systems import Made, make_system, once, with_key
from tests.pictures import picture

ONE = "/api/v1/cases/{case_id}"
NOWHERE = "019a9f0e-7c3e-7b52-9a54-0c1d2e3f4a5b"
READING = {"/api/v1/me", CASES, "/api/v1/categories", "/api/v1/areas", "/api/v1/units"}
ANSWER = {"public_text": "已清运。", "closure": "solved"}
# What each act needs to be done, and what makes it malformed.
ACTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "sign": ({"json": {"seen": 1}}, {"json": {"seen": "first"}}),
    "contacted": ({"json": {"text": "已联系"}}, {"json": {"text": 1}}),
    "answer": ({"data": ANSWER}, {"data": {**ANSWER, "closure": "direct"}}),
    "ask-return": (
        {"json": {"reason": "not_my_duty", "basis": "职责清单", "proposed_unit": "ZJJ"}},
        {"json": {"reason": "no", "basis": "x"}},
    ),
    "send-down": ({"json": {"unit": "990181001001"}}, {"json": {}}),
    "send-up": ({"json": {"reason": "超出权限"}}, {"json": {}}),
}


def described(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = TestClient(client.app, client=("127.0.0.1", 50000)).get("/api/openapi.json").json()
    return found


def promised(description: dict[str, Any]) -> set[tuple[str, str, int]]:
    return {
        (method, path, int(status))
        for path, methods in description["paths"].items()
        if path.startswith("/api/v1/")
        for method, operation in methods.items()
        for status in operation["responses"]
    }


class Given:
    """What was really answered, each held against the description."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.description = description
        self.seen: set[tuple[str, str, int]] = set()

    def note(self, method: str, path: str, status: int, answer: Any) -> None:
        assert answer.status_code == status, (method, path, answer.text)
        response = self.description["paths"][path][method]["responses"][str(status)]
        if content := response.get("content"):
            kind = answer.headers["content-type"].partition(";")[0]
            schema = content.get(kind, {}).get("schema")
            if kind.endswith("json"):
                assert schema is not None, (method, path, status, kind)
                whole = {**schema, "components": self.description["components"]}
                Draft202012Validator(whole).validate(answer.json())
        self.seen.add((method, path, status))


@pytest.fixture
def given(client: TestClient) -> Given:
    return Given(described(client))


def street_case(pages: Database, act: str) -> str:
    """The part of a street or its community in which the act may be done."""
    status = CaseStatus.DISPATCHED if act in ("sign", "contacted", "ask-return") else CaseStatus.IN_PROGRESS
    return a_case(pages, status, unit="T001")[0]


def call(program: TestClient, method: str, path: str, case_id: str, **sent: Any) -> Any:
    url = path.replace("{case_id}", case_id).replace("{file_id}", NOWHERE)
    headers = {**once(), **sent.pop("headers", {})}
    return program.request(method, url, headers=headers, **sent)


def test_every_answer_that_is_described_is_given(
    client: TestClient, pages: Database, settings: Settings, given: Given, system: Made
) -> None:
    with pages.unit_of_work() as session:
        street = make_system(session, unit="T001")
        reader = with_key(client, make_system(session, unit="T001", scopes=[Scope.READ]).key)
        elsewhere = with_key(client, make_system(session, unit="T001", addresses=["10.0.0.0/8"]).key)
    program, nobody = with_key(client, street.key), with_key(client, "hk_wrong")
    settings.systems.calls_per_minute = 1
    hurried = with_key(TestClient(create_app(settings, run_relay=False)), street.key)
    hurried.get("/api/v1/me")

    _reads(given, program, pages)
    _file(given, program, pages)
    _number(given, program, reader, pages)
    for act, (right, wrong) in ACTS.items():
        _act(given, program, pages, act, right, wrong)
    for method, path, status in sorted(promised(described(client))):
        if status in (401, 403, 429):
            refused = {401: nobody, 403: elsewhere, 429: hurried}[status]
            given.note(method, path, status, call(refused, method, path, NOWHERE, **_body(path)))

    assert promised(described(client)) - given.seen == set()


def _body(path: str) -> dict[str, Any]:
    act = path.rpartition("/")[2]
    return dict(ACTS[act][0]) if act in ACTS else {"json": {"reason": "联系"}} if act == "number" else {}


def _reads(given: Given, program: TestClient, pages: Database) -> None:
    case_id = street_case(pages, "answer")
    for path in (*READING, ONE):
        answer = call(program, "get", path, case_id)
        given.note("get", path, 200, answer)
        tag = {"If-None-Match": answer.headers.get("etag", "")}
        if ("get", path, 304) in promised(given.description):
            given.note("get", path, 304, call(program, "get", path, case_id, headers=tag))
    for path in (CASES, "/api/v1/areas"):
        given.note("get", path, 422, program.get(path, params={"limit": 0}))
    given.note("get", ONE, 404, call(program, "get", ONE, NOWHERE))
    given.note("get", ONE, 422, call(program, "get", ONE, "nonsense"))


def _file(given: Given, program: TestClient, pages: Database) -> None:
    case_id, path = street_case(pages, "answer"), f"{ONE}/files/{{file_id}}"
    program.post(
        f"{CASES}/{case_id}/answer", data=ANSWER, files=[("files", ("a.jpg", picture()))], headers=once()
    ).raise_for_status()
    file_id = program.get(f"{CASES}/{case_id}").json()["files"][0]["id"]
    given.note("get", path, 200, program.get(f"{CASES}/{case_id}/files/{file_id}"))
    given.note("get", path, 404, call(program, "get", path, case_id))
    given.note("get", path, 422, program.get(f"{CASES}/{case_id}/files/nonsense"))


def _number(given: Given, program: TestClient, reader: TestClient, pages: Database) -> None:
    case_id, path = street_case(pages, "sign"), f"{ONE}/number"
    given.note("post", path, 200, call(program, "post", path, case_id, json={"reason": "联系"}))
    given.note("post", path, 403, call(reader, "post", path, case_id, json={"reason": "联系"}))
    given.note("post", path, 404, call(program, "post", path, NOWHERE, json={"reason": "联系"}))
    given.note("post", path, 422, call(program, "post", path, case_id, json={}))


def _act(given: Given, program: TestClient, pages: Database, act: str, right: dict[str, Any], wrong: dict[str, Any]) -> None:
    path, case_id = f"{ONE}/{act}", street_case(pages, act)
    if act == "send-up":
        program.post(f"{CASES}/{case_id}/send-down", json={"unit": "990181001001"}, headers=once()).raise_for_status()
        case_id = next(each["id"] for each in program.get(CASES).json()["items"] if each["standing"] == "below")
    given.note("post", path, 200, call(program, "post", path, case_id, **right))
    given.note("post", path, 404, call(program, "post", path, NOWHERE, **right))
    given.note("post", path, 422, call(program, "post", path, case_id, **wrong))
    done = a_case(pages, CaseStatus.ANSWERED, unit="T001")[0]
    given.note("post", path, 409, call(program, "post", path, done, **_without_seen(right)))
    if act == "answer":
        # Its length is announced and nothing of it is read.
        given.note("post", path, 413, call(program, "post", path, case_id, data=ANSWER, headers={"Content-Length": "99000000"}))


def _without_seen(sent: dict[str, Any]) -> dict[str, Any]:
    return {"json": {}} if sent == ACTS["sign"][0] else sent


def test_every_example_fits_its_shape(client: TestClient) -> None:
    description = described(client)
    shapes: dict[str, Any] = description["components"]["schemas"]
    with_example = {name: schema for name, schema in shapes.items() if "example" in schema}
    for schema in with_example.values():
        Draft202012Validator({**schema, "components": description["components"]}).validate(schema["example"])

    assert {"CaseLine", "CaseWhole", "CasePage", "Sign", "ReturnAsked", "SentDown", "SentUp", "Contacted"} <= set(with_example)


def test_every_call_says_what_it_does_and_which_key_it_needs(client: TestClient) -> None:
    operations = [
        operation
        for path, methods in described(client)["paths"].items()
        if path.startswith("/api/v1/")
        for operation in methods.values()
    ]

    assert all(operation["summary"] and operation["security"] == [{"HTTPBearer": []}] for operation in operations)


def test_the_page_shows_each_call_with_its_examples(client: TestClient) -> None:
    page = TestClient(client.app, client=("127.0.0.1", 50000)).get("/api/docs").text

    assert "/api/v1/cases/{case_id}/answer" in page
    assert "Idempotency-Key" in page
    assert "990181-20261121-000123" in page
