"""Whom screens name where there is no number."""

import pytest
from sqlalchemy.orm import Session

from hotline.services.senders import masked_sender
from tests.factories_contacts import make_contact


@pytest.mark.parametrize(
    ("channel", "number", "shown"),
    [
        ("voice", "", "未显号码"),
        ("voice", "13800138000", "138****8000"),
        ("wechat", "", "微信用户"),
        ("wechat", "13800138000", "138****8000"),
        ("email", "", "邮件用户"),
        ("mailbox", "", "未留号码"),
    ],
)
def test_who_has_no_number_is_named_by_the_way_taken(session: Session, channel: str, number: str, shown: str) -> None:
    assert masked_sender(make_contact(session, channel=channel, number=number, sender="somebody")) == shown
