"""Technologies written in a spec: `[technology.NAME]` tables become classes like those of plugins.

The class is made by the machinery that plugins use, so that everything else meets a technology like any other. Its
expressions are parsed by the grammar and checked before a value is computed: names, dimensions, contract. A topology is
not among the kinds: what it states are functions of the number of nodes and traffic by pattern, not quantities.
"""

from __future__ import annotations

import copyreg
import json
import keyword
import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, cast

import attrs

from symarch.errors import DimensionError, SpecError, SymarchError, nearest
from symarch.plugins import registry
from symarch.program.expressions import FUNCTIONS, Expression
from symarch.program.grammar import parse
from symarch.quantities import Dimensioned, format_quantity, parse_quantity, stated_unit, unit_dimension
from symarch.specs.records import Component
from symarch.specs.values import read_setting, shown
from symarch.technologies import (
    Interconnect,
    Memory,
    Parameter,
    Processor,
    Quantity,
    Technology,
    check_dimensions,
    options_of,
    parameter,
    parameters_of,
    quantities_of,
    quantity,
    technology,
)
from symarch.technologies.declare import contracts_of

KINDS: dict[str, type[Technology]] = {"memory": Memory, "interconnect": Interconnect, "processor": Processor}
"""The kinds that a spec can write."""

MOST = 64
"""Parameters, and expressions, of one technology; technologies of one spec."""

KEYS = ("kind", "title", "doc", "source", "assumptions", "parameters", "expressions")
"""The keys of a `[technology.NAME]` table."""

PARAMETER_KEYS = ("value", "low", "high", "source", "status", "unit", "doc", "symbol", "better", "ideal", "at_most",
                  "nonnegative", "integer")  # fmt: skip
"""The keys of a parameter's table."""

RATES = ("B/s", "FLOP/s")
"""Units of quantities that times are divided by, so that none may be 0."""

DIVISORS = ("devices", "endurance", "read_endurance", "retention_life", "service_life")
"""Further quantities that something is divided by."""

NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}\Z")
"""What a technology of a spec may be called."""

_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
WORDS = "a lower-case word of at most 40 characters (a-z, 0-9, _)"
_NUMBERS = ("value", "low", "high", "ideal", "at_most")

Fault = Callable[[str, str], None]
"""Notes a fault: the dotted key within the technology's table, and the sentence."""


class _Written(type):
    """The type of classes written in a spec; it lets pickle send them as their tables, since no module holds them."""

    name: str
    definition: Mapping[str, Any]


def _restore(name: str, text: str) -> Any:
    made, faults = _made(name, text)
    if made is None:
        raise SpecError([f"technology.{name}.{key}: {sentence}" for key, sentence in faults])
    return made


copyreg.pickle(_Written, lambda cls: (_restore, (cls.name, json.dumps(cls.definition))))


def is_written(cls: type | None) -> bool:
    """Return whether a technology was written in a spec; no plugin provides it then."""
    return isinstance(cls, _Written)


def definition_of(cls: type[Technology]) -> Mapping[str, Any]:
    """Return the table that a technology of a spec was written as, whole: with what the spec inherits."""
    found: Mapping[str, Any] = vars(cls)["definition"]
    return found


def read_technologies(group: Any, fault: Fault) -> dict[str, type[Technology]]:
    """Make the technologies of a spec's `technology` table; what is wrong goes to `fault`, with its dotted key."""
    if not isinstance(group, dict) or not all(isinstance(v, dict) for v in group.values()):
        fault("technology", "technologies are named tables: [technology.NAME]")
        return {}
    if len(group) > MOST:
        fault("technology", f"more than {MOST} technologies in one spec")
        return {}
    found = {}
    for name, table in group.items():
        key = f"technology.{name}"
        if not NAME.match(name):
            fault(f"technology.{shown(name)}", f"a technology's name is {WORDS[:-1]}, -)")
        elif name in registry().names:
            owner = registry().provider(name).distribution
            fault(key, f"the name is that of an installed technology, of {owner}; choose another")
        else:
            made, faults = _from_table(name, table)
            for item, sentence in faults:
                fault(f"{key}.{item}" if item else key, sentence)
            if made is not None:
                found[name] = made
    return found


def _from_table(name: str, table: dict[str, Any]) -> tuple[type[Technology] | None, tuple[tuple[str, str], ...]]:
    try:
        return _made(name, json.dumps(table))
    except (TypeError, ValueError, RecursionError):
        return None, (("", "it holds a date, or tables within tables, where texts and numbers are due"),)


@lru_cache(maxsize=256)
def _made(name: str, text: str) -> tuple[type[Technology] | None, tuple[tuple[str, str], ...]]:
    """Make the class of a definition, given as JSON: equal definitions are one class. Returns faults otherwise."""
    maker = _Maker(name, json.loads(text))
    return maker.make(), tuple(maker.faults)


class _Maker:
    """Makes one class and collects what is wrong with its table."""

    def __init__(self, name: str, table: dict[str, Any]) -> None:
        self.name = name
        self.table = table
        self.faults: list[tuple[str, str]] = []
        self.parameters: dict[str, Any] = {}  # fields, as `parameter` declares them
        self.units: dict[str, str] = {}
        self.expressions: dict[str, Expression] = {}

    def fault(self, key: str, sentence: str) -> None:
        self.faults.append((key, sentence))

    def make(self) -> type[Technology] | None:
        table = self.table
        for key in table:
            if key not in KEYS:
                self.fault(key, f"unknown key; {nearest(key, KEYS)}")
        for key in ("title", "doc", "source"):
            self._text(key, table.get(key, ""))
        assumptions = table.get("assumptions", [])
        if not (isinstance(assumptions, list) and all(isinstance(a, str) and a.isprintable() for a in assumptions)):
            self.fault("assumptions", "it must be a list of sentences")
        kind = table.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            found = f"it is {shown(kind)}" if "kind" in table else "it is missing"
            self.fault("kind", f"{found}; it must be one of {', '.join(KINDS)}")
            return None
        self.base = KINDS[kind]
        self.fields = set(attrs.fields_dict(cast(Any, self.base)))
        self.due = contracts_of(self.base)
        self.inherited: dict[str, Parameter] = {p.name: p for p in parameters_of(self.base)}
        self.kept = dict(quantities_of(self.base))
        self._read_parameters()
        self._read_expressions()
        self._required()
        order = None if self.faults else self._ordered()
        if order is None or not self._dimensions(order):
            return None
        return self._class(order)

    def _text(self, key: str, value: Any) -> str:
        if not isinstance(value, str):
            self.fault(key, f"it is {shown(value)}; it must be a text")
            return ""
        if not value.isprintable():
            self.fault(key, "it holds a control character")
            return ""
        return value

    def _names(self, key: str) -> dict[str, Any]:
        """Return the items of a sub-table whose names can be given."""
        group = self.table.get(key, {})
        if not isinstance(group, dict):
            self.fault(key, f"it is {shown(group)}; it must be a table")
            return {}
        if len(group) > MOST:
            self.fault(key, f"more than {MOST} of them")
            return {}
        sound = {}
        for name, value in group.items():
            if not _WORD.match(name):
                self.fault(f"{key}.{shown(name)}", f"a name is {WORDS}")
            elif name in FUNCTIONS:
                self.fault(f"{key}.{name}", "the name is that of a function of the grammar")
            elif name in {o.name for o in options_of(self.base)}:
                self.fault(f"{key}.{name}", f"it is an option of every {self.base.kind}; a component sets it")
            elif self._taken(name):
                self.fault(f"{key}.{name}", "the name has a meaning of its own; choose another")
            else:
                sound[name] = value
        return sound

    def _taken(self, name: str) -> bool:
        """Return whether a name means something else to a technology, or to the language it is written in."""
        if keyword.iskeyword(name) or name in ("name", "definition", "self"):
            return True
        if name in self.inherited or name in self.kept or name in self.due:
            return False
        return name in dir(self.base) or name in self.fields

    def _read_parameters(self) -> None:
        for name, value in self._names("parameters").items():
            key = f"parameters.{name}"
            before = len(self.faults)
            content = value if isinstance(value, dict) else {"value": value}
            for item in content:
                if item not in PARAMETER_KEYS:
                    self.fault(f"{key}.{item}", f"unknown key; {nearest(item, PARAMETER_KEYS)}")
            if "value" not in content:
                self.fault(key, "a table needs the key 'value'")
            for item in ("source", "doc", "symbol"):
                self._text(f"{key}.{item}", content.get(item, ""))
            for item in ("nonnegative", "integer"):
                if not isinstance(content.get(item, False), bool):
                    self.fault(f"{key}.{item}", f"it is {shown(content[item])}; it must be true or false")
            if content.get("better") not in (None, "more", "less"):
                self.fault(f"{key}.better", f"it is {shown(content['better'])}; it must be more or less")
            unit = self._unit(name, key, content)
            if len(self.faults) > before:
                continue
            try:
                self._declare(name, content, unit)
            except SymarchError as error:
                for sentence in str(error).splitlines():
                    self.fault(key, sentence)

    def _unit(self, name: str, key: str, content: Mapping[str, Any]) -> str:
        """Return the unit of a parameter: as its table states, else as its value's text does."""
        stated = content.get("unit", "")
        if not isinstance(stated, str):
            self.fault(f"{key}.unit", f"it is {shown(stated)}; it must be a unit such as 'us'")
            return "1"
        for item in _NUMBERS:
            value = content.get(item, 0)
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                self.fault(f"{key}.{item}", f"it is {shown(value)}; it must be a number or a text with a unit")
                return "1"
        value = content.get("value", 0)
        due = self.due[name].unit if name in self.due else None
        if name in self.inherited:
            due = self.inherited[name].unit
        try:
            unit = stated or (stated_unit(value) if isinstance(value, str) else "1")
            if due is not None and unit_dimension(unit) != unit_dimension(due):
                self.fault(key, f"{shown(value)} is in {unit}; {article(self.base.kind)} states {name} in {due}")
            elif due is not None and not stated:
                return due
        except SymarchError as error:
            self.fault(key, str(error))
            return "1"
        return unit

    def _declare(self, name: str, content: Mapping[str, Any], unit: str) -> None:
        """Declare one parameter. A bare number is in the unit of its table. Raises SymarchError."""
        old = self.inherited.get(name)
        given = {k: _in_unit(content[k], content.get("unit")) for k in _NUMBERS if k in content}
        if isinstance(given.get("at_most"), str):
            given["at_most"] = parse_quantity(given["at_most"], unit)
        facts: dict[str, Any] = {
            "low": old.low if old else None,
            "high": old.high if old else None,
            "status": content.get("status", "assumed"),
            "source": content.get("source", self.table.get("source", "")),
            "doc": content.get("doc", old.doc if old else ""),
            "symbol": content.get("symbol", old.symbol if old else ""),
            "better": content.get("better", old.better if old else None),
            "at_most": given.get("at_most", old.at_most if old else None),
            "nonnegative": content.get("nonnegative", old.nonnegative if old else False),
            "integer": content.get("integer", old.integer if old else False),
            "structural": old.structural if old else False,
        }
        if old and facts["nonnegative"] and not old.nonnegative:
            raise SymarchError(f"{name} of {article(self.base.kind)} is greater than 0; nonnegative cannot change that")
        if old and old.at_most is not None and facts["at_most"] > old.at_most:
            raise SymarchError(
                f"{name} of {article(self.base.kind)} is at most {old.at_most:g}; at_most cannot be more"
            )
        if "ideal" in content:
            facts["ideal"] = given["ideal"]
        elif old is not None and old.has_ideal:
            facts["ideal"] = old.ideal
        facts |= {k: given[k] for k in ("low", "high") if k in given}
        field = parameter(given["value"], unit, **facts)
        [bare] = field.metadata.values()
        if not given.keys() & {"low", "high"} and _outside(bare):  # the range is that of another value
            field = parameter(given["value"], unit, **facts | {"low": None, "high": None})
            [bare] = field.metadata.values()
        declared = attrs.evolve(bare, name=name)
        checked = {"value": declared.default, "low": declared.low, "high": declared.high}
        read_setting(declared, {k: v for k, v in checked.items() if v is not None} | {"status": facts["status"]})
        if declared.has_ideal and declared.ideal is not None:
            fault = declared.fault(declared.ideal)
            if fault:
                raise SymarchError(f"ideal: {fault}")
        self.parameters[name] = field
        self.units[name] = unit

    def _read_expressions(self) -> None:
        texts = self._names("expressions")
        usable = {n for n, p in self.inherited.items() if not p.structural}
        # a name whose own text is faulty is known all the same: its fault is told once
        stated = [self.table.get(k, {}) for k in ("parameters", "expressions")]
        known = (
            usable
            | set(self.kept)
            | {n for group in stated if isinstance(group, dict) for n in group if _WORD.match(n)}
        )
        for name, text in texts.items():
            key = f"expressions.{name}"
            if name in self.parameters or name in self.inherited:
                self.fault(key, f"{name} is a parameter already")
            elif not isinstance(text, str):
                self.fault(key, f"it is {shown(text)}; it must be a text such as 'stacks * stack_capacity'")
            else:
                try:
                    self.expressions[name] = parse(text, known)
                except SpecError as error:
                    for sentence in error.faults:
                        self.fault(key, sentence)

    def _required(self) -> None:
        stated = [self.table.get(k, {}) for k in ("parameters", "expressions")]
        for key, due in self.due.items():
            if due.required and not any(isinstance(g, dict) and key in g for g in stated):
                self.fault("", f"{article(self.base.kind)} states {key} [{due.unit}]; no parameter or expression does")

    def _ordered(self) -> list[str] | None:
        """Return the expressions so that each uses earlier ones only. Notes a fault where they run in a circle."""
        order: list[str] = []
        pending = dict(self.expressions)
        while pending:
            ready = [n for n, e in pending.items() if not any(u in pending for u in e.names)]
            if not ready:
                circle = _circle(pending)
                self.fault(f"expressions.{circle[0]}", f"expressions use each other in a circle: {' -> '.join(circle)}")
                return None
            order += ready
            for name in ready:
                del pending[name]
        return order

    def _dimensions(self, order: list[str]) -> bool:
        """Run the expressions on bare dimensions and note the unit of each."""
        units = {n: p.unit for n, p in self.inherited.items()} | {n: q.unit for n, q in self.kept.items()} | self.units
        values: dict[str, Any] = {n: Dimensioned(unit_dimension(u), n) for n, u in units.items()}
        sound = True
        for name in order:
            expression = self.expressions[name]
            key, text = f"expressions.{name}", f"in '{expression.text}'"
            due = self.due[name].unit if name in self.due else self.kept[name].unit if name in self.kept else None
            try:
                found = Dimensioned.lift(expression.compute(values.__getitem__)).dimension
            except DimensionError as error:
                self.fault(key, f"{text}: {error}")
                return False
            unit = due or ("1" if found is None else str(found))
            try:
                if found is not None and unit_dimension(unit) != found:
                    self.fault(key, f"{text}: it has [{found}]; {article(self.base.kind)} states {name} in {unit}")
                    sound = False
            except SymarchError:
                self.fault(key, f"{text}: it has [{found}]; a quantity's unit has whole powers, at most 9")
                return False
            self.units[name] = unit
            values[name] = Dimensioned(unit_dimension(unit), name)
        return sound

    def _class(self, order: list[str]) -> type[Technology] | None:
        table, base = self.table, self.base
        doc = "\n\n".join(t for t in (table.get("title", ""), table.get("doc", "")) if t)
        namespace: dict[str, Any] = {
            "__doc__": doc or f"A technology written in a spec ({base.kind}).",
            "__module__": __name__,
            "__annotations__": dict.fromkeys(self.parameters, Quantity),
            "name": self.name,
            "definition": table,
            "assumptions": tuple(table.get("assumptions", ())),
            **self.parameters,
        }
        for name in self.expressions:
            formula = _formula(self.expressions[name], [n for n in order if n in self._uses(name)])
            doc = self.due[name].doc if name in self.due else self.expressions[name].text
            namespace[name] = quantity(self.units[name], doc)(formula)
        title = "".join(part.capitalize() for part in re.split(r"[-_]", self.name))
        try:
            made = cast("type[Technology]", technology(_Written(title, (base,), namespace)))
            check_dimensions(made)
        except SymarchError as error:
            self.fault("", str(error))
            return None
        for name, sentence in faults_of_values(made, {}):
            group = "expressions" if name in self.expressions else "parameters" if name in self.parameters else ""
            self.fault(f"{group}.{name}" if group else "", sentence)
        return None if self.faults else made

    def _uses(self, name: str) -> set[str]:
        """Return the expressions that one rests on, itself not among them."""
        found: set[str] = set()
        queue = [name]
        while queue:
            for used in self.expressions[queue.pop()].names:
                if used in self.expressions and used not in found:
                    found.add(used)
                    queue.append(used)
        return found


def _in_unit(value: Any, unit: str | None) -> Any:
    """Return a bare number as a text in the unit of its table, since texts are read exactly."""
    bare = unit is not None and (isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)))
    return f"{value!r} {unit}" if bare else value


def _outside(declared: Parameter) -> bool:
    """Return whether a parameter's own value is not in its range."""
    value, low, high = declared.default, declared.low, declared.high
    if not isinstance(value, int | float):
        return False
    return (low is not None and value < low) or (high is not None and value > high)


def _circle(pending: Mapping[str, Expression]) -> list[str]:
    """Return one circle of expressions that use each other, closed."""
    path = [next(iter(pending))]
    while True:
        following = next(n for n in pending[path[-1]].names if n in pending)
        if following in path:
            return [*path[path.index(following) :], following]
        path.append(following)


def _formula(expression: Expression, uses: list[str]) -> Callable[[Any], Any]:
    """Return the function of a quantity; what it rests on is computed first, so that no chain of calls grows deep."""

    def formula(instance: Any) -> Any:
        for name in uses:
            getattr(instance, name)
        return expression.compute(lambda name: getattr(instance, name))

    return formula


def faults_of_values(cls: type[Technology], values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (name, sentence) for each quantity of a spec's technology that these values leave without a sound number.

    A value left out is the default. What a kind may state is not negative; rates, efficiencies and what is due are more
    than 0, and an efficiency is at most 1.
    """
    instance = cls(**values)
    due = contracts_of(cls)
    units = {p.name: p.unit for p in parameters_of(cls) if p.name in due}
    for name, unit in (units | {n: q.unit for n, q in quantities_of(cls).items()}).items():
        try:
            value = getattr(instance, name)
        except OverflowError:
            yield name, "has no value here: it is too large for a number"
            continue
        except (ArithmeticError, ValueError) as error:
            yield name, f"has no value here: {error}"
            continue
        except TypeError:
            yield name, "has no value here: it computes with something absent"
            continue
        except SymarchError:  # told where it is asked for
            continue
        if value is None:
            if name in due and due[name].required:
                yield name, "has no value here: it is None"
            continue
        try:
            number = float(value)
        except OverflowError:  # of a whole number
            number = math.inf
        share = name in due and name.endswith("efficiency")
        positive = share or (name in due and (due[name].required or unit in RATES or name in DIVISORS))
        if not math.isfinite(number):
            yield name, "is not finite here"
        elif name in due and (number < 0 or (positive and number == 0)):
            least = "greater than 0" if positive else "0 or more"
            yield name, f"is {format_quantity(number, unit)} here; it must be {least}"
        elif share and number > 1:
            yield name, f"is {format_quantity(number, unit)} here; it must be at most 1"


def faults_of(component: Component) -> Iterator[str]:
    """Yield what is wrong with the numbers that a component gives a technology.

    Of a technology of the spec that is every quantity; of a plugin's what its kind may be asked for: a refresh longer
    than its interval leaves less than nothing of a bandwidth.
    """
    cls = component.technology
    if cls is None or cls.kind not in KINDS:
        return
    written = is_written(cls)
    if not written and cls.kind == "processor":  # it may sit on a memory
        return
    names = {p.name for p in parameters_of(cls)} | ({o.name for o in options_of(cls)} if not written else set())
    due = contracts_of(cls)
    for name, sentence in faults_of_values(cls, {n: s.value for n, s in component.settings.items() if n in names}):
        if written or name in due:
            yield f"{component.name}.{name} {sentence}"


def article(kind: str) -> str:
    """Return the word for a kind with its article: an interconnect."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
