"""A flow as one SVG that needs nothing else: every node with its words, every way with what makes the caller take it."""

from collections.abc import Iterator
from html import escape
from itertools import pairwise
from unicodedata import east_asian_width

from ivr_flows.flow import Flow
from ivr_flows.layout import Line, Plan, Route, Size, Spot, arrange
from ivr_flows.schema import VARIABLE, AnyNode, Digits, Goto, Kind, Lookup, Note, Onward, Queue, Record, Say

CHARACTER = 12.0  # the width of a Chinese one, at the size of the words in a box
LINE_HEIGHT = 18
PADDING = 10
WIDEST = 17  # Chinese characters in a line
LAYER_GAP = 16

KIND_WORDS = {
    Kind.SAY: "播报",
    Kind.NOTE: "登记",
    Kind.MENU: "选择",
    Kind.DIGITS: "输入",
    Kind.RECORD: "录音",
    Kind.LOOKUP: "查询",
    Kind.QUEUE: "排队等候人工",
    Kind.GOTO: "转到流程",
    Kind.HANGUP: "挂机",
}
WAY_WORDS = {
    "next": "",
    "digits": "输入完成",
    "otherwise": "三次未成",
    "silence": "三次未按",
}
# Chosen to differ in grey as well; the kind stands in words on every box.
COLOURS = {
    Kind.SAY: "#e8eef7",
    Kind.NOTE: "#eeeeee",
    Kind.MENU: "#fff1cc",
    Kind.DIGITS: "#fff1cc",
    Kind.RECORD: "#fbe3e0",
    Kind.LOOKUP: "#e9e4f5",
    Kind.QUEUE: "#d6ecd9",
    Kind.GOTO: "#dfe9ea",
    Kind.HANGUP: "#dddddd",
}
STYLE = """
text { font-family: "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", sans-serif;
  font-size: 12px; fill: #1d2733; }
.name { font-size: 11px; fill: #56616d; } .kind { font-weight: 600; } .end { fill: #8a2b20; }
.label { font-size: 11px; fill: #274c77; }
.box { stroke: #8896a5; } .first { stroke: #1d2733; stroke-width: 2; } .way { fill: none; stroke: #6b7a89; stroke-width: 1.2; }
"""


def draw(flow: Flow) -> str:
    words = {name: list(_words(flow, name, node)) for name, node in flow.nodes.items()}
    sizes = {name: _size_of(lines) for name, lines in words.items()}
    plan = arrange(sizes, _lines(flow), first=flow.start, layer_gap=LAYER_GAP)
    return "\n".join(_svg(flow, plan, words)) + "\n"


def _svg(flow: Flow, plan: Plan, words: dict[str, list[tuple[str, str]]]) -> Iterator[str]:
    width, height = round(plan.size.width), round(plan.size.height)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" lang="zh-CN"><title>{escape(flow.name)}</title><style>{STYLE}</style>'
    )
    yield (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#6b7a89"/></marker></defs><rect width="100%" height="100%" fill="#ffffff"/>'
    )
    labels = _labels(flow)
    for route in plan.routes:
        yield f'<path class="way" d="{_path(route)}" marker-end="url(#tip)"/>'
    for route in plan.routes:
        yield from _label(route.label, labels[route.line.source, route.line.target])
    for name, spot in plan.boxes.items():
        yield from _box(spot, flow.nodes[name].kind, words[name], is_first=name == flow.start)
    yield "</svg>"


# --- What stands in a box ---


def _words(flow: Flow, name: str, node: AnyNode) -> Iterator[tuple[str, str]]:
    """The lines of a box: class and text."""
    yield "kind", KIND_WORDS[node.kind]
    yield "name", name
    for line in _wrapped("".join(_heard(flow, piece) for piece in node.says())):
        yield "said", line
    for line in _facts(node):
        yield "name", line
    if repeats := [_way_word(way.on) for way in node.ways() if way.to == name]:
        yield "label", f"↺ {' '.join(repeats)}"
    if isinstance(node, Onward) and node.hangup:
        yield "end", "挂机"


def _heard(flow: Flow, piece: str) -> str:
    variable = VARIABLE.fullmatch(piece)
    return f"〈{variable['name']}〉" if variable else flow.texts[piece]


def _facts(node: AnyNode) -> Iterator[str]:
    match node:
        case Say() if node.is_service:
            yield "保留位置，回电" if node.keep_place else "登记回电"
        case Note():
            yield from (f"{what} = {value}" for what, value in node.note.items())
        case Digits():
            least, most = node.min_digits, node.max_digits
            yield f"{node.keep or node.save}：{least if least == most else f'{least}–{most}'} 位" + (" #" if node.end_key else "")
        case Record():
            yield f"{node.save}：至多 {node.max_seconds} 秒"
        case Lookup():
            yield node.lookup
        case Queue():
            yield node.queue
        case Goto():
            yield node.goto


def _wrapped(text: str) -> Iterator[str]:
    line, width = "", 0.0
    for character in text:
        # A closing mark never begins a line.
        if width >= WIDEST and character not in "，。；：、？！）〉":
            yield line
            line, width = "", 0.0
        line += character
        width += _width(character)
    if line:
        yield line


def _width(text: str) -> float:
    """In Chinese characters."""
    return sum(1.0 if east_asian_width(character) in "WFA" else 0.58 for character in text)


def _size_of(lines: list[tuple[str, str]]) -> Size:
    return Size(max(_width(text) for _, text in lines) * CHARACTER + 2 * PADDING, len(lines) * LINE_HEIGHT + 2 * PADDING - 4)


def _box(spot: Spot, kind: Kind, lines: list[tuple[str, str]], *, is_first: bool) -> Iterator[str]:
    x, y = spot.x - spot.size.width / 2, spot.y
    yield (
        f'<rect class="box{" first" if is_first else ""}" x="{x:.1f}" y="{y:.1f}" width="{spot.size.width:.1f}" '
        f'height="{spot.size.height:.1f}" rx="6" fill="{COLOURS[kind]}"/>'
    )
    for number, (style, text) in enumerate(lines):
        baseline = y + PADDING + 11 + number * LINE_HEIGHT
        yield f'<text class="{style}" x="{x + PADDING:.1f}" y="{baseline:.1f}">{escape(text)}</text>'


# --- Ways ---


def _lines(flow: Flow) -> list[Line]:
    """One line between two nodes, however many keys lead that way."""
    return [
        Line(source, target, Size(_width(label) * CHARACTER + 8, 16) if label else Size(4, 0))
        for (source, target), label in _labels(flow).items()
    ]


def _labels(flow: Flow) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], list[str]] = {}
    for name, node in flow.nodes.items():
        for way in node.ways():
            if way.to != name:
                found.setdefault((name, way.to), []).append(_way_word(way.on, node.kind))
    return {ends: " / ".join(dict.fromkeys(word for word in words if word)) for ends, words in found.items()}


def _way_word(on: str, kind: Kind = Kind.MENU) -> str:
    if on == "otherwise" and kind in (Kind.QUEUE, Kind.LOOKUP):
        return "无人接听" if kind is Kind.QUEUE else "其他"
    return WAY_WORDS.get(on, f"按 {on}" if len(on) == 1 else on)


def _label(spot: Spot, text: str) -> Iterator[str]:
    if text:
        width, height = spot.size.width, spot.size.height
        yield f'<rect x="{spot.x - width / 2:.1f}" y="{spot.y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="#ffffff"/>'
        yield f'<text class="label" text-anchor="middle" x="{spot.x:.1f}" y="{spot.y + 12:.1f}">{escape(text)}</text>'


def _path(route: Route) -> str:
    """A curve that leaves and enters upright, spot by spot."""
    first, last = route.spots[0], route.spots[-1]
    down = first.layer < last.layer
    points = [_port(first, route.spots[1], below=down)]
    for spot in route.spots[1:-1]:
        ends = [(spot.x, spot.y), (spot.x, spot.y + spot.size.height)]
        points += ends if down else ends[::-1]
    points.append(_port(last, route.spots[-2], below=not down))
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x, y), (to_x, to_y) in pairwise(points):
        middle = (y + to_y) / 2
        path += f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"
    return path


def _port(box: Spot, towards: Spot, *, below: bool) -> tuple[float, float]:
    """Where on the box's edge the line begins: beside its other lines, in their order."""
    neighbours = sorted(box.down if below else box.up, key=lambda spot: spot.x)
    place = next(number for number, spot in enumerate(neighbours) if spot is towards)
    step = min(24.0, (box.size.width - 2 * PADDING) / max(len(neighbours), 1))
    x = box.x + (place - (len(neighbours) - 1) / 2) * step
    return x, box.y + (box.size.height if below else 0)
