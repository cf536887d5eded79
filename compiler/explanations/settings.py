"""The settings of a train block, each with what it means."""

from collections.abc import Mapping
from types import MappingProxyType

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "batch": """\
`batch 128`: the rows that are computed at once. An epoch is whole steps: what remains of the rows
is left out of it, others in each epoch. Evaluations count every row once.""",
        "epochs": """\
`epochs 5`: how often training goes through its rows; once, where `steps` is not given either.""",
        "steps": """\
`steps 5000`: how many steps training lasts, instead of `epochs`.""",
        "validate": """\
`validate 20%`: the last fifth of the training rows is held back, and measured after each epoch.""",
        "seed": """\
`seed 1`: decides the first weights, the order of the rows and all random numbers.""",
        "precision": """\
`precision bf16`: what products round their operands to: f32, tf32, bf16 or f16. Weights stay f32,
and so does all within `attend`, the attention that stores no scores.""",
        "winograd": """\
`winograd false`: convolutions of 3 x 3 taps make every product. Otherwise, on a CPU, at stride 1
and f32, squares of 4 x 4 pixels are combined where that takes less time: with 2.25 times fewer
products and roundings about as large, but one number that is not finite makes all of its square so.
`netc show` has the kernels, and `netc verify` holds them to the exact results.""",
        "clip": """\
`clip 1.0`: all gradients are scaled down together where their common norm is greater.""",
        "accumulate": """\
`accumulate 4`: a step takes four batches and moves the weights by the mean of their gradients:
the step of a batch that is four times as large, in the memory of one.""",
        "average": """\
`average 0.999`: evaluations and nets use an average of the weights over the steps so far, in which
each step counts 0.999 times as much as the next. Training goes on from the weights themselves.""",
        "stop": """\
`stop patience=3`: where the validation loss (without `validate`, the training loss) has not fallen
for three epochs, training ends with the weights of its best epoch. The exit code is 0.""",
    }
)
