"""The administrators' page of surveys: how citizens are asked, in words, and the rule itself as a text to write anew."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hotline.services.profiles import profiles
from hotline.services.rule_documents import kinds
from hotline.services.survey_plans import rule
from hotline.web import admin_documents
from hotline.web.deps import Look, Me

# Part of the administration, which lets administrators only come in.
router = APIRouter(prefix="/surveys")


@router.get("")
def surveys(request: Request, look: Look, me: Me) -> Response:
    names = {code: profiles.shipped(code)["name"] for code in profiles.SHIPPED}
    kind, explained = kinds.find(rule.KIND), rule.current(look)
    return admin_documents.page(request, look, me, kind, template="admin/surveys.html", names=names, explained=explained)
