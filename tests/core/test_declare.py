from __future__ import annotations

import math
import pickle
from fractions import Fraction
from typing import Any, ClassVar, cast

import attrs
import pytest

from symarch.errors import PluginError, SymarchError, UnitError
from symarch.program import Min, Program, Tape, compile_python
from symarch.quantities import Dimensioned, unit_dimension
from symarch.technologies import (
    Memory,
    Processor,
    Quantity,
    option,
    options_of,
    parameter,
    parameters_of,
    quantities_of,
    quantity,
    technology,
)
from symarch.technologies.declare import contract, contracts_of, not_modelled


@technology
class Flash(Memory):
    """NAND read in parallel."""

    name: ClassVar[str] = "flash"

    stacks: Quantity = parameter(4, "1", low=1, high=8, integer=True, doc="stacks", better="more")
    planes: Quantity = parameter(1200, "1")
    page: Quantity = parameter("4 KiB", "B", status="measured", source="a data sheet")
    read_time: Quantity = parameter("3 us", "s", low="1 us", high="30 us", better="less", symbol="t_R")
    launch: Quantity = parameter("0 s", "s", nonnegative=True, ideal=0)
    stack_capacity: Quantity = parameter("512 GB", "B")
    share: Quantity = parameter(0.9, "1", at_most=1, ideal=1)
    spare: Quantity = parameter(None, "B", ideal=None)
    mode: str = option("fast", choices=("fast", "slow"), ideal="fast", doc="how it reads")
    remark: str = option("")

    @quantity("B")
    def capacity(self) -> Quantity:
        return self.stacks * self.stack_capacity

    @quantity("B/s", "rate of the arrays")
    def array_bandwidth(self) -> Quantity:
        return self.stacks * self.planes * self.page / self.read_time

    @quantity("B/s")
    def read_bandwidth(self) -> Quantity:
        """Return the rate at the port.

        More words.
        """
        return Min(self.array_bandwidth, 5e12 * self.share)

    @quantity("B")
    def granularity(self) -> Quantity:
        return self.spare


def test_defaults_are_si_numbers() -> None:
    flash = Flash()
    assert (flash.page, flash.read_time, flash.stack_capacity, flash.stacks) == (4096.0, 3e-6, 512e9, 4)
    assert flash.capacity == 2048e9
    assert flash.read_bandwidth == pytest.approx(4.5e12)
    assert flash.array_bandwidth == pytest.approx(4 * 1200 * 4096 / 3e-6)


def test_what_is_declared_is_found_in_order() -> None:
    declared = {p.name: p for p in parameters_of(Flash)}
    assert list(declared)[:4] == ["stacks", "planes", "page", "read_time"]
    read_time = declared["read_time"]
    assert (read_time.unit, read_time.default, read_time.low, read_time.high) == ("s", 3e-6, 1e-6, 30e-6)
    assert (read_time.status, read_time.symbol, read_time.better) == ("assumed", "t_R", "less")
    assert declared["page"].source == "a data sheet"
    assert declared["launch"].has_ideal
    assert declared["launch"].ideal == 0
    assert declared["spare"].has_ideal
    assert declared["spare"].ideal is None
    assert not declared["page"].has_ideal
    assert [(o.name, o.choices, o.ideal) for o in options_of(Flash)] == [
        ("mode", ("fast", "slow"), "fast"),
        ("remark", (), None),
    ]
    assert list(quantities_of(Flash)) == ["capacity", "array_bandwidth", "read_bandwidth", "granularity"]
    assert quantities_of(Flash)["array_bandwidth"].doc == "rate of the arrays"
    assert quantities_of(Flash)["read_bandwidth"].doc == "Return the rate at the port."
    assert quantities_of(Flash)["read_bandwidth"].unit == "B/s"


def test_a_default_that_is_no_quantity_in_its_unit_is_refused() -> None:
    for default, unit in (("3 GB", "s"), ("fast", "s"), ("3 us", "furlong"), ("", "s")):
        with pytest.raises(UnitError):
            parameter(default, unit)
    with pytest.raises(UnitError):
        parameter(1, "s", low="1 GB")
    with pytest.raises(UnitError):
        quantity("furlong")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("read_time", -5e-6, "read_time is -5 us; it must be greater than 0"),
        ("read_time", 0, "read_time is 0 s; it must be greater than 0"),
        ("read_time", -0.0, "must be greater than 0"),
        ("launch", -1e-9, "launch is -1 ns; it must be 0 or more"),
        ("read_time", math.nan, "read_time is nan; it must be a number"),
        ("launch", math.nan, "launch is nan"),
        ("read_time", math.inf, "read_time is infinite s; it must be finite"),
        ("read_time", -math.inf, "must be finite"),
        ("stacks", 2.5, "stacks is 2.5; it must be a whole number"),
        ("stacks", Fraction(5, 2), "must be a whole number"),
        ("stacks", 10**400, "must be finite"),
        ("share", 1.2, "share is 1.2; it must be at most 1"),
        ("page", "4 KiB", "page is the text '4 KiB'"),
        ("mode", "medium", "mode is 'medium'; it must be one of fast, slow"),
        ("mode", "", "mode is ''"),
    ],
)
def test_numbers_and_words_that_make_no_sense_are_refused(name: str, value: Any, words: str) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(SymarchError) as caught:
        Flash(component="hbf0", **given)
    assert str(caught.value).startswith(f"hbf0.{name} is ")
    assert words in str(caught.value)
    with pytest.raises(SymarchError, match=rf"^flash\.{name} is "):
        Flash(**given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("read_time", 1e-12),
        ("launch", 0),
        ("stacks", 8.0),
        ("stacks", Fraction(6, 2)),
        ("share", 1),
        ("read_time", 1.0),  # outside low and high: these are a plausible range, not a limit
        ("spare", None),
        ("remark", "any word"),
        ("mode", "slow"),
    ],
)
def test_numbers_and_words_that_make_sense_pass(name: str, value: Any) -> None:
    given: dict[str, Any] = {name: value}
    assert getattr(Flash(**given), name) == value


def test_a_structural_parameter_may_be_infinite_and_has_a_floor() -> None:
    @technology
    class Machine(Processor):
        name: ClassVar[str] = "machine"

    assert Machine().overlap == math.inf
    assert Machine(overlap=1).overlap == 1
    for order in (0.5, 0, -1, -math.inf, math.nan):
        with pytest.raises(SymarchError, match=r"^machine\.overlap is "):
            Machine(overlap=order)


def test_symbols_of_every_kind_pass() -> None:
    import sympy

    tape = Tape()
    node, symbol, bare = tape.input("t"), sympy.Symbol("t", positive=True), Dimensioned(unit_dimension("s"), "t")
    for value in (node, symbol, bare):
        assert Flash(read_time=value).read_time is value
    assert Flash(read_time=symbol).array_bandwidth.free_symbols == {symbol}


def recorded(tape: Tape, component: str = "hbf") -> Flash:
    values: dict[str, Any] = {
        p.name: tape.input(f"{component}.{p.name}") for p in parameters_of(Flash) if p.default is not None
    }
    return Flash(component=component, **values)


def test_a_quantity_of_a_recorded_instance_is_named_and_not_inlined() -> None:
    tape = Tape()
    flash = recorded(tape)
    program = Program.of(tape, {"o": flash.read_bandwidth})
    assert set(program.names) == {"hbf.array_bandwidth", "hbf.read_bandwidth"}
    index = program.names["hbf.read_bandwidth"]
    inner = program.operations[program.operations[index][1][0]]
    assert inner[0] == "min"
    assert program.names["hbf.array_bandwidth"] in inner[1]


def test_a_quantity_is_computed_once() -> None:
    calls = []

    @technology
    class Once(Flash):
        name: ClassVar[str] = "once"

        @quantity("s")
        def read_latency(self) -> Quantity:
            calls.append(self.component)
            return self.read_time

    once = Once(component="m")
    assert once.read_latency is once.read_latency
    assert calls == ["m"]
    tape = Tape()
    flash = recorded(tape)
    first = flash.read_bandwidth
    length = len(tape.operations)
    assert flash.read_bandwidth is first
    assert len(tape.operations) == length


def test_one_class_gives_the_same_number_recorded_and_plain() -> None:
    tape = Tape()
    program = Program.of(tape, {"o": recorded(tape).read_bandwidth})
    values = {f"hbf.{p.name}": p.default for p in parameters_of(Flash)}
    assert compile_python(program.bind({k: v for k, v in values.items() if v is not None}))() == (
        Flash().read_bandwidth,
    )


def test_instances_without_a_component_leave_no_names() -> None:
    tape = Tape()
    program = Program.of(tape, {"o": Flash(read_time=tape.input("t")).read_bandwidth})
    assert program.names == {}


def test_what_is_not_modelled_is_absent_not_zero() -> None:
    flash = Flash(component="hbf")
    for absent in ("write_bandwidth", "read_latency", "static_power", "cost", "endurance"):
        assert getattr(flash, absent) is None
        assert absent in not_modelled(Flash)
    assert flash.granularity is None
    assert not {"capacity", "read_bandwidth", "granularity"} & set(not_modelled(Flash))
    assert isinstance(Flash.cost, contract)
    assert contracts_of(Flash)["cost"].unit == "USD"
    assert contracts_of(Flash)["capacity"].required


def test_instances_are_frozen_and_equal_by_value() -> None:
    flash = Flash(component="hbf", stacks=6)
    assert flash == Flash(component="hbf", stacks=6)
    assert hash(flash) == hash(Flash(component="hbf", stacks=6))
    assert flash != Flash(component="hbf", stacks=5)
    assert flash != Flash(component="hbm", stacks=6)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        flash.stacks = 7  # type: ignore[misc]


def test_what_was_computed_does_not_change_equality_or_leak_into_copies() -> None:
    flash = Flash()
    before = hash(flash)
    assert flash.capacity == 2048e9
    assert hash(flash) == before
    assert flash == Flash()
    assert attrs.evolve(cast(Any, flash), stacks=8).capacity == 4096e9
    assert pickle.loads(pickle.dumps(flash)) == flash


def test_instances_of_nodes_are_equal_by_identity_of_the_nodes() -> None:
    tape = Tape()
    node = tape.input("t")
    assert Flash(read_time=node) == Flash(read_time=node)
    assert hash(Flash(read_time=node)) == hash(Flash(read_time=node))
    assert Flash(read_time=node) != Flash(read_time=tape.input("u"))


def test_fields_are_given_by_name_only() -> None:
    with pytest.raises(TypeError):
        Flash(4)  # type: ignore[call-arg, arg-type]
    with pytest.raises(TypeError):
        Flash(stakcs=4)  # type: ignore[call-arg]


def test_a_family_shares_its_parameters_and_a_member_may_override_them() -> None:
    @technology
    class Slower(Flash):
        name: ClassVar[str] = "slower"
        read_time: Quantity = parameter("30 us", "s")
        cost: Quantity = parameter(None, "USD")

    assert Slower().read_bandwidth == pytest.approx(4 * 1200 * 4096 / 30e-6)
    assert Flash().read_time == 3e-6
    assert Slower().cost is None
    assert Slower(cost=5).cost == 5
    assert "cost" not in not_modelled(Slower)


def test_a_parameter_may_stand_for_a_quantity_of_its_family() -> None:
    @technology
    class Stated(Flash):
        name: ClassVar[str] = "stated"
        capacity: Quantity = parameter("1 TB", "B")

    assert Stated().capacity == 1e12
    assert Stated(capacity=5).capacity == 5


def test_a_failing_quantity_fails_each_time_with_its_own_error() -> None:
    @technology
    class Failing(Flash):
        name: ClassVar[str] = "failing"

        @quantity("s")
        def read_latency(self) -> Quantity:
            return self.page / (self.stacks - 4)

    failing = Failing()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            _ = failing.read_latency
    assert Failing(stacks=5).read_latency == 4096


def test_a_missing_or_misdeclared_quantity_is_refused_at_declaration() -> None:
    with pytest.raises(PluginError, match=r"'half'.*does not define read_bandwidth"):

        @technology
        class Half(Memory):
            name: ClassVar[str] = "half"
            capacity: Quantity = parameter("1 GB", "B")
