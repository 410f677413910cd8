"""Flow files in, checked flows out; one FlowsRefused names everything that is wrong with them, by file and line."""

from pathlib import Path

from pydantic import ValidationError

from ivr_flows import checks
from ivr_flows.flow import Flow, prompts_of, version_of
from ivr_flows.reading import FlowsRefused, Problem, Source, read_yaml
from ivr_flows.schema import KINDS, NAME, AnyNode, Head, Kind
from ivr_flows.spoken import PROMPTS, Prompts, load_prompts

FLOWS = Path(__file__).parent / "flows"


def load_flow(path: Path, prompts: Path = PROMPTS) -> Flow:
    spoken = load_prompts(prompts)
    source, draft = _read(path)
    if draft:
        checks.check(draft, spoken)
    return _flow(source, draft, spoken)


def load_flows(folder: Path = FLOWS, prompts: Path = PROMPTS) -> dict[str, Flow]:
    """A whole set, by name. Loading again gives a new set: calls that began with the old one keep the flows they hold."""
    problems: list[Problem] = []
    spoken: Prompts | None = None
    try:
        spoken = load_prompts(prompts)
    except FlowsRefused as refused:
        problems += refused.problems
    read = {path.stem: _read(path) for path in sorted(folder.glob("*.yaml"))}
    drafts = [draft for _, draft in read.values() if draft]
    for draft in drafts:
        checks.check(draft, spoken)
    checks.check_together(drafts)
    problems += [problem for source, _ in read.values() for problem in source.problems]
    if not read:
        problems.append(Problem(folder, 1, "there is no flow in this folder"))
    # What a file that cannot be read would have said is not known, so its prompts are no orphans yet.
    if spoken and len(drafts) == len(read) and drafts:
        problems += checks.unsaid_prompts(drafts, spoken)
    if problems or not spoken:
        raise FlowsRefused(problems)
    return {name: _flow(source, draft, spoken) for name, (source, draft) in read.items()}


def _read(path: Path) -> tuple[Source, checks.Draft | None]:
    """The file's nodes as far as they can be understood; the rest is among the source's problems."""
    source = read_yaml(path)
    if source.data is None and source.problems:
        return source, None
    raw = source.data.get("nodes") if isinstance(source.data, dict) else None
    if not isinstance(source.data, dict) or not isinstance(raw, dict) or not raw:
        source.refuse("a flow has a start and nodes (name: node)")
        return source, None
    try:
        head = Head.model_validate({key: value for key, value in source.data.items() if key != "nodes"})
    except ValidationError as error:
        source.refuse_invalid(error)
        head = None
    return source, checks.Draft(source, head, raw, {name: _node(source, name, data) for name, data in raw.items()})


def _node(source: Source, name: str, data: object) -> AnyNode | None:
    if not NAME.fullmatch(name):
        source.refuse(f"{name!r}: a node's name is small letters, digits and _", "nodes", name)
    if not isinstance(data, dict):
        source.refuse(f"{name}: a node says what it does", "nodes", name)
        return None
    # 'hangup' alone is a node; beside another kind it says that the call is over afterwards.
    present = [kind for kind in Kind if kind in data]
    kinds = present if present == [Kind.HANGUP] else [kind for kind in present if kind != Kind.HANGUP]
    if len(kinds) != 1:
        named = " and ".join(kinds) or ", ".join(data)
        source.refuse(f"{name}: a node is one of {', '.join(Kind)}, not {named or 'nothing'}", "nodes", name)
        return None
    try:
        return KINDS[kinds[0]].model_validate(data)
    except ValidationError as error:
        source.refuse_invalid(error, "nodes", name)
        return None


def _flow(source: Source, draft: checks.Draft | None, prompts: Prompts) -> Flow:
    if source.problems or not draft or not draft.head:
        raise FlowsRefused(source.problems)
    nodes = {name: node for name, node in draft.nodes.items() if node}
    texts = {key: prompts.texts[key] for key in sorted(set().union(*(prompts_of(node) for node in nodes.values())))}
    return Flow(source.path.stem, version_of(source.text, texts), draft.head.start, draft.head.given, nodes, texts)
