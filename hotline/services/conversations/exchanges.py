"""Guided exchanges: what a message does not say is asked for, one question after another, and the answers fill the form."""

import re
from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from hotline.errors import Invalid, WrongState
from hotline.services import phones
from hotline.services.city import gazetteer, places
from hotline.services.conversations import conversation_rule, threads
from hotline.services.draft_form import DraftForm
from hotline.services.holding import hold_contact
from hotline.services.messages import texts
from hotline.services.plain_text import without_label
from hotline.words import say
from models import Area, Contact, Draft, GuidedExchange, Message, Staff, now

QUESTIONS = ("place", "time", "who")
ASK = "ask"
ENOUGH = frozenset({"不用了", "不知道", "转人工", "人工", "0"})
LONGEST_PLACE, LONGEST_TIME, LONGEST_NAME = 200, 128, 64
MOST_CHOICES = 9
_AROUND = re.compile(r"(我叫|我是|姓名|称呼|电话|手机号?|联系|是|[:：,，。;；\s])+")
_DIGITS = re.compile(r"[+0-9０-９][0-9０-９ -]{6,18}[0-9０-９]")


def start(session: Session, contact: Contact, wanted: Collection[str], *, by: Staff) -> None:
    """An agent has the service ask; a running exchange is asked anew from here."""
    contact = hold_contact(session, contact.id)
    questions = [each for each in QUESTIONS if each in wanted]
    if not questions:
        raise Invalid("Please choose what is to be asked.", field="ask")
    if contact.concluded_at is not None or not threads.is_talked(contact):
        raise WrongState()
    exchange = open_one(session, contact, questions, by=by)
    _ask(session, contact, exchange, question(session, contact, questions[0]))


def open_one(session: Session, contact: Contact, questions: Sequence[str], *, by: Staff | None) -> GuidedExchange:
    """Whoever calls this asks the first question."""
    exchange = session.get(GuidedExchange, contact.id)
    if exchange is None:
        exchange = GuidedExchange(contact_id=contact.id)
        session.add(exchange)
    exchange.open_questions, exchange.choices, exchange.tries = list(questions), [], 0
    exchange.by_id, exchange.asked_at, exchange.ended_at = (by.id if by else None), now(), None
    session.flush()
    return exchange


def question(session: Session, contact: Contact, asked: str) -> str:
    """How a question is put."""
    return texts.render(session, f"ask_{asked}", contact.channel, {"hotline": places.hotline_name(session)})


def running(session: Session, contact: Contact) -> GuidedExchange | None:
    exchange = session.get(GuidedExchange, contact.id)
    return exchange if exchange is not None and exchange.ended_at is None else None


def hear(session: Session, contact: Contact, exchange: GuidedExchange, message: Message) -> None:
    """A message while a question is open answers it; then the next is asked, or the citizen is thanked.

    A picture without words answers nothing: the question stays open.
    """
    said = without_label(message.text)
    if not said:
        return
    if said in ENOUGH:
        _end(session, contact, exchange, say("Thank you. A colleague reads on."))
        return
    again = _take(session, contact, exchange, exchange.open_questions[0], said)
    if again and exchange.tries < conversation_rule.current(session).tries:
        exchange.tries += 1
        _ask(session, contact, exchange, again)
        return
    exchange.open_questions, exchange.choices, exchange.tries = exchange.open_questions[1:], [], 0
    if exchange.open_questions:
        _ask(session, contact, exchange, question(session, contact, exchange.open_questions[0]))
    else:
        _end(session, contact, exchange, say("Thank you, this is noted. A colleague reads on."))


def _take(session: Session, contact: Contact, exchange: GuidedExchange, asked: str, said: str) -> str:
    """Fill in what was answered; returns what to ask again, if anything."""
    if asked == "place":
        return _take_place(session, contact, exchange, said)
    if asked == "time":
        contact.occurred_text = said[:LONGEST_TIME]
        fill_draft(session, contact, {"occurred": contact.occurred_text})
        return ""
    return _take_who(session, contact, said)


def _take_place(session: Session, contact: Contact, exchange: GuidedExchange, said: str) -> str:
    if exchange.choices and said.isdigit() and 1 <= int(said) <= len(exchange.choices):
        _place(session, contact, contact.place_text or "", exchange.choices[int(said) - 1])
        return ""
    several = places.of_one_name(session, said)
    if several.choices:
        return offer(session, contact, several)
    # A position that was sent has told the grid already, whatever words came with it.
    code = places.area_of(session, said) or contact.grid_code or ""
    _place(session, contact, said, code)
    return "" if code else say("We do not find this place. Please name the road and number, or the compound.")


def offer(session: Session, contact: Contact, several: places.Question) -> str:
    """A name that stands for several places: they are kept for the answer, and how they are put to the citizen."""
    exchange = session.get_one(GuidedExchange, contact.id)
    contact.place_text = contact.place_text or several.name
    choices = sorted(several.choices, key=lambda each: each.code)[:MOST_CHOICES]
    exchange.choices = [each.code for each in choices]
    listed = "；".join(f"{n} {each.name}" for n, each in enumerate(choices, start=1))
    return say(
        "There are several places called {name}: {choices}. Please answer with the number.", name=several.name, choices=listed
    )


def _place(session: Session, contact: Contact, said: str, code: str) -> None:
    contact.place_text = said[:LONGEST_PLACE]
    contact.grid_code = code or contact.grid_code
    codes = {f"{area.kind}_code": area.code for area in _path(session, contact.grid_code)}
    fill_draft(session, contact, {"place_text": contact.place_text, **codes})


def _path(session: Session, code: str | None) -> Sequence[Area]:
    return [area for area in gazetteer.area_path(session, code or "") if f"{area.kind}_code" in DraftForm.model_fields]


def _take_who(session: Session, contact: Contact, said: str) -> str:
    found = _DIGITS.search(said)
    number = phones.normalise(found[0]) if found else None
    name = _AROUND.sub(" ", _DIGITS.sub(" ", said)).strip()[:LONGEST_NAME]
    if name:
        contact.sender_name = contact.sender_name or name
    if number and contact.number is None:
        contact.number, contact.number_hash = number, phones.number_hash(number)
    fill_draft(session, contact, {"name": name, "number": number or ""})
    return "" if number or contact.number else say("Please send a telephone number as well, so that the unit can reach you.")


def fill_draft(session: Session, contact: Contact, values: dict[str, str]) -> None:
    """Into the open fields of the first matter, where a form has been begun; a new form takes them from the contact."""
    draft = session.get(Draft, (contact.id, 1), with_for_update=True)
    if draft is None or draft.case_id is not None:
        return
    form = DraftForm.model_validate_json(draft.body)
    fresh = {name: value for name, value in values.items() if value and not getattr(form, name)}
    if fresh:
        draft.body = form.model_copy(update=fresh).model_dump_json()


def _ask(session: Session, contact: Contact, exchange: GuidedExchange, text: str) -> None:
    exchange.asked_at = now()
    threads.say(session, contact, text=text, purpose=ASK, key=f"ask:{contact.id.hex}:{exchange.asked_at.timestamp()}")


def _end(session: Session, contact: Contact, exchange: GuidedExchange, thanks: str) -> None:
    exchange.ended_at = now()
    threads.say(session, contact, text=thanks, purpose=ASK, key=f"asked:{contact.id.hex}:{exchange.ended_at.timestamp()}")
