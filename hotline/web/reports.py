"""Reports to look at: rankings, a unit's and an agent's own page, the cases behind a number, appeals, periods, the rules."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from hotline.services import access
from hotline.services.profiles import profiles
from hotline.services.profiles.profiles import Indicator
from hotline.services.scores import appeals, behind, boards, corrections, entries, periods, screens
from hotline.services.scores import rule as rules
from hotline.services.scores.rule import SECONDS, Measure
from hotline.services.scores.spans import Span, Stretch, month_of
from hotline.web import render, reports_acts
from hotline.web.deps import Look, Me
from models import Dimension, Role, now

router = APIRouter(prefix="/reports", include_in_schema=False)
router.include_router(reports_acts.router)

FIRST = date(2000, 1, 1)
LAST = date(2199, 12, 31)
# What a ranking can be of; agents have a page of their own.
BY = tuple(each for each in Dimension if each not in (Dimension.CITY, Dimension.AGENT))


def _stretch(
    span: Span = Span.MONTH,
    on: Annotated[date | None, Query(ge=FIRST, le=LAST)] = None,
    hour: Annotated[int, Query(ge=0, le=23)] = 0,
) -> Stretch:
    return Stretch.of(span, on, hour=hour) if on else Stretch.around(span, now())


Chosen = Annotated[Stretch, Depends(_stretch)]


def _page(request: Request, name: str, me: access.Me, **values: Any) -> Response:
    shared: dict[str, Any] = {
        "all_spans": tuple(Span),
        "indicators": tuple(Indicator),
        "seconds": SECONDS,
        "sees_all": screens.may_see_all(me),
    }
    return render.page(request, f"reports/{name}.html", me=me, **shared, **values)


@router.get("")
def overview(request: Request, look: Look, me: Me, stretch: Chosen) -> Response:
    if not screens.may_see_all(me):
        return _own(request, look, me)
    board = boards.board(look, Dimension.CHANNEL, stretch)
    before = boards.board(look, Dimension.CITY, stretch.before())
    return _page(request, "overview", me, board=board, stretch=stretch, before=before.city)


def _own(request: Request, look: Look, me: access.Me) -> Response:
    own = screens.own_unit(look, me)
    if own is not None:
        return render.redirect(request, f"/reports/unit/{own.code}")
    access.require(me, *screens.OF_AGENTS)
    return render.redirect(request, f"/reports/agent/{me.username}")


@router.get("/ranking")
def ranking(
    request: Request,
    look: Look,
    me: Me,
    stretch: Chosen,
    by: Dimension = Dimension.UNIT,
    group: Annotated[str, Query(max_length=24)] = "",
) -> Response:
    access.require(me, *screens.SEEN_BY)
    by = by if by in BY else Dimension.UNIT
    board = boards.board(look, by, stretch, group=group)
    outside = entries.outside(look, stretch.first) if by == Dimension.UNIT and stretch.span == Span.MONTH else {}
    return _page(request, "ranking", me, board=board, stretch=stretch, by=by, all_by=BY, group=group, outside=outside)


@router.get("/unit/{code}")
def unit(request: Request, look: Look, me: Me, stretch: Chosen, code: str) -> Response:
    shown = screens.unit_page(look, me, code, stretch)
    outside = entries.outside(look, stretch.first) if stretch.span == Span.MONTH else {}
    return _page(request, "unit", me, shown=shown, board=shown.board, stretch=stretch, outside=outside)


@router.get("/agents")
def agents(request: Request, look: Look, me: Me, stretch: Chosen) -> Response:
    access.require(me, *screens.SEEN_BY)
    return _page(request, "agents", me, board=screens.agents(look, me, stretch), stretch=stretch, measures=tuple(Measure))


@router.get("/agent/{username}")
def agent(request: Request, look: Look, me: Me, stretch: Chosen, username: str) -> Response:
    person = screens.person(look, me, username)
    board = boards.board(look, Dimension.AGENT, stretch, keys=[person.username])
    return _page(
        request, "agent", me, person=person, board=board, stretch=stretch, line=board.line(username), measures=tuple(Measure)
    )


@router.get("/cases")
def cases(
    request: Request,
    look: Look,
    me: Me,
    stretch: Chosen,
    measure: Indicator,
    by: Dimension = Dimension.CITY,
    key: Annotated[str, Query(max_length=64)] = boards.CITY,
    only: Annotated[str, Query(pattern="^(met|missed|omitted)?$")] = "",
    page: Annotated[int, Query(ge=0, le=2000)] = 0,
) -> Response:
    screens.require_number(look, me, by, key)
    board = boards.board(look, by, stretch, keys=[key])
    line = board.city if by == Dimension.CITY else board.line(key)
    found = behind.cases(look, by, key, measure, stretch, page=page, only=only)
    values = {"board": board, "line": line, "found": found, "by": by, "key": key, "measure": measure, "only": only}
    return _page(request, "cases", me, stretch=stretch, **values)


@router.get("/appeals")
def shown_appeals(
    request: Request, look: Look, me: Me, number: Annotated[str, Query(max_length=40)] = "", measure: Indicator | None = None
) -> Response:
    access.require(me, *screens.SEEN_BY, Role.LIAISON)
    contestable = screens.CONTESTABLE
    return _page(request, "appeals", me, lines=appeals.lines(look, me), number=number, measure=measure, contestable=contestable)


@router.get("/periods")
def shown_periods(
    request: Request, look: Look, me: Me, month: Annotated[date | None, Query(ge=FIRST, le=LAST)] = None
) -> Response:
    access.require(me, *screens.SEEN_BY)
    closed = periods.closed(look)
    opened = next((line.period for line in closed if month and line.period.starts_on == month_of(month)), None)
    corrected = corrections.of_period(look, opened.id) if opened else ()
    values = {"corrected": corrected, "units": corrections.units_of(look, opened.id) if opened else ()}
    closing = periods.next_closing(look)
    return _page(request, "periods", me, closed=closed, opened=opened, closing=closing, **values)


@router.get("/rules")
def shown_rules(request: Request, look: Look, me: Me) -> Response:
    """Whoever is scored may read how."""
    edition, newest = rules.current(look), rules.editions(look).rows[0]
    weights = profiles.in_force(look).weights
    return _page(
        request,
        "rules",
        me,
        edition=edition,
        newest=newest,
        rule=rules.of_rule(edition),
        weights=weights,
        measures=tuple(Measure),
    )
