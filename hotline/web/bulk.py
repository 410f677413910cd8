"""The dispatcher's page for several cases of one kind."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hotline.errors import Invalid
from hotline.services import access, filing, reading_centre, reading_units
from hotline.services.city import gazetteer
from hotline.services.units import bulk_dispatch
from hotline.services.units.bulk_dispatch import Pick
from hotline.web import render
from hotline.web.deps import Db, Look, Me, UnitCode, Words
from models import Role

router = APIRouter(prefix="/verify/alike", include_in_schema=False)


@router.get("/{number}")
def page(request: Request, look: Look, me: Me, number: str) -> Response:
    access.require(me, Role.DISPATCHER)
    subject = access.see_case(look, me, number).case
    found = bulk_dispatch.alike(look, subject)
    names = gazetteer.names_of(look, found)
    values: dict[str, Any] = {
        "proposed": reading_centre.proposed(look, subject),
        "units": reading_units.choices(look),
        "names": names,
    }
    return render.page(request, "verify/alike.html", me=me, subject=subject, found=found, outcomes=(), **values)


@router.post("/{number}")
def dispatch(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    pick: Annotated[list[str], Form(max_length=bulk_dispatch.MOST)] = [],  # noqa: B006 -- FastAPI copies it
    unit: UnitCode = "",
    note: Words = "",
) -> Response:
    access.require(me, Role.DISPATCHER)
    subject = access.see_case(db, me, number).case
    if not unit:
        raise Invalid("Please choose a unit.", field="unit")
    (lead,) = filing.units_of(db, [unit])
    outcomes = bulk_dispatch.dispatch(db, subject, [_pick(each) for each in pick], lead, note=note, by=me)
    return render.page(request, "verify/alike.html", me=me, subject=subject, unit=lead, outcomes=outcomes)


def _pick(text: str) -> Pick:
    """As the page writes it: the number, the version that was seen, and the key of this dispatch."""
    number, _, rest = text.partition(" ")
    seen, _, key = rest.partition(" ")
    if not (number and key and seen.isascii() and seen.isdigit() and len(seen) < 10):
        raise Invalid(field="pick")
    return Pick(number, key, int(seen))
