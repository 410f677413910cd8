"""What the demo's units cannot settle by themselves: whose a case is, and what cannot be solved this year."""

from datetime import datetime, time, timedelta

from sqlalchemy import select

from hotline.seeds.cast import Cast
from hotline.seeds.letters import Letter
from hotline.services import dispatching
from hotline.services.clocks import clocks
from hotline.services.dispatching import ReturnReason
from hotline.services.units import arbitration, ledger
from hotline.services.units.ledger import LedgerReason
from models import Case, Unit, now
from models.base import CITY_TIME, as_if

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

SMOKE = Letter(
    kind="help",
    category="0604",
    place="钟楼菜市场",
    title="夜里烧烤油烟呛人",
    text="钟楼菜市场北门每天晚上有五六家烧烤摊，油烟直往楼上窜，窗户都不敢开，反映过几次都说不归他们管。",
    answer="",
)
# What the unit brings forward, and what the dispatcher says to it.
RETURNED = (
    ("摊点烟气是否超标需要检测，我单位没有检测资质。", "占道摊点的油烟由执法单位牵头，检测可请环保配合。"),
    ("现场已清走两家，其余在市场院内经营，不属于占道。", "院内院外同一处污染，请先牵头查看，归属由会商定。"),
)
DISPUTE = "两次申请退单，市场院内外的烧烤油烟由谁牵头有争议，请两家带现场情况到会。"
PARKING = Letter(
    kind="suggestion",
    category="0207",
    place="福星小区",
    title="小区周边建公共停车场",
    text="福星小区是老小区，没有地下车库，晚上消防通道都停满了车，建议在旁边的空地建一个公共停车场。",
    answer="",
)
NO_MONEY = "建设资金未列入本年度预算，地块用途调整正在报批。"
PLAN = "明年一季度完成地块用途调整，列入年度建设计划；期间在周边道路夜间限时停车。"
PROGRESS = "地块用途调整已公示，夜间限时停车位已划 36 个。"


def play(cast: Cast) -> int:
    """Returns how many contacts there are of all this."""
    begin = now()
    _contested(cast, begin)
    _shelved(cast, begin)
    return 2


def _contested(cast: Cast, begin: datetime) -> None:
    case = cast.filed(SMOKE, at=begin - 30 * HOUR, by="agent5", number="13809010050", name="汪先生")
    _signed(cast, case, at=begin - 29 * HOUR)
    for (basis, note), at in zip(RETURNED, (begin - 28 * HOUR, begin - 22 * HOUR), strict=True):
        _ask_in_vain(cast, case, basis=basis, note=note, at=at)
    tomorrow = datetime.combine(begin.astimezone(CITY_TIME).date() + DAY, time(10), CITY_TIME)
    with as_if(begin - 3 * HOUR):
        units = [_unit(cast, "STJ"), cast.session.get_one(Unit, cast.lead(case).unit_id)]
        arbitration.call_meeting(
            cast.session, case, at=tomorrow, units=units, basis=DISPUTE, by=cast.actor("dispatcher1"), key=cast.key()
        )
        cast.follow()


def _signed(cast: Cast, case: Case, *, at: datetime) -> None:
    """By all its units."""
    with as_if(at):
        for held in clocks.at_units(cast.session, case):
            dispatching.sign(cast.session, held, by=cast.liaison(held.unit_id), key=cast.key())
        cast.follow()


def _ask_in_vain(cast: Cast, case: Case, *, basis: str, note: str, at: datetime) -> None:
    held = cast.lead(case)
    with as_if(at):
        asked = dispatching.ask_return(
            cast.session,
            held,
            reason_code=ReturnReason.NOT_MY_DUTY,
            basis=basis,
            proposed_unit=_unit(cast, "STJ"),
            by=cast.liaison(held.unit_id),
            key=cast.key(),
        )
        cast.follow()
    with as_if(at + HOUR):
        by = cast.actor("dispatcher1")
        dispatching.decide_return(cast.session, asked, grant=False, note=note, by=by, key=cast.key())
        cast.follow()


def _shelved(cast: Cast, begin: datetime) -> None:
    case = cast.filed(PARKING, at=begin - 20 * DAY, by="agent5", number="13809010060", name="曹女士")
    _signed(cast, case, at=begin - 20 * DAY + HOUR)
    cast.talk(case, at=begin - 20 * DAY + 80 * MINUTE)
    held = cast.lead(case)
    by = cast.liaison(held.unit_id)
    with as_if(begin - 19 * DAY):
        asked = ledger.ask(
            cast.session,
            held,
            review=begin + 120 * DAY,
            reason_code=LedgerReason.MONEY,
            basis=NO_MONEY,
            plan=PLAN,
            by=by,
            key=cast.key(),
        )
        cast.follow()
    with as_if(begin - 19 * DAY + 5 * HOUR):
        ledger.decide(cast.session, asked, grant=True, by=cast.actor("supervisor1"), key=cast.key())
        cast.follow()
    with as_if(begin - 2 * DAY):
        stands = ledger.entry(cast.session, case)
        if stands:
            ledger.tell(cast.session, stands, text=PROGRESS, by=by, key=cast.key())
        cast.follow()


def _unit(cast: Cast, code: str) -> Unit:
    return cast.session.scalars(select(Unit).where(Unit.code == code)).one()
