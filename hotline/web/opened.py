"""Open figures for everybody: a page, CSV and JSON of signed months."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from hotline.errors import NotFound
from hotline.services.city import places
from hotline.services.monthly import opening
from hotline.services.monthly.months import Month
from hotline.web import render
from hotline.web.deps import Look

router = APIRouter(prefix="/open", include_in_schema=False)

# A signed month does not change any more.
KEPT = {"Cache-Control": "public, max-age=3600"}


@router.get("")
def page(request: Request, look: Look, month: str = "") -> Response:
    months = opening.months(look)
    chosen = Month.parse(month) if month else next(iter(months), None)
    found = opening.figures(look, chosen) if chosen else None
    return render.page(request, "public/open.html", months=months, found=found, brand=places.hotline_name(look))


@router.get("/{file}")
def download(look: Look, file: str) -> Response:
    month, _, kind = file.partition(".")
    if kind not in ("csv", "json"):
        raise NotFound()
    found = opening.figures(look, Month.parse(month))
    if kind == "json":
        return JSONResponse(opening.as_json(found), headers=KEPT)
    name = {"Content-Disposition": f'attachment; filename="12345-{found.month}.csv"'}
    return Response(opening.as_csv(found), media_type="text/csv; charset=utf-8", headers={**KEPT, **name})
