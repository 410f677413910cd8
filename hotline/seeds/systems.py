"""The demo's unit with a system of its own, which the sandbox plays: told of a case, it signs for it and answers it."""

from datetime import timedelta

from hotline.demo import unit_system_secrets
from hotline.seeds.cast import Cast
from hotline.seeds.letters import Letter
from hotline.services.access import Me
from hotline.services.systems import accounts, webhooks
from hotline.settings import Settings
from models import Scope, System, SystemKey, Topic, new_id, now

UNIT, NAME = "GNG", "供热客服系统"
COLD = Letter(
    kind="help",
    category="0404",
    place="嘉禾嘉园",
    title="家里暖气不热",
    text="嘉禾嘉园3栋从昨天晚上起暖气就是凉的，屋里只有十六度，打热力公司电话一直占线，请尽快来人看看。",
    answer="",
)


def play(cast: Cast, settings: Settings) -> int:
    """Returns how many contacts there are of this: what befell its unit before, the system is not told."""
    if not settings.sandbox.enabled:
        return 0
    by = _administrator(cast)
    system = accounts.add(cast.session, accounts.Form(NAME, (Scope.READ, Scope.ACT)), unit_code=UNIT, by=by)
    _open_to_the_sandbox(cast, system, settings, by)
    return 1


def _open_to_the_sandbox(cast: Cast, system: System, settings: Settings, by: Me) -> None:
    secrets = unit_system_secrets(settings.data_dir)
    key = SystemKey(system_id=system.id, hint=secrets.key[: accounts.HINT], secret_hash=accounts.hashed(secrets.key))
    cast.session.add(key)
    address = f"http://127.0.0.1:{settings.sandbox_port}/unit/hotline"
    hook, _ = webhooks.add(cast.session, system.id, webhooks.Form(address, tuple(Topic)), by=by)
    hook.secret = secrets.signing
    _cold(cast)
    webhooks.try_out(cast.session, hook.id, by=by)


def _cold(cast: Cast) -> None:
    at = now() - timedelta(minutes=12)
    contact = cast.write(COLD, at=at, channel="mailbox", name="秦女士", number="13809010040")
    cast.take(contact, by="agent4", at=at + timedelta(minutes=2))
    cast.file(contact, COLD, by="agent4", at=at + timedelta(minutes=5), how="dispatch")


def _administrator(cast: Cast) -> Me:
    staff = cast["admin1"]
    return Me(staff.id, new_id(), staff.username, staff.name, staff.roles, unit_id=None, unit_path="", csrf="")
