"""A drawn flow is one well-formed picture with every node, every way, and nothing on top of anything."""

import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ivr_flows import Flow, load_flows
from ivr_flows.drawing import draw
from tests.ivr_flows.flow_files import trial_flow

SVG = "{http://www.w3.org/2000/svg}"
Box = tuple[float, float, float, float]


def picture(flow: Flow) -> ElementTree.Element:
    return ElementTree.fromstring(draw(flow))  # noqa: S314  drawn a line above


def boxes(root: ElementTree.Element) -> list[Box]:
    rects = [rect for rect in root.iter(f"{SVG}rect") if rect.get("class", "").startswith("box")]
    return [(float(r.attrib["x"]), float(r.attrib["y"]), float(r.attrib["width"]), float(r.attrib["height"])) for r in rects]


def overlap(one: Box, other: Box) -> bool:
    return all(one[side] < other[side] + other[side + 2] and other[side] < one[side] + one[side + 2] for side in (0, 1))


@pytest.mark.parametrize("flow", load_flows().values(), ids=lambda flow: flow.name)
def test_every_node_and_every_way_is_drawn_apart(flow: Flow) -> None:
    root = picture(flow)
    pairs = {(name, way.to) for name, node in flow.nodes.items() for way in node.ways() if way.to != name}

    assert len(boxes(root)) == len(flow.nodes)
    assert len([path for path in root.iter(f"{SVG}path") if path.get("class") == "way"]) == len(pairs)
    assert [pair for pair in combinations(boxes(root), 2) if overlap(*pair)] == []
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes(root))


@pytest.mark.parametrize("flow", load_flows().values(), ids=lambda flow: flow.name)
def test_no_line_runs_behind_a_box(flow: Flow) -> None:
    root = picture(flow)
    for path in root.iter(f"{SVG}path"):
        if path.get("class") != "way":
            continue
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", path.attrib["d"])]
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        # Where the line passes, but for its two ends, which touch their boxes.
        for x, y in points[1:-1]:
            behind = [(bx, by, w, h) for bx, by, w, h in boxes(root) if bx < x < bx + w and by < y < by + h]
            assert behind == []


def test_the_words_of_a_flow_are_in_its_picture() -> None:
    words = "".join(picture(load_flows()["main"]).itertext())

    assert all(word in words for word in ("您好", "排队等候人工", "按 2", "无人接听", "保留位置，回电", "no_agent"))


def test_what_a_node_does_to_itself_is_written_in_its_box(tmp_path: Path) -> None:
    flow = trial_flow(
        tmp_path,
        'start: choice\nnodes:\n  choice: {menu: ask, keys: {"1": agent, "*": choice}, otherwise: agent}\n'
        "  agent: {queue: general, otherwise: bye}\n  bye: {hangup: true}\n",
    )

    assert "↺ 按 *" in "".join(picture(flow).itertext())


def test_a_text_with_marks_stays_a_text(tmp_path: Path) -> None:
    flow = trial_flow(tmp_path, "start: a\nnodes:\n  a: {say: hello, hangup: true}\n", 'hello: <b>您 & "好"</b>\n')

    assert '<b>您 & "好"</b>' in "".join(picture(flow).itertext())
