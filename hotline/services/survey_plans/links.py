"""The secret address of a survey's page, which the database does not hold."""

import base64
import hashlib
from uuid import UUID

from hotline.settings import get_settings
from models import Survey, privacy


def token_of(survey: Survey) -> str:
    """The secret of the survey's link; for pages whose reader has shown number and code, and for what is sent to the citizen."""
    return token(survey.case_id, survey.round)


def link(survey: Survey) -> str:
    return f"{get_settings().public_url}/survey/{token_of(survey)}"


def token(case_id: UUID, round_: int) -> str:
    secret = privacy.lookup_hash("survey", f"{case_id}\0{round_}")
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")


def hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
