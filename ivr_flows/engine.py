"""The interpreter: runs a flow until the caller must do something. Keeps no clock, does no input or output, remembers nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import singledispatch

from ivr_flows import numerals, schema, turns
from ivr_flows.flow import NO_KEY, NOTHING_RECORDED, WRONG_KEY, Flow
from ivr_flows.turns import Answered, Found, Hangup, HungUp, Input, Keys, Position, Recorded, Save, Say, Step, Turn, Unanswered

TRIES = 3
# Nobody types more in one call; a flood of keys must not grow what is kept of it.
MOST_KEYS = 64

CALLBACK = "callback"
KEEP_PLACE, WANTED = "keep_place", "wanted"


class NotExpected(ValueError):
    """An input that does not answer the turn this call waits in."""


class OtherVersion(ValueError):
    """The position belongs to another flow, or to another version of this one; a call ends in the version it began with."""


def start(flow: Flow, values: Mapping[str, str] | None = None) -> Step:
    """The first step. `values` are those that the flow says are given to it."""
    given = dict(values or {})
    if missing := [name for name in flow.given if name not in given]:
        raise ValueError(f"{flow.name} wants {', '.join(missing)}")
    known = {name: given[name] for name in flow.given}
    return _Walk(flow, Position(flow=flow.name, version=flow.version, node=flow.start, values=known)).step()


def resume(flow: Flow, position: Position, given: Input) -> Step:
    """What follows from what the caller did; NotExpected and OtherVersion are mistakes of whoever asks, never of the caller."""
    if (position.flow, position.version) != (flow.name, flow.version):
        raise OtherVersion(f"{position.flow} {position.version} is not {flow.name} {flow.version}")
    if isinstance(given, HungUp):
        return Step(position.model_copy(update={"ended": True}))
    if position.ended:
        raise NotExpected(f"{flow.name} is over")
    walk = _Walk(flow, position)
    _answer(flow.nodes[position.node], walk, given)
    return walk.step()


@dataclass
class _Walk:
    """One way through the flow, from where the call stands to where it waits or ends."""

    flow: Flow
    at: Position
    turns: list[Turn] = field(default_factory=list)
    rests: bool = False

    def step(self) -> Step:
        while not self.rests:
            _arrive(self.flow.nodes[self.at.node], self)
        return Step(self.at, tuple(self.turns))

    def move(self, **changes: object) -> None:
        self.at = self.at.model_copy(update=changes)

    def go(self, node: str) -> None:
        self.move(node=node, tries=0)

    def go_on(self, node: schema.Onward) -> None:
        if node.next:
            self.go(node.next)
        else:
            self.end(Hangup())

    def wait(self, turn: Turn) -> None:
        self.turns.append(turn)
        self.rests = True

    def end(self, *turn: Turn) -> None:
        self.turns += turn
        self.move(ended=True)
        self.rests = True

    def learn(self, values: Mapping[str, str]) -> None:
        self.move(values={**self.at.values, **values})

    def hear(self, keys: str) -> None:
        """Keys that were pressed while something else went on."""
        self.move(ahead=_keys(self.at.ahead + keys))

    def spoken(self, node: schema.Node) -> tuple[str, ...]:
        return tuple(key for piece in node.says() for key in _prompts(piece, self.at.values))


def _prompts(piece: str, values: Mapping[str, str]) -> tuple[str, ...]:
    variable = schema.VARIABLE.fullmatch(piece)
    if not variable:
        return (piece,)
    value = values.get(variable["name"], "")
    if variable["digits"] or not numerals.is_number(value):
        return numerals.digit_by_digit(value)
    return numerals.as_number(int(value))


def _keys(text: str) -> str:
    return "".join(key for key in text[:MOST_KEYS] if key in "0123456789*#")


# --- Arriving at a node ---


@singledispatch
def _arrive(node: schema.Node, walk: _Walk) -> None:
    raise TypeError(node.kind)


@_arrive.register
def _say(node: schema.Say, walk: _Walk) -> None:
    if node.is_service:
        walk.turns.append(Save(CALLBACK, KEEP_PLACE if node.keep_place else WANTED))
    walk.turns.append(Say(walk.spoken(node)))
    walk.go_on(node)


@_arrive.register
def _note(node: schema.Note, walk: _Walk) -> None:
    walk.turns += [Save(what, value) for what, value in node.note.items()]
    walk.go_on(node)


@_arrive.register
def _ask(node: schema.Asking, walk: _Walk) -> None:
    keys = _without_stray_end(node, walk.at.ahead)
    entry, rest = _entry(node, keys)
    if entry is None:
        walk.move(ahead="")
        walk.wait(_gather(node, () if keys else walk.spoken(node), typed=keys))
    else:
        walk.move(ahead=rest)
        _judge(node, walk, entry)


@_arrive.register
def _record(node: schema.Record, walk: _Walk) -> None:
    again = (NOTHING_RECORDED,) if walk.at.tries else ()
    walk.move(ahead="")
    walk.wait(turns.Record((*again, *walk.spoken(node)), node.max_seconds, node.save, node.end_key))


@_arrive.register
def _look_up(node: schema.Lookup, walk: _Walk) -> None:
    walk.wait(turns.Lookup(node.lookup, {name: walk.at.values.get(name, "") for name in node.give}))


@_arrive.register
def _queue(node: schema.Queue, walk: _Walk) -> None:
    walk.move(ahead="")
    walk.wait(turns.Queue(node.queue, dict(node.offer), node.otherwise))


@_arrive.register
def _go_to(node: schema.Goto, walk: _Walk) -> None:
    walk.end(turns.Goto(node.goto))


@_arrive.register
def _hang_up(node: schema.Hangup, walk: _Walk) -> None:
    walk.end(Hangup())


# --- Answering a node's turn ---


@singledispatch
def _answer(node: schema.Node, walk: _Walk, given: Input) -> None:
    raise NotExpected(f"{walk.at.flow}.{walk.at.node} waits for nothing")


@_answer.register
def _pressed(node: schema.Asking, walk: _Walk, given: Input) -> None:
    if not isinstance(given, Keys):
        raise NotExpected(f"{walk.at.flow}.{walk.at.node} waits for keys, not for {given}")
    entry, rest = _entry(node, _without_stray_end(node, _keys(given.pressed)), complete=True)
    walk.move(ahead=rest)
    _judge(node, walk, entry or "")


@_answer.register
def _recorded(node: schema.Record, walk: _Walk, given: Input) -> None:
    if not isinstance(given, Recorded):
        raise NotExpected(f"{walk.at.flow}.{walk.at.node} waits for a recording, not for {given}")
    walk.hear(given.ahead)
    if given.seconds > 0:
        walk.turns.append(Save(node.save, str(max(1, round(min(given.seconds, node.max_seconds))))))
    elif walk.at.tries + 1 < TRIES:
        walk.move(tries=walk.at.tries + 1)
        return
    walk.go_on(node)


@_answer.register
def _found(node: schema.Lookup, walk: _Walk, given: Input) -> None:
    if not isinstance(given, Found):
        raise NotExpected(f"{walk.at.flow}.{walk.at.node} waits for an answer, not for {given}")
    walk.hear(given.ahead)
    if given.outcome in node.outcomes and all(name in given.values for name in node.gives):
        walk.learn({name: given.values[name] for name in node.gives})
        walk.go(node.outcomes[given.outcome])
    else:
        walk.go(node.otherwise)


@_answer.register
def _left_queue(node: schema.Queue, walk: _Walk, given: Input) -> None:
    match given:
        case Answered():
            walk.end()
        case Unanswered():
            walk.go(node.otherwise)
        case Keys(pressed=pressed):
            # Any other key changes nothing: the caller keeps waiting.
            if pressed[:1] in node.offer:
                walk.go(node.offer[pressed[:1]])
        case _:
            raise NotExpected(f"{walk.at.flow}.{walk.at.node} waits in a queue, not for {given}")


# --- Keys ---


def _gather(node: schema.Asking, prompts: tuple[str, ...], *, typed: str = "") -> turns.Gather:
    # Room for the end key: without it, the one pressed after a number of full length would fall into the next question.
    most = node.most_digits + (1 if node.ends_with else 0)
    return turns.Gather(prompts, most, node.timeout_seconds, node.ends_with, typed)


def _without_stray_end(node: schema.Asking, keys: str) -> str:
    """Callers press # after a number whether asked to or not; it is no answer to the next question."""
    return keys if "#" in node.keys else keys.lstrip("#")


def _entry(node: schema.Asking, keys: str, *, complete: bool = False) -> tuple[str | None, str]:
    """The answer that these keys hold, and the keys after it; no answer while keys are missing and more may come."""
    if not keys:
        return ("" if complete else None), ""
    if node.most_digits == 1 or keys[0] in node.keys:
        return keys[0], keys[1:]
    if node.ends_with and node.ends_with in keys:
        entry, _, rest = keys.partition(node.ends_with)
        return entry, rest
    if node.ends_with is None and len(keys) >= node.most_digits:
        return keys[: node.most_digits], keys[node.most_digits :]
    # Too long a number is a wrong one, not a number and the beginning of the next.
    return (keys, "") if complete or len(keys) > node.most_digits else (None, keys)


def _judge(node: schema.Asking, walk: _Walk, entry: str) -> None:
    if entry in node.keys:
        walk.go(node.keys[entry])
    elif isinstance(node, schema.Digits) and node.accepts(entry):
        _take(node, walk, entry)
    else:
        _fail(node, walk, silent=not entry)


def _take(node: schema.Digits, walk: _Walk, entry: str) -> None:
    if node.keep:
        walk.learn({node.keep: entry})
    if node.save:
        walk.turns.append(Save(node.save, entry))
    walk.go(node.next)


def _fail(node: schema.Asking, walk: _Walk, *, silent: bool) -> None:
    # What was typed blindly after a wrong key is not meant for what comes now.
    walk.move(tries=walk.at.tries + 1, ahead="")
    if walk.at.tries < TRIES:
        walk.wait(_gather(node, (NO_KEY if silent else WRONG_KEY, *walk.spoken(node))))
    else:
        walk.go(node.silence if silent and node.silence else node.otherwise)
