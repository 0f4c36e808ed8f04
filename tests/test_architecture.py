"""The house rules that a program can hold: who imports whom, how large files and folders are, one name a thing."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter, defaultdict
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

import pytest
from making import ROOT

from scrapbag import layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A room is a folder, or a module that stands alone at a package's door; what it may import besides itself.
_GROUND = {"scrapbag", "scrapbag.border", "scrapbag.make", "scrapbag.tables"}
MAY_IMPORT = {
    "scrapbag.border": set(),
    "scrapbag.make": set(),
    "scrapbag.tables": set(),
    "scrapbag": {"scrapbag.border", "scrapbag.make", "scrapbag.tables"},
    "scrapbag.computer": set(),
    "scrapbag.crawl": _GROUND,
    "scrapbag.desk": _GROUND | {"scrapbag.computer", "scrapbag.formats"},
    "scrapbag.formats": _GROUND,
    "scrapbag.models": _GROUND,
    "scrapbag.storage": _GROUND,
    "scrapbag.web": _GROUND,
    "scrapbag.workers": _GROUND,
    "pipelines.guards": _GROUND | {"scrapbag.crawl"},
    "pipelines": _GROUND | {"scrapbag.crawl", "scrapbag.formats", "pipelines.guards"},
    "spiders.pages": _GROUND,
    "spiders.files": _GROUND | {"scrapbag.formats", "spiders.pages"},
    "spiders.readers": _GROUND | {"scrapbag.crawl", "pipelines.guards", "spiders.files", "spiders.pages"},
    "spiders.browser": _GROUND | {"pipelines.guards"},
    "spiders.engine": _GROUND | {"scrapbag.crawl", "pipelines", "pipelines.guards", "spiders.readers"},
    "spiders.spread": _GROUND
    | {"scrapbag.crawl", "scrapbag.workers", "pipelines", "pipelines.guards", "spiders.engine", "spiders.readers"},
    "spiders.__main__": _GROUND | {"scrapbag.workers", "spiders.engine", "spiders.spread"},
    "curate.rows": _GROUND,
    "curate.look": _GROUND | {"scrapbag.computer", "scrapbag.formats"},
    "curate.model": _GROUND | {"scrapbag.models"},
    "curate.scores": _GROUND | {"scrapbag.computer", "scrapbag.workers", "curate.look", "curate.model"},
    "curate.report": _GROUND | {"scrapbag.web", "curate.rows", "curate.look"},
    "curate.squares": _GROUND
    | {"scrapbag.computer", "scrapbag.storage", "scrapbag.web", "scrapbag.workers"}
    | {"curate.rows", "curate.look", "curate.report"},
    "curate.choose": _GROUND | {"curate.rows", "curate.look", "curate.model", "curate.scores", "curate.squares"},
    "curate.run": _GROUND
    | {
        "scrapbag.computer",
        "scrapbag.workers",
        "curate.rows",
        "curate.look",
        "curate.model",
        "curate.scores",
        "curate.choose",
        "curate.squares",
        "curate.report",
    },
    "curate.review": _GROUND | {"scrapbag.web", "curate.look", "curate.scores", "curate.choose", "curate.run"},
    "curate.__main__": _GROUND
    | {
        "scrapbag.computer",
        "scrapbag.workers",
        "curate.scores",
        "curate.choose",
        "curate.squares",
        "curate.report",
        "curate.run",
        "curate.review",
    },
    "gan.nets": _GROUND | {"scrapbag.models"},
    "gan.pictures": _GROUND | {"gan.nets"},
    "gan.step": _GROUND | {"gan.nets", "gan.pictures"},
    "gan.train": _GROUND | {"scrapbag.computer", "gan.nets", "gan.pictures", "gan.step"},
    "gan.sample": _GROUND | {"gan.nets", "gan.pictures"},
    "gan.evaluate": _GROUND
    | {"scrapbag.models", "scrapbag.web", "gan.nets", "gan.pictures", "gan.step", "gan.train", "gan.sample"},
    "gan.serve": _GROUND | {"scrapbag.web", "gan.pictures"},
    "gan.__main__": _GROUND
    | {"scrapbag.computer", "gan.nets", "gan.pictures", "gan.step", "gan.train", "gan.sample", "gan.evaluate"},
    "show.cards": _GROUND | {"scrapbag.web"},
    "show.known": _GROUND,
    "show.gallery": _GROUND | {"scrapbag.formats", "scrapbag.web", "show.known"},
    "show.post": _GROUND,
    "show.__main__": _GROUND | {"show.cards", "show.gallery", "show.known", "show.post"},
    "show": _GROUND,
    "demo.drawing": set(),
    "demo": {"demo.drawing"},
    "demo.__main__": {"scrapbag", "demo", "demo.drawing"},
}
MOST = {"curate": (12, 30), "spiders": (7, 11), "gan": (9, 20)}  # rooms of a package, and arrows between them
PACKAGES = ("scrapbag", "pipelines", "spiders", "curate", "gan", "show", "demo")
LONGEST, WIDEST = 250, 14  # lines of a file, modules of a folder


def _modules(*folders: str) -> dict[str, Path]:
    paths = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in paths}


OURS = {name: path for name, path in _modules(*PACKAGES).items() if path.stem != "__init__"}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in _modules(*PACKAGES, "benchmarks").items()}


def _imported(name: str) -> set[str]:
    """Every module that the code of `name` names in an import, wherever it stands."""
    found: set[str] = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & TREES.keys()) or {node.module}
    return found


def _room(module: str) -> str:
    while module not in MAY_IMPORT and module:
        module = module.rpartition(".")[0]
    return module


def _arrows() -> set[tuple[str, str]]:
    pairs = ((_room(name), _room(other)) for name in OURS for other in _imported(name))
    return {(one, other) for one, other in pairs if other and one != other}


def test_a_room_imports_only_what_lies_below_it():
    strangers = [
        f"{name} imports {other}"
        for name in OURS
        for other in sorted(_imported(name))
        if _room(other) and _room(other) not in MAY_IMPORT[_room(name)] | {_room(name)}
    ]
    assert not strangers


def test_no_room_may_import_what_it_does_not_need():
    allowed = {(room, other) for room, others in MAY_IMPORT.items() for other in others - _GROUND}
    assert allowed <= _arrows()


@pytest.mark.parametrize("between", ["modules", "rooms"])
def test_imports_run_in_no_circle(between):
    graph: dict[str, set[str]] = defaultdict(set)
    for name in OURS:
        for other in _imported(name) & OURS.keys():
            one, two = (name, other) if between == "modules" else (_room(name), _room(other))
            if one != two:
                graph[one].add(two)
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("package", MOST)
def test_a_package_has_few_rooms_and_few_arrows_between_them(package):
    rooms = {_room(name) for name in OURS if name.startswith(f"{package}.")}
    arrows = {arrow for arrow in _arrows() if set(arrow) <= rooms}
    assert (len(rooms) <= MOST[package][0], len(arrows) <= MOST[package][1]) == (True, True), (len(rooms), len(arrows))


@pytest.mark.parametrize(
    ("library", "allowed"),
    [("torch", {"curate", "gan", "demo"}), ("scrapy", {"spiders", "pipelines"}), ("selenium", {"spiders"})],
)
def test_a_heavy_library_stays_in_its_rooms(library, allowed):
    users = {name.partition(".")[0] for name in OURS for other in _imported(name) if other.partition(".")[0] == library}
    assert users <= allowed


def test_selenium_is_known_to_one_file_only():
    assert len([name for name in OURS if any(other.startswith("selenium") for other in _imported(name))]) == 1


@pytest.mark.parametrize("path", OURS.values(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_says_its_purpose_and_is_short_enough_to_read(path):
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "the first line says what the file is for"
    assert len(text.splitlines()) <= LONGEST


def test_a_folder_has_no_more_modules_than_one_reads_at_a_glance():
    modules = _modules(*PACKAGES, "benchmarks", "tests").values()
    folders = Counter(path.parent for path in modules if path.stem != "__init__")
    assert not {str(folder.relative_to(ROOT)): n for folder, n in folders.items() if n > WIDEST}


def test_every_table_is_written_by_the_function_that_defuses_its_cells():
    ways = ("csv.writer", "DictWriter", ".to_csv(")
    assert [name for name, path in OURS.items() if any(way in path.read_text(encoding="utf-8") for way in ways)] == [
        "scrapbag.plain"
    ]


def test_no_module_is_named_like_one_of_the_standard_library():
    assert not {path.stem for path in OURS.values()} & (sys.stdlib_module_names - {"__main__"})


def test_a_class_name_stands_for_one_thing():
    homes = defaultdict(list)
    for name in OURS:
        for node in TREES[name].body:
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(name)
    assert not {name: where for name, where in homes.items() if len(where) > 1}


def test_the_names_of_files_stand_in_layout_alone():
    folders = (layout.Data(ROOT), layout.Version(ROOT), layout.Pack(ROOT), layout.Run(ROOT))
    paths = [
        getattr(one, name)
        for one in folders
        for name, kind in vars(type(one)).items()
        if isinstance(kind, layout.Inside)
    ]
    names = {path.name for path in paths if path.suffix} | {layout.METADATA, layout.DATASET, layout.CREDITS}
    assert len(names) > 20
    elsewhere = [
        f"{name}:{node.lineno} {node.value!r}"
        for name in OURS
        if name != "scrapbag.layout" and not name.startswith("demo")  # which imports nothing
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.Constant) and node.value in names
    ]
    assert not elsewhere


def _private(name: str) -> Iterator[str]:
    """What a file takes of another that is named as nobody else's business."""
    aliases = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in PACKAGES:
            for alias in node.names:
                aliases.add(alias.asname or alias.name)
                if alias.name.startswith("_"):
                    yield f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            value = node.value
            if isinstance(value, ast.Name) and value.id in aliases:
                yield f"{value.id}.{node.attr}"


def test_nobody_uses_another_files_private_names():
    assert not {name: found for name in TREES if (found := sorted(_private(name)))}


def test_no_benchmark_imports_tests():
    assert not [name for name in TREES if any(other.partition(".")[0] == "tests" for other in _imported(name))]


def test_importing_every_module_starts_nothing_and_changes_nothing():
    """No thread, no changed hook, filter, signal handler, or limit of pixels."""
    program = """if True:
        import importlib, signal, sys, threading, warnings
        import PIL.Image, bs4, cv2, extruct, scrapy, selenium, sklearn, timm, torch, urllib3  # theirs is theirs
        def state():
            handlers = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
            limit = PIL.Image.MAX_IMAGE_PIXELS
            counts = threading.active_count(), torch.get_num_threads(), len(warnings.filters)
            return handlers, sys.excepthook, counts, limit
        before = state()
        for name in sys.argv[1:]:
            importlib.import_module(name)
            assert state() == before, name
    """
    names = [name for name in OURS if not name.endswith("__main__") and "openvino" not in name]
    done = subprocess.run([sys.executable, "-c", program, *names], cwd=ROOT, capture_output=True, text=True)
    assert not done.returncode, done.stderr
