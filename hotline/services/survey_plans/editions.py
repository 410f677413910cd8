"""The survey rule as administrators write it: a text that is checked, and put in force as a new edition."""

import json
from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import ValidationError
from sqlalchemy.orm import Session

from hotline.errors import Invalid
from hotline.services import administration, editions
from hotline.services.access import Me
from hotline.services.survey_plans.rule import KIND, SurveyRule
from models import Rule

LONGEST = 32 * 1024


def written(body: Mapping[str, Any]) -> str:
    """In the order of the rule, whichever the database keeps."""
    ordered = {name: body[name] for name in SurveyRule.model_fields if name in body}
    return yaml.safe_dump(ordered, allow_unicode=True, sort_keys=False, width=120)


def read(text: str) -> tuple[dict[str, Any], SurveyRule]:
    """Refused in words that say where it is wrong."""
    if len(text) > LONGEST:
        raise Invalid("This is too large.", field="text")
    try:
        body = json.loads(json.dumps(yaml.safe_load(text), default=str))
        return body, SurveyRule.model_validate(body)
    except yaml.YAMLError as error:
        raise Invalid("This cannot be read: {problem}", field="text", problem=str(error)[:200]) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "—"
        raise Invalid("{place} is not right: {value}.", field="text", place=place, value=first["msg"]) from error


def change(session: Session, text: str, *, by: Me) -> Rule:
    """In force at once, for plans that begin from now on; the same again adds no edition."""
    body, _ = read(text)
    return administration.new_edition(session, editions.current(session, KIND), body, by=by)
