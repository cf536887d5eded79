"""Whole-number expressions of loop variables, kept simple as they are built.

An Index is a sum of atoms with whole coefficients. Reshapes divide and take remainders by
constants, and linear addresses multiply back; the rules here make most of that cancel, so that what
reaches the generated code is what a person would have written.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import gcd, prod
from typing import Union

KEPT = 2**14  # results of `linear` and `unravel`: layers that are alike ask the same again


@dataclass(frozen=True)
class Variable:
    """A loop variable: 0 <= value < extent."""

    name: str
    extent: int

    @property
    def text(self) -> str:
        return self.name


@dataclass(frozen=True)
class Quotient:
    """floor(dividend / divisor)."""

    dividend: "Index"
    divisor: int

    def __hash__(self) -> int:
        return hash((self.dividend, self.divisor))

    @cached_property
    def text(self) -> str:
        return _render_atom(self)


@dataclass(frozen=True)
class Remainder:
    """dividend - divisor * floor(dividend / divisor)."""

    dividend: "Index"
    divisor: int

    def __hash__(self) -> int:
        return hash((self.divisor, self.dividend))

    @cached_property
    def text(self) -> str:
        return _render_atom(self)


Atom = Variable | Quotient | Remainder


@dataclass(frozen=True)
class Index:
    """constant + sum of coefficient * atom; atoms are distinct and in a fixed order."""

    terms: tuple[tuple[Atom, int], ...] = ()
    constant: int = 0

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        """Kept, because atoms hold indices that hold atoms: hashing would walk all of them."""
        return hash((self.terms, self.constant))

    @cached_property
    def text(self) -> str:
        return _render_index(self)

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """The least and the greatest value, both included (safe, not always tight)."""
        low = high = self.constant
        for atom, coefficient in self.terms:
            ends = [coefficient * bound for bound in _atom_bounds(atom)]
            low, high = low + min(ends), high + max(ends)
        return low, high

    @property
    def is_constant(self) -> bool:
        return not self.terms

    def __add__(self, other: Union["Index", int]) -> "Index":
        other = as_index(other)
        merged = dict(self.terms)
        for atom, coefficient in other.terms:
            merged[atom] = merged.get(atom, 0) + coefficient
        return _normal(merged, self.constant + other.constant)

    def __sub__(self, other: Union["Index", int]) -> "Index":
        return self + as_index(other) * -1

    def __mul__(self, factor: int) -> "Index":
        if factor == 0:
            return Index()
        return Index(tuple((a, c * factor) for a, c in self.terms), self.constant * factor)

    __rmul__ = __mul__
    __radd__ = __add__

    def __floordiv__(self, divisor: int) -> "Index":
        whole, rest = self._split(divisor)
        low, high = rest.bounds
        if low // divisor == high // divisor:
            return whole + low // divisor
        if len(rest.terms) == 1 and rest.constant == 0:
            atom, coefficient = rest.terms[0]
            if coefficient == 1 and isinstance(atom, Quotient):
                return whole + atom.dividend // (atom.divisor * divisor)
            if coefficient == 1 and isinstance(atom, Remainder) and atom.divisor % divisor == 0:
                return whole + (atom.dividend // divisor) % (atom.divisor // divisor)
        for step in rest._steps(divisor):
            coarse, fine = rest._split(step)
            if fine.bounds[0] >= 0 and fine.bounds[1] < step:
                return whole + coarse // (divisor // step)
        return whole + Index(((Quotient(rest, divisor), 1),))

    def __mod__(self, divisor: int) -> "Index":
        _, rest = self._split(divisor)
        low, high = rest.bounds
        if low // divisor == high // divisor:
            return rest - low // divisor * divisor
        for step in rest._steps(divisor):
            coarse, fine = rest._split(step)
            if fine.bounds[0] >= 0 and fine.bounds[1] < step:
                return (coarse % (divisor // step)) * step + fine
        if len(rest.terms) == 1 and rest.constant == 0:
            atom, coefficient = rest.terms[0]
            if coefficient == 1 and isinstance(atom, Remainder) and atom.divisor % divisor == 0:
                return atom.dividend % divisor
        return Index(((Remainder(rest, divisor), 1),))

    def _steps(self, divisor: int) -> list[int]:
        """Common divisors of `divisor` and the coefficients, the largest first: the strides at
        which a position can be cut into a coarse and a fine part."""
        steps = {gcd(divisor, coefficient) for _, coefficient in self.terms}
        return sorted((step for step in steps if 1 < step < divisor), reverse=True)

    def _split(self, divisor: int) -> tuple["Index", "Index"]:
        """(whole, rest) with self = divisor * whole + rest: what divides evenly goes to `whole`."""
        even = tuple((a, c // divisor) for a, c in self.terms if c % divisor == 0)
        odd = tuple((a, c) for a, c in self.terms if c % divisor)
        return Index(even, self.constant // divisor), Index(odd, self.constant % divisor)

    def variables(self) -> frozenset[Variable]:
        """Every loop variable in it, however deep."""
        found: set[Variable] = set()
        for atom, _ in self.terms:
            found |= {atom} if isinstance(atom, Variable) else atom.dividend.variables()
        return frozenset(found)

    def coefficient(self, variable: Variable) -> int | None:
        """The step in value when `variable` goes up by one; None where that is not constant."""
        if any(
            variable in atom.dividend.variables()
            for atom, _ in self.terms
            if not isinstance(atom, Variable)
        ):
            return None
        return dict(self.terms).get(variable, 0)

    @property
    def has_division(self) -> bool:
        return any(not isinstance(atom, Variable) for atom, _ in self.terms)

    def substitute(self, values: dict[Variable, "Index"]) -> "Index":
        """The same index with variables replaced by indices that stay within their extents."""
        total = Index((), self.constant)
        for atom, coefficient in self.terms:
            if isinstance(atom, Variable):
                replaced = values.get(atom, variable_index(atom))
            else:
                inner = atom.dividend.substitute(values)
                quotient = isinstance(atom, Quotient)
                replaced = inner // atom.divisor if quotient else inner % atom.divisor
            total = total + replaced * coefficient
        return total

    def evaluate(self, values: dict[str, int]) -> int:
        """The number that it is when the variables have these values; for tests."""
        total = self.constant
        for atom, coefficient in self.terms:
            if isinstance(atom, Variable):
                number = values[atom.name]
            elif isinstance(atom, Quotient):
                number = atom.dividend.evaluate(values) // atom.divisor
            else:
                number = atom.dividend.evaluate(values) % atom.divisor
            total += coefficient * number
        return total

    def __str__(self) -> str:
        return self.text


def as_index(number: Index | int) -> Index:
    return number if isinstance(number, Index) else Index((), number)


def variable_index(variable: Variable) -> Index:
    """The index that is just this variable; a variable that can only be 0 is the constant 0."""
    return Index(((variable, 1),)) if variable.extent > 1 else Index()


def loop(name: str, extent: int) -> Index:
    """A new loop variable as an index."""
    return variable_index(Variable(name, extent))


@lru_cache(KEPT)
def linear(index: tuple[Index, ...], shape: tuple[int, ...]) -> Index:
    """The row-major position of `index` in a dense tensor of this shape."""
    position = Index()
    for place, size in zip(index, shape, strict=True):
        position = position * size + place
    return position


@lru_cache(KEPT)
def unravel(position: Index, shape: tuple[int, ...]) -> tuple[Index, ...]:
    """The index of each axis at a row-major position; the inverse of `linear`."""
    places = []
    for axis, size in enumerate(shape):
        inner = prod(shape[axis + 1 :])
        place = position // inner if inner else Index()
        places.append(place % size if axis and size else place)
    return tuple(places)


def _atom_bounds(atom: Atom) -> tuple[int, int]:
    if isinstance(atom, Variable):
        return 0, max(atom.extent - 1, 0)
    if isinstance(atom, Remainder):
        return 0, atom.divisor - 1
    low, high = atom.dividend.bounds
    return low // atom.divisor, high // atom.divisor


def _normal(terms: dict[Atom, int], constant: int) -> Index:
    """Drop zero terms, join remainders with their quotients, and sort."""
    terms = {atom: coefficient for atom, coefficient in terms.items() if coefficient}
    for atom, coefficient in terms.items():
        if not isinstance(atom, Remainder):
            continue
        for partner, step in terms.items():
            joined = _join(atom, partner) if step == coefficient * atom.divisor else None
            if joined is not None:
                left = {a: c for a, c in terms.items() if a not in (atom, partner)}
                return _normal(left, constant) + joined * coefficient
    ordered = sorted(terms.items(), key=_order) if len(terms) > 1 else terms.items()
    return Index(tuple(ordered), constant)


def _order(term: tuple[Atom, int]) -> tuple[int, str]:
    """Large strides first, as a person writes a position; then by name."""
    atom, coefficient = term
    return -abs(coefficient), atom.text


def _join(rest: Remainder, partner: Atom) -> Index | None:
    """x % d + d * partner as one: x for the partner x // d, x % (d * e) for (x // d) % e."""
    whole = rest.dividend // rest.divisor
    if whole == Index(((partner, 1),)):
        return rest.dividend
    if isinstance(partner, Remainder) and partner.dividend == whole:
        return rest.dividend % (rest.divisor * partner.divisor)
    return None


def _render_index(index: Index) -> str:
    """C text of the index. Division in C rounds towards zero, so a dividend that can be negative
    is first lifted by a multiple of the divisor."""
    parts = []
    for atom, coefficient in index.terms:
        text = atom.text
        parts.append(text if coefficient == 1 else f"{text} * {coefficient}")
    if index.constant or not parts:
        parts.append(str(index.constant))
    return " + ".join(parts).replace("+ -", "- ")


def _render_atom(atom: Quotient | Remainder) -> str:
    low = atom.dividend.bounds[0]
    lift = -(low // atom.divisor) if low < 0 else 0
    dividend = (atom.dividend + lift * atom.divisor).text
    if len(atom.dividend.terms) > 1 or atom.dividend.constant or "*" in dividend or lift:
        dividend = f"({dividend})"
    if isinstance(atom, Remainder):
        return f"({dividend} % {atom.divisor})"
    return f"({dividend} / {atom.divisor} - {lift})" if lift else f"({dividend} / {atom.divisor})"
