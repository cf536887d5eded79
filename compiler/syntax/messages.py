"""What to say where the parser stopped: the words around, and what it would have taken, in."""

from netc.compiler.diagnostics import Diagnostic, Label, nearest
from netc.compiler.syntax.tokens import CAN_END, CLOSING, DECLARING, OPENING, RESERVED, Token

COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
STATEMENTS = ("return", "layer", "weight", "state", "update", "repeat", "for", "yield", "WHEN")
TRAINING = ("take", "minimize", "measure")
MARKS = ("(", "{", "=", ":", ",", ")", "]", "in", "along", "else", "}")
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


def explain(found: Token | None, before: tuple[Token, ...], expected: frozenset[str]):
    """The diagnostic for `found` (None: the end) after the words `before`.

    `expected` holds the types of the tokens that could have stood there.
    """
    special = found and (
        comparison_or_assignment(found, before, expected)
        or misplaced(found, before, expected)
        or not_a_declaration(found, expected)
        or unfinished_line(found, before)
        or not_a_statement(found, expected)
    )
    return special or missing(found, before, expected)


def comparison_or_assignment(found: Token, before, expected) -> Diagnostic | None:
    if found.type == "==" and "=" in expected:
        helps = ("`==` compares, `=` assigns",)
        return Diagnostic("E0106", "expected `=`, found `==`", found.span, helps=helps)
    condition = any(word.text == "if" and word.line == found.line for word in before)
    if found.type == "=" and condition and "{" in expected:
        helps = ("`=` assigns, `==` compares",)
        return Diagnostic("E0106", "expected `==`, found `=`", found.span, helps=helps)
    if found.type in COMPARISONS and "and" in expected:
        helps = ("write `a < b and b < c`",)
        return Diagnostic("E0108", "comparisons do not chain", found.span, helps=helps)
    return None


def misplaced(found: Token, before, expected) -> Diagnostic | None:
    """A statement in the wrong kind of body, or a word of the language as a name."""
    name = found.text
    if found.type in TRAINING and "return" in expected:
        label = "not in a block or a net"
        return Diagnostic("E0119", f"`{name}` belongs in a train block", found.span, label)
    if found.type in STATEMENTS and "take" in expected:
        label = "not in a train block"
        return Diagnostic("E0119", f"`{name}` belongs in a block or a net", found.span, label)
    same_line = before and before[-1].line == found.line and before[-1].type != "->"
    if found.type in RESERVED and same_line and "NAME" in expected and "NUMBER" not in expected:
        message = f"`{name}` is a word of the language and cannot be a name"
        return Diagnostic("E0120", message, found.span)
    return None


def not_a_declaration(found: Token, expected) -> Diagnostic | None:
    """Something at the top of a file that does not belong there."""
    if not expected >= DECLARING or "+" in expected:
        return None
    helps = ()
    meant = nearest(found.text, DECLARING)
    if found.text in ELSEWHERE:
        helps = (ELSEWHERE[found.text],)
    elif meant:
        helps = (f"did you mean `{meant}`?",)
    message = f"expected `use`, `const`, `block`, `net` or `train`, found `{found.text}`"
    return Diagnostic("E0101", message, found.span, helps=helps)


def unfinished_line(found: Token, before) -> Diagnostic | None:
    """`y = x +` and then a line `z = 3`: the `+` misses something, not the `=`."""
    if found.type not in ("=", ",") or len(before) < 2:
        return None
    end, name = before[-2:]
    if name.type != "NAME" or end.line == name.line or end.type in CAN_END:
        return None
    label = f"found the statement `{name.text} {found.text} ...` after it"
    return Diagnostic("E0101", f"expected an expression after `{end.text}`", end.span, label)


def not_a_statement(found: Token, expected) -> Diagnostic | None:
    """Something in a body that starts no statement."""
    if "}" not in expected or "->" in expected or not expected & {"return", "take"}:
        return None
    message = f"expected a statement or `}}`, found `{shown(found)}`"
    return Diagnostic("E0101", message, found.span)


def missing(found: Token | None, before: tuple[Token, ...], expected) -> Diagnostic:
    """Something else should have come after the previous word."""
    previous = before[-1]
    wanted, helps = wanted_after(found, before, expected)
    message = f"expected {wanted} after `{shown(previous)}`"
    if found is not None and found.line == previous.line:
        return Diagnostic("E0101", message, found.span, f"found `{shown(found)}`", helps=helps)
    rest = "the file ends here" if found is None else f"found `{shown(found)}` after it"
    return Diagnostic("E0101", message, previous.span, rest, helps=helps)


def shown(word: Token) -> str:
    return word.text if len(word.text) <= 40 else word.text[:37] + "..."


def wanted_after(found: Token | None, before, expected) -> tuple[str, tuple[str, ...]]:
    """What should have come, in words, and what may help."""
    if before[-1].type == "->":
        return "a layer or a function", ("`x -> f(a)` is `f(x, a)`",)
    if "NUMBER" in expected and "return" not in expected:
        scan = found is not None and found.type == "scan"
        helps = ("give what a scan yields a name first: `y = scan ...`",) if scan else ()
        return "an expression", helps
    if expected == {"NAME"}:
        return "a name", ()
    if expected == {"STRING"}:
        return "a path in double quotes", ('write `use "blocks.net"`',)
    if "with" in expected:
        return "`with` and an optimizer", ("write `minimize loss with adam(lr=1e-3)`",)
    if "from" in expected:
        return "`from` and a source of data", ("write `take x, y from feed`",)
    if "->" in expected and not expected & {"}", ")", "]", "{", "else"}:
        return "an operator or a new declaration", hints(found, before, expected)
    if "->" in expected and "}" in expected:
        return "an operator or a new statement", hints(found, before, expected)
    return wanted_marks(expected), hints(found, before, expected)


def wanted_marks(expected) -> str:
    if expected == {"=", ","}:
        return "`=`"
    marks = [mark for mark in MARKS if mark in expected] or sorted(expected - {"$END"})
    marks = [f"`{mark}`" for mark in marks[:3]]
    return " or ".join([", ".join(marks[:-1]), marks[-1]] if marks[1:] else marks)


def hints(found: Token | None, before, expected) -> tuple[str, ...]:
    """What users of other languages may have meant."""
    previous = before[-1]
    if found is None:
        return ()
    if previous.type == "PERCENTAGE" and found.type in CAN_END:
        return ("for a remainder leave a space before the `%`: `20 % 3`",)
    if found.type == "[" and "->" in expected:
        return ("put the pipe in parentheses to take a part of it: `(x -> f)[0]`",)
    if found.type == ":" and "{" in expected:
        return ("a body stands between `{` and `}`",)
    if found.type == "->" and previous.type == ")":
        return ("a signature has no result: netc infers what is returned",)
    if expected == {"=", ","}:
        return ("a statement names its value, `y = dense(3)`, or gives it, `return y`",)
    if expected == {"="} and len(before) > 1 and before[-2].type == "layer":
        return ("a layer has a name: `layer first = dense(10)`",)
    return ()
