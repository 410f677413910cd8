"""Monthly reports: by month, for the city or a unit, to read, print and sign."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from hotline.errors import NotAllowed
from hotline.services import reading_units, workbooks
from hotline.services.city import places
from hotline.services.monthly import reports, sheets
from hotline.services.monthly.months import Month
from hotline.web import render
from hotline.web.deps import Db, Look, Me
from models import Role

router = APIRouter(prefix="/reports/monthly", include_in_schema=False)

Code = Annotated[str, Query(max_length=32)]


@router.get("")
def months(request: Request, look: Look, me: Me, unit: Code = "") -> Response:
    """Liaisons choose among the months of their own unit."""
    sees_all = me.has(*reports.SEEN_BY)
    if not sees_all and not me.has(Role.LIAISON):
        raise NotAllowed()
    all_units = reading_units.all_units(look)
    if not sees_all:
        unit = next((each.code for each in all_units if each.id == me.unit_id), "")
    listed = reports.latest(look, unit)
    if not sees_all:
        listed = [each for each in listed if unit and each.signed]
    return render.page(request, "reports/months.html", me=me, months=listed, unit=unit, units=all_units, sees_all=sees_all)


@router.get("/{month}.xlsx")
def sheet(look: Look, me: Me, month: str, unit: Code = "") -> Response:
    """Whoever may read the report; it names nobody."""
    shown = reports.show(look, Month.parse(month), unit, to=me)
    headers = render.download_headers(sheets.name_of(shown))
    return Response(sheets.write(shown), media_type=workbooks.MEDIA_TYPE, headers=headers)


@router.get("/{month}")
def report(request: Request, look: Look, me: Me, month: str, unit: Code = "") -> Response:
    shown = reports.show(look, Month.parse(month), unit, to=me)
    return render.page(request, "reports/monthly.html", me=me, report=shown, brand=places.hotline_name(look))


@router.post("/{month}")
def sign(
    request: Request, me: Me, db: Db, month: str, unit: Code = "", remark: Annotated[str, Form(max_length=reports.LONGEST)] = ""
) -> Response:
    reports.sign(db, Month.parse(month), unit, remark=remark, by=me)
    query = f"?unit={unit}" if unit else ""
    return render.redirect(request, f"/reports/monthly/{month}{query}", notice="已签发，数字从此不变；正在发给名单上的人。")
