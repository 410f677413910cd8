"""What docs/workflow.md shows of the shipped profiles; `python -m tests.house.profile_docs` writes it there anew."""

import re
from collections.abc import Iterator

from hotline.services.clocks.deadlines import Limit
from hotline.services.profiles import profiles
from hotline.services.profiles.profiles import Profile
from models import CaseStatus, Urgency
from models.workflow import Clock
from tests.house.source import ROOT

PAGE = ROOT / "docs" / "workflow.md"
LIMITS = "Limits for emergency / urgent / normal matters; one figure stands for all three."
BEGIN, END = "<!-- profiles: written by python -m tests.house.profile_docs -->", "<!-- end of profiles -->"


def shown() -> dict[str, Profile]:
    default, *others = sorted(profiles.SHIPPED, key=lambda code: (code != profiles.DEFAULT, code))
    return {code: Profile.model_validate(profiles.shipped(code)) for code in (default, *others)}


def section() -> str:
    known = shown()
    head = ["", *known]
    rows = [head, ["---"] * len(head), *([name, *cells] for name, cells in _rows(list(known.values())))]
    table = "\n".join("|" + "|".join(f" {cell} " if cell else " " for cell in row) + "|" for row in rows)
    drawings = [f"### {code}\n\n{mermaid(profile)}" for code, profile in known.items()]
    return "\n\n".join([BEGIN, LIMITS, table, *drawings, END])


def _rows(known: list[Profile]) -> Iterator[tuple[str, list[str]]]:
    yield "in Chinese", [profile.name for profile in known]
    yield "reviewed before dispatch", [_yes(CaseStatus.UNDER_REVIEW in profile.reachable()) for profile in known]
    yield "goes first to", [f"the {profile.first_unit}'s unit" for profile in known]
    yield "levels", [str(profile.levels) for profile in known]
    yield "looked at on the spot", [_spot(profile) for profile in known]
    yield "citizen asked", [profile.ask_citizen.replace("_", " ") for profile in known]
    for stage in ("review", "dispatch", "sign", "contact", "answer", "check", "verify", "callback", "decide"):
        yield f"`{stage}`", [_limits(profile, stage) for profile in known]
    yield "return within", [_limit(profile.return_window) for profile in known]
    yield "weights", ["<br>".join(f"{name} {weight:g}" for name, weight in profile.weights.items()) for profile in known]


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _spot(profile: Profile) -> str:
    if CaseStatus.VERIFYING not in profile.reachable():
        return "no"
    ways = {row.to for row in profile.ways_out(CaseStatus.ANSWERED).values()}
    return "where needed" if ways & {CaseStatus.CLOSED, CaseStatus.CALLBACK} else "always"


def _limits(profile: Profile, stage: str) -> str:
    clocks = {row.clock for status in (None, *profile.reachable()) for row in profile.ways_out(status).values()}
    if stage != "contact" and Clock(stage) not in clocks:
        return "–"
    given = [_limit(profile.limit(stage, urgency)) for urgency in Urgency]
    return given[0] if len(set(given)) == 1 else " / ".join(given)


def _limit(limit: Limit) -> str:
    return f"{limit.amount}{limit.unit}"


def mermaid(profile: Profile) -> str:
    origins: list[CaseStatus | None] = [None, *(status for status in CaseStatus if status in profile.reachable())]
    rows = [(origin, action, row.to) for origin in origins for action, row in profile.ways_out(origin).items()]
    arrows = [f"  {origin or '[*]'} --> {to}: {action}" for origin, action, to in rows]
    return "\n".join(["```mermaid", "stateDiagram-v2", *arrows, "```"])


def main() -> None:
    written = re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: section(), PAGE.read_text(), flags=re.DOTALL)
    PAGE.write_text(written)


if __name__ == "__main__":
    main()
