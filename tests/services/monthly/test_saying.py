"""What a report says follows from its figures, and nothing is said that they do not bear out."""

from hotline.services.monthly.figures import Calls, Figures
from hotline.services.monthly.saying import Compared, sentences
from hotline.services.wall.scores import UnitLine


def said(now: Figures, before: Figures | None = None, year_before: Figures | None = None, *, city: bool = True) -> str:
    return "\n".join(sentences(Compared(now, before, year_before), city=city))


def test_volume_is_compared_with_the_month_and_the_year_before() -> None:
    text = said(Figures(received=120), Figures(received=100), Figures(received=160))

    assert "受理诉求 120 件。" in text
    assert "比上月多 20 件（+20.0%）。" in text
    assert "比去年同月少 40 件（−25.0%）。" in text


def test_a_month_that_is_not_over_is_compared_with_none() -> None:
    compared = Compared(Figures(received=60), Figures(received=100), None)

    assert sentences(compared, city=True, over=False) == ["受理诉求 60 件。"]


def test_a_share_rises_only_where_chance_would_hardly_explain_it() -> None:
    was = Figures(received=1, shares={"resolution": (70, 100)})

    assert "解决率 90.0%（100 件），比上月高 20.0 个百分点。" in said(Figures(received=1, shares={"resolution": (90, 100)}), was)
    assert "没有明显差别" in said(Figures(received=1, shares={"resolution": (73, 100)}), was)
    few = said(Figures(received=1, shares={"resolution": (10, 10)}), was)
    assert "解决率 100.0%（10 件）。" in few


def test_the_largest_rise_and_fall_are_named_if_they_are_worth_a_word() -> None:
    before = Figures(received=1, by_category={"住房": 50, "交通": 80, "环境": 40})
    now = Figures(received=1, by_category={"住房": 90, "交通": 40, "环境": 44})

    text = said(now, before)

    assert "增加最多的类别：住房，90 件，比上月多 40 件。" in text
    assert "减少最多的类别：交通，40 件，比上月少 40 件。" in text
    assert "环境" not in text


def test_a_connection_rate_below_the_standard_is_said_plainly() -> None:
    assert "只接通 90.0%，低于标准 95%" in said(Figures(received=1, calls=Calls(asked=100, answered=90, soon=80)))
    assert "接通 96.0%（标准 95%）" in said(Figures(received=1, calls=Calls(asked=100, answered=96, soon=80)))


def test_units_are_named_for_lateness_only_with_enough_cases() -> None:
    def line(name: str, cases: int, on_time: float) -> UnitLine:
        shares = {"contact": None, "resolution": None, "satisfaction": None, "on_time": on_time}
        return UnitLine(code=name, name=name, cases=cases, answered=0, total=0, **shares)

    text = said(Figures(received=1, units=[line("城管", 20, 0.5), line("住建", 5, 0.0), line("教体", 20, 0.9)]))

    assert "按时答复率低于 80% 的单位：城管（50.0%）。" in text


def test_an_empty_month_says_so() -> None:
    assert said(Figures()) == "本月没有受理和办理。"
