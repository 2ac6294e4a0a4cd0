"""The conformance kit: a sound technology passes every check, and each check fails on one made wrong for it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

import attrs
import numpy as np
import pytest
import sympy

import symarch.testing.checks as checks
from symarch import (
    Effort,
    Interconnect,
    Limit,
    Max,
    Memory,
    Min,
    OperatorLike,
    Processor,
    Quantity,
    SymarchError,
    Topology,
    load_system,
    parameter,
    quantity,
    technology,
)
from symarch.cli import main
from symarch.plugins import registry
from symarch.specs import Preset, Setting
from symarch.technologies import Technology, option
from symarch.technologies.declare import contracts_of
from symarch.technologies.topology import Pattern, Traffic
from symarch.testing import (
    BY_KIND,
    COMMON,
    ConformanceError,
    check_technology,
    checks_for,
    parametrize_with_checks,
    run_checks,
    summary,
)
from symarch.testing.samples import _variants, chosen_variants, variants

NOT_INSTALLED = {"check_entry_point": "because it is made for this test and not installed"}


def known(default: Any, unit: str, **facts: Any) -> Any:
    """Declare a parameter with what the kit asks for."""
    return parameter(default, unit, **{"source": "assumed for a test", "doc": "a figure", **facts})


@technology
class Array(Memory):
    """Banks behind a port."""

    name: ClassVar[str] = "array"
    assumptions: ClassVar[tuple[str, ...]] = ("All banks work at once.",)

    banks: Quantity = known(8, "1", low=1, high=64, integer=True, better="more")
    row: Quantity = known("1 KiB", "B", low="512 B", high="4 KiB")
    cycle: Quantity = known("40 ns", "s", low="20 ns", high="80 ns", better="less")
    pin_rate: Quantity = known("100 GB/s", "B/s", low="50 GB/s", high="400 GB/s", better="more")
    size: Quantity = known("1 GB", "B", better="more")
    idle: Quantity = known("0 W", "W", nonnegative=True, high="1 W", better="less")
    bank_power: Quantity = known("10 mW", "W", better="less")
    mode: str = option("open", choices=("open", "closed"), doc="whether rows stay open")

    @quantity("B")
    def capacity(self) -> Quantity:
        """Bytes of all banks."""
        return self.banks * self.size

    @quantity("B/s")
    def read_bandwidth(self) -> Quantity:
        """Rows of all banks, no faster than the port."""
        return Min(self.banks * self.row / self.cycle, self.pin_rate)

    @quantity("s")
    def read_latency(self) -> Quantity:
        """A row cycle."""
        return self.cycle

    @quantity("W")
    def static_power(self) -> Quantity:
        """Of all banks: more of them serve better and draw more."""
        return self.idle + self.banks * self.bank_power


@technology
class Wire(Interconnect):
    """Lanes."""

    name: ClassVar[str] = "wire"
    assumptions: ClassVar[tuple[str, ...]] = ("All lanes carry the same.",)

    lanes: Quantity = known(4, "1", low=1, high=16, integer=True, better="more")
    rate: Quantity = known("8 GB/s", "B/s", better="more")
    latency: Quantity = known("50 ns", "s", better="less")

    @quantity("B/s")
    def bandwidth(self) -> Quantity:
        """Of all lanes."""
        return self.lanes * self.rate


@technology
class Chip(Processor):
    """Cores at one clock."""

    name: ClassVar[str] = "chip"
    assumptions: ClassVar[tuple[str, ...]] = ("Cores never wait.",)

    cores: Quantity = known(64, "1", low=16, high=256, integer=True, better="more")
    peak_bf16: Quantity = known("100 TFLOP/s", "FLOP/s", better="more")
    peak_fp8: Quantity = known(None, "FLOP/s", better="more")
    power_limit: Quantity = known("100 W", "W", better="more")


@technology
class Near(Processor):
    """Units in the banks of a memory."""

    name: ClassVar[str] = "near"
    near: ClassVar[bool] = True
    assumptions: ClassVar[tuple[str, ...]] = ("Each unit reads its own banks.",)

    peak_bf16: Quantity = known("1 TFLOP/s", "FLOP/s", better="more")
    gain: Quantity = known(4, "1", low=1, high=16, better="more")

    @quantity("B/s")
    def memory_bandwidth(self) -> Quantity:
        """The gain over the memory's own port."""
        return self.gain * self.memory.read_bandwidth


@technology
class Line(Topology):
    """Nodes in a row."""

    name: ClassVar[str] = "line"
    assumptions: ClassVar[tuple[str, ...]] = ("The ends stay open.",)

    def diameter(self, nodes: int) -> Quantity:
        return nodes - 1

    def average_hops(self, nodes: int) -> Quantity:
        return (nodes + 1) / 3

    def bisection(self, nodes: int) -> Quantity:
        return 1

    def links(self, nodes: int) -> Quantity:
        return nodes - 1

    def radix(self, nodes: int) -> Quantity:
        return 2

    def traffic(self, pattern: Pattern, nodes: int) -> Traffic | None:
        return Traffic(nodes - 1, 1, 1) if pattern.name == "neighbour" else None


SOUND = (Array, Wire, Chip, Near, Line)


@pytest.mark.parametrize("cls", SOUND, ids=lambda c: c.name)
def test_a_sound_technology_passes_every_check(cls: type[Technology]) -> None:
    report = check_technology(cls, NOT_INSTALLED)
    assert report.ok
    assert (report.technology, report.kind) == (cls.name, cls.kind)
    assert {o.check: o.status for o in report.outcomes if o.status != "ok"} == {"check_entry_point": "expected"}


@pytest.mark.parametrize("name", ["hbm", "nvlink", "tpu", "switch"])
def test_our_own_need_no_exception(name: str) -> None:
    assert {o.status for o in check_technology(name).outcomes} == {"ok"}


# --- each check fails


def bad(base: type[Technology] = Array, **changes: Any) -> type[Technology]:
    """Return a subclass with some members replaced; parameters are annotated for it."""
    own = {n: Quantity for n, v in changes.items() if not isinstance(v, str | tuple | bool) and "counter" in dir(v)}
    namespace = {
        "__module__": __name__,
        "__doc__": "Made wrong.",
        "__annotations__": own,
        "name": "wrong",
        **changes,
    }
    return cast("type[Technology]", technology(type("Wrong", (base,), namespace)))


def stated(unit: str, function: Callable[[Any], Any]) -> Any:
    function.__doc__ = "A figure."
    return quantity(unit)(function)


def sentence(check: Callable[[type[Technology]], None], cls: Any) -> str:
    with pytest.raises(SymarchError) as caught:
        check(cls)
    return str(caught.value)


def test_contract() -> None:
    class Undecorated(Memory):
        """No technology."""

        name: ClassVar[str] = "undecorated"

    @attrs.frozen(kw_only=True, slots=False)
    class Half(Memory):
        """A memory without bandwidth, made past the decorator that would refuse it."""

        name: ClassVar[str] = "half"
        capacity: Quantity = parameter("1 s", "s")  # noqa: RUF009  # the decorator that knows it is left out
        other: int = 3

    @technology
    class Lost(Memory):
        kind: ClassVar[str] = "interconnect"

    assert "no subclass of Memory, Interconnect" in sentence(checks.check_contract, int)
    assert "not made by @technology" in sentence(checks.check_contract, Undecorated)
    found = sentence(checks.check_contract, Half)
    assert "the field other is neither a parameter nor an option" in found
    assert "capacity is declared in s; a memory states it in B" in found
    assert "read_bandwidth [B/s] is due and missing" in found
    assert "its kind is 'interconnect'" in sentence(checks.check_contract, Lost)
    assert "its name is 'Loud'" in sentence(checks.check_contract, bad(name="Loud"))
    assert "its name is None" in sentence(checks.check_contract, Memory)


def test_documented() -> None:
    assert "no docstring" in sentence(checks.check_documented, bad(__doc__=None))
    assert "assumptions is empty" in sentence(checks.check_documented, bad(assumptions=()))
    assert "no tuple of sentences" in sentence(checks.check_documented, bad(assumptions=["a"]))
    assert "size has no doc" in sentence(checks.check_documented, bad(size=known("1 GB", "B", doc="")))
    silent = quantity("B")(lambda self: self.size)
    assert "quantity capacity has no docstring" in sentence(checks.check_documented, bad(capacity=silent))
    assert "mode has no doc" in sentence(checks.check_documented, bad(mode=option("open")))


def test_sourced() -> None:
    assert "size has no source" in sentence(checks.check_sourced, bad(size=known("1 GB", "B", source=" ")))
    wrong = known("1 GB", "B", status="guessed")
    assert "status of size is 'guessed'" in sentence(checks.check_sourced, bad(size=wrong))
    wrong = known("1 GB", "B", status="measured")
    assert "said to be measured, but its source begins with 'assumed" in sentence(checks.check_sourced, bad(size=wrong))


def test_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no installed distribution has the entry point 'array'" in sentence(checks.check_entry_point, Array)
    assert "the entry point 'hbm' provides symarch_technologies.hbm." in sentence(
        checks.check_entry_point, bad(name="hbm")
    )
    cls = registry().technology("hbm")
    checks.check_entry_point(cls)
    monkeypatch.setattr(registry(), "origin", lambda name: registry().provider("hbf"))
    assert "provided by the entry point 'hbf'" in sentence(checks.check_entry_point, cls)


def test_dimensions() -> None:
    wrong = bad(read_latency=stated("s", lambda self: self.size))
    assert "declared in s [s], but its expression size has [B]" in sentence(
        checks.check_dimensions_of_expressions, wrong
    )
    wrong = bad(capacity=stated("B", lambda self: self.size + 4096))
    assert "joins size [B] and 4096 [1]" in sentence(checks.check_dimensions_of_expressions, wrong)


def test_symbols_declared() -> None:
    stray = sympy.Symbol("stray")
    wrong = bad(capacity=stated("B", lambda self: self.size * stray))
    assert "capacity contains the symbol stray, which is no parameter" in sentence(checks.check_symbols_declared, wrong)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": known("1 GB", "B", low="2 GB", high="4 GB")}, "the default of size, 1e+09, is outside its range"),
        ({"size": known("1 GB", "B", low="4 GB", high="2 GB")}, "low of size is above its high"),
        ({"size": known("1 GB", "B", low=0, high="2 GB")}, "low: size is 0 B; it must be greater than 0"),
        ({"size": known("1 GB", "B", ideal=-1)}, "ideal: size is -1 B"),
        ({"banks": known(8, "1", high=8.5, integer=True)}, "high: banks is 8.5; it must be a whole number"),
        ({"size": known(-1, "B")}, "default: size is -1 B"),
        ({"mode": option("half", choices=("open", "closed"), doc="d")}, "the default of mode is 'half'"),
    ],
)
def test_defaults(changes: dict[str, Any], words: str) -> None:
    assert words in sentence(checks.check_defaults, bad(**changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"capacity": stated("B", lambda s: s.size - s.size)},
            "capacity is 0 at the defaults; it must be greater than",
        ),
        ({"read_bandwidth": stated("B/s", lambda s: s.pin_rate - 2 * s.row / s.cycle)}, "read_bandwidth is -"),
        ({"read_latency": stated("s", lambda s: s.cycle - s.row / s.pin_rate)}, "it must be 0 or more"),
        ({"helper": stated("1", lambda s: 1 / (s.banks - 1))}, "helper is inf at"),
        ({"efficiency": stated("1", lambda s: 2 - s.cycle / s.cycle * 0.5)}, "efficiency is 1.5 at the defaults"),
        ({"efficiency": stated("1", lambda s: s.banks - s.banks)}, "efficiency is 0 at the defaults"),
    ],
)
def test_positive_and_finite(changes: dict[str, Any], words: str) -> None:
    found = sentence(checks.check_positive_and_finite, bad(**changes))
    assert words in found
    if "helper" in changes:
        assert "banks = 1" in found  # at one end of its range only


def test_positive_and_finite_at_presets(monkeypatch: pytest.MonkeyPatch) -> None:
    preset(monkeypatch, {"cycle": Setting(80e-9)})
    wrong = bad(read_latency=stated("s", lambda s: 60e-9 * (s.cycle / s.cycle) - s.cycle), cycle=known("40 ns", "s"))
    assert "read_latency is -2e-08 at preset old; it must be 0 or more" in sentence(
        checks.check_positive_and_finite, wrong
    )


@pytest.mark.parametrize(
    ("base", "changes", "words"),
    [
        (Array, {"cycle": known("40 ns", "s", low="20 ns", high="80 ns", better="more")}, "more of cycle is declared"),
        (Array, {"size": known("1 GB", "B", better="less")}, "less of size is declared better, but from 2e+09 to 1.58"),
        (Array, {"idle": known("1 W", "W", better="more")}, "static_power goes from"),
        (
            Array,
            {"efficiency": stated("1", lambda s: 1 / (1 + s.banks * 0.2))},
            "more of banks is declared better, but from",
        ),
        (Array, {"row": known("1 KiB", "B", better="more"), "read_latency": stated("s", lambda s: s.row / s.pin_rate)},
         "read_latency goes from"),
        (Wire, {"rate": known("8 GB/s", "B/s", better="less")}, "less of rate is declared better"),
        (Chip, {"launch": known("1 us", "s", better="more")}, "effort(matmul, bf16) goes from"),
        (Chip, {"peak_bf16": known("1 TFLOP/s", "FLOP/s", better="less")}, "less of peak_bf16 is declared better"),
        (Near, {"gain": known(4, "1", better="less")}, "memory_bandwidth goes from"),
    ],
    ids=range(9),
)  # fmt: skip
def test_directions(base: type[Technology], changes: dict[str, Any], words: str) -> None:
    assert words in sentence(checks.check_directions, bad(base, **changes))


def test_directions_of_limits() -> None:
    def limits(self: Any) -> Mapping[str, Limit]:
        return {"heat": Limit(budget=self.rise, processor=self.resistance, stacked=0, others=0, unit="K")}

    facts = {"rise": known("50 K", "K", better="more"), "limits": limits}
    checks.check_directions(bad(Chip, resistance=known("0.1 K/W", "K*s/J", better="less"), **facts))
    wrong = bad(Chip, resistance=known("0.1 K/W", "K*s/J", better="more"), **facts)
    assert "limit(heat, processor) goes from" in sentence(checks.check_directions, wrong)


def test_a_price_may_rise_with_the_service_and_only_then() -> None:
    checks.check_directions(Array)  # more banks draw more power
    wrong = bad(capacity=stated("B", lambda s: s.size), read_bandwidth=stated("B/s", lambda s: s.pin_rate))
    assert "static_power goes from" in sentence(checks.check_directions, wrong)
    assert "and nothing gets better" in sentence(checks.check_directions, wrong)


def test_a_bandwidth_counts_with_its_efficiency() -> None:
    def efficiency(self: Any) -> Any:
        return 1 / (1 + self.banks)

    checks.check_directions(bad(efficiency=stated("1", efficiency), read_bandwidth=stated("B/s", rising)))


def rising(self: Any) -> Any:
    return self.banks * self.row / self.cycle


class Flaky:
    """What differs between kinds of scalars: a plain float meets 1 + 1e-9 where symbols meet 1."""

    @staticmethod
    def of(value: Any) -> Any:
        return value * (1 + 1e-9) if isinstance(value, float) else value


def test_scalars_agree() -> None:
    wrong = bad(capacity=stated("B", lambda s: s.banks * Flaky.of(s.size)))
    found = sentence(checks.check_scalars_agree, wrong)
    assert "capacity is 8000000008.000001 on plain numbers and 8000000000.0 recorded at the defaults" in found
    assert "on arrays" in found
    assert "on sympy" in found


def test_scalars_agree_on_sympy_alone() -> None:
    wrong = bad(capacity=stated("B", lambda s: s.size * (2 if hasattr(s.size, "free_symbols") else 1)))
    found = sentence(checks.check_scalars_agree, wrong)
    assert "on sympy" in found
    assert "on arrays" not in found


def test_a_branch_on_a_quantity_fails_and_is_said() -> None:
    wrong = bad(read_latency=stated("s", lambda s: s.cycle if s.banks > 4 else 2 * s.cycle))
    failed = {o.check: o.why for o in run_checks(wrong).failed}
    assert "use Min and Max instead of if" in failed["check_dimensions_of_expressions"]
    assert "check_scalars_agree" in failed


def test_toml_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    checks.check_toml_round_trip(Array)
    preset(monkeypatch, {"mode": Setting("a\x00b"), "size": Setting(2e9)})
    wrong = bad(mode=option("open", doc="d"))
    assert "old: this data cannot be written as TOML" in sentence(checks.check_toml_round_trip, wrong)
    preset(monkeypatch, {"size": Setting(np.nextafter(1e9, 2e9).item())})
    checks.check_toml_round_trip(Array)
    monkeypatch.setattr(checks, "read_setting", lambda declared, value: Setting(1.0))
    assert "default: value of banks is 8 and reads back as 1.0" in sentence(checks.check_toml_round_trip, Array)


def preset(monkeypatch: pytest.MonkeyPatch, settings: Mapping[str, Setting], **facts: Any) -> None:
    """Give the classes of this file a preset, as if they were installed."""
    given = {"title": "Old", "source": "a data sheet", "date": "2026-01", "status": "standard", **facts}
    empty: dict[str, Any] = {f.name: "" for f in attrs.fields(Preset)}
    made = Preset(**empty | {"name": "old", "unknown": (), "settings": settings, **given})
    for module in ("symarch.testing.samples", "symarch.testing.checks"):
        monkeypatch.setattr(f"{module}.is_installed", lambda cls: True)
        monkeypatch.setattr(f"{module}.presets_of", lambda name: {"old": made})
    _variants.cache_clear()


@pytest.mark.parametrize(
    ("settings", "facts", "words"),
    [
        ({}, {"title": " "}, "old has no title"),
        ({}, {"source": ""}, "old has no source"),
        ({}, {"date": ""}, "old has no date"),
        ({}, {"date": "last year"}, "the date of old is 'last year'"),
        ({}, {"status": "guessed"}, "the status of old is 'guessed'"),
        ({}, {"unknown": ("sice",)}, "old calls sice unknown, which is no parameter"),
        (
            {"size": Setting(1.0, source="a data sheet")},
            {"unknown": ("size",)},
            "old calls size unknown to its source and states it from that source",
        ),
        ({"cycle": Setting(1e-9, 2e-8, 8e-8)}, {}, "old: cycle is 1e-09, outside 2e-08 to 8e-08"),
    ],
)
def test_presets(monkeypatch: pytest.MonkeyPatch, settings: Any, facts: Any, words: str) -> None:
    preset(monkeypatch, {"banks": Setting(4, 1, 64, source="assumed")}, unknown=("banks", "mode"))
    checks.check_presets(Array)
    preset(monkeypatch, settings, **facts)
    assert words in sentence(checks.check_presets, Array)


def test_presets_that_cannot_be_read_are_said() -> None:
    assert "this is no TOML" in broken_presets()


def broken_presets() -> str:
    with pytest.MonkeyPatch.context() as patch:
        preset(patch, {})

        def fail(name: str) -> Any:
            raise SymarchError("this is no TOML")

        patch.setattr("symarch.testing.checks.presets_of", fail)
        return sentence(checks.check_presets, Array)


def test_copies() -> None:
    def inner() -> type[Technology]:
        @technology
        class Local(Array):
            """Pickle cannot find it."""

            name: ClassVar[str] = "local"

        return Local

    assert "cannot be copied or pickled" in sentence(checks.check_copies, inner())

    class Same(bad()):  # type: ignore[misc]
        """Not made by attrs: equal to all."""

        name = "same"

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return id(self)

    globals()["Same"] = Same
    Same.__qualname__ = "Same"
    found = sentence(checks.check_copies, Same)
    assert "a copy is not equal to its original" in found
    assert "instances of different components are equal" in found


def effort_of(function: Callable[[Any, OperatorLike], Any]) -> Any:
    return lambda self, operator: Effort({"arithmetic": function(self, operator)}, {})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"effort": effort_of(lambda s, o: 0)}, "effort(matmul, bf16) takes 0 s; arithmetic takes time"),
        (
            {"effort": effort_of(lambda s, o: o.flops / (s.peak_bf16 * Max(*o.dims.values(), 1) ** 2))},
            "falls from",
        ),
        ({"peak_bf16": known(None, "FLOP/s")}, "states no peak"),
    ],
    ids=["free", "shrinking", "without-peak"],
)
def test_effort(changes: dict[str, Any], words: str) -> None:
    checks.check_effort(Chip)
    checks.check_effort(Near)
    assert words in sentence(checks.check_effort, bad(Chip, **changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"diameter": lambda s, n: 1}, "with 4 nodes diameter is less than average_hops"),
        ({"average_hops": lambda s, n: 0.5}, "average_hops is less than 1"),
        ({"links": lambda s, n: 1}, "links is less than half the nodes"),
        ({"bisection": lambda s, n: 0}, "bisection is not positive"),
        ({"radix": lambda s, n: 0}, "radix is less than 1"),
        ({"switches": lambda s, n: 1}, "ports without switches, or switches without ports"),
        ({"links": lambda s, n: float("inf")}, "links is inf"),
        ({"traffic": lambda s, p, n: Traffic(1, 0)}, "traffic(neighbour) has load 0"),
        ({"traffic": lambda s, p, n: Traffic(1, 1, 2)}, "cross more links than its longest message"),
        ({"reduction": lambda s, n: Traffic(0, 1)}, "reduction has hops 0"),
    ],
    ids=range(10),
)
def test_figures(changes: dict[str, Any], words: str) -> None:
    assert words in sentence(checks.check_figures, bad(Line, **changes))


def test_algorithms() -> None:
    assert "unknown collective algorithm 'rign'" in sentence(checks.check_algorithms, bad(Line, algorithms=("rign",)))


def test_each_check_is_shown_to_fail() -> None:
    """The tests above are named after the checks."""
    all_checks = {*COMMON, *(c for each in BY_KIND.values() for c in each)}
    mine = set(globals())
    for check in all_checks:
        name = check.__name__.removeprefix("check_").removesuffix("_of_expressions")
        assert f"test_{name}" in mine, name
        assert summary(check).endswith("."), name


# --- what is reported


def test_all_failures_are_told_in_one_error() -> None:
    wrong = bad(size=known("1 GB", "B", source="", doc="", low="2 GB", high="4 GB"))
    with pytest.raises(ConformanceError) as caught:
        check_technology(wrong)
    failed = {o.check for o in caught.value.report.failed}
    assert failed == {"check_documented", "check_sourced", "check_entry_point", "check_defaults", "check_copies"}
    text = str(caught.value)
    assert text.startswith("technology 'wrong' fails 5 of 13 checks\n")
    assert all(name in text for name in failed)


def test_an_expected_failure_that_passes_is_a_failure() -> None:
    with pytest.raises(ConformanceError, match=r"check_presets passed unexpectedly.*because it has none"):
        check_technology(Array, {**NOT_INSTALLED, "check_presets": "because it has none"})


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (
            {"check_preset": "because"},
            "unknown check 'check_preset' among the expected failures; did you mean 'check_pre",
        ),
        ({"check_figures": "because"}, "unknown check 'check_figures'"),
        ({"check_presets": " "}, "the expected failure of check_presets has no reason"),
        ({"check_presets": None}, "the expected failure of check_presets has no reason"),
    ],
)
def test_expected_failures_need_a_name_and_a_reason(expected: Any, words: str) -> None:
    with pytest.raises(SymarchError) as caught:
        check_technology(Array, expected)
    assert words in str(caught.value)
    with pytest.raises(SymarchError) as caught:
        parametrize_with_checks([Array], {"array": expected})
    assert words in str(caught.value)


def test_what_is_no_technology_is_not_run_further() -> None:
    report = run_checks(cast(Any, int))
    assert [o.status for o in report.outcomes] == ["failed", *["not run"] * (len(COMMON) - 1)]
    assert "13 checks, 1 failed" in str(report)


def test_foreign_failures_are_failures_of_the_check() -> None:
    wrong = bad(helper=stated("1", lambda s: dict[str, Any]()["key"]))
    failed = {o.check: o.why for o in run_checks(wrong).failed}
    assert "KeyError" in failed["check_dimensions_of_expressions"]
    assert failed["check_positive_and_finite"] == "KeyError: 'key'"


def test_unknown_names_are_said() -> None:
    with pytest.raises(SymarchError, match="unknown technology 'hbmm'; did you mean 'hbm'"):
        check_technology("hbmm")
    with pytest.raises(SymarchError, match="failures are expected of 'wire', which is not among"):
        parametrize_with_checks([Array], {"wire": NOT_INSTALLED})


def test_with_pytest_each_check_is_a_case() -> None:
    mark = parametrize_with_checks([Array, "hbm"], {"array": NOT_INSTALLED}).mark
    names, cases = mark.args
    assert names == ("technology", "check")
    assert len(cases) == 2 * len(COMMON)
    marked = [c for c in cases if c.marks]
    assert [c.id for c in marked] == ["array-check_entry_point"]
    assert marked[0].marks[0].kwargs == {"reason": NOT_INSTALLED["check_entry_point"], "strict": True}
    assert {c.values[0].name for c in cases} == {"array", "hbm"}


@parametrize_with_checks([Array, Chip], {"array": NOT_INSTALLED, "chip": NOT_INSTALLED})
def test_conformance(technology: type[Technology], check: Callable[[type[Technology]], None]) -> None:
    check(technology)


def test_a_technology_of_a_spec_is_checked_too(tmp_path: Path) -> None:
    text = """
format = 1
[technology.m]
kind = "memory"
doc = "Banks of rows."
source = "assumed"
assumptions = ["All banks work at once."]
[technology.m.parameters]
banks = { value = 8, low = 1, high = 64, integer = true, better = "more", doc = "banks" }
row = { value = "1 KiB", doc = "bytes of a row" }
cycle = { value = "40 ns", low = "20 ns", high = "80 ns", better = "less", doc = "time of a row" }
[technology.m.expressions]
capacity = "banks * row * 2 ** 20"
read_bandwidth = "banks * row / cycle"
[processor.gpu]
technology = "gpu"
preset = "h100-sxm"
[memory.m]
technology = "m"
"""
    path = tmp_path / "s.toml"
    path.write_text(text, encoding="utf-8")
    cls = load_system(str(path)).technologies["m"]
    assert {o.status for o in check_technology(cls).outcomes} == {"ok"}
    assert checks.check_entry_point not in checks_for(cls)
    path.write_text(text.replace('better = "less"', 'better = "more"'), encoding="utf-8")
    with pytest.raises(ConformanceError, match="more of cycle is declared better"):
        check_technology(load_system(str(path)).technologies["m"])


def test_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as stopped:
            main(["plugins", "check", *arguments])
        shown = capsys.readouterr()
        return cast(int, stopped.value.code), shown.out + shown.err

    code, text = run("hbm")
    assert code == 0
    assert "check_directions                 ok" in text
    assert text.endswith("13 checks, 0 failed\n")
    code, text = run("hbm", "--json")
    data = json.loads(text)
    assert (code, data["technology"], data["ok"], data["distribution"]) == (0, "hbm", True, "symarch")
    assert data["checks"][0] == {"name": "check_contract", "status": "ok", "why": ""}
    monkeypatch.setattr(registry(), "technology", lambda name: bad(name="hbm", assumptions=()))
    code, text = run("hbm")
    assert code == 1
    assert "check_documented                 failed  assumptions is empty" in text
    assert json.loads(run("hbm", "--json")[1])["ok"] is False
    monkeypatch.undo()
    code, text = run("nothing")
    assert code == 2
    assert "unknown technology 'nothing'" in text


# --- what the checks run on


def test_points_cover_the_ranges() -> None:
    [variant] = chosen_variants(Array)
    points = variant.spread
    assert {p["banks"] for p in points} >= {1.0, 64.0}
    assert all(1 <= p["banks"] <= 64 and p["banks"] % 1 == 0 for p in points)
    assert any(p["cycle"] == 20e-9 and p["pin_rate"] == 400e9 and p["banks"] == 64 for p in points)
    assert len({p["cycle"] for p in points}) > 40
    assert all(p["bank_power"] == 0.01 for p in points)  # it has no range
    assert points == chosen_variants(Array)[0].spread


def test_a_path_goes_the_way_that_is_declared() -> None:
    [variant] = chosen_variants(Array)
    base = variant.bases["default"]
    by_name = {p.name: p for p in variant.varied}
    banks = [p["banks"] for p in variant.path(by_name["banks"], base)]
    assert (banks[0], banks[-1]) == (1, 64)
    assert banks == sorted(banks)
    cycle = [p["cycle"] for p in variant.path(by_name["cycle"], base)]
    assert (cycle[0], cycle[-1]) == (80e-9, 20e-9)
    power = [p["bank_power"] for p in variant.path(by_name["bank_power"], base)]
    assert (power[0], power[-1]) == (0.02, 0.005)  # without a range from twice to half


def test_absent_parameters_and_options_make_variants(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = ["making_carbon", "outstanding", "overlap", "peak_fp8", "price", "streaming_efficiency"]
    assert [sorted(v.fixed) for v in variants(Chip)] == [absent]
    preset(monkeypatch, {"peak_fp8": Setting(2e14), "prefetch": Setting("step")})
    found = variants(Chip)
    assert [sorted(v.bases) for v in found] == [["default"], ["old"]]
    assert "effort(matmul, fp8)" not in found[0].recorded[1]
    assert "effort(matmul, fp8)" in found[1].recorded[1]
    assert len(chosen_variants(Chip)) == 2  # another word for prefetch
    _variants.cache_clear()


# --- the page about it

DOCS = Path(__file__).parents[2] / "docs" / "reference"


def test_the_page_lists_every_check() -> None:
    text = (DOCS / "testing.md").read_text(encoding="utf-8")
    rows = [f"| `{c.__name__}` | {summary(c)} |" for c in COMMON]
    rows += [f"| `{c.__name__}` | {kind} | {summary(c)} |" for kind, each in BY_KIND.items() for c in each]
    assert [row for row in text.splitlines() if row.startswith("| `check_")] == rows
    for kind in ("memory", "interconnect"):
        [row] = [line for line in text.splitlines() if line.startswith(f"| {kind} |")]
        sides = row.split("|")[2:4]
        own = [k for k in checks.MORE[kind] if k in contracts_of(checks.ALL_KINDS[kind])]
        assert [re.findall(r"`(\w+)`", side) for side in sides] == [own, list(checks.LESS[kind])]


def test_the_page_lists_the_keys_of_its_json() -> None:
    text = (DOCS / "json.md").read_text(encoding="utf-8")
    _, _, part = text.partition("## `plugins check --json`")
    documented = set(re.findall(r"^\| `([^`]+)` \|", part.partition("\n## ")[0], re.MULTILINE))
    data = run_checks(registry().technology("hbm")).data()
    found = {k for k in data if k != "checks"} | {f"checks[].{k}" for k in data["checks"][0]}
    assert documented == found | {"distribution", "version"}
