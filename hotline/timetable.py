"""What is done at fixed intervals, whatever happens."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from hotline import channels
from hotline.db import Database
from hotline.ports import Polling
from hotline.services import archiving, heads, outbox, presence, surveys
from hotline.services.alerts import watching
from hotline.services.clocks import alarms
from hotline.services.conversations import episodes
from hotline.services.files import files
from hotline.services.learning import duties, promoting
from hotline.services.messages import delivery, polling
from hotline.services.rosters import notices as unit_notices
from hotline.services.rosters import telling as unit_telling
from hotline.services.scores import sums
from hotline.services.searching import indexing
from hotline.services.sideways import police
from hotline.services.survey_plans import plans, pressure
from hotline.services.systems import calls, delivering
from hotline.services.telephone import floor, recording_upkeep, switching
from hotline.services.units import ledger, pausing
from hotline.settings import get_settings
from models import now

KEPT_IN_OUTBOX = timedelta(days=7)
KEPT_COMMANDS = timedelta(days=30)


@dataclass(frozen=True)
class Timed:
    """Timetable work: safe to run twice, and by two processes at once."""

    every: timedelta
    run: Callable[..., object]
    # Is given the database instead of a session: it opens its own short transactions, with the network between them.
    outside: bool = False


def poll_channels(database: Database) -> None:
    for channel in channels.all():
        if isinstance(channel, Polling):
            polling.take_in(database, channel)


TIMETABLE: dict[str, Timed] = {
    "sweep_overdue": Timed(timedelta(seconds=30), alarms.sweep, outside=True),
    "watch_city": Timed(timedelta(minutes=1), watching.sweep, outside=True),
    "end_pauses": Timed(timedelta(seconds=30), pausing.end),
    "review_ledger": Timed(timedelta(minutes=5), ledger.review),
    "remind_of_ledger": Timed(timedelta(hours=1), unit_notices.remind_of_ledger),
    "tell_units": Timed(timedelta(seconds=10), unit_telling.tell_due),
    "send_due": Timed(timedelta(seconds=10), delivery.find_due),
    "wake_webhooks": Timed(timedelta(seconds=10), delivering.find_due),
    "forget_calls": Timed(timedelta(hours=1), calls.forget),
    "forget_told": Timed(timedelta(hours=1), delivering.forget),
    "push_due": Timed(timedelta(seconds=10), police.find_due),
    "release_gone": Timed(timedelta(seconds=10), presence.release_gone),
    "end_breaks": Timed(timedelta(seconds=10), floor.end_breaks),
    "ask_citizens": Timed(timedelta(seconds=30), plans.run_due),
    "find_pressure": Timed(timedelta(hours=1), pressure.look),
    "lapse_surveys": Timed(timedelta(minutes=5), surveys.lapse),
    "add_up_scores": Timed(timedelta(minutes=1), sums.refresh),
    "end_quiet_threads": Timed(timedelta(minutes=5), episodes.end_quiet),
    "archive_closed": Timed(timedelta(hours=1), archiving.archive_closed),
    "index_missing": Timed(timedelta(minutes=10), indexing.index_missing, outside=True),
    "promote_better": Timed(timedelta(hours=1), promoting.promote_better),
    "review_duties": Timed(timedelta(hours=12), duties.review),
    "sweep_files": Timed(timedelta(hours=12), files.sweep),
    "forget_commands": Timed(timedelta(hours=6), lambda session: switching.forget(session, before=now() - KEPT_COMMANDS)),
    "forget_recordings": Timed(timedelta(hours=1), recording_upkeep.forget),
    "sweep_recordings": Timed(timedelta(hours=12), recording_upkeep.sweep),
    "keep_heads": Timed(timedelta(hours=1), lambda session: heads.keep(session, get_settings().data_dir / heads.FILE)),
    "poll_channels": Timed(timedelta(seconds=30), poll_channels, outside=True),
    "forget_outbox": Timed(timedelta(hours=1), lambda session: outbox.forget(session, before=now() - KEPT_IN_OUTBOX)),
}
