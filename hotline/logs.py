"""JSON log lines with request, call, contact and case ids; phone and identity numbers are masked before they are written."""

import json
import logging
import re
import sys
from contextvars import ContextVar
from typing import Any

from models.base import now

# What the current request or task is about; every line carries it.
context: ContextVar[dict[str, str]] = ContextVar("context", default={})  # noqa: B039 -- replaced, never changed in place

_ID_NUMBER = re.compile(r"(?<![0-9A-Za-z])(\d{6})\d{8}(\d{3}[\dXx])(?![0-9A-Za-z])")
_PHONE = re.compile(r"(?<![0-9A-Za-z-])((?:\+?86[- ]?)?1[3-9]\d)[- ]?\d{4}[- ]?(\d{4})(?![0-9A-Za-z-])")
_LANDLINE = re.compile(r"(?<![0-9A-Za-z-])(0\d{2,3}-?\d{2})\d{3,4}(\d{2})(?![0-9A-Za-z-])")
_STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}


def mask(text: str) -> str:
    text = _ID_NUMBER.sub(r"\1********\2", text)
    text = _PHONE.sub(r"\1****\2", text)
    return _LANDLINE.sub(r"\1***\2", text)


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "message": record.getMessage(),
            "level": record.levelname.lower(),
            "at": now().isoformat(timespec="milliseconds"),
            "logger": record.name,
            **context.get(),
            **{key: value for key, value in record.__dict__.items() if key not in _STANDARD},
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(_masked(line), ensure_ascii=False)


def _masked(value: Any) -> Any:
    """Value by value, so that the line stays JSON: a piece of a long fraction is no telephone number."""
    if isinstance(value, dict):
        return {key: _masked(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_masked(each) for each in value]
    if value is None or isinstance(value, bool | float):
        return value
    shown = mask(str(value))
    return value if isinstance(value, int) and shown == str(value) else shown


def set_up(level: str) -> None:
    """Send every logger's lines to standard error as JSON; what was configured before is replaced."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Addresses may hold codes and numbers; the others say nothing that an operator needs.
    for noisy in (
        "uvicorn.access",
        "httpx",
        "httpcore",
        "twilio.http_client",
        "celery.worker.strategy",
        "alembic.runtime.migration",
        "pikepdf._core",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
