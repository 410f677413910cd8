"""The dialler: what is due becomes commands, while there is an exchange to carry them out."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import time_machine
from sqlalchemy import select

from hotline.db import Database
from hotline.services.telephone import callbacks, switching
from hotline.telephony.ami import Ami
from hotline.telephony.dialler import Dialler
from models import Callback, CallbackReason, CallbackState, SwitchboardAction, SwitchboardCommand, now


def dialler(*, connected: bool) -> Dialler:
    return Dialler(cast(Ami, SimpleNamespace(connected=connected)))


def owe(database: Database, *, reason: CallbackReason = CallbackReason.ABANDONED) -> None:
    with database.unit_of_work() as session:
        callbacks.owe(session, reason=reason, number="057188886666", due_at=now(), position=1)


def test_what_is_due_becomes_one_command(database: Database, clock: time_machine.Traveller) -> None:
    owe(database)

    asked = [asyncio.run(dialler(connected=True).tick()) for _ in range(2)]

    assert asked == [1, 0]
    with database.reading() as session:
        command = session.scalars(select(SwitchboardCommand)).one()
        assert (command.action, command.expires_at) == (SwitchboardAction.PLACE_CALLBACK, now() + timedelta(seconds=60))
        arguments = switching.arguments_of(command)
        assert (arguments["number"], arguments["queue"], arguments["position"]) == ("057188886666", "main", 1)


def test_a_survey_rings_the_citizen_at_once(database: Database, clock: time_machine.Traveller) -> None:
    owe(database, reason=CallbackReason.SURVEY)

    asyncio.run(dialler(connected=True).tick())

    with database.reading() as session:
        assert session.scalars(select(SwitchboardCommand.action)).one() == SwitchboardAction.ASK_CITIZEN


def test_a_case_is_called_about_by_whoever_works_on_it(database: Database, clock: time_machine.Traveller) -> None:
    owe(database, reason=CallbackReason.CASE)

    assert asyncio.run(dialler(connected=True).tick()) == 0


def test_without_an_exchange_nothing_is_asked(database: Database, clock: time_machine.Traveller) -> None:
    owe(database)

    assert asyncio.run(dialler(connected=False).tick()) == 0
    with database.reading() as session:
        assert session.scalars(select(Callback.state)).one() == CallbackState.WAITING
