from __future__ import annotations

import math
from typing import Any, ClassVar

import pytest

from symarch.errors import PluginError
from symarch.program import Max, Min, ceil, sqrt
from symarch.technologies import (
    Effort,
    Memory,
    OperatorLike,
    Pattern,
    Processor,
    Quantity,
    Topology,
    Traffic,
    check_dimensions,
    parameter,
    quantity,
    technology,
)


@technology
class Flash(Memory):
    stacks: Quantity = parameter(4, "1")
    planes: Quantity = parameter(1200, "1")
    page: Quantity = parameter("4 KiB", "B")
    read_time: Quantity = parameter("3 us", "s")
    stack_capacity: Quantity = parameter("512 GB", "B")
    yield_of_a_die: Quantity = parameter("95 %", "1")
    spare: Quantity = parameter(None, "B")

    @quantity("B")
    def capacity(self) -> Quantity:
        return self.stacks * self.stack_capacity

    @quantity("B/s")
    def read_bandwidth(self) -> Quantity:
        return self.stacks * self.planes * self.page / self.read_time


def message(cls: type) -> str:
    with pytest.raises(PluginError) as caught:
        check_dimensions(cls)
    return str(caught.value)


def test_a_lawful_technology_passes() -> None:
    @technology
    class Lawful(Flash):
        name: ClassVar[str] = "lawful"

        @quantity("s")
        def read_latency(self) -> Quantity:
            return Max(self.read_time, 0) + self.page / Min(self.read_bandwidth, self.page / self.read_time)

        @quantity("USD")
        def cost(self) -> Quantity:
            return 0

        @quantity("1")
        def efficiency(self) -> Quantity:
            return self.yield_of_a_die ** (self.stacks - 1) * 2 ** -ceil(self.planes / 1000)

        @quantity("B")
        def granularity(self) -> Quantity:
            return sqrt(self.page * self.page) if self.spare is None else self.spare

    check_dimensions(Lawful)


def test_bandwidth_plus_latency_is_named() -> None:
    @technology
    class Sum(Flash):
        name: ClassVar[str] = "sum"

        @quantity("s")
        def read_latency(self) -> Quantity:
            return self.read_bandwidth + self.read_time

    text = message(Sum)
    for words in (
        "technology 'sum'",
        "quantity read_latency",
        "[B/s]",
        "read_time [s]",
        "stacks*planes*page/read_time",
    ):
        assert words in text


def test_min_of_unlike_things_is_named() -> None:
    @technology
    class Unlike(Flash):
        name: ClassVar[str] = "unlike"

        @quantity("B/s")
        def write_bandwidth(self) -> Quantity:
            return Min(self.read_bandwidth, self.page)

    text = message(Unlike)
    for words in ("technology 'unlike'", "quantity write_bandwidth", "Min", "[B/s]", "page [B]"):
        assert words in text


def test_a_forgotten_factor_is_named_with_both_dimensions() -> None:
    @technology
    class Forgotten(Flash):
        name: ClassVar[str] = "forgotten"

        @quantity("B/s")
        def read_bandwidth(self) -> Quantity:
            return self.stacks * self.planes / self.read_time

    text = message(Forgotten)
    for words in ("technology 'forgotten'", "quantity read_bandwidth", "[B/s]", "[1/s]", "stacks*planes/read_time"):
        assert words in text


def test_a_literal_with_a_dimension_in_mind_is_named() -> None:
    @technology
    class Literal(Flash):
        name: ClassVar[str] = "literal"

        @quantity("s")
        def read_latency(self) -> Quantity:
            return self.read_time + 1e-7

    assert "1e-07 [1]" in message(Literal)


def test_a_bit_rate_declared_as_a_frequency_is_found() -> None:
    @technology
    class Hertz(Flash):
        name: ClassVar[str] = "hertz"
        pins: Quantity = parameter(1024, "1")
        rate: Quantity = parameter("6.4 GHz", "Hz")

        @quantity("B/s")
        def port_bandwidth(self) -> Quantity:
            return self.pins * self.rate / 8

    assert "[1/s]" in message(Hertz)


def test_comparisons_and_truth_values_are_found() -> None:
    @technology
    class Choosing(Flash):
        name: ClassVar[str] = "choosing"

        @quantity("s")
        def read_latency(self) -> Quantity:
            return self.read_time if self.page > 4096 else 0

    assert "read_latency" in message(Choosing)
    assert "use Min and Max" in message(Choosing)


def test_a_clash_behind_an_absent_parameter_is_found() -> None:
    @technology
    class Branch(Flash):
        name: ClassVar[str] = "branch"

        @quantity("B")
        def granularity(self) -> Quantity:
            return self.read_time + self.page if self.spare is None else self.spare

    assert "quantity granularity" in message(Branch)


def test_a_quantity_that_needs_an_absent_parameter_is_spared() -> None:
    @technology
    class Needing(Flash):
        name: ClassVar[str] = "needing"

        @quantity("B")
        def granularity(self) -> Quantity:
            return 2 * self.spare

        @quantity("s")
        def read_latency(self) -> Quantity:
            return self.read_time

    check_dimensions(Needing)


def test_one_bad_quantity_does_not_hide_another_behind_an_absent_parameter() -> None:
    @technology
    class Both(Flash):
        name: ClassVar[str] = "both"

        @quantity("B")
        def granularity(self) -> Quantity:
            return 2 * self.spare

        @quantity("s")
        def write_latency(self) -> Quantity:
            return self.page if self.spare is None else self.read_time

    assert "quantity write_latency" in message(Both)


def test_computing_with_a_quantity_that_is_not_modelled_is_found() -> None:
    @technology
    class Reaching(Flash):
        name: ClassVar[str] = "reaching"

        @quantity("s")
        def read_latency(self) -> Quantity:
            return 2 * self.write_latency

    text = message(Reaching)
    assert "read_latency" in text
    assert "None" in text


def test_a_missing_required_quantity_is_refused_at_declaration() -> None:
    with pytest.raises(PluginError, match=r"technology 'empty' .*does not define capacity \[B\]"):

        @technology
        class Empty(Memory):
            name: ClassVar[str] = "empty"

            @quantity("B/s")
            def read_bandwidth(self) -> Quantity:
                return 1


def test_a_contract_in_another_unit_is_refused_at_declaration() -> None:
    with pytest.raises(PluginError, match="technology 'wrong' declares cost in USD/B; a memory states it in USD"):

        @technology
        class Wrong(Flash):
            name: ClassVar[str] = "wrong"
            cost: Quantity = parameter("10 USD/GB", "USD/B")


def test_a_parameter_may_fulfil_a_contract_in_a_like_unit() -> None:
    @technology
    class Plain(Memory):
        name: ClassVar[str] = "plain"
        capacity: Quantity = parameter("16 GiB", "GiB")
        read_bandwidth: Quantity = parameter("8 Gb/s", "Gb/s")

    check_dimensions(Plain)
    assert Plain().capacity == 16 * 2**30
    assert Plain().read_bandwidth == 1e9


def test_a_family_without_a_name_owes_nothing() -> None:
    @technology
    class Family(Memory):
        planes: Quantity = parameter(4, "1")

    assert not hasattr(Family, "name")


def test_the_effort_of_a_processor_is_checked_by_kind_of_operator() -> None:
    @technology
    class Machine(Processor):
        name: ClassVar[str] = "machine"
        peak_bf16: Quantity = parameter("1 TFLOP/s", "FLOP/s")

    check_dimensions(Machine)

    @technology
    class Clashing(Machine):
        name: ClassVar[str] = "clashing"

        def effort(self, operator: OperatorLike) -> Effort:
            return Effort({"arithmetic": operator.flops + self.launch}, {})

    assert "quantity effort(matmul)" in message(Clashing)

    @technology
    class Misdeclared(Machine):
        name: ClassVar[str] = "misdeclared"

        def effort(self, operator: OperatorLike) -> Effort:
            return Effort({"arithmetic": operator.flops}, {})

    text = message(Misdeclared)
    assert "effort(matmul): arithmetic" in text
    assert "[FLOP]" in text
    assert "[s]" in text


def test_the_figures_of_a_topology_are_checked() -> None:
    @technology
    class Ring(Topology):
        name: ClassVar[str] = "ring-with-length"
        wire: Quantity = parameter("1 m", "m")

        def _count(self, nodes: int) -> Quantity:
            return nodes

        diameter = average_hops = bisection = radix = _count

        def links(self, nodes: int) -> Quantity:
            return nodes * self.wire

        def traffic(self, pattern: Pattern, nodes: int) -> Traffic | None:
            return None

    text = message(Ring)
    assert "quantity links" in text
    assert "[m]" in text

    @technology
    class Clashing(Ring):
        name: ClassVar[str] = "ring-that-clashes"

        def links(self, nodes: int) -> Quantity:
            return nodes + self.wire

    assert "quantity links" in message(Clashing)

    @technology
    class Routing(Ring):
        name: ClassVar[str] = "ring-that-routes"

        def links(self, nodes: int) -> Quantity:
            return nodes

        def traffic(self, pattern: Pattern, nodes: int) -> Traffic | None:
            return Traffic(1, self.wire) if pattern.name == "all" else None

    text = message(Routing)
    assert "quantity traffic(all): load" in text
    assert "[m]" in text


def test_structural_parameters_stay_numbers_in_the_check() -> None:
    seen: list[Any] = []

    @technology
    class Machine(Processor):
        name: ClassVar[str] = "structural"
        peak_bf16: Quantity = parameter("1 TFLOP/s", "FLOP/s")

        def effort(self, operator: OperatorLike) -> Effort:
            seen.append(self.overlap)
            return super().effort(operator)

    check_dimensions(Machine)
    assert set(seen) == {math.inf}
