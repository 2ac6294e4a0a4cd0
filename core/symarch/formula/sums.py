"""Sums of products: the algebra in which closed forms are found, on numbers and indices.

A sympy tree is built, compared and measured node by node, which takes milliseconds a time; here a sum is a dictionary,
and only the form that is shown becomes a tree (`Sums.written`).
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import sympy

from symarch.formula.functions import apply, exact
from symarch.formula.symbols import symbol
from symarch.program.functions import FLOAT
from symarch.program.tape import ALIASES

Monomial = tuple[tuple[int, Any], ...]
"""A product of powers of atoms, sorted: ((atom, power), ...); the empty one is 1."""

Sum = Mapping[Monomial, Any]
"""Coefficient of each product. One that is a bare sum is none of them: it is taken apart."""

ONE: Monomial = ()


class Atom(NamedTuple):
    """What a product is made of.

    Attributes:
        operation: input for a symbol; add for a sum in brackets; else a function.
        arguments: of the operation.
        attribute: of the operation: the name of a symbol.
        names: of the symbols in it.
        cost: operations in it, as sympy counts them.
    """

    operation: str
    arguments: tuple[Sum, ...]
    attribute: Any
    names: frozenset[str]
    cost: int


class Sums:
    """Sums over the symbols of one point; equal atoms are one.

    Args:
        values: of the symbols at the point.
    """

    def __init__(self, values: Mapping[str, float]) -> None:
        self.values = dict(values)
        self.atoms: list[Atom] = []
        self._known: dict[Any, int] = {}
        self._tidied: dict[int, tuple[Any, Monomial]] = {}
        self._found: dict[int, float] = {}
        self._trees: dict[int, Any] = {}

    # Building

    def symbol(self, name: str) -> Sum:
        """Return a symbol."""
        return {((self._atom("input", (), name), 1),): 1}

    def add(self, terms: Iterable[Sum]) -> Sum:
        """Return the sum of some sums."""
        found: dict[Monomial, Any] = {}
        for term in terms:
            for monomial, number in term.items():
                found[monomial] = found.get(monomial, 0) + number
        return {m: n for m, n in found.items() if n != 0}

    def product(self, factors: Iterable[tuple[Any, Monomial]]) -> Sum:
        """Return the product of some numbers and products; a sum that a number alone multiplies is taken apart."""
        number: Any = 1
        powers: dict[int, Any] = {}
        for own, monomial in factors:
            number = number * own
            for atom, power in monomial:
                powers[atom] = powers.get(atom, 0) + power
        monomial = tuple(sorted((a, p) for a, p in powers.items() if p != 0))
        if number == 0:
            return {}
        if len(monomial) == 1 and monomial[0][1] == 1 and self.atoms[monomial[0][0]].operation == "add":
            return {m: number * n for m, n in self.atoms[monomial[0][0]].arguments[0].items()}
        return {monomial: number}

    def power(self, base: Sum, exponent: Sum) -> Sum:
        """Return a power. A root is taken of symbols, which are positive, factor by factor."""
        number, monomial = self.factor(base)
        power = exponent.get(ONE) if len(exponent) == 1 else None
        if power is not None and number != 0 and power == int(power):
            held = (Fraction(number) if isinstance(number, int) else number) ** int(power)
        elif power is not None and number == 1 and all(self.atoms[a].operation == "input" for a, _ in monomial):
            held = 1
        else:
            return self._function("pow", (base, exponent), None)
        return self.product([(held, tuple((a, p * power) for a, p in monomial))])

    def apply(self, operation: str, arguments: tuple[Sum, ...], attribute: Any) -> Sum:
        """Return an operation of a program on some sums."""
        if operation == "const":
            return {ONE: attribute} if attribute else {}
        if operation == "input":
            return self.symbol(attribute)
        if operation == "add":
            return self.add(arguments)
        if operation == "mul":
            return self.product(map(self.factor, arguments))
        if operation == "pow":
            return self.power(*arguments)
        return arguments[0] if operation in ALIASES else self._function(operation, arguments, attribute)

    def _function(self, operation: str, arguments: tuple[Sum, ...], attribute: Any) -> Sum:
        return {((self._atom(operation, arguments, attribute), 1),): 1}

    def factor(self, given: Sum) -> tuple[Any, Monomial]:
        """Return a sum as a number times a product: what all its addends share, and the rest in brackets."""
        if len(given) == 1:
            return next((n, m) for m, n in given.items())
        if not given:
            return 0, ONE
        shared = dict(next(iter(given)))
        for monomial in given:
            if not shared:
                break
            own = dict(monomial)
            for atom, power in list(shared.items()):
                other = own.get(atom, 0)
                if (power > 0) != (other > 0) or other == 0:
                    del shared[atom]
                else:
                    shared[atom] = min(power, other, key=abs)
        number = _content(list(given.values()))
        if shared or number != 1:
            given = {_divided(m, shared): _ratio(n, number) for m, n in given.items()}
        atom = self._atom("add", (given,), None)
        shared[atom] = shared.get(atom, 0) + 1
        return number, tuple(sorted((a, p) for a, p in shared.items() if p))

    def _atom(self, operation: str, arguments: tuple[Sum, ...], attribute: Any) -> int:
        key = (operation, tuple(map(key_of, arguments)), attribute)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = len(self.atoms)
            names = frozenset((attribute,) if operation == "input" else ())
            own = {"input": 0, "add": 0, "max": len(arguments) - 1, "min": len(arguments) - 1}.get(operation, 1)
            cost = own + sum(map(self.cost, arguments))
            self.atoms.append(Atom(operation, arguments, attribute, names.union(*map(self.names, arguments)), cost))
        return known

    # Knowing

    def names(self, given: Sum) -> frozenset[str]:
        """Return the names of the symbols in a sum."""
        return frozenset(n for monomial in given for a, _ in monomial for n in self.atoms[a].names)

    def value(self, given: Sum) -> float:
        """Return a sum at the point."""
        return math.fsum(
            float(n) * math.prod(self._value(a) ** float(p) for a, p in monomial) for monomial, n in given.items()
        )

    def _value(self, atom: int) -> float:
        if atom not in self._found:
            operation, arguments, attribute, *_ = self.atoms[atom]
            if operation == "input":
                self._found[atom] = float(self.values[attribute])
            elif operation == "add":
                self._found[atom] = self.value(arguments[0])
            else:
                self._found[atom] = FLOAT[operation](tuple(map(self.value, arguments)), attribute)
        return self._found[atom]

    def cost(self, given: Sum) -> int:
        """Return the operations of a sum, as sympy counts them."""
        negative = bool(given) and all(n < 0 for n in given.values())
        return sum(itertools.starmap(self._product_cost, given.items())) + max(len(given) - 1, 0) + negative

    def _product_cost(self, monomial: Monomial, number: Any) -> int:
        over = under = operations = 0
        for atom, power in monomial:
            operations += self.atoms[atom].cost + (power not in (1, -1)) + (power != int(power))
            over += power > 0
            under += power < 0
        if isinstance(number, float):
            over += 1
        else:
            over += over > 0 and number.numerator not in (1, -1)
            under += number.denominator != 1
        return operations + max(over - 1, 0) + under

    # Rewriting

    def expanded(self, given: Sum, inside: Callable[[Atom], bool] | None = None) -> Sum:
        """Multiply out, at first what is in the brackets; with `inside`, those alone that it chooses."""
        found: dict[Monomial, Any] = {}
        for monomial, number in given.items():
            brackets = [
                (a, p)
                for a, p in monomial
                if self.atoms[a].operation == "add"
                and p > 0
                and p == int(p)
                and (inside is None or inside(self.atoms[a]))
            ]
            if not brackets:
                found[monomial] = found.get(monomial, 0) + number
                continue
            made: Mapping[Monomial, Any] = {tuple(f for f in monomial if f not in brackets): number}
            for atom, power in brackets:
                inner = self.expanded(self.atoms[atom].arguments[0], inside)
                for _ in range(int(power)):
                    made = _multiplied(made, inner)
            for own, part in made.items():
                found[own] = found.get(own, 0) + part
        return {m: n for m, n in found.items() if n != 0}

    def apart(self, given: Sum, owned: Callable[[str], bool]) -> dict[Monomial, Sum]:
        """Return a sum as a sum of its own for each product of what has symbols that are `owned`."""
        found: dict[Monomial, dict[Monomial, Any]] = {}
        for monomial, number in given.items():
            machine = tuple(f for f in monomial if any(map(owned, self.atoms[f[0]].names)))
            size = tuple(f for f in monomial if f not in machine)
            found.setdefault(machine, {})[size] = number
        return dict(found)

    def nested(self, given: Sum) -> Sum:
        """Return a sum with the factor that most of its addends share written once, and so on within and beside it."""
        counts = Counter((a, p > 0) for monomial in given for a, p in monomial)
        if not counts:
            return given
        (atom, above), most = max(counts.items(), key=lambda item: (item[1], -item[0][0]))
        if most < 2:
            return given
        mine = {m: n for m, n in given.items() if any(a == atom and (p > 0) == above for a, p in m)}
        power = min((p for m in mine for a, p in m if a == atom), key=abs)
        within = self.nested({_divided(m, {atom: power}): n for m, n in mine.items()})
        whole = self.product([(1, ((atom, power),)), self.factor(within)])
        return self.add([whole, self.nested({m: n for m, n in given.items() if m not in mine})])

    def tidy(self, given: Sum) -> Sum:
        """Return a sum with what is in its brackets in the shortest form."""
        return self.add(
            self.product([(number, ONE), *(self._powered(self._tidy(a), p) for a, p in monomial)])
            for monomial, number in given.items()
        )

    @staticmethod
    def _powered(base: tuple[Any, Monomial], power: Any) -> tuple[Any, Monomial]:
        number, monomial = base
        return number**power if number != 1 else 1, tuple((a, p * power) for a, p in monomial)

    def _tidy(self, atom: int) -> tuple[Any, Monomial]:
        if atom not in self._tidied:
            operation, arguments, attribute, *_ = self.atoms[atom]
            if operation == "input":
                self._tidied[atom] = 1, ((atom, 1),)
            elif operation == "add":
                self._tidied[atom] = self.factor(self.shortest(arguments))
            else:
                short = tuple(self.shortest([a]) for a in arguments)
                self._tidied[atom] = 1, ((self._atom(operation, short, attribute), 1),)
        return self._tidied[atom]

    def shortest(self, ways: Iterable[Sum]) -> Sum:
        """Return the shortest of some equal sums, each as it is and with what its addends share written once."""
        found = []
        for way in map(self.tidy, ways):
            number, monomial = self.factor(self.nested(way))
            found += [{monomial: number}, way]
        return min(found, key=self.cost)

    # Writing

    def written(self, given: Sum) -> sympy.Expr:
        """Return a sum as sympy holds it."""
        return sympy.Add(*itertools.starmap(self._tree, given.items()))

    def _tree(self, monomial: Monomial, number: Any) -> Any:
        product = sympy.Mul(*(self._atom_tree(a) ** (exact(p) if p != 1 else 1) for a, p in monomial))
        # sympy would multiply a sum out by a number
        return sympy.Mul(exact(number), product, evaluate=not product.is_Add or number == 1)

    def _atom_tree(self, atom: int) -> Any:
        if atom not in self._trees:
            operation, arguments, attribute, *_ = self.atoms[atom]
            if operation == "input":
                self._trees[atom] = symbol(attribute)
            else:
                self._trees[atom] = apply(operation, tuple(map(self.written, arguments)), attribute)
        return self._trees[atom]


def key_of(given: Sum) -> Any:
    """Return what equal sums have in common."""
    return frozenset(given.items())


def _content(numbers: Sequence[Any]) -> Any:
    """Return the number that is taken out of a sum with these coefficients."""
    sign = -1 if all(n < 0 for n in numbers) else 1
    if any(isinstance(n, float) for n in numbers):
        return sign * (abs(numbers[0]) if len({abs(n) for n in numbers}) == 1 else 1)
    return sign * Fraction(math.gcd(*(n.numerator for n in numbers)), math.gcd(*(n.denominator for n in numbers)))


def _ratio(number: Any, by: Any) -> Any:
    if number == by:
        return 1  # not 1.0, which would be written
    return number / by if isinstance(by, float) or isinstance(number, float) else Fraction(number) / by


def _divided(monomial: Monomial, by: Mapping[int, Any]) -> Monomial:
    left = ((a, p - by.get(a, 0)) for a, p in monomial)
    return tuple((a, p) for a, p in left if p != 0)


def _multiplied(one: Sum, other: Sum) -> Sum:
    found: dict[Monomial, Any] = {}
    for (left, n), (right, k) in itertools.product(one.items(), other.items()):
        powers = dict(left)
        for atom, power in right:
            powers[atom] = powers.get(atom, 0) + power
        monomial = tuple(sorted((a, p) for a, p in powers.items() if p != 0))
        found[monomial] = found.get(monomial, 0) + n * k
    return found
