"""How CUDA C spells types and functions of scalars, and the names that no parameter may have."""

import re

from netc.compiler.targets.dialect import COMMON_FUNCTIONS, FOLDS, Dialect

CUDA = Dialect(
    name="cuda",
    types={"f32": "float", "i32": "int", "u8": "unsigned char", "bool": "unsigned char"},
    functions=dict(COMMON_FUNCTIONS)
    | {
        "exp": "expf({0})",
        "log": "logf({0})",
        "log1p": "log1pf({0})",
        "tanh": "tanhf({0})",
        "sigmoid": "netc_sigmoid({0})",
        "erf": "erff({0})",
        "sin": "sinf({0})",
        "cos": "cosf({0})",
        "power": "powf({0}, {1})",
    },
    folds=FOLDS,
)
TEMPLATE_NAMES = """
    b c column copied cursor d e element empty first full half i j k l lane left line log m more n
    next_left next_right o order pair piece quad r result right row stage start step sums t target
    thread threadIdx tiles u blockIdx warp x y
"""
CPP_WORDS = """
    alignas alignof and and_eq asm bitand bitor catch char16_t char32_t class compl const_cast
    constexpr decltype delete dynamic_cast explicit export friend mutable namespace noexcept not
    not_eq nullptr operator or or_eq private protected public reinterpret_cast static_assert
    static_cast thread_local throw try typeid typename using virtual wchar_t xor xor_eq
    INFINITY NAN
"""
PATTERNS = " ".join((*CUDA.functions.values(), *map(str, FOLDS.values())))
# What the templates declare, what C++ has beyond C, and what expressions call.
RESERVED = frozenset(f"{TEMPLATE_NAMES} {CPP_WORDS}".split()) | {*re.findall(r"(\w+)\(", PATTERNS)}
