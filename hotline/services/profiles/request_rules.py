"""What a profile says beside the tables: what may be asked for, how often, who decides it; when people are warned."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from hotline.services.clocks.deadlines import Limit
from models import Measure, Role, Urgency

TimeLimit = Annotated[Limit, BeforeValidator(Limit.parse)]


class RequestRules(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExtensionRules(RequestRules):
    """延期: asked for so long before the due time, by at most so much, for these urgencies only."""

    before: TimeLimit = Limit.parse("4h")
    longest: TimeLimit = Limit.parse("10wd")
    urgencies: frozenset[Urgency] = frozenset({Urgency.NORMAL})
    decided_by: frozenset[Role] = frozenset({Role.DISPATCHER})


class PauseRules(RequestRules):
    """The answer's clock stands still while the citizen is asked: so long at most, so often for each unit."""

    longest: TimeLimit = Limit.parse("3d")
    times: Annotated[int, Field(ge=0)] = 2
    urgencies: frozenset[Urgency] = frozenset({Urgency.NORMAL})


class ArbitrationRules(RequestRules):
    """A case is contested after so many refused returns, or so many dispatches: then units meet, and one of them keeps it."""

    refusals: Annotated[int, Field(ge=1)] = 2
    dispatches: Annotated[int, Field(ge=2)] = 3


class LedgerRules(RequestRules):
    """挂账: looked at again after so long at most, told of so often meanwhile, decided by these."""

    longest: TimeLimit = Limit.parse("365d")
    note_every: TimeLimit = Limit.parse("30d")
    decided_by: frozenset[Role] = frozenset({Role.SUPERVISOR})


class WithdrawalRules(RequestRules):
    """撤诉: of the cases that were withdrawn from a unit's hands this share is looked at, so that no unit presses for it."""

    sample: Annotated[float, Field(ge=0, le=1)] = 0.2


class AlarmRules(RequestRules):
    """Units are warned when this share of a limit is used."""

    warn: Annotated[float, Field(gt=0, lt=1)] = 0.75


class SupervisionRules(RequestRules):
    """督办: within what time a unit answers a measure, and how long past due which one follows by itself."""

    answer: TimeLimit = Limit.parse("1wd")
    ladder: Mapping[Measure, TimeLimit] = {}
