"""What a unit is told, in the city's words: how many cases of which kind and their numbers, never what they are about."""

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services.messages import texts
from hotline.settings import get_settings
from hotline.words import say, word
from models import Case, NoticeOccasion, Unit, UnitNotice, Urgency

PURPOSE = "unit_notice"
SMS, EMAIL = "sms", "email"
MOST_NUMBERS = {SMS: 2, EMAIL: 20}


def values(session: Session, unit: Unit, notices: Sequence[UnitNotice], *, channel: str) -> Mapping[str, str]:
    ids = {notice.case_id for notice in notices}
    known = {case_id: number for case_id, number in session.execute(select(Case.id, Case.number).where(Case.id.in_(ids)))}
    numbers = list(dict.fromkeys(known[notice.case_id] for notice in sorted(notices, key=lambda each: -each.urgency.weight)))
    most = MOST_NUMBERS[channel]
    listed = "、".join(numbers[:most])
    if len(numbers) > most:
        listed = say("{numbers} and others", numbers=listed)
    only = notices[0].assignment_id if len({notice.assignment_id for notice in notices}) == 1 else None
    link = f"{get_settings().public_url}/unit" + (f"/{only}" if only else "")
    return {"unit": unit.short, "summary": _summary(notices), "numbers": listed, "link": link}


def text(session: Session, filled: Mapping[str, str], *, channel: str) -> str:
    return texts.render(session, PURPOSE, channel, filled)


def _summary(notices: Sequence[UnitNotice]) -> str:
    counted = Counter(notice.occasion for notice in notices)
    parts = [f"{word('notice_occasion', each)}{counted[each]}件" for each in NoticeOccasion if counted[each]]
    urgent = sum(notice.urgency == Urgency.EMERGENCY for notice in notices)
    return "、".join(parts) + (f"（特急{urgent}件）" if urgent else "")
