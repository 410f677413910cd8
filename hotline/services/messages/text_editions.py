"""New editions of what the service writes to citizens by itself, and of the limits on it; checked before they are in force."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy.orm import Session

from hotline import words
from hotline.errors import Invalid, NotFound
from hotline.services import administration, editions
from hotline.services.access import Me
from hotline.services.messages import texting_rule, texts
from hotline.services.messages.texting_rule import TextingRule
from models import Rule


class TextingForm(BaseModel):
    """As typed; the rule says what is right."""

    model_config = ConfigDict(str_max_length=16)

    quiet_from: str = ""
    quiet_to: str = ""
    daily_cap: str = ""
    gather_seconds: str = ""
    most_segments: str = ""
    most_characters: str = ""
    tries: str = ""
    patience_hours: str = ""


def change_texts(session: Session, purpose: str, typed: Mapping[str, str], *, by: Me) -> Rule:
    """The texts of one occasion; an empty one means that it is not told on that channel."""
    occasion = texts.OCCASIONS.get(purpose)
    if occasion is None:
        raise NotFound()
    rule = texting_rule.current(session)
    for channel in occasion.channels:
        text = typed.get(channel, "")
        if text:
            texts.check(purpose, channel, text, rule)
        elif occasion.always:
            raise Invalid("This text must not be empty.", field=f"{purpose}.{channel}")
    former = editions.current(session, texts.KIND)
    kept = {channel: typed[channel] for channel in occasion.channels if typed.get(channel)}
    return administration.new_edition(session, former, {**former.body, purpose: kept}, by=by)


def change_texting(session: Session, form: TextingForm, *, by: Me) -> Rule:
    """The limits; texts in force that would no longer fit are named."""
    body = {name: int(value) if value.strip().isdecimal() else value for name, value in form.model_dump().items()}
    body["quiet"] = {"from": body.pop("quiet_from"), "to": body.pop("quiet_to")}
    try:
        rule = TextingRule.model_validate(body)
    except ValidationError as refusal:
        field = "_".join(str(part) for part in refusal.errors()[0]["loc"]) or "quiet_from"
        raise Invalid("{name} is not within what is possible.", field=field, name=words.word("texting_rule", field)) from refusal
    for purpose, by_channel in texts.current(session).items():
        for channel, text in by_channel.items():
            texts.check(purpose, channel, text, rule)
    return administration.new_edition(session, editions.current(session, texting_rule.KIND), body, by=by)
