"""Whole numbers in, whole numbers out that cover them: quotients and multiples rounded up."""


def ceil(number: int, divisor: int) -> int:
    return -(-number // divisor)


def round_up(number: int, multiple: int) -> int:
    return ceil(number, multiple) * multiple
