"""What a flow must not do to a caller: lead nowhere, ask without a way to a person, run in circles, say what has no text."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ivr_flows.flow import prompts_of
from ivr_flows.reading import Problem, Source
from ivr_flows.schema import VARIABLE, AnyNode, Goto, Head, Lookup, Menu, Record, Way
from ivr_flows.spoken import Prompts

Ways = Mapping[str, Iterable[str]]


@dataclass(frozen=True)
class Draft:
    """A flow file as it was read; a node that could not be understood is None."""

    source: Source
    head: Head | None
    raw: Mapping[str, Any]
    nodes: Mapping[str, AnyNode | None]

    @property
    def name(self) -> str:
        return self.source.path.stem

    @cached_property
    def understood(self) -> dict[str, AnyNode]:
        return {name: node for name, node in self.nodes.items() if node}

    @cached_property
    def ways(self) -> dict[str, tuple[str, ...]]:
        """Where each node leads, unknown targets left out. A node that was not understood leads wherever its words may mean."""
        return {
            name: tuple(way.to for way in node.ways() if way.to in self.nodes)
            if node
            else tuple(word for word in _words(self.raw[name]) if word in self.nodes)
            for name, node in self.nodes.items()
        }

    def refuse(self, text: str, *place: str) -> None:
        self.source.refuse(text, "nodes", *place)


def _words(raw: Any) -> Iterator[str]:
    if isinstance(raw, dict):
        raw = list(raw.values())
    if isinstance(raw, list):
        for part in raw:
            yield from _words(part)
    elif isinstance(raw, str):
        yield raw


def check(draft: Draft, prompts: Prompts | None) -> None:
    """Adds whatever is wrong to the draft's source."""
    _unknown_nodes(draft)
    _orphans(draft)
    _endless(draft)
    _menus_without_person(draft)
    _circles(draft)
    _unknown_values(draft)
    _unknown_flows(draft)
    if prompts:
        _missing_prompts(draft, prompts)


def _unknown_nodes(draft: Draft) -> None:
    if draft.head and draft.head.start not in draft.nodes:
        draft.source.refuse(f"start: there is no node {draft.head.start}", "start")
    for name, way in _all_ways(draft):
        if way.to not in draft.nodes:
            draft.refuse(f"{name}.{'.'.join(way.at)}: there is no node {way.to}", name, *way.at)


def _all_ways(draft: Draft) -> Iterator[tuple[str, Way]]:
    for name, node in draft.understood.items():
        yield from ((name, way) for way in node.ways())


def _orphans(draft: Draft) -> None:
    if not draft.head or draft.head.start not in draft.nodes:
        return
    reached = _reach(draft.ways, [draft.head.start])
    for name in draft.nodes:
        if name not in reached:
            draft.refuse(f"{name}: no caller ever comes here", name)


def _endless(draft: Draft) -> None:
    ends = {name for name, node in draft.nodes.items() if node is None or node.ends}
    for name, node in draft.understood.items():
        # A target that does not exist is told already.
        known = all(way.to in draft.nodes for way in node.ways())
        if known and not ends & _reach(draft.ways, [name]):
            draft.refuse(f"{name}: a dead end: no way from here ends the call or leads to a person", name)


def _menus_without_person(draft: Draft) -> None:
    def leads_to(targets: Iterable[str], good: Callable[[AnyNode], bool]) -> bool:
        reached = _reach(draft.ways, [target for target in targets if target in draft.nodes])
        return any(node is None or good(node) for node in (draft.nodes[name] for name in reached))

    for name, node in draft.understood.items():
        if not isinstance(node, Menu):
            continue
        if not leads_to(node.keys.values(), lambda one: one.is_service):
            draft.refuse(f"{name}: a menu without a way to a person: no key leads to a queue or a call back", name)
        if not leads_to([node.otherwise], lambda one: one.is_service or isinstance(one, Record)):
            draft.refuse(f"{name}.otherwise: after three tries nobody is there for the caller", name, "otherwise")


def _circles(draft: Draft) -> None:
    silent = {name: draft.ways[name] for name, node in draft.nodes.items() if node and not node.asks}
    for circle in _circles_in(silent):
        draft.refuse(f"{' → '.join(circle)}: a circle in which the caller is never asked anything", circle[0])


def check_together(drafts: Iterable[Draft]) -> None:
    """Flows that hand a call round and round without asking the caller anything, or to one that wants more than they have."""
    by_name = {draft.name: draft for draft in drafts}
    for draft in by_name.values():
        for name, node in draft.understood.items():
            target = by_name.get(node.goto) if isinstance(node, Goto) else None
            if target and target.head and target.head.given:
                draft.refuse(f"{name}: {target.name} wants {', '.join(target.head.given)}, which nobody gives it", name, "goto")
    for circle in _circles_in({name: [flow for _, flow in _handed_on(draft)] for name, draft in by_name.items()}):
        draft = by_name[circle[0]]
        at = next(name for name, flow in _handed_on(draft) if flow == circle[1])
        draft.refuse(f"{' → '.join(circle)}: a circle of flows in which the caller is never asked anything", at)


def _handed_on(draft: Draft) -> list[tuple[str, str]]:
    """Nodes that go to another flow before the caller was asked anything, and the flow."""
    if not draft.head or draft.head.start not in draft.nodes:
        return []
    silent = {name: () if node is None or node.asks else draft.ways[name] for name, node in draft.nodes.items()}
    reached = _reach(silent, [draft.head.start])
    return [(name, node.goto) for name, node in draft.understood.items() if name in reached and isinstance(node, Goto)]


def _unknown_values(draft: Draft) -> None:
    known = set(draft.head.given) if draft.head else set()
    known.update(value for node in draft.understood.values() for value in node.learns())
    for name, node in draft.understood.items():
        wanted = [variable["name"] for piece in node.says() if (variable := VARIABLE.fullmatch(piece))]
        if isinstance(node, Lookup):
            wanted += node.give
        for value in wanted:
            if value not in known and None not in draft.nodes.values():
                draft.refuse(f"{name}: nothing gives the value {value}", name)


def _unknown_flows(draft: Draft) -> None:
    for name, node in draft.understood.items():
        if isinstance(node, Goto) and not draft.source.path.with_name(f"{node.goto}.yaml").is_file():
            draft.refuse(f"{name}: there is no flow {node.goto} beside this one", name, "goto")


def _missing_prompts(draft: Draft, prompts: Prompts) -> None:
    told: set[str] = set()
    for name, node in draft.understood.items():
        places = {piece: (name, node.kind, str(number)) for number, piece in enumerate(node.says())}
        for key in sorted(prompts_of(node) - set(prompts.texts) - told):
            # Prompts that nobody wrote into the flow (numbers, "wrong key") are missed once, not at every node.
            if key not in places:
                told.add(key)
            draft.refuse(f"{name}: the prompt {key} has no text in {prompts.path.name}", *places.get(key, (name,)))


def unsaid_prompts(drafts: Iterable[Draft], prompts: Prompts) -> list[Problem]:
    said = set(prompts.by_dialplan)
    for draft in drafts:
        if None in draft.nodes.values():
            return []
        said |= set().union(*(prompts_of(node) for node in draft.understood.values()))
    return [
        Problem(prompts.path, prompts.lines.get(key, 1), f"{key}: no flow says this") for key in prompts.texts if key not in said
    ]


def _reach(ways: Ways, starts: Iterable[str]) -> set[str]:
    reached, waiting = set[str](), list(starts)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += ways.get(name, ())
    return reached


def _circles_in(ways: Ways) -> Iterator[list[str]]:
    """One circle for each knot of nodes that lead to each other: `[a, b, a]`."""
    seen: set[str] = set()
    for name in ways:
        if name not in seen and name in _reach(ways, ways[name]):
            seen |= {other for other in _reach(ways, [name]) if name in _reach(ways, ways.get(other, ()))}
            yield _way_back(ways, name)


def _way_back(ways: Ways, name: str) -> list[str]:
    """The shortest way from a node of a circle back to itself."""
    came_from: dict[str, str] = {}
    waiting = [name]
    for here in waiting:
        for onward in ways.get(here, ()):
            if onward not in came_from:
                came_from[onward] = here
                waiting.append(onward)
    trail = [name, came_from[name]]
    while trail[-1] != name:
        trail.append(came_from[trail[-1]])
    return trail[::-1]
