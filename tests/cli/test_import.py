"""The command that brings in the cases of an older system: a report, all or nothing, once only, and back again."""

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from hotline.__main__ import main
from hotline.db import Database
from hotline.services import history
from hotline.services.actors import Actor
from hotline.services.notes import note
from hotline.services.scores import recount
from hotline.settings import get_settings
from models import Action, Case, CaseEvent, Import, OutboxMessage, Recording, Role, Score, Survey
from tests.conftest import SignIn
from tests.factories import make_staff
from tests.sounds import tone, wav

COMMUNITY = "990181001001"
MAPPING = """
source: lingang-2019
columns:
  old_number: 工单编号
  filed_at: 受理时间
  closed_at: 办结时间
  request_type: 诉求类型
  category: 分类
  unit: 承办单位
  area: 社区
  content: 内容
  place: 地址
  requester: 姓名
  number: 电话
  state: 状态
  answer: 答复
  opinion: 满意度
  recordings: 录音
history: {old_number: 工单编号, at: 时间, who: 单位, what: 环节, note: 意见}
times: "%Y/%m/%d %H:%M"
codes:
  request_type: {投诉: complaint, 咨询: inquiry}
  category: {路灯: "CATEGORY"}
  unit: {城管局: CGJ}
  state: {已办结: ended, 办理中: leave_out}
"""
HEADER = "工单编号,受理时间,办结时间,诉求类型,分类,承办单位,社区,内容,地址,姓名,电话,状态,答复,满意度,录音"
LAMP = (
    f"GD-0001,2024/3/1 09:05,2024/3/4 16:00,投诉,路灯,城管局,{COMMUNITY},滨江路路灯不亮,"
    "滨江路8号,林晓,13800000172,已办结,已修好。,满意,"
)
ASKED = f"GD-0002,2024/3/2 10:00,,咨询,路灯,,{COMMUNITY},路灯几点开,,,,已办结,六点。,,"
OPEN = f"GD-0003,2026/3/2 10:00,,咨询,路灯,,{COMMUNITY},还在办,,,,办理中,,,"


class OldCity:
    """Runs the command on files in a folder of the test's own."""

    def __init__(self, folder: Path, database: Database, said: pytest.CaptureFixture[str]) -> None:
        self.folder, self.database, self._said = folder, database, said
        with database.unit_of_work() as session:
            make_staff(session, roles=(Role.ADMINISTRATOR,), username="admin")
        self.mapping = self.write("mapping.yaml", MAPPING.replace("CATEGORY", self.ask("SELECT max(code) FROM category")[0][0]))

    def write(self, name: str, text: str, encoding: str = "utf-8") -> str:
        (self.folder / name).write_text(text, encoding=encoding)
        return str(self.folder / name)

    def run(self, *rows: str, more: Sequence[str] = (), encoding: str = "utf-8") -> tuple[int, str]:
        table = self.write("cases.csv", "\n".join([HEADER, *rows]), encoding)
        return self.command("cases", table, "--mapping", self.mapping, *more)

    def command(self, *words: str) -> tuple[int, str]:
        code = main(["import", *words])
        said = self._said.readouterr()
        return code, said.out + said.err

    def bring(self, *rows: str, more: Sequence[str] = ()) -> str:
        """The id of the import."""
        code, said = self.run(*rows, more=["--write", "--by", "admin", *more])
        assert code == 0, said
        return said.partition("done: import ")[2].partition(";")[0]

    def take_back(self, import_id: str) -> tuple[int, str]:
        return self.command("take-back", import_id, "--reason", "对照表错了", "--by", "admin")

    def ask(self, query: str) -> Sequence[Any]:
        with self.database.reading() as session:
            return session.execute(text(query)).all()


@pytest.fixture
def old(tmp_path: Path, sqlite_database: Database, capsys: pytest.CaptureFixture[str]) -> Iterator[OldCity]:
    yield OldCity(tmp_path, sqlite_database, capsys)
    # The command is beside the service and keeps its log quiet.
    logging.disable(logging.NOTSET)


def test_a_report_names_row_field_and_reason_and_changes_nothing(old: OldCity) -> None:
    strange = LAMP.replace("GD-0001", "GD-9").replace("投诉", "点赞").replace("2024/3/4", "2024/2/4")

    code, said = old.run(LAMP, strange, LAMP, OPEN, more=["--write", "--by", "admin"])

    assert code == 1
    assert "row 3: request_type: the mapping does not say what '点赞' is here" in said
    assert "row 3: closed_at: it was closed before it was filed" in said
    assert "row 4: old_number: 'GD-0001' stands in the file twice" in said
    assert "4 rows: 1 new, 0 here already, 1 left out" in said
    assert "problems: 3" in said
    assert old.ask("SELECT count(*) FROM imported_case") == [(0,)]


def test_cases_come_in_ended_with_their_old_history_and_the_chain_holds(old: OldCity) -> None:
    lines = old.write(
        "history.csv",
        "工单编号,时间,单位,环节,意见\nGD-0001,2024/3/1 10:22,城管局,签收,\nGD-0001,2024/3/4 15:00,城管局,答复,换了灯",
    )

    old.bring(LAMP, ASKED, OPEN, more=["--history", lines])

    with old.database.unit_of_work() as session:
        case = session.scalars(select(Case).where(Case.content == "滨江路路灯不亮")).one()
        events = session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id)).all()
        assert (case.status, case.number[:15], case.requester_name) == ("archived", "990181-20240301", "林晓")
        assert (case.number_of_requester, case.community_code) == ("+8613800000172", COMMUNITY)
        assert [(event.action, event.by_id, event.by_role) for event in events] == [(Action.IMPORT, None, Role.SERVICE)] * 3
        assert history.verify(session, case) is None
        for nothing in (OutboxMessage, Survey, Score):
            assert session.scalar(select(func.count()).select_from(nothing)) == 0
    stored = old.ask("SELECT requester_name, number_of_requester, place_text FROM \"case\" WHERE content = '滨江路路灯不亮'")
    assert not any(clear in value for value in stored[0] for clear in ("林晓".encode(), b"13800000172", "滨江路".encode()))


def test_the_same_files_again_bring_nothing(old: OldCity) -> None:
    old.bring(LAMP)

    code, said = old.run(LAMP, more=["--write", "--by", "admin"])
    _, with_another = old.run(LAMP, ASKED)

    assert (code, "1 rows: 0 new, 1 here already" in said, "nothing to do" in said) == (0, True, True)
    assert "2 rows: 1 new, 1 here already" in with_another
    assert old.ask("SELECT count(*) FROM imported_case") == [(1,)]


def test_an_import_is_taken_back_whole_and_can_come_again(old: OldCity) -> None:
    import_id = old.bring(LAMP, ASKED)

    code, said = old.take_back(import_id)
    again, _ = old.take_back(import_id)

    assert (code, said, again) == (0, "taken back\n", 1)
    with old.database.unit_of_work() as session:
        last = session.scalars(select(Import).order_by(Import.created_at.desc()).limit(1)).one()
        assert last.taken_back_at is not None
        for case in session.scalars(select(Case)):
            assert (case.content, case.number_of_requester, case.requester_name) == ("导入已撤回", None, None)
            assert history.verify(session, case) is None
    assert old.ask("SELECT count(*) FROM imported_case") == [(0,)]
    assert old.bring(LAMP) != import_id


def test_an_import_stays_once_somebody_has_worked_on_it(old: OldCity) -> None:
    import_id = old.bring(LAMP, ASKED)
    with old.database.unit_of_work() as session:
        case = session.scalars(select(Case).where(Case.content == "路灯几点开")).one()
        number, by = case.number, Actor(case.filed_by_id, frozenset({Role.AGENT}))
        note(session, case, Action.REMARK, by=by, key="asked", text="又问了一次")

    code, said = old.take_back(import_id)

    assert code == 1
    assert f"1 of its cases, {number} first" in said
    assert old.ask("SELECT count(*) FROM imported_case") == [(2,)]


def test_recordings_come_along_encrypted_and_go_with_their_import(old: OldCity) -> None:
    sounds = old.folder / "sounds"
    sounds.mkdir()
    (sounds / "a.wav").write_bytes(wav(tone(1)))
    (sounds / "b.wav").write_bytes(b"no sound at all" * 20)
    missing = [f"{LAMP}c.wav", ASKED + "b.wav"]

    _, refused = old.run(*missing, more=["--recordings", str(sounds)])
    import_id = old.bring(LAMP + "a.wav", more=["--recordings", str(sounds)])
    kept = old.ask("SELECT stored_as, seconds FROM recording WHERE erased_at IS NULL")
    path = get_settings().data_dir / "recordings" / kept[0][0]
    was_there = path.exists() and path.read_bytes()[:4] != b"RIFF"
    old.take_back(import_id)

    assert "row 2: recordings: 'c.wav' is not in the folder" in refused
    assert "row 3: recordings: 'b.wav' is no WAV file" in refused
    assert (len(kept), kept[0][1], was_there, path.exists()) == (1, 1.0, True, False)
    with old.database.unit_of_work() as session:
        assert session.scalars(select(Recording.erased_at)).one() is not None


def test_json_lines_and_gb18030_are_read_as_well(old: OldCity) -> None:
    rows = [dict(zip(HEADER.split(","), row.split(","), strict=True)) for row in (LAMP, ASKED)]
    lines = old.write("cases.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in rows))

    _, read = old.command("cases", lines, "--mapping", old.mapping)
    _, said = old.run(LAMP, encoding="gb18030")

    assert "2 rows: 2 new" in read
    assert "1 rows: 1 new" in said


def test_a_history_of_an_unknown_case_is_a_problem(old: OldCity) -> None:
    lines = old.write(
        "history.csv", "工单编号,时间,单位,环节,意见\nGD-7,2024/3/1 10:22,城管局,签收,\nGD-0003,2026/3/2 10:22,城管局,签收,"
    )

    code, said = old.run(LAMP, OPEN, more=["--history", lines])

    assert code == 1
    assert "row 2: history old_number: no case has the number 'GD-7'" in said
    assert "history: 0 lines come, 1 belong to cases that do not" in said


def test_only_an_administrator_writes_and_a_mapping_must_be_whole(old: OldCity) -> None:
    nobody, _ = old.run(LAMP, more=["--write", "--by", "nobody"])
    unsigned, said = old.run(LAMP, more=["--write"])
    old.mapping = old.write("mapping.yaml", "source: x\ncolumns: {old_number: a}\n")
    lacking, why = old.run(LAMP)

    assert (nobody, unsigned, lacking) == (1, 1, 1)
    assert "--by" in said
    assert "The mapping lacks category, content, filed_at, request_type, state." in why
    assert old.ask("SELECT count(*) FROM imported_case") == [(0,)]


def test_an_old_number_finds_its_case_and_stands_on_its_page(old: OldCity, as_role: SignIn) -> None:
    sounds = old.folder / "sounds"
    sounds.mkdir()
    (sounds / "a.wav").write_bytes(wav(tone(1)))
    old.bring(LAMP + "a.wav", ASKED, more=["--recordings", str(sounds)])
    browser = as_role(Role.SUPERVISOR)
    number = old.ask("SELECT number FROM \"case\" WHERE content = '滨江路路灯不亮'")[0][0]

    found = browser.get("/search", params={"q": "GD-0001"}).text
    page = browser.get(f"/case/{number}").text
    heard = browser.get(f"/case/{number}/recordings").text

    assert "原系统编号：GD-0001" in found
    assert "滨江路路灯不亮" in found
    assert "路灯几点开" not in found
    assert all(said in page for said in ("GD-0001", "从原系统导入", "原评价：满意", "已修好。", f"/case/{number}/recordings"))
    assert 'aria-label="录音"' in heard


def test_figures_by_days_do_not_count_what_was_imported(old: OldCity) -> None:
    with old.database.unit_of_work() as session:
        before = recount.days(session)

    old.bring(LAMP)

    with old.database.unit_of_work() as session:
        assert recount.days(session) == before


def test_imports_are_listed(old: OldCity) -> None:
    import_id = old.bring(LAMP)

    _, listed = old.command("list")

    assert f"{import_id} " in listed
    assert "lingang-2019: 1 cases, 0 lines, 0 recordings" in listed
