"""Imports only go down: every package stands on a floor and reads only what lies below it."""

import ast
import functools
import graphlib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ("compiler", "emulator", "runtime", "grammar", "templates", "netc")
FOLDERS = ("compiler", "netc")  # that stand on no floor themselves: they hold what does

# From the ground up. What shares a floor does not know of each other.
FLOORS = (
    ("compiler.collector", "compiler.json_text"),
    (
        "compiler.cache",
        "compiler.diagnostics",
        "compiler.program",
        "compiler.explanations",
        "compiler.prelude",
    ),
    ("compiler.codes", "compiler.ir", "grammar", "templates"),
    ("compiler.scalar", "compiler.schedules", "compiler.optimizers", "compiler.syntax"),
    ("compiler.ops",),
    ("compiler.interpret", "compiler.passes", "compiler.kernels", "compiler.build"),
    ("compiler.language", "compiler.targets", "compiler.differences"),
    ("compiler.functions",),
    ("compiler.describe",),
    ("compiler.driver",),
    ("emulator",),
    ("runtime",),
    ("netc",),
)
# The runtime reads programs, builds their sources and knows nothing of the language.
RUNTIME_READS = {"cache", "diagnostics", "program", "build", "interpret", "differences", "ir"}
LAUNCHES = "compiler.targets.cuda_launches"  # data as program.py is, but of one target alone
# The one place for an import inside a function: a device's module is loaded when it is opened.
LAZY = {"runtime.device"}


@functools.cache
def modules() -> dict[str, ast.Module]:
    """Every module by its name within netc (`compiler.ir.graph`), parsed."""
    paths = [path for folder in SOURCES for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(paths) > 100
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    return {
        name.removesuffix(".__init__"): ast.parse(path.read_text())
        for name, path in zip(names, paths, strict=True)
    }


def imports(tree: ast.AST) -> list[str]:
    """What a piece of a module imports of netc, by the same names."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: an import is written out in full"
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name.removeprefix("netc.") for name in found if name.startswith("netc")]


def floor(module: str) -> tuple[int, str]:
    """How high a module stands, and the entry that says so."""
    for height, entries in enumerate(FLOORS):
        for entry in entries:
            if module == entry or module.startswith(f"{entry}."):
                return height, entry
    raise AssertionError(f"{module} stands on no floor: give it one in FLOORS")


def test_imports_only_go_down():
    known = modules()
    for name, tree in known.items():
        if name in FOLDERS:
            continue
        height, home = floor(name)
        for target in imports(tree):
            if target not in known or target in FOLDERS:
                continue
            below, entry = floor(target)
            assert below < height or entry == home, f"{name} imports {target}, not below it"


def test_no_two_modules_import_each_other():
    known = modules()
    needs = {name: {t for t in imports(tree) if t in known} for name, tree in known.items()}
    order = list(graphlib.TopologicalSorter(needs).static_order())  # raises on a cycle
    assert len(order) == len(known)


def test_the_runtime_knows_nothing_of_the_language():
    for name, tree in modules().items():
        if name.startswith("runtime"):
            targets = (target for target in imports(tree) if "compiler." in target)
            read = {target.split(".")[1] for target in targets if not target.startswith(LAUNCHES)}
            assert read <= RUNTIME_READS, f"{name} reads {read - RUNTIME_READS} of the compiler"


def test_imports_stand_at_the_top_of_a_file():
    for name, tree in modules().items():
        if name in LAZY:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                inner = [n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)]
                assert not inner, f"{name}:{node.lineno}: {node.name} imports"


def test_no_package_but_the_face_does_anything_when_it_is_imported():
    for folder in SOURCES:
        for path in (ROOT / folder).rglob("__init__.py"):
            if path != ROOT / "netc" / "__init__.py":
                assert not path.read_text().strip(), f"{path} is not empty"


def test_no_name_hides_a_module_of_the_standard_library_that_tools_read():
    for folder in SOURCES:
        for path in (ROOT / folder).rglob("*.py"):
            assert path.stem not in ("ast", "types", "token"), path


def test_no_file_is_too_long_to_read():
    for folder in (*SOURCES, "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 450, path


def test_every_file_opens_by_saying_what_it_makes():
    for name, tree in modules().items():
        assert not tree.body or ast.get_docstring(tree), f"{name} has no docstring"
