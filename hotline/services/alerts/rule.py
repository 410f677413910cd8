"""When the wall raises an alarm: data in editions."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from hotline.services.clocks.deadlines import Limit
from hotline.services.in_force import InForce


def _natural(text: object) -> timedelta:
    if isinstance(text, timedelta):
        return text
    limit = Limit.parse(text)
    if limit.unit == "wd":
        raise ValueError("working days are no length on the clock")
    return limit.natural


Length = Annotated[timedelta, BeforeValidator(_natural)]
WorkingLimit = Annotated[Limit, BeforeValidator(Limit.parse)]
Chance = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


class ClusterRule(_Part):
    within: Length
    least: Count
    chance: Chance
    usual_days: Annotated[int, Field(ge=1, le=366)]


class RateRule(_Part):
    bar: Chance
    least: Count


class StuckRule(_Part):
    overdue: Count
    silent: WorkingLimit


class TelephonyRule(_Part):
    silent: Length


class AlertRule(_Part):
    cluster: ClusterRule
    connection: RateRule
    prompt: RateRule
    margin: Annotated[float, Field(ge=0, lt=0.1)]
    stuck: StuckRule
    telephony: TelephonyRule
    told_again_after: Length
    published_from: Count


KIND = "alerts"
_IN_FORCE = InForce(KIND, AlertRule.model_validate)
current = _IN_FORCE.current
