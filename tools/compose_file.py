"""Reads the part of the Compose format that docker-compose.yml uses: variables, commands, environments, health checks, order."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\})")


class ComposeError(Exception):
    """The file cannot be used as it is; the text says why."""


@dataclass(frozen=True)
class Service:
    name: str
    image: str
    command: list[str]
    environment: dict[str, str]
    takes_env_file: bool
    # From a folder inside the container to the name of its volume.
    volumes: dict[str, str] = field(default_factory=dict)
    # From the name of a service to the condition that it must meet first.
    depends_on: dict[str, str] = field(default_factory=dict)
    healthcheck: list[str] = field(default_factory=list)
    restart: str = "no"

    @property
    def runs_once(self) -> bool:
        return self.restart == "no"


def read_env_file(path: Path) -> dict[str, str]:
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def read_services(compose_file: Path, variables: Mapping[str, str]) -> dict[str, Service]:
    """The services in the order in which they can be started."""
    described = _fill(yaml.safe_load(compose_file.read_text())["services"], variables)
    services = {name: _service(name, body) for name, body in described.items()}
    order = TopologicalSorter({name: service.depends_on for name, service in services.items()}).static_order()
    return {name: services[name] for name in order}


def _service(name: str, body: Mapping[str, Any]) -> Service:
    test = body.get("healthcheck", {}).get("test", ["CMD"])
    if test[0] != "CMD":
        raise ComposeError(f"{name}: only health checks of the form [CMD, ...] are understood")
    return Service(
        name=name,
        image=body.get("image", ""),
        command=list(body.get("command", [])),
        environment={key: str(value) for key, value in body.get("environment", {}).items()},
        takes_env_file=bool(body.get("env_file")),
        volumes=dict(_volumes(body.get("volumes", []))),
        depends_on={other: how["condition"] for other, how in body.get("depends_on", {}).items()},
        healthcheck=test[1:],
        restart=body.get("restart", "no"),
    )


def _volumes(described: list[str]) -> Iterator[tuple[str, str]]:
    for volume in described:
        name, _, inside = volume.partition(":")
        yield inside, name


def _fill(value: Any, variables: Mapping[str, str]) -> Any:
    """Every `${NAME}`, `${NAME:-default}` and `${NAME:?message}` replaced, however deep."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: _value_of(match, variables), value)
    if isinstance(value, list):
        return [_fill(item, variables) for item in value]
    if isinstance(value, dict):
        return {key: _fill(item, variables) for key, item in value.items()}
    return value


def _value_of(match: re.Match[str], variables: Mapping[str, str]) -> str:
    if match["dollar"]:
        return "$"
    given = variables.get(match["name"], "")
    if given or match["kind"] is None:
        return given
    if match["kind"] == "?":
        raise ComposeError(match["rest"])
    return str(match["rest"])
