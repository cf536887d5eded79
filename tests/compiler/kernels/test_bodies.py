"""What several variables of a body load is loaded once, where that is always allowed."""

from netc.compiler.ir.graph import Value
from netc.compiler.ir.tensor import TensorType
from netc.compiler.kernels.bodies import loaded_once
from netc.compiler.kernels.plan import Assign, Body
from netc.compiler.scalar.expression import Apply, Constant, Load, Local, Within, select
from netc.compiler.scalar.index import loop

X = Value("x", TensorType("f32", (9,)))
PLACE = loop("i", 8)


def total(*parts):
    first, second = parts
    return Apply("add", (first, second), "f32")


def test_an_element_that_is_loaded_twice_becomes_a_variable():
    here, beside = Load(X, PLACE), Load(X, PLACE + 1)
    body = Body((Assign("a", "f32", total(here, beside)), Assign("b", "f32", here)), ())
    load = Local("netc_load0", "f32")
    assert loaded_once(body).assigns == (
        Assign("netc_load0", "f32", here),
        Assign("a", "f32", total(load, beside)),
        Assign("b", "f32", load),
    )


def test_what_is_loaded_once_or_on_a_condition_stays():
    once = Body((Assign("a", "f32", Load(X, PLACE)),), ())
    assert loaded_once(once) == once
    guarded = select((Within(PLACE - 1, 0, 7),), Load(X, PLACE - 1), Constant(0.0, "f32"))
    twice = Body((Assign("a", "f32", guarded), Assign("b", "f32", guarded)), ())
    assert loaded_once(twice) == twice
