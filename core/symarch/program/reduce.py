"""Reducing a program: the same outputs from fewer operations, for the forms that are run often.

Every operation becomes a coefficient times a product of powers of atoms; equal products are shared, constants meet, and
for positive inputs powers cancel and coefficients move to where they cost nothing. It is what makes arrays two to three
times as fast as the expression that sympy's lambdify would run (tests/benchmarks).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from functools import reduce
from itertools import combinations
from typing import Any

from symarch.program.tape import ALIASES, Node, Program, Tape, to_float

Number = int | float | Fraction
Monomial = tuple[tuple[int, Any], ...]
"""A product of powers of atoms, sorted: ((atom, power), ...); the empty one is 1."""

Value = tuple[Number, Monomial]
"""A coefficient times a monomial: what every operation of a reduced program comes to."""

HOMOGENEOUS = frozenset({"max", "min", "overlap", "mean_max"})
"""Operations f with f(c x, c y) = c f(x, y) for c > 0 (a mean's first argument, the count, is left alone)."""

ONE: Monomial = ()
LARGE = 1e100
"""Coefficients beyond this, or below its inverse, stay where they are: merged they could leave the range of floats."""


POWERS = frozenset({-4, -3, -2, -1, 2, 3, 4})
"""Powers of products that are taken factor by factor; a higher one of one factor could leave the range of floats."""

DEPTH = 8
"""How far down a factor is handed."""


def reduced(program: Program, *, positive: bool = False) -> Program:
    """Return a program with fewer operations that computes the same outputs, to a few rounding errors.

    Labels are dropped, products are merged with their constants and shared among each other. If `positive`, all inputs
    are promised to be positive and finite: powers cancel, sums of positive terms are merged, and their coefficients
    take up constant factors. Only sums without a negative term are touched, so that no digit is lost by cancelling.
    """
    return _Reducer(program, positive).run()


class _Reducer:
    def __init__(self, program: Program, positive: bool) -> None:
        self.positive = positive
        self.program = program
        self.live = program.live(program.outputs.values())
        self.uses = Counter(a for i in self.live for a in program.operations[i][1])
        self.atoms: list[tuple[str, tuple[Value, ...], Any]] = []  # operation, arguments, attribute
        self.never_negative: list[bool] = []
        self.known: dict[Any, int] = {}
        self.once: set[int] = set()  # sums that one operation uses
        self.tape = Tape()

    def run(self) -> Program:
        values: dict[int, Value] = {}
        for index in self.live:
            operation, arguments, attribute = self.program.operations[index]
            values[index] = self._value(operation, [values[a] for a in arguments], attribute, index)
        outputs = {k: values[i] for k, i in self.program.outputs.items()}
        self._count(outputs.values())
        self.nodes: list[Node] = []
        for atom in range(len(self.atoms)):  # each uses earlier ones only
            self.nodes.append(self._write(atom, 1))
        return Program.of(self.tape, {k: self._emit(v) for k, v in outputs.items()}).pruned()

    # Reading: every operation becomes a coefficient times a product of powers of atoms.

    def _value(self, operation: str, given: list[Value], attribute: Any, index: int) -> Value:
        if operation == "const":
            moderate = attribute == 0 or 1 / LARGE < abs(to_float(attribute)) < LARGE
            return (attribute, ONE) if moderate else self._atom(operation, (), attribute)
        if operation in ALIASES:
            return given[0]
        if operation == "mul":
            value = self._product(given)
            if self.uses[index] > 1 and value[1] != ONE and not self.positive:
                # what is computed once for several stays so; where powers may cancel it is taken apart instead
                return self._atom("mul", (value,))
            return value
        if operation == "add":
            return self._sum(given, index)
        if operation == "pow" and given[1][1] == ONE:
            return self._power(given[0], given[1])
        if operation == "overlap" and attribute == 2 and self.positive:
            return self._power(self._sum([self._power(g, (2, ONE)) for g in given], index), (Fraction(1, 2), ONE))
        if operation in ("max", "min"):
            given = list(dict.fromkeys(given))
            if len(given) == 1:
                return given[0]
        return self._atom(operation, tuple(given), attribute)

    def _atom(self, operation: str, arguments: tuple[Value, ...], attribute: Any = None) -> Value:
        key = (operation, arguments, attribute, type(attribute))
        atom = self.known.get(key)
        if atom is None:
            atom = self.known[key] = len(self.atoms)
            self.atoms.append((operation, arguments, attribute))
            self.never_negative.append(self._is_never_negative(operation, arguments, attribute))
        return 1, ((atom, 1),)

    def _is_never_negative(self, operation: str, arguments: tuple[Value, ...], attribute: Any) -> bool:
        if operation == "const":
            return bool(attribute >= 0)
        signs = [self._sound(a) for a in arguments]
        if operation == "max":
            return any(signs)
        if operation == "input":
            return self.positive
        if operation in ("exp", "first_max", "first_min"):
            return True
        return operation not in ("log", "log2") and all(signs[:1] if operation == "pow" else signs)

    def _sound(self, value: Value) -> bool:
        return value[0] >= 0 and all(self.never_negative[a] for a, _ in value[1])

    def _product(self, given: list[Value]) -> Value:
        coefficient: Any = 1
        powers: dict[int, Any] = {}
        for number, monomial in given:
            coefficient = coefficient * number
            for atom, power in monomial:
                powers[atom] = powers.get(atom, 0) + power
        if coefficient == 0 or not 1 / LARGE < abs(coefficient) < LARGE:
            return self._atom("mul", tuple(given))
        return coefficient, tuple(sorted((a, p) for a, p in powers.items() if p != 0))

    def _power(self, base: Value, exponent: Value) -> Value:
        power, (number, monomial) = exponent[0], base
        if power in POWERS and number != 0:
            coefficient: Any = (Fraction(number) if isinstance(number, int) else number) ** int(power)
            if 1 / LARGE < abs(coefficient) < LARGE:
                if self.positive or power > 0:
                    return _plain(coefficient), tuple((a, p * power) for a, p in monomial)
                # a reciprocal is an atom of its own: x/x is not 1 where x is 0
                return coefficient, self._atom("pow", ((1, monomial), exponent))[1]
        return self._atom("pow", (base, exponent))

    def _sum(self, given: list[Value], index: int) -> Value:
        if not self.positive:
            return self._atom("add", tuple(given))
        terms: dict[Monomial, Any] = {}
        for number, monomial in given:
            terms[monomial] = terms.get(monomial, 0) + number
        terms = {m: c for m, c in terms.items() if c != 0} or {ONE: 0}
        collected = [(c, m) for m, c in terms.items()]
        if not all(map(self._sound, collected)):
            return self._atom("add", tuple(collected)) if len(collected) > 1 else collected[0]
        inner = [v for v in collected if self._is_sum(v)]
        for _, monomial in inner:
            del terms[monomial]
        for number, monomial in inner:
            atom = monomial[0][0]
            parts = self.atoms[atom][1]
            if atom in self.once or sum(m not in terms for _, m in parts) <= 1:
                for part, m in parts:
                    terms[m] = terms.get(m, 0) + number * part
            else:
                terms[monomial] = terms.get(monomial, 0) + number
        if len(terms) == 1:
            return next((c, m) for m, c in terms.items())
        lead = next(iter(terms.values()))
        exact = Fraction(lead) if isinstance(lead, int) else lead
        ordered = sorted(terms.items(), key=lambda t: t[0])
        value = self._atom("add", tuple((_plain(c / exact), m) for m, c in ordered))
        if self.uses[index] == 1:
            self.once.add(value[1][0][0])
        return lead, value[1]

    def _is_sum(self, value: Value) -> bool:
        monomial = value[1]
        if len(monomial) != 1 or monomial[0][1] != 1:
            return False
        operation, arguments, _ = self.atoms[monomial[0][0]]
        return operation == "add" and all(map(self._sound, arguments))

    # Writing

    def _count(self, roots: Iterable[Value]) -> None:
        """Count how often each atom is used, by distinct values, and in how many distinct products it occurs."""
        self.references: list[int] = [0] * len(self.atoms)
        self.popular: Counter[int] = Counter()
        self.pairs: Counter[Any] = Counter()  # of terms, in sums
        seen: set[Monomial] = set()
        queue = list(roots)
        for value in queue:
            monomial = value[1]
            alone = len(monomial) == 1
            if monomial in seen and not alone:
                continue
            for atom, _ in monomial:
                self.references[atom] += 1 if alone else 2
                self.popular[atom] += 1
                if monomial not in seen and self.references[atom] - (1 if alone else 2) == 0:
                    operation, arguments, _ = self.atoms[atom]
                    queue += arguments
                    if operation == "add" and self.positive:
                        self.pairs.update(combinations(sorted(arguments, key=_order), 2))
            seen.add(monomial)

    def _write(self, atom: int, factor: Number) -> Node:
        """Write an atom times a factor that its terms or arguments take up."""
        operation, arguments, attribute = self.atoms[atom]
        if operation == "const":
            return self.tape.constant(attribute)
        if operation == "input":
            return self.tape.input(attribute)
        scaled = arguments
        if factor != 1:
            fixed = 1 if operation == "mean_max" else 0
            scaled = arguments[:fixed] + tuple((factor * c, m) for c, m in arguments[fixed:])
            if operation == "pow":
                scaled = ((factor**2 * arguments[0][0], arguments[0][1]), arguments[1])
        if operation == "add" and self.positive:
            return self._write_sum(list(scaled))
        nodes = [self._emit(a) for a in scaled]
        return nodes[0] if len(nodes) == 1 and operation == "mul" else self.tape.record(operation, nodes, attribute)

    def _write_sum(self, terms: list[Value]) -> Node:
        """Write a sum: terms of one coefficient are multiplied together, two that many sums share are added once."""
        groups: dict[Number, list[Value]] = {}
        for number, monomial in terms:
            free = monomial == ONE or number == 1 or self._absorbs((number, monomial))
            groups.setdefault(1 if free else number, []).append((number, monomial))
        nodes = []
        for number, members in groups.items():
            if len(members) == 1 or number == 1:
                nodes += self._added(members, len(terms) == len(members))
            else:
                inner = self.tape.record("add", self._added([(1, m) for _, m in members], True))
                nodes.append(self.tape.record("mul", (number, inner)))
        return self.tape.record("add", nodes)

    def _added(self, terms: list[Value], alone: bool) -> list[Node]:
        """Return nodes of terms, the two that occur together in most sums already added if there are more of those."""
        pairs = [p for p in combinations(sorted(terms, key=_order), 2) if self.pairs[p] > 1]
        if not pairs or (alone and len(terms) == 2):
            return [self._emit(t) for t in terms]
        best = max(pairs, key=lambda p: self.pairs[p])
        shared = self.tape.record("add", [self._emit(t) for t in best])
        return [shared, *(self._emit(t) for t in terms if t not in best)]

    def _absorbs(self, value: Value) -> bool:
        """Return whether an atom takes up its coefficient at no cost; a maximum or a root takes up no sign."""
        number, monomial = value
        if number < 0 or len(monomial) != 1 or monomial[0][1] != 1:
            return False
        return self.references[monomial[0][0]] == 1 and self._toll(monomial[0][0]) == 0

    def _emit(self, value: Value) -> Any:
        number, monomial = value
        if number == 0 or monomial == ONE:
            return self.tape.constant(number)
        if number != 1 and self._absorbs(value):
            return self._write(monomial[0][0], number)
        over = [(a, p) for a, p in monomial if p > 0]
        under = [(a, -p) for a, p in monomial if p < 0]
        factors = [self._chain(over)] if over else []
        if under:
            common = min(p for _, p in under)
            divisor = self._chain([(a, p / common) for a, p in under])
            factors.append(self._times(self.tape.record("pow", (divisor, -1)), common))
        return self.tape.record("mul", (number, reduce(self._product_of, factors)))

    def _chain(self, powers: list[tuple[int, Any]]) -> Node:
        """Multiply powers, the factors that most products share first, so that the beginnings are shared."""
        ordered = sorted(powers, key=lambda f: (-self.popular[f[0]], f[0]))
        factors = [self._times(self.nodes[a], p) for a, p in ordered]
        return reduce(self._product_of, factors)

    def _product_of(self, a: Node, b: Node) -> Node:
        return self.tape.record("mul", (a, b))

    def _times(self, node: Node, power: Any) -> Node:
        """Return a power; x**2 as x * x, so that 1/x**2 shares the reciprocal of x."""
        return self.tape.record("mul", (node, node)) if power == 2 else self.tape.record("pow", (node, power))

    def _toll(self, atom: int, depth: int = 0) -> int:
        """Return how many multiplications it costs an atom to take up a factor; a coefficient does so for nothing."""
        operation, arguments, _ = self.atoms[atom]
        if depth > DEPTH:
            return 9
        if operation == "add":
            if not (self.positive and all(map(self._sound, arguments))):
                return 9
        elif operation in HOMOGENEOUS:
            arguments = arguments[1:] if operation == "mean_max" else arguments
        elif operation == "pow" and arguments[1] == (Fraction(1, 2), ONE):
            arguments = arguments[:1]
        else:
            return 9
        toll = 0
        for number, monomial in arguments:
            if number == 1:
                alone = len(monomial) == 1 and monomial[0][1] == 1 and self.references[monomial[0][0]] == 1
                toll += self._toll(monomial[0][0], depth + 1) if alone else 1
        return toll


def _order(value: Value) -> Any:
    return value[1], float(value[0])


def _plain(value: Any) -> Number:
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value
