"""The citizen's opinion of a case: one page behind a link that nobody can guess. Opening it consumes nothing."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.errors import NotFound, Refused
from hotline.services import surveys
from hotline.services.city import places
from hotline.services.survey_plans import rule
from hotline.services.survey_plans.traces import Origin
from hotline.web import render
from hotline.web.deps import Db, Look, address_of, same_site
from hotline.web.letters import clean, in_chinese
from hotline.words import say
from models import Case, Grade, Survey, SurveyAnswer, now

router = APIRouter(include_in_schema=False)

LONGEST_REMARK = 500


@router.get("/survey/{token}")
def ask(request: Request, look: Look, token: str) -> Response:
    if (later := surveys.asked_again(look, token)) is not None:
        return render.redirect(request, f"/survey/{surveys.token_of(later)}")
    try:
        survey = surveys.by_token(look, token)
    except (NotFound, Refused) as refusal:
        return _closed(request, look, refusal)
    return _page(request, look, survey, token, given=_given_before(surveys.latest_answer(look, survey)), problems={})


@router.post("/survey/{token}", dependencies=[Depends(same_site)])
def answer(
    request: Request,
    db: Db,
    token: str,
    solved: Annotated[str, Form()] = "",
    result: Annotated[str, Form()] = "",
    unit: Annotated[str, Form()] = "",
    remark: Annotated[str, Form()] = "",
) -> Response:
    if surveys.asked_again(db, token) is not None:
        return render.redirect(request, f"/survey/{token}")
    given = {"solved": solved, "result": result, "unit": unit, "remark": clean(remark)}
    try:
        survey = surveys.by_token(db, token)
        if problems := _problems(given):
            return _page(request, db, survey, token, given=given, problems=problems)
        surveys.record_answers(
            db,
            survey,
            way="web",
            solved=solved == "yes",
            result=Grade(result),
            unit=Grade(unit),
            remark=given["remark"],
            origin=Origin(address=address_of(request), agent=request.headers.get("User-Agent", "")[:300]),
        )
    except (NotFound, Refused) as refusal:
        return _closed(request, db, refusal)
    return render.redirect(request, f"/survey/{token}")


def _problems(given: dict[str, str]) -> dict[str, str]:
    grades = set(Grade)
    found = {
        "solved": "" if given["solved"] in {"yes", "no"} else say("Please say whether it is solved."),
        "result": "" if given["result"] in grades else say("Please grade the result."),
        "unit": "" if given["unit"] in grades else say("Please grade the unit."),
        "remark": "" if len(given["remark"]) <= LONGEST_REMARK else say("Please shorten the remark to 500 characters."),
    }
    return {field: sentence for field, sentence in found.items() if sentence}


def _given_before(last: SurveyAnswer | None) -> dict[str, str]:
    if last is None:
        return {"solved": "", "result": "", "unit": "", "remark": ""}
    return {"solved": "yes" if last.solved else "no", "result": last.result, "unit": last.unit, "remark": last.remark}


def _page(
    request: Request, session: Session, survey: Survey, token: str, *, given: dict[str, str], problems: dict[str, str]
) -> Response:
    case = session.get_one(Case, survey.case_id)
    correct_until = surveys.correct_until(session, survey)
    values: dict[str, Any] = {
        "token": token,
        "title": case.title,
        "number": case.number,
        "answer": case.public_answer,
        "given": given,
        "problems": problems,
        "questions": rule.current(session).questions,
        "grade_names": tuple(Grade),
        "answered": survey.answered_at is not None,
        "correct_until": correct_until,
        "is_final": correct_until is not None and now() > correct_until,
        "brand": places.hotline_name(session),
    }
    return render.page(request, "public/survey.html", status=422 if problems else 200, **values)


def _closed(request: Request, session: Session, refusal: NotFound | Refused) -> Response:
    headline = say("This link leads nowhere.") if isinstance(refusal, NotFound) else say("The survey has ended.")
    values: dict[str, Any] = {"headline": headline, "text": in_chinese(refusal), "brand": places.hotline_name(session)}
    return render.page(request, "public/sentence.html", status=refusal.status, **values)
