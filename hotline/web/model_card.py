"""What anybody may know of the model that suggests: what it is for, from what it learned, how often it is right, its limits."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hotline.services.city import places
from hotline.services.learning import model_versions
from hotline.settings import get_settings
from hotline.web import render
from hotline.web.deps import Look

router = APIRouter(include_in_schema=False)


@router.get("/model")
def show(request: Request, look: Look) -> Response:
    model = model_versions.about(model_versions.in_use(look).current, get_settings())
    return render.page(request, "public/model.html", brand=places.hotline_name(look), model=model)
