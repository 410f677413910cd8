"""A citizen's answer to an invitation, written where the invitation came: "5", "不满意", "没解决"."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hotline.errors import Refused
from hotline.services import surveys
from hotline.services.conversations import exchanges, threads
from hotline.services.messages import texts
from hotline.services.survey_plans import opinions, rule, talks
from hotline.services.survey_plans.opinions import Opinion
from hotline.services.survey_plans.traces import Origin
from hotline.words import say
from models import Case, Contact, ContactRating, Conversation, Message, OutgoingMessage, Survey, SurveyAttempt, SurveyPlan

# Where one answers in a word. A letter by e-mail quotes what it answers.
HEARD_ON = frozenset({"sms", "wechat"})
THANKS = "survey_thanks"
MOST = 5


@dataclass(frozen=True)
class Invited:
    survey: Survey
    at: datetime

    @property
    def waits(self) -> bool:
        return self.survey.answered_at is None and self.survey.lapsed_at is None


def hear(session: Session, contact: Contact, message: Message) -> bool:
    """Whether the message was an opinion. One that is written to a person, or answers another question, is none.

    Only who was asked can answer: the invitation went to the same number or account. Where several wait for an answer, the one
    sent last gets it, and the thanks name what is left; where none does, it corrects what was said last.
    """
    if contact.taken_at is not None or not threads.is_talked(contact) or exchanges.running(session, contact) is not None:
        return False
    opinion = opinions.read(message.text, rule.current(session))
    if opinion is None:
        return False
    invited = _invited(session, contact, message) if contact.channel in HEARD_ON else []
    asked = talks.waiting(session, contact, message) if opinion.graded else None
    if asked is not None and _is_meant(asked, invited):
        talks.take(session, contact, message, asked, opinion.grade)
        # What is said beside a bad grade is for a person to read.
        return opinion.grade.is_satisfied or not opinion.remark
    return bool(invited) and _hear_of_case(session, contact, message, invited, opinion)


def _is_meant(asked: ContactRating, invited: Sequence[Invited]) -> bool:
    """The agent rather than a case."""
    waiting = [each.at for each in invited if each.waits]
    if asked.rated_at is None:
        return not waiting or asked.asked_at >= max(waiting)
    answered = [each.survey.answered_at for each in invited if each.survey.answered_at is not None]
    return not waiting and (not answered or asked.rated_at >= max(answered))


def _hear_of_case(session: Session, contact: Contact, message: Message, invited: Sequence[Invited], opinion: Opinion) -> bool:
    surveys_asked = [each.survey for each in invited]
    waiting = [each.survey for each in invited if each.waits]
    survey = waiting[0] if waiting else max(surveys_asked, key=lambda each: each.answered_at or each.created_at)
    told = _taken(session, contact, survey, opinion, others=len(waiting) - 1)
    if told:
        threads.say(session, contact, text=told, purpose=THANKS, key=f"{THANKS}:{message.id.hex}")
    return bool(told)


def _invited(session: Session, contact: Contact, message: Message) -> Sequence[Invited]:
    """What this number or account was asked before it wrote, the latest first; also what went there instead of elsewhere."""
    sender = session.get_one(Conversation, contact.conversation_id)
    sent = or_(OutgoingMessage.id == SurveyAttempt.outgoing_id, OutgoingMessage.instead_of_id == SurveyAttempt.outgoing_id)
    found = session.execute(
        select(Survey, OutgoingMessage.created_at)
        .join(SurveyPlan, SurveyPlan.survey_id == Survey.id)
        .join(SurveyAttempt, SurveyAttempt.plan_id == SurveyPlan.id)
        .join(OutgoingMessage, sent)
        .where(
            OutgoingMessage.purpose == "survey",
            OutgoingMessage.channel == contact.channel,
            OutgoingMessage.recipient_hash == sender.sender_hash,
            OutgoingMessage.created_at <= message.received_at,
        )
        .order_by(OutgoingMessage.created_at.desc())
        .limit(MOST)
    )
    return [Invited(survey, at) for survey, at in found]


def _taken(session: Session, contact: Contact, survey: Survey, opinion: Opinion, *, others: int) -> str:
    """What the citizen is told; empty where it came too late and says more than a grade, for then a person should read it."""
    try:
        surveys.record_answers(
            session,
            survey,
            way=contact.channel,
            solved=opinion.solved,
            result=opinion.grade,
            unit=opinion.grade,
            remark=opinion.remark,
            origin=Origin(number_hash=contact.number_hash),
        )
    except Refused as refusal:
        return "" if opinion.remark else say(refusal.text, **refusal.values)
    number = session.get_one(Case, survey.case_id).number
    thanks = texts.render(session, THANKS, contact.channel, {"number": number})
    more = say("You were asked about {count} more: one further reply each answers them.", count=others) if others > 0 else ""
    return thanks + more
