"""scan(sources, starts, shared): its region, run once for each step; ir/scan.py has its parts.

It has no rule of its own: the region says what it is. The verifier checks it, the interpreter runs
it, passes/scan_gradient.py differentiates it, and its kernels are those of the region.
"""

from netc.compiler.ir.operation import Family, Op, OpError


def type_rule(*operands, **attributes):
    raise OpError("a scan has the types of its region")


def reference(*arrays, **attributes):
    raise OpError("a scan is what its region does")


OP = Op("scan", Family.LOOP, type_rule, reference)
