"""What other systems may call, drawn from the program itself; without scripts from elsewhere, for closed networks."""

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response

from hotline.web import render

router = APIRouter(include_in_schema=False)


def _description(request: Request) -> dict[str, Any]:
    app = request.app
    return get_openapi(title=app.title, version=app.version, routes=app.routes)


def _written(example: object) -> str:
    return json.dumps(example, ensure_ascii=False, indent=2)


@router.get("/api/openapi.json")
def openapi(request: Request) -> Response:
    return JSONResponse(_description(request))


@router.get("/api/docs")
def docs(request: Request) -> Response:
    return render.page(request, "api/page.html", description=_description(request), written=_written)
