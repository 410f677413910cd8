"""The monthly report as a workbook: the signed figures, charts drawn by the spreadsheet, no text that becomes a formula."""

import zipfile
from io import BytesIO
from xml.etree import ElementTree

from hotline.services.monthly import sheets, tables
from hotline.services.monthly.figures import Calls, Figures
from hotline.services.monthly.months import Month
from hotline.services.monthly.reports import Report
from hotline.services.monthly.saying import Compared
from hotline.services.wall.scores import UnitLine

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
UNIT = UnitLine(
    code="CGJ", name="城管局", cases=4, answered=3, total=0.8, contact=None, on_time=0.75, resolution=None, satisfaction=1.0
)
NOW = Figures(
    received=90,
    by_channel={"voice": 50, "sms": 40},
    calls=Calls(asked=50, answered=48, soon=40),
    filed=60,
    by_day=[2] * 30,
    by_place={"=HYPERLINK(1)": 60},
    shares={"on_time": (30, 40)},
    units=[UNIT],
)


def report(before: Figures | None = None) -> Report:
    compared = Compared(NOW, before, None)
    return Report(Month.parse("2026-11"), "", "", compared, ["受理诉求 90 件。"], tables.all_of(compared), None, "")


def opened(content: bytes) -> tuple[dict[str, list[list[str]]], list[str]]:
    """Rows by sheet, and of each chart the ranges that are drawn."""
    with zipfile.ZipFile(BytesIO(content)) as book:
        assert book.testzip() is None
        parts = {name: ElementTree.fromstring(book.read(name)) for name in book.namelist() if name.endswith(".xml")}  # noqa: S314 -- our own
    texts = ["".join(each.itertext()) for each in parts["xl/sharedStrings.xml"].iter(f"{MAIN}si")]
    names = [sheet.attrib["name"] for sheet in parts["xl/workbook.xml"].iter(f"{MAIN}sheet")]
    found: dict[str, list[list[str]]] = {}
    for number, name in enumerate(names, 1):
        root = parts[f"xl/worksheets/sheet{number}.xml"]
        assert not list(root.iter(f"{MAIN}f"))
        found[name] = [[_text(cell, texts) for cell in row.iter(f"{MAIN}c")] for row in root.iter(f"{MAIN}row")]
    charts = [part for name, part in sorted(parts.items()) if name.startswith("xl/charts/")]
    return found, ["".join(value.itertext()) for chart in charts for value in chart.findall(f".//{CHART}val//{CHART}f")]


def _text(cell: ElementTree.Element, texts: list[str]) -> str:
    written = "".join(cell.itertext())
    return texts[int(written)] if cell.get("t") == "s" else written


def test_each_table_has_a_sheet_and_a_chart_of_its_own() -> None:
    before = Figures(received=80, filed=70, by_day=[1] * 31, by_channel={"voice": 80})

    found, drawn = opened(sheets.write(report(before)))

    assert list(found) == ["概述", "各率", "每日立案", "来源渠道", "所在街镇", "承办单位"]
    assert ["全市 2026-11 月报"] in found["概述"]
    assert ["受理诉求 90 件。"] in found["概述"]
    assert ["受理诉求", "90", "80"] in found["概述"]
    assert found["各率"][1][:3] == ["按时答复率", "0.75", "40"]
    assert found["每日立案"][30] == ["30", "2", "1"]
    assert found["来源渠道"][1] == ["电话", "50", str(50 / 90), "80"]
    assert found["承办单位"][1] == ["城管局", "4", "3", "0.75", "1", "80"]
    assert "来源渠道!$D$2:$D$3" in drawn
    assert "每日立案!$B$2:$B$31" in drawn


def test_what_is_not_known_is_neither_written_nor_drawn() -> None:
    found, drawn = opened(sheets.write(report()))

    assert found["来源渠道"][1] == ["电话", "50", str(50 / 90)]
    assert not [each for each in drawn if "$D$" in each and "来源渠道" in each]
    # Of the unit's three shares one is not known.
    assert [each for each in drawn if "承办单位" in each] == ["承办单位!$E$2", "承办单位!$G$2"]


def test_a_name_that_looks_like_a_formula_is_only_text() -> None:
    content = sheets.write(report())

    assert opened(content)[0]["所在街镇"][1][0] == "=HYPERLINK(1)"
    with zipfile.ZipFile(BytesIO(content)) as book:
        assert b"quotePrefix" in book.read("xl/styles.xml")


def test_units_with_too_few_cases_stand_apart_and_never_on_top() -> None:
    one = UNIT.model_copy(update={"code": "T003", "name": "一件的街道", "cases": 1, "total": 1.0})
    few = Figures(filed=60, units=[one, UNIT.model_copy(update={"cases": 40})], least_cases=10)

    ranked, unranked = tables.units(few)

    assert [row[0] for row in ranked.rows] == ["城管局"]
    assert [row[0] for row in unranked.rows] == ["一件的街道"]
    assert unranked.title == "办结不足 10 件的单位（不排名）"
