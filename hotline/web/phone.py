"""The softphone's own small page; the telephone itself is not part of this service yet."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hotline.web import render
from hotline.web.deps import Me

router = APIRouter(include_in_schema=False)


@router.get("/phone")
def phone(request: Request, me: Me) -> Response:
    return render.page(request, "phone/page.html", me=me)
