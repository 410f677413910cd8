"""Reads the project's own source: its files, its modules, and the breaches of a rule found in a syntax tree."""

import ast
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("hotline", "models", "classifier", "ivr_flows")

# A rule looks at one node and says what is wrong with it, or nothing.
Rule = Callable[[ast.AST], str | None]


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def breaches(rule: Rule, *, allowed: set[str]) -> list[str]:
    """Where the rooms break the rule, outside the files that may."""
    found = []
    for path in python_files(*ROOMS):
        name = path.relative_to(ROOT).as_posix()
        if name not in allowed:
            found += [f"{name}:{line} {what}" for line, what in breaches_in(path.read_text(), rule)]
    return found


def breaches_in(text: str, rule: Rule) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(text)):
        if what := rule(node):
            yield getattr(node, "lineno", 0), what


def calls_of(*names: str) -> Rule:
    """Calls of these methods: `something.name(...)`."""

    def rule(node: ast.AST) -> str | None:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names:
            return f"calls .{node.func.attr}("
        return None

    return rule


def sets_status(node: ast.AST) -> str | None:
    """An assignment to `.status` of anything but self, by whatever road."""
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        parts = [part for target in targets for part in ast.walk(target)]
        return "assigns .status" if any(map(_is_status, parts)) else None
    if isinstance(node, ast.Call):
        if _called(node) == "setattr" and any(isinstance(a, ast.Constant) and a.value == "status" for a in node.args):
            return "sets status by setattr"
        if _called(node) == "values" and any(keyword.arg == "status" for keyword in node.keywords):
            return "sets status by an UPDATE"
    return None


def _is_status(node: ast.AST) -> bool:
    of_self = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    return isinstance(node, ast.Attribute) and node.attr == "status" and not of_self


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def reads_environment(node: ast.AST) -> str | None:
    names = {"environ", "environb", "getenv", "getenvb"}
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os" and node.attr in names:
        return f"reads os.{node.attr}"
    if isinstance(node, ast.ImportFrom) and node.module == "os" and names & {alias.name for alias in node.names}:
        return "imports the environment from os"
    return None


def imports_of(package: str) -> Rule:
    def rule(node: ast.AST) -> str | None:
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        return f"imports {package}" if any(name.split(".")[0] == package for name in modules) else None

    return rule


def contract_rows() -> list[str]:
    """Every module that the import contract names, whatever its row."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [module.strip() for row in layers for module in row.split("|")]


def modules_of(package: str) -> list[str]:
    """The package's modules and subpackages, one level deep."""
    folder = ROOT / package
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in folder.glob("*/*.py")}
    return sorted(f"{package}.{name}" for name in files | packages)
