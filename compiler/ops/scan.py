"""scan(sources, starts, shared): its region, run once for each step.

In the language: `hs = scan xt in x along 1 carry h { h = tanh(xt + h @ w)  yield h }` takes
x[:, 0], x[:, 1] ... in turn and stacks what it yields along axis 1; `h` then is the last one.
Several sources go side by side, and `along 1 reverse` begins at the end.

The op has no rule of its own: the region says what it is, and ir/scan.py has its parts. The
verifier checks it, the interpreter runs it, passes/scan_gradient.py differentiates it,
passes/hoist.py takes out of it what no step needs, and its kernels are those of the region.
"""

from netc.compiler.ir.operation import Family, Op, OpError


def type_rule(*operands, **attributes):
    raise OpError("a scan has the types of its region")


def reference(*arrays, **attributes):
    raise OpError("a scan is what its region does")


OP = Op("scan", Family.LOOP, type_rule, reference)
