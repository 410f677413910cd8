"""The city's reference data, by the codes that cases hold."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from hotline import db
from hotline.api.v1.calling import Calling, shown
from hotline.api.v1.refusals import described
from hotline.api.v1.shapes import AreaLine, AreaPage, Categories, CategoryLine, UnitLine, Units
from hotline.services.systems import reading

router = APIRouter(prefix="/api/v1")

UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "If-None-Match names what the caller has."}}
MOST = 1000


@router.get(
    "/categories", response_model=Categories, responses={**UNCHANGED, **described()}, summary="Categories of the edition in force"
)
def categories(request: Request, caller: Calling) -> Response:
    with db.reading() as session:
        found = reading.categories(session)
    items = [CategoryLine(code=each.code, name=each.name, level=each.level, parent=each.parent_code) for each in found]
    return shown(request, Categories(items=items))


@router.get("/areas", response_model=AreaPage, responses={**UNCHANGED, **described(422)}, summary="Townships, communities, grids")
def areas(
    request: Request,
    caller: Calling,
    after: Annotated[str, Query(max_length=32, description="`next` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=MOST)] = MOST,
) -> Response:
    with db.reading() as session:
        found = reading.areas(session, after=after, limit=limit + 1)
    items = [AreaLine(code=each.code, name=each.name, kind=each.kind, parent=each.parent_code) for each in found[:limit]]
    return shown(request, AreaPage(items=items, next=items[-1].code if len(found) > limit else None))


@router.get(
    "/units", response_model=Units, responses={**UNCHANGED, **described()}, summary="Units, for proposals and sending down"
)
def units(request: Request, caller: Calling) -> Response:
    with db.reading() as session:
        found = reading.units(session)
    return shown(
        request, Units(items=[UnitLine(code=unit.code, name=unit.name, kind=unit.kind, parent=above) for unit, above in found])
    )
