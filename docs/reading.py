"""What the code, its comments and the Makefile say of themselves, as plain values for the tables."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from pathlib import Path

from scrapbag.tables.schema import SCHEMA

ROOT = Path(__file__).parents[1]
_BEHIND = {  # files of the Makefile, and the targets that stand for them
    "$(READY)": "setup",
    "$(TESTED)": "test",
    "$(STAMPS)/score": "score",
    "$(STAMPS)/curate": "curate",
    "$(RUN)/.stamp": "train",
}
PACKAGES = ("scrapbag", "spiders", "pipelines", "curate", "gan", "show", "demo")


def makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")


def targets() -> dict[str, str]:
    """Make's targets that `make help` lists, and what it says of them."""
    return dict(re.findall(r"^([a-z-]+):.*?## (.*)$", makefile(), re.MULTILINE))


def defaults() -> dict[str, str]:
    """Make's variables that have one, unless it has to be computed."""
    return dict(re.findall(r"^([A-Z]+)\s*\?= ((?!\$\(shell).*)$", makefile(), re.MULTILINE))


def variables() -> dict[str, tuple[list[str], list[str]]]:
    """Make's variables that no line assigns for good: recipe keys or options they become, targets that read them."""
    text = makefile()
    own = set(re.findall(r"^([A-Z]+)\s*:=", text, re.MULTILINE)) | {"MAKE", "MAKECMDGOALS", "MAKEFILE_LIST"}
    found: dict[str, tuple[list[str], list[str]]] = {}

    def note(name: str, becomes: str, target: str) -> None:
        for one, known in zip((becomes, target), found.setdefault(name, ([], [])), strict=True):
            if one and one not in known:
                known.append(one)

    given = re.findall(r"\$\(call given,([A-Z]+),([a-z_.]+)\)", text)
    given += re.findall(r"\$\(if \$\(([A-Z]+)\)\$[^-]*,--set '([a-z_.]+)=\[", text)
    for name, key in given:
        note(name, f"`{key}`", key.partition(".")[0])
    everywhere = re.findall(r"foreach v,([A-Z ]+),", text)[0].split()  # the recipe, and the two folders
    target = ""
    for line in re.sub(r"\$\(call option,([A-Z_]+),([a-z-]+)\)", r"--\2 $(\1)", text).splitlines():
        if head := re.match(r"(\S+):(?!=)", line):
            target = _BEHIND.get(head[1], head[1])
        for name in set(re.findall(r"\$\(([A-Z_]+)\)", line)) - own:
            for option in re.findall(rf"(--[a-z-]+) (?:\$\(call quoted,)?\$\({name}\)", line):
                note(name, f"`{option}`" if name not in everywhere else "", "")
            reads = line.startswith("\t") and re.fullmatch("[a-z-]+", target)
            note(name, "", "all" if name in everywhere else target if reads else "")
    for name in re.findall(r"filter-out 0,\$\(([A-Z]+)\)\),--", text):
        note(name, f"`--{name.lower()}`", "")
    return dict(sorted(found.items()))


def catalog_columns() -> dict[str, list[tuple[str, str, str]]]:
    """Tables of the catalog: (column, type, comment) of each, and last (key, '', '') where several columns are one."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for name, body in re.findall(r"create table if not exists (\w+) \((.*?)^\)", SCHEMA, re.DOTALL | re.MULTILINE):
        found[name] = []
        for line in filter(None, map(str.strip, body.splitlines())):
            declared, _, comment = line.partition("--")
            column, _, kind = declared.strip().rstrip(",").partition(" ")
            key = declared.strip().startswith("primary key")
            found[name].append((declared.strip(), "", "") if key else (column, kind.strip(), comment.strip()))
    return found


def versions() -> list[tuple[str, int, str]]:
    """(file, number, comment) of every constant named VERSION, or something that ends so."""
    found = []
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.Assign):
                names = [one.id for one in ast.walk(node.targets[0]) if isinstance(one, ast.Name)]
                values = [one.value for one in ast.walk(node.value) if isinstance(one, ast.Constant)]
                for name, value in zip(names, values, strict=False):
                    if name.endswith("VERSION") and isinstance(value, int):
                        comment = _comment(text.splitlines()[node.lineno - 1])
                        found.append((path.relative_to(ROOT).as_posix(), value, comment))
    return found


def comments(cls: type) -> dict[str, str]:
    """What the comment beside each field of a dataclass says, or the one right above it; those of its bases too."""
    said: dict[str, str] = {}
    for one in reversed(cls.__mro__[:-1]):
        source = textwrap.dedent(inspect.getsource(one))
        lines, node = source.splitlines(), ast.parse(source).body[0]
        assert isinstance(node, ast.ClassDef)
        for field in node.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                first, last = field.lineno - 1, field.end_lineno or field.lineno
                beside = [_comment(line) for line in lines[first:last]]
                above = lines[first - 1].strip().removeprefix("# ") if lines[first - 1].strip()[:1] == "#" else ""
                if words := " ".join(filter(None, beside)) or above:
                    said[field.target.id] = words
    return said


def _comment(line: str) -> str:
    """What stands behind the last # that is in no text."""
    bare = re.sub(r'"[^"]*"', lambda text: "x" * len(text[0]), line)
    return line[bare.index("#") + 1 :].strip() if "#" in bare else ""


def rooms() -> dict[str, tuple[str, list[str]]]:
    """Every room: what its docstring says of it, and the rooms that it imports besides the ground and itself.

    A room is a folder, or a module that stands alone at the door of a package of rooms.
    """
    files = {path: _room(path) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts): room for path, room in files.items()}
    found: dict[str, tuple[str, list[str]]] = {}
    for path, room in files.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        said, others = found.setdefault(room, ("", []))
        if room == path.relative_to(ROOT).as_posix() or path.name == "__init__.py":
            said = (ast.get_docstring(tree) or "").partition("\n")[0]
        for name in _imported(tree):
            other = modules.get(name, "")
            ground = other.startswith("scrapbag/") and not (room.startswith("scrapbag/") and other != "scrapbag/")
            if other not in {"", room, *others} and not ground:
                others.append(other)
        found[room] = said, sorted(others)
    return {room: one for room, one in found.items() if one[0]}


def _room(path: Path) -> str:
    folder = path.parent.relative_to(ROOT).as_posix()
    alone = folder in {"spiders", "curate", "gan", "show"} and path.name != "__init__.py"
    return path.relative_to(ROOT).as_posix() if alone else f"{folder}/"


def _imported(tree: ast.Module) -> set[str]:
    """Modules by their full names, wherever the import stands."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names
