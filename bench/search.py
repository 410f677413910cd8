"""Search and the units' desk over years of cases in PostgreSQL, against the same with 10,000; a workbook of 100,000 rows."""

import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from bench import service, years
from bench.browsing import sign_in
from bench.figures import Figure, percentile
from bench.form import read_form
from bench.letters import SENTENCES
from bench.load import closed_loop, open_loop, request
from bench.service import Service
from bench.years import LARGE, Size
from hotline.db import engine_for
from hotline.services import phones, search_words
from models import Staff, privacy
from models.search import EDITION
from tests.components import Postgres

TEN_THOUSAND = Size(contacts=20_000, cases=10_000)
LARGE_SMALL = Size(contacts=60_000, cases=30_000)
SHEET, SHEET_SMALL = Size(contacts=200_000, cases=100_000), Size(contacts=20_000, cases=10_000)
DISPATCHER, LIAISON = "dispatcher1", "liaison1"
ROUNDS, LOADS, LOADS_SMALL, WARM_UP, PER_SECOND = 2, 100, 20, 20, 8
P95_BAR_MS, GROWTH_BAR, SHEET_BAR_MB = 80.0, 1.5, 200.0
# A unit that hears much: one in twenty of all cases.
SHARE_OF_UNIT = 20

# What cases speak of. The first of each stand in nearly a quarter of all cases, the last in one of forty.
PLACES = "小区门口 公交站 菜市场 学校旁边 工地 地下车库 河边 人行道 高架桥 楼道 广场 医院 停车场 绿化带 加油站 村口"
THINGS = "路灯 垃圾 噪音 油烟 井盖 停水 停电 违停 电梯 物业 下水道 树枝 广告牌 拖欠工资 燃气 充电桩 健身器材 污水 渣土车 流浪狗"
FAULTS = "破损 无人处理 影响休息 多次反映 堵塞 冒烟 损坏 没有答复 存在隐患 长期不修 排队很久 收费不明 乱堆乱放 半夜施工"
# What the citizens were told: words that many cases have in common.
ANSWERS = (
    "已安排人员到现场处理，感谢您的反映",
    "经核实情况属实，已责令限期整改",
    "该问题已列入年度改造计划，预计下半年实施",
    "已联系物业公司维修完毕",
    "现场未发现所反映情况，将加强日常巡查",
)
NUMBER = "13900001234"

SEARCHES: Mapping[str, Sequence[str]] = {
    "words": ("q=路灯", "q=流浪狗", "q=路灯 电梯", "q=噪音 影响休息", "q=电梯 地下车库 损坏", "q=4321号", "q=充电桩 1777号"),
    "words_and_filters": (
        "q=路灯&state=open",
        "q=垃圾&unit=SCJ",
        "q=滨江社区 物业",
        "q=油烟&since=2020-01-01&urgency=normal",
        "q=停水&mark=overdue",
    ),
    "numbers": (f"q={NUMBER}", "q=990181-20240101-0001000"),
    "filters": ("state=open", "unit=SCJ", "category=0102", "mark=overdue", "q=滨江社区", "channel=sms"),
}


@dataclass(frozen=True)
class City:
    """A service over so many cases, and two who look."""

    size: Size
    running: Service
    cookies: dict[str, str]
    seconds: dict[str, list[float]]


def search(small: bool) -> Iterator[Figure]:
    pages = {name: (DISPATCHER, [f"/search?{_quoted(each)}" for each in asked]) for name, asked in SEARCHES.items()}
    words = [f"/search?{_quoted(each)}" for each in (*SEARCHES["words"], *SEARCHES["numbers"], "state=open", "q=滨江社区")]
    pages |= {"of_unit": (LIAISON, words), "unit_desk": (LIAISON, ["/unit", "/unit?tab=answered", "/unit/list"])}
    with Postgres.temporary() as server, ExitStack() as stack:
        sizes = {"little": TEN_THOUSAND, "much": LARGE_SMALL if small else LARGE}
        little, much = (stack.enter_context(_city(server.create_database(name), size)) for name, size in sizes.items())
        for _ in range(1 if small else ROUNDS):
            for name, (who, urls) in pages.items():
                for city in (little, much):  # in turns, so that whatever else the machine does meets both
                    city.seconds.setdefault(name, []).extend(_load(city, who, urls, LOADS_SMALL if small else LOADS))
    for name in pages:
        p95, before = (1000 * percentile(city.seconds[name], 0.95) for city in (much, little))
        bench = name if name == "unit_desk" else f"search_{name}"
        details = {"cases": much.size.cases, "p50_ms": 1000 * percentile(much.seconds[name], 0.5)}
        yield Figure(bench, "postgresql", p95, "ms p95", bar=P95_BAR_MS, details=details)
        yield Figure(f"{bench}_growth", "postgresql", p95, "ms p95", before, GROWTH_BAR, details={"before": little.size.cases})


def sheet(small: bool) -> Iterator[Figure]:
    size = SHEET_SMALL if small else SHEET
    with Postgres.temporary() as server, _city(server.create_database("sheet"), size) as city:
        cookie = {"Cookie": city.cookies[DISPATCHER]}
        page = _get(city, "/search?q=", DISPATCHER)
        form = read_form(page, "sheet", at="/search")
        pid = city.running.process.pid
        _forget_peak(pid)
        before = _peak_megabytes(pid)
        columns = [
            ("columns", name) for name in ("number", "title", "status", "category", "unit", "place", "filed_at", "telephone")
        ]
        body = urllib.parse.urlencode([*form.fields.items(), *columns]).encode()
        started = time.perf_counter()
        asked = urllib.request.Request(f"{city.running.url}{form.action}", data=body, headers=cookie)  # noqa: S310 -- our own
        with urllib.request.urlopen(asked, timeout=600) as answer:  # noqa: S310
            sent = sum(len(piece) for piece in iter(lambda: answer.read(1 << 16), b""))
        seconds = time.perf_counter() - started
        details = {"rows": size.cases, "process_mb": _peak_megabytes(pid), "file_mb": sent / 1e6}
        yield Figure("sheet", "postgresql", _peak_megabytes(pid) - before, "MB more at peak", bar=SHEET_BAR_MB, details=details)
        yield Figure("sheet_seconds", "postgresql", seconds, "s", details={"rows": size.cases})


@contextmanager
def _city(url: str, size: Size) -> Iterator[City]:
    privacy.install(privacy.KeyRing([service.KEY]))
    settings = {**service.DEMO, "HOTLINE_DATABASE__URL": url}
    with service.running(arguments=["--only", "web"], settings=settings) as running:
        engine = engine_for(url)
        years.fill(engine, size)
        with engine.begin() as connection:
            _give_to_unit(connection)
            _speak(connection)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))
        engine.dispose()
        yield City(size, running, {who: sign_in(running, who) for who in (DISPATCHER, LIAISON)}, {})


def _speak(connection: Connection) -> None:
    """Words as `indexing` writes them, of some phrases and a house number; the index is made when all are there."""
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text("SET LOCAL maintenance_work_mem = '256MB'"))
    connection.execute(text("DELETE FROM case_words"))
    connection.execute(text("DROP INDEX ix_case_words_words"))
    phrases = {
        "places": PLACES.split(),
        "things": THINGS.split(),
        "faults": FAULTS.split(),
        "rest": SENTENCES,
        "answers": ANSWERS,
    }
    picked = [f"(CAST(:{name} AS text[]))[1 + floor(:many_{name} * power(random(), 2))::int]" for name in phrases]
    picked += [
        "'area' || community_code",
        "'area' || \"case\".grid_code",
        "'from' || channel",
        "'unit' || replace(lead_unit_id::text, '-', '')",
        "abs(mod(hashtext(\"case\".id::text), 5000)) || '号'",
    ]
    connection.execute(
        text(
            "INSERT INTO case_words (case_id, audience, filed_at, edition, words) "  # noqa: S608 -- nothing from outside
            f'SELECT "case".id, \'everybody\', "case".created_at, {EDITION}, '
            f"string_to_array(concat_ws(' ', {', '.join(picked)}), ' ') "
            'FROM "case" JOIN contact ON contact.id = contact_id'
        ),
        {name: [search_words.stored(search_words.words_of(each)) for each in texts] for name, texts in phrases.items()}
        | {f"many_{name}": len(texts) for name, texts in phrases.items()},
    )
    connection.execute(text("CREATE INDEX ix_case_words_words ON case_words USING gin (words)"))


def _give_to_unit(connection: Connection) -> None:
    """A part of the cases to the unit of the one who looks; and a telephone that some of them came from."""
    unit_id = Session(connection).scalars(select(Staff.unit_id).where(Staff.username == LIAISON)).one()
    values = {"unit": unit_id, "share": SHARE_OF_UNIT}
    where = "mod(hashtext({}::text), :share) = 0"
    connection.execute(text(f"UPDATE assignment SET unit_id = :unit WHERE {where.format('case_id')}"), values)  # noqa: S608
    connection.execute(text(f'UPDATE "case" SET lead_unit_id = :unit WHERE {where.format("id")}'), values)  # noqa: S608
    hashed = {"hash": phones.number_hash(phones.normalise(NUMBER) or "")}
    connection.execute(text('UPDATE "case" SET number_hash = :hash WHERE mod(hashtext(id::text), 2000) = 0'), hashed)


def _load(city: City, who: str, urls: Sequence[str], count: int) -> list[float]:
    requests = [request("GET", url, headers={"Cookie": city.cookies[who]}) for url in islice(cycle(urls), count)]
    closed_loop(city.running.port, requests[:WARM_UP], connections=1)
    outcome = open_loop(city.running.port, requests, per_second=PER_SECOND)
    assert outcome.statuses() == {200}, outcome.statuses()
    return outcome.latencies


def _get(city: City, url: str, who: str) -> str:
    return (
        closed_loop(city.running.port, [request("GET", url, headers={"Cookie": city.cookies[who]})], connections=1)
        .answers[0]
        .body.decode()
    )


def _quoted(query: str) -> str:
    return urllib.parse.quote(query, safe="=&")


def _forget_peak(pid: int) -> None:
    """What a process needed while it started is not the question."""
    for each in service.family(pid):
        Path(f"/proc/{each}/clear_refs").write_text("5")


def _peak_megabytes(pid: int) -> float:
    """The most memory that any one process of the service has had resident."""
    peaks = []
    for each in service.family(pid):
        lines = Path(f"/proc/{each}/status").read_text().splitlines()
        peaks.append(next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0))
    return max(peaks) / 1024
