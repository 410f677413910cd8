"""The administrators' page of profiles: how each works, in words; what would change; putting one in force."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hotline.errors import NotFound
from hotline.services.profiles import profile_drawing, profile_editions, profile_files, profile_words, profiles
from hotline.settings import get_settings
from hotline.web import render
from hotline.web.deps import Db, Look, Me, Remark
from models import Rule, Urgency

# Part of the administration, which lets administrators only come in.
router = APIRouter(prefix="/profiles")


@router.get("")
def listed(request: Request, look: Look, me: Me) -> Response:
    return render.page(
        request,
        "admin/profiles.html",
        me=me,
        current=profiles.current(look),
        offered=profile_files.offered(get_settings()),
        editions=profile_editions.editions(look),
        changes=profile_editions.changes(look),
        folder=get_settings().data_dir / "profiles",
    )


@router.get("/edition/{edition_id}")
def edition(request: Request, look: Look, me: Me, edition_id: UUID) -> Response:
    """As it was put in force, whatever its file says today."""
    rule = look.get(Rule, edition_id)
    if rule is None or rule.kind != profiles.KIND:
        raise NotFound()
    profile = profiles.of_rule(rule)
    return render.page(
        request,
        "admin/profile.html",
        me=me,
        rule=rule,
        found=None,
        current=profiles.current(look),
        explained=profile_words.explain(profile),
        drawing=profile_drawing.draw(profile),
        differences=(),
        urgencies=tuple(Urgency),
    )


@router.get("/{code}")
def show(request: Request, look: Look, me: Me, code: str) -> Response:
    found, current = profile_files.find(code, get_settings()), profiles.current(look)
    return render.page(
        request,
        "admin/profile.html",
        me=me,
        rule=None,
        found=found,
        current=current,
        explained=profile_words.explain(found.profile) if found.profile else None,
        drawing=profile_drawing.draw(found.profile) if found.profile else None,
        differences=profile_words.differences(current.body, found.body) if found.profile else (),
        urgencies=tuple(Urgency),
    )


@router.post("/{code}")
def put_in_force(
    request: Request,
    me: Me,
    db: Db,
    code: str,
    digest: Annotated[str, Form(max_length=64)],
    instead_of: Annotated[UUID, Form()],
    reason: Remark = "",
) -> Response:
    found = profile_files.find(code, get_settings())
    rule = profile_editions.put_in_force(db, found, digest=digest, instead_of=instead_of, reason=reason, by=me)
    notice = f"“{found.name}”第 {rule.edition} 版已生效：新立案的工单按它办，已立案的仍按原来的。"
    return render.redirect(request, "/admin/profiles", notice=notice)
