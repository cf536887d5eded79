"""Names that users chose come in, C identifiers go out: none taken twice, none with a meaning.

What a name may not be is read from the templates themselves, so that a new local in a template can
never meet a user's `left` or `row`.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

# Of C, C++ and CUDA, with the macros that compilers define in small letters.
KEYWORDS = (
    "alignas alignof and asm auto bool break case catch char class compl complex const constexpr "
    "continue decltype default delete do double else enum explicit export extern false float for "
    "friend goto half if inline int linux long main mutable namespace new noexcept not nullptr "
    "operator or private protected public register restrict return short signed sizeof static "
    "struct switch template this throw true try typedef typeid typename typeof union unix unsigned "
    "using virtual void volatile while xor"
)
# Functions that the dialects call.
FUNCTIONS = (
    "abs acosf cosf erff exp expf fabsf floorf fmaxf fminf fmodf log log1pf logf powf rintf rsqrtf "
    "sinf sqrtf tanhf max min"
)
# Endings that plans and targets give to a value's name; those of the templates are read from them.
ENDINGS = ("", "_out", "_value", "_batch", "_now", "_out_quad", *(f"_at{n}" for n in range(16)))


def identifier(name: str) -> str:
    """A name that C and CUDA accept and do not use, made from one that a user chose."""
    text = re.sub(r"[^A-Za-z0-9_]", "_", name)
    text = text if re.match(r"[A-Za-z]", text) else f"v{text}"
    is_macro = len(text) > 1 and text == text.upper()
    return f"{text}_" if is_macro or text in reserved() or text.startswith("netc_") else text


def identifiers(names: Iterable[str]) -> Mapping[str, str]:
    """An identifier for each name, different from all others whatever is put behind them."""
    taken: set[str] = set()
    found: dict[str, str] = {}
    for name in names:
        stem = text = identifier(name)
        number = 2
        while taken & forms(text):
            text, number = f"{stem}_{number}", number + 1
        taken |= forms(text)
        found[name] = text
    return found


def forms(text: str) -> set[str]:
    return {text + ending for ending in endings()}


@cache
def reserved() -> frozenset[str]:
    """Every word of the templates' C, and what the languages themselves use."""
    words = re.findall(r"[A-Za-z_]\w*", "\n".join(map(c_text, templates())))
    return frozenset((*KEYWORDS.split(), *FUNCTIONS.split(), *words))


@cache
def endings() -> tuple[str, ...]:
    found = (re.findall(r'(?:\}\}|~ ")(_\w+)', text) for text in templates())
    return tuple(sorted({ending for some in found for ending in some} | set(ENDINGS)))


def c_text(template: str) -> str:
    """A template without what Jinja reads and without comments."""
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}\w*", " ", template, flags=re.DOTALL)
    return re.sub(r"//[^\n]*", " ", text)


@cache
def templates() -> tuple[str, ...]:
    return tuple(read_templates(files("netc.templates")))


def read_templates(folder: Traversable) -> Iterable[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from read_templates(entry)
        elif entry.name.endswith(".j2"):
            yield entry.read_text(encoding="utf-8")
