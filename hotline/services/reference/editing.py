"""From a tree of categories and a form to the tree as it would be: added, changed, merged, split, retired. Writes nothing."""

from collections.abc import Callable, Mapping, Set
from dataclasses import replace

from hotline.errors import Invalid, NotFound, RuleBroken
from hotline.services.reference.forms import MOST_WORDS, Act, CategoryForm
from hotline.services.reference.tree import LOWEST, SUGGESTED, TOP, Duty, Entry, Tree, below

MOST_BELOW = 99
Changed = dict[str, Entry]


def edited(tree: Tree, form: CategoryForm, *, used: Set[str]) -> Changed:
    """`used` are codes that no new category may have. A form that changes nothing is refused."""
    after = _ACTS[form.act](tree, form, used)
    if after == tree:
        raise RuleBroken("Nothing was changed.")
    return after


def _add(tree: Tree, form: CategoryForm, used: Set[str]) -> Changed:
    level = _there(tree, form.parent, "parent").level + 1 if form.parent else TOP
    if level > LOWEST:
        raise Invalid("Nothing stands below a category of the third level.", field="parent")
    code = _spare(form.parent, used)
    entry = _filled(tree, Entry(code, "", level, form.parent), form)
    return {**tree, code: _as_above(tree, entry)}


def _change(tree: Tree, form: CategoryForm, _: Set[str]) -> Changed:
    entry = _filled(tree, _there(tree, form.code, "code"), form)
    return _with_all_below({**tree, entry.code: entry}, entry)


def _merge(tree: Tree, form: CategoryForm, used: Set[str]) -> Changed:
    """The other one takes over its words, what stands below it, and its past."""
    gone, kept = _there(tree, form.code, "code"), _there(tree, form.into, "into")
    if gone.code == kept.code or gone.level != kept.level or gone.level == TOP:
        raise Invalid("Please choose another category of the same level.", field="into")
    kept = replace(
        kept,
        keywords=tuple(dict.fromkeys((*kept.keywords, gone.name, *gone.keywords)))[:MOST_WORDS],
        formerly=tuple(dict.fromkeys((*kept.formerly, gone.code, *gone.formerly))),
    )
    after = {code: each for code, each in tree.items() if code != gone.code} | {kept.code: kept}
    for child in below(tree, gone.code):
        after = _moved(after, child, kept, used)
    return after


def _split(tree: Tree, form: CategoryForm, used: Set[str]) -> Changed:
    """A new category beside it, which takes words and some of what stands below, and is led like it until that is changed."""
    entry = _there(tree, form.code, "code")
    if entry.level != SUGGESTED:
        raise Invalid("Only a category of the second level is split.", field="code")
    words = form.words()
    twin = replace(entry, code=_spare(entry.parent, used), name=_free_name(tree, entry, form), keywords=words, formerly=())
    left = replace(entry, keywords=tuple(word for word in entry.keywords if word not in words))
    after = {**tree, entry.code: left, twin.code: twin}
    for child in below(tree, entry.code):
        if child.code in form.moving:
            after = _moved(after, child, twin, used)
    return after


def _retire(tree: Tree, form: CategoryForm, _: Set[str]) -> Changed:
    entry = _there(tree, form.code, "code")
    if entry.level == TOP and below(tree, entry.code):
        raise RuleBroken("There are categories below it: please retire or merge those first.")
    return {code: each for code, each in tree.items() if entry.code not in (code, each.parent)}


def _lead_here(tree: Tree, form: CategoryForm, _: Set[str]) -> Changed:
    entry = _there(tree, form.code, "code")
    if entry.level != SUGGESTED or not form.area:
        raise Invalid("Please choose a category of the second level and an area.", field="area")
    return {**tree, entry.code: entry.led_in(form.area, form.lead)}


_ACTS: Mapping[Act, Callable[[Tree, CategoryForm, Set[str]], Changed]] = {
    Act.ADD: _add,
    Act.CHANGE: _change,
    Act.MERGE: _merge,
    Act.SPLIT: _split,
    Act.RETIRE: _retire,
    Act.AREA: _lead_here,
}


def with_unit(tree: Tree, former: str, now: str) -> Changed:
    """One unit's part taken by another wherever it has any."""

    def taken(duty: Duty) -> Duty:
        lead = now if duty.lead == former else duty.lead
        assists = dict.fromkeys(now if code == former else code for code in duty.assists)
        return replace(duty, lead=lead, assists=tuple(code for code in assists if code != lead))

    return {code: replace(each, duties=tuple(map(taken, each.duties))) for code, each in tree.items()}


def _there(tree: Tree, code: str, field: str) -> Entry:
    if code not in tree:
        if field == "code":
            raise NotFound()
        raise Invalid("Please choose a category.", field=field)
    return tree[code]


def _filled(tree: Tree, entry: Entry, form: CategoryForm) -> Entry:
    """Only the second level says who leads, how urgent it is and what it needs; the third has it from there."""
    named = replace(entry, name=_free_name(tree, entry, form))
    if entry.level == TOP:
        return named
    named = replace(named, keywords=form.words())
    if entry.level != SUGGESTED:
        return named
    if not form.lead:
        raise Invalid("Please choose the unit that leads.", field="lead")
    assists = tuple(code for code in dict.fromkeys(form.assists) if code and code != form.lead)
    return replace(
        named,
        urgency=str(form.urgency),
        hint=str(form.hint),
        required=tuple(map(str, form.required)),
    ).led(Duty(form.lead, assists, str(form.territorial)))


def _free_name(tree: Tree, entry: Entry, form: CategoryForm) -> str:
    name = form.named()
    own = "" if form.act == Act.SPLIT else entry.code
    if any(each.name == name and each.parent == entry.parent and each.code != own for each in tree.values()):
        raise Invalid("There is a category of this name already.", field="name")
    return name


def _spare(parent: str, used: Set[str]) -> str:
    for serial in range(1, MOST_BELOW + 1):
        if (code := f"{parent}{serial:02}") not in used:
            return code
    raise RuleBroken("There is no code left below this category.")


def _moved(tree: Changed, child: Entry, above: Entry, used: Set[str]) -> Changed:
    """Below another category; if one of its name stands there already, that one takes its past over."""
    rest = {code: each for code, each in tree.items() if code != child.code}
    twin = next((each for each in below(rest, above.code) if each.name == child.name), None)
    if twin is not None:
        past = tuple(dict.fromkeys((*twin.formerly, child.code, *child.formerly)))
        return {**rest, twin.code: replace(twin, formerly=past)}
    code = _spare(above.code, {*used, *rest})
    moved = replace(child, code=code, parent=above.code, formerly=(child.code, *child.formerly))
    return {**rest, code: _as_above(rest, moved)}


def _as_above(tree: Tree, entry: Entry) -> Entry:
    above = tree.get(entry.parent)
    if entry.level != LOWEST or above is None:
        return entry
    return replace(entry, urgency=above.urgency, hint=above.hint, required=above.required)


def _with_all_below(tree: Changed, above: Entry) -> Changed:
    return {code: _as_above(tree, each) if each.parent == above.code else each for code, each in tree.items()}
