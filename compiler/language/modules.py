"""A file and the files that it uses in, one module out: what every name at the top means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netc.compiler.diagnostics import Diagnostic, Label, NetError, Source, nearest
from netc.compiler.language.values import Block, List, Module, Poison, describe, is_number, is_whole
from netc.compiler.syntax import tree
from netc.compiler.syntax.parse import parse

Evaluate = Callable[[Module, tree.Expression], Any]


@dataclass(frozen=True)
class Loaded:
    """The main file's module, its train blocks, and where each name was declared."""

    module: Module
    program: tree.Program
    trains: tuple[tree.Train, ...]
    sources: tuple[Source, ...]


class Loader:
    """Reads files and declares their names; what is wrong is collected in `problems`."""

    def __init__(self, evaluate: Evaluate, defines: Mapping[str, Any]) -> None:
        self.evaluate = evaluate
        self.defines = defines
        self.used: set[str] = set()
        self.sources: list[Source] = []
        self.problems: list[Diagnostic] = []

    def load(self, source: Source) -> Loaded:
        """The module of the main file. Its syntax errors are raised, its other errors collected."""
        program = parse(source)
        module = self.module(source, program, (source.path,))
        trains = tuple(one for one in program.declarations if isinstance(one, tree.Train))
        for name in self.defines.keys() - self.used:
            self.unknown_define(name, module)
        return Loaded(module, program, trains, tuple(self.sources))

    def module(self, source: Source, program: tree.Program, trail: tuple[str, ...]) -> Module:
        self.sources.append(source)
        names: dict[str, Any] = {}
        module = Module(source, names)
        places: dict[str, Any] = {}
        for declaration in program.declarations:
            try:
                self.declare(module, names, places, declaration, trail)
            except NetError as error:
                self.problems += error.diagnostics
                if isinstance(declaration, tree.Constant):
                    names[declaration.name.text] = Poison()
        return module

    def declare(self, module: Module, names, places, declaration, trail: tuple[str, ...]) -> None:
        if isinstance(declaration, tree.Use):
            for name, value in self.use(module, declaration, trail).names.items():
                names.setdefault(name, value)
        elif isinstance(declaration, tree.Constant):
            declare_once(places, declaration)
            names[declaration.name.text] = self.constant(module, declaration)
        elif isinstance(declaration, tree.Block | tree.Net):
            declare_once(places, declaration)
            check_parameters(declaration)
            check_returns(declaration.body)
            names[declaration.name.text] = Block(declaration, module)

    def constant(self, module: Module, declaration: tree.Constant) -> Any:
        name = declaration.name.text
        value = self.evaluate(module, declaration.value)
        if not isinstance(value, bool | int | float | str | tuple | List | range):
            raise fail(
                "E0315", "a constant is a number, a string, a list or a tuple",
                declaration.value.span,
                f"this is {describe(value)}",
            )  # fmt: skip
        if name not in self.defines:
            return value
        self.used.add(name)
        given = self.defines[name]
        if not fits(given, value):
            raise fail(
                "E0319",
                f"`-D {name}={given}` does not fit the constant, which is {describe(value)}",
                declaration.span,
            )
        return float(given) if isinstance(value, float) else given

    def unknown_define(self, name: str, module: Module) -> None:
        constants = [one for one, value in module.names.items() if not isinstance(value, Block)]
        close = nearest(name, constants)
        hint = f"did you mean `{close}`?" if close else (
            f"its constants are {', '.join(constants)}" if constants else "it has no constants"
        )  # fmt: skip
        self.problems.append(
            Diagnostic("E0318", f"the program has no constant `{name}`", helps=(hint,))
        )

    def use(self, module: Module, declaration: tree.Use, trail: tuple[str, ...]) -> Module:
        text = declaration.path.value
        if Path(text).is_absolute() or Path(text).suffix != ".net":
            raise fail(
                "E0313",
                "`use` takes the path of a `.net` file, relative to this one",
                declaration.path.span,
            )
        path = str(Path(module.source.path).parent / text)
        if any(same_file(path, earlier) for earlier in trail):
            chain = " -> ".join([*(Path(one).name for one in trail), Path(path).name])
            raise fail("E0314", "these files use each other", declaration.span, notes=(chain,))
        source = read(path, declaration)
        return self.module(source, parse(source), (*trail, path))


def same_file(one: str, other: str) -> bool:
    return Path(one).resolve() == Path(other).resolve()


def read(path: str, declaration: tree.Use | None = None) -> Source:
    """The text of a file, which must be UTF-8."""
    span = declaration.path.span if declaration else None
    try:
        return Source(path, Path(path).read_bytes().decode("utf-8"))
    except UnicodeDecodeError:
        raise fail("E0313", f"{path} is not a text file in UTF-8", span) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or "it cannot be read"
        near = neighbours(path)
        raise fail(
            "E0313", f"cannot read {path}: {reason.lower()}", span,
            help=f"did you mean `{near}`?" if near else "",
        ) from None  # fmt: skip


def neighbours(path: str) -> str | None:
    try:
        return nearest(Path(path).name, [one.name for one in Path(path).parent.glob("*.net")])
    except OSError:
        return None


def declare_once(places: dict[str, Any], declaration) -> None:
    name = declaration.name.text
    if name in places:
        raise fail(
            "E0307", f"`{name}` is declared twice", declaration.name.span,
            secondary=(Label(places[name], "first here"),),
        )  # fmt: skip
    places[name] = declaration.name.span


def check_parameters(declaration: tree.Block | tree.Net) -> None:
    seen: dict[str, Any] = {}
    for parameter in declaration.parameters:
        declare_once(seen, parameter)


def check_returns(body: tuple[tree.Statement, ...]) -> None:
    """`return` is the last statement of its body."""
    for i, statement in enumerate(body):
        if isinstance(statement, tree.Return) and body[i + 1 :]:
            raise fail(
                "E0312", "this is never reached", body[i + 1].span,
                secondary=(Label(statement.span, "the body ends here"),),
            )  # fmt: skip
        if isinstance(statement, tree.If):
            check_returns(statement.then)
            check_returns(statement.otherwise)
        elif isinstance(statement, tree.Repeat | tree.For):
            check_returns(statement.body)


def fits(given: Any, value: Any) -> bool:
    """Whether a definition is of the kind of the constant that it takes the place of."""
    if isinstance(value, bool) or isinstance(given, bool):
        return isinstance(value, bool) and isinstance(given, bool)
    if is_whole(value):
        return is_whole(given)
    return is_number(given) if isinstance(value, float) else isinstance(given, type(value))


def fail(code, message, span=None, label="", secondary=(), notes=(), help="") -> NetError:
    helps = (help,) if help else ()
    return NetError(Diagnostic(code, message, span, label, secondary, notes, helps))
