"""Accounts from the command line: the first administrator, a forgotten password, a person who left."""

import argparse
import getpass
import sys

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from hotline.cli import beside
from hotline.db import unit_of_work
from hotline.errors import NotFound
from hotline.services import administration
from hotline.services.administration import Account
from models import Role, Staff


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", required=True)
    add = what.add_parser("add", help="a new account; the password is read from the terminal or standard input")
    add.add_argument("username")
    add.add_argument("name")
    add.add_argument(
        "--role", action="append", required=True, choices=administration.GIVEN_ROLES, help="may be given several times"
    )
    add.add_argument("--unit", help="code of the unit, for liaisons and grid workers")
    password = what.add_parser("passwd", help="a new password; the person's sign-ins end")
    password.add_argument("username")
    deactivate = what.add_parser("deactivate", help="close an account; the person's sign-ins end")
    deactivate.add_argument("username")
    what.add_parser("list", help="every account, its roles and unit")


def run(arguments: argparse.Namespace) -> int:
    beside.prepare()
    acts = {"add": _add, "passwd": _set_password, "deactivate": _deactivate, "list": _list}
    password = _read_password() if arguments.what in ("add", "passwd") else ""
    with unit_of_work() as session:
        acts[arguments.what](session, arguments, password)
    return 0


def _read_password() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Password: ")
    return sys.stdin.readline().rstrip("\n")


def _add(session: Session, arguments: argparse.Namespace, password: str) -> None:
    account = Account(arguments.name, frozenset(map(Role, arguments.role)), unit=arguments.unit or "")
    staff = administration.add_staff(session, account, username=arguments.username, password=password, by=None)
    print(f"{staff.username} may sign in")


def _set_password(session: Session, arguments: argparse.Namespace, password: str) -> None:
    staff = _find(session, arguments.username)
    administration.set_password(session, staff.id, password, by=None)
    print(f"{staff.username} has a new password")


def _deactivate(session: Session, arguments: argparse.Namespace, _: str) -> None:
    staff = _find(session, arguments.username)
    administration.close_account(session, staff.id, by=None)
    print(f"{staff.username} is closed")


def _list(session: Session, _: argparse.Namespace, __: str) -> None:
    for staff in session.scalars(select(Staff).options(joinedload(Staff.unit)).order_by(Staff.username)):
        closed = "" if staff.active else "closed"
        unit = f"{staff.unit.code} {staff.unit.name}" if staff.unit else ""
        print(f"{staff.username:16} {closed:7}{','.join(sorted(staff.roles)):24} {staff.name} {unit}".rstrip())


def _find(session: Session, username: str) -> Staff:
    staff = session.scalar(select(Staff).where(Staff.username == username.strip().lower()))
    if staff is None:
        raise NotFound("There is no account {username}.", username=username)
    return staff
