"""What to say where the parser stopped: the words around, and what it would have taken, in."""

from netc.compiler.diagnostics import Diagnostic, Label, Span, nearest
from netc.compiler.syntax.tokens import CAN_END, CLOSING, DECLARING, OPENING, RESERVED, Token

COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
STATEMENTS = ("return", "layer", "weight", "state", "update", "repeat", "for", "yield", "WHEN")
TRAINING = ("take", "minimize", "measure")
EXPECTED_FIRST = (
    "{", "=", ":", ",", ")", "]", "from", "in", "along", "with", "over", "else", "}",
)  # fmt: skip
ELSEWHERE = {
    "def": "a function is a `block`; one that is trained is a `net`",
    "class": "a network is a `net`",
    "model": "a network is a `net`",
    "import": 'another file is brought in by `use "other.net"`',
    "from": 'another file is brought in by `use "other.net"`',
    "let": "a constant is declared by `const`",
}


def bracket_error(piece: tuple[Token, ...], following: Token | None) -> Diagnostic | None:
    """The first bracket of a declaration that has no partner."""
    open_brackets = []
    for word in piece:
        if word.type in OPENING:
            open_brackets.append(word)
        elif word.type in CLOSING:
            if not open_brackets:
                message = f"`{word.text}` closes nothing"
                return Diagnostic("E0103", message, word.span, "no bracket is open here")
            opening = open_brackets.pop()
            if OPENING[opening.type] != word.type:
                return unclosed(opening, word)
    return unclosed(open_brackets[-1], following) if open_brackets else None


def unclosed(opening: Token, where: Token | None) -> Diagnostic:
    secondary = ()
    if where is not None:
        text = "closed by this" if where.type in CLOSING else "the next declaration starts here"
        secondary = (Label(where.span, text),)
    return Diagnostic(
        "E0102",
        f"`{opening.text}` is never closed",
        opening.span,
        f"expected a `{OPENING[opening.type]}` for this",
        secondary,
    )


def explain(
    found: Token | None, before: tuple[Token, ...], expected: frozenset[str]
) -> Diagnostic:
    """The diagnostic for `found` (None: the end) after the words `before`.

    `expected` holds the types of the tokens that could have stood there.
    """
    previous = before[-1] if before else None
    special = found and (
        comparison_or_assignment(found, previous, expected)
        or misplaced(found, before, expected)
        or not_a_declaration(found, expected)
    )
    return special or missing(found, before, expected)


def comparison_or_assignment(found: Token, previous, expected) -> Diagnostic | None:
    if found.type == "==" and "=" in expected:
        helps = ("`==` compares, `=` assigns",)
        return Diagnostic("E0106", "expected `=`, found `==`", found.span, helps=helps)
    if found.type == "=" and previous and previous.type in CAN_END and "{" in expected:
        helps = ("`=` assigns, `==` compares",)
        return Diagnostic("E0106", "expected `==`, found `=`", found.span, helps=helps)
    if found.type in COMPARISONS and ("and" in expected or "->" in expected):
        helps = ("write `a < b and b < c`",)
        return Diagnostic("E0108", "comparisons do not chain", found.span, helps=helps)
    return None


def misplaced(found: Token, before, expected) -> Diagnostic | None:
    """A statement in the wrong kind of body, or a reserved word as a name."""
    name = found.text
    if found.type in TRAINING and "return" in expected:
        label = "not in a block or a net"
        return Diagnostic("E0119", f"`{name}` belongs in a train block", found.span, label)
    if found.type in STATEMENTS and "take" in expected:
        label = "not in a train block"
        return Diagnostic("E0119", f"`{name}` belongs in a block or a net", found.span, label)
    if found.type in RESERVED and "NAME" in expected and is_name_place(before, expected):
        message = f"`{name}` is a word of the language and cannot be a name"
        return Diagnostic("E0120", message, found.span)
    return None


def is_name_place(before, expected) -> bool:
    return "NUMBER" not in expected and "return" not in expected and "take" not in expected


def not_a_declaration(found: Token, expected) -> Diagnostic | None:
    if "block" not in expected or "net" not in expected:
        return None
    helps = ()
    meant = nearest(found.text, DECLARING)
    if found.text in ELSEWHERE:
        helps = (ELSEWHERE[found.text],)
    elif meant:
        helps = (f"did you mean `{meant}`?",)
    message = f"expected `use`, `const`, `block`, `net` or `train`, found `{found.text}`"
    return Diagnostic("E0101", message, found.span, helps=helps)


def missing(found: Token | None, before: tuple[Token, ...], expected) -> Diagnostic:
    """Something else should have come after the previous word."""
    previous = before[-1]
    wanted, helps = wanted_after(previous, before, expected)
    message = f"expected {wanted} after `{shown(previous)}`"
    if found is None or found.line != previous.line:
        end = previous.column + len(previous.text)
        last = Span(previous.source, previous.line, previous.column, previous.line, end)
        rest = "the file ends here" if found is None else f"found `{shown(found)}` after it"
        return Diagnostic("E0101", message, last, rest, helps=helps)
    return Diagnostic("E0101", message, found.span, f"found `{shown(found)}`", helps=helps)


def shown(word: Token) -> str:
    return word.text if len(word.text) <= 40 else word.text[:37] + "..."


def wanted_after(previous: Token, before, expected) -> tuple[str, tuple[str, ...]]:
    """What should have come, in words, and what may help."""
    if previous.type == "->":
        return "a layer or a function", ("`x -> f(a)` is `f(x, a)`",)
    if "return" in expected or "take" in expected:
        return "a statement or `}`", ()
    if "NUMBER" in expected:
        return "an expression", ()
    if expected <= {"=", ","}:
        return "`=`", ("a statement names its value: `y = dense(3)`, or gives it: `return y`",)
    if "NAME" in expected:
        return "a name", ()
    if "with" in expected and "->" in expected:
        return "`with` and an optimizer", ("`minimize loss with adam(lr=1e-3)`",)
    marks = [f"`{mark}`" for mark in EXPECTED_FIRST if mark in expected]
    marks = marks or [f"`{mark}`" for mark in sorted(expected - {"$END"})] or ["the end"]
    return " or ".join(marks[:3]), ()
