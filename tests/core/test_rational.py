from __future__ import annotations

import numpy as np
import pytest

import symarch
from symarch.program import Max, Program, Tape, ceil, name, overlap, sqrt
from symarch.sensitivity.changes import Winners, valid
from symarch.sensitivity.point import on_arrays
from symarch.sensitivity.rational import NoFraction, rational_in


def recorded(build: object, **values: float) -> tuple[Program, dict[str, float]]:
    tape = Tape()
    nodes = {n: tape.input(n) for n in values}
    return Program.of(tape, {"y": build(**nodes)}), values  # type: ignore[operator]


def test_a_line_is_a_line_with_named_coefficients() -> None:
    program, values = recorded(
        lambda x, b, w: name(w * 2, "m.work") / name(b / x, "m.rate") + Max(3 * b, x), x=2.0, b=5.0, w=7.0
    )
    found = rational_in(program, "y", "x", values)
    assert found.over == (0, 1)
    assert found.under == (0,)
    # 14 x / 5 + 15
    assert found.values == pytest.approx({"over0": 15, "over1": 2.8, "under0": 1}, rel=1e-15)
    text, numbers = found.written
    assert text == "a + b x"
    assert numbers == pytest.approx((15, 2.8), rel=1e-15)
    assert set(found.program.names) == {"m.work"}, "a definition that depends on x is taken apart, others keep names"


def test_fractions_of_equal_divisors_add_without_growing() -> None:
    program, values = recorded(lambda x, b: b / (b + x) + 3 / (b + x) + x / (b + x), x=2.0, b=5.0)
    found = rational_in(program, "y", "x", values)
    assert (found.over, found.under) == ((0, 1), (0, 1))
    assert found.at(2.0) == pytest.approx(10 / 7, rel=1e-15)


def test_one_over_a_line_is_written_so() -> None:
    program, values = recorded(lambda x, b: b / (b / x + 3), x=2.0, b=5.0)
    # 5 / (5 / x + 3) = 1 / (3/5 + 1 / x)
    text, numbers = rational_in(program, "y", "x", values).written
    assert text == "1 / (a + b / x)"
    assert numbers == pytest.approx((0.6, 1), rel=1e-15)


def test_rounding_holds_its_value_and_roots_have_no_fraction() -> None:
    program, values = recorded(lambda x: ceil(x / 3) * x, x=7.0)
    assert rational_in(program, "y", "x", values).written == ("a x", (3.0,))
    for build in (lambda x: sqrt(x), lambda x: overlap(2, x, 1), lambda x: 2**x, lambda x: x**4 * x + 1):
        with pytest.raises(NoFraction):
            rational_in(*recorded(build, x=7.0)[:1], "y", "x", {"x": 7.0})


@pytest.mark.parametrize("order", ["1", "inf"])
@pytest.mark.parametrize("metric", ["tpot", "throughput", "energy_per_token", "power"])
@pytest.mark.parametrize("parameter", ["hbf.read_time", "hbm.pin_rate", "batch", "gpu.power_limit", "hbf.planes"])
def test_the_fraction_is_the_metric_in_its_whole_regime(order: str, metric: str, parameter: str) -> None:
    system = symarch.load_system("h200-hbf-8", {"gpu.overlap": order, "gpu.outstanding": "17 MB"})
    # sizes at which no number of tiles is whole: there a regime would end at the point itself
    point = symarch.analyze(system, symarch.load_model("llama-3.1-8b")).point(metric, batch=23, prompt=2047)
    found = rational_in(point.program, metric, parameter, point.values)
    value = point.values[parameter]
    program = point.bound([parameter])
    low, high = valid(Winners(program, parameter), value, value / 1e3, value * 1e3)
    assert low < value < high
    at = np.linspace(low + 1e-9 * (value - low), high - 1e-9 * (high - value), 9)
    np.testing.assert_allclose(found.at(at), on_arrays(program, [parameter])(at)[0], rtol=1e-11)
