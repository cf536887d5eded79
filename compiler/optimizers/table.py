"""Every optimizer by its name. A new one is a new file of this folder and a line here."""

from collections.abc import Mapping
from types import MappingProxyType

from netc.compiler.optimizers import adagrad, adam, adamw, lamb, lion, muon, rmsprop, sgd
from netc.compiler.optimizers.optimizer import Optimizer

MODULES = (adagrad, adam, adamw, lamb, lion, muon, rmsprop, sgd)

OPTIMIZERS: Mapping[str, Optimizer] = MappingProxyType(
    {module.OPTIMIZER.name: module.OPTIMIZER for module in MODULES}
)
