from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest

import symarch
from symarch.analysis import Recorded, Symbol
from symarch.errors import SymarchError, UnknownNameError, WorkloadError
from symarch.mapping import Mapping
from symarch.program import Program, Tape
from symarch.sensitivity import Point, Sobol, Spread, indices_of, monte_carlo, tornado
from symarch.sensitivity.uncertainty import morris, sobol
from symarch.trace import Shard

MODEL = symarch.load_model("llama-3.1-8b")


def analysis(system: str = "h200-hbf-8", **options: Any) -> symarch.Analysis:
    return symarch.analyze(symarch.load_system(system), MODEL, **options)


def point_of(build: Any, *symbols: Symbol) -> Point:
    """Return a tpot that is a function of some symbols."""
    tape = Tape()
    program = Program.of(tape, {"metric.tpot": build(*(tape.input(s.name) for s in symbols))})
    recorded = Recorded(program, {s.name: s for s in symbols}, (), (), {}, (), {"": Mapping(Shard(), 1, {}, {}, "gpu")})
    return Point(recorded, "tpot", {s.name: s.value for s in symbols}, math.inf, {}, "made")


# --- how a parameter varies

RULES = [
    (Symbol("x", "1", 3.0, 2, 5, status="standard"), "triangular", 10 / 3),  # mean (low + peak + high) / 3
    (Symbol("x", "1", 3.0, 2, 5, status="assumed"), "uniform", 3.5),
    (Symbol("x", "1", 5.0, 2, 5, status="announced"), "triangular", 4.0),
    (Symbol("x", "1", 3, 2, 5, integer=True), "whole", 3.5),
    # mean of exp over a uniform logarithm: (high - low) / ln(high / low)
    (Symbol("x", "1", 3.0, 1, 100, status="assumed"), "log-uniform", 99 / math.log(100)),
    (Symbol("x", "1", 10.0, 1, 100, status="measured"), "log-triangular", None),
]


@pytest.mark.parametrize(("symbol", "kind", "mean"), RULES, ids=[r[1] + str(i) for i, r in enumerate(RULES)])
def test_the_rule_and_its_mean(symbol: Symbol, kind: str, mean: float | None) -> None:
    spread = Spread.of(symbol, symbol.value)
    assert spread is not None
    assert spread.kind == kind
    shares = (np.arange(200_000) + 0.5) / 200_000
    values = spread.at(shares)
    assert values.min() >= symbol.low
    assert values.max() <= symbol.high
    assert np.all(np.diff(values) >= 0), "an inverse distribution rises"
    if mean is None:
        # a symmetric triangle of logarithms between ln 1 and ln 100 peaks in its middle, 10
        assert np.median(values) == pytest.approx(10, rel=1e-4)
        mean = (2 / math.log(100)) ** 2 * (math.sqrt(100) - 1) ** 2
    assert values.mean() == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize(
    ("symbol", "value"),
    [(Symbol("x", "1", 3.0), 3.0), (Symbol("x", "1", 3.0, 2, 5), 7.0), (Symbol("x", "1", 3.0, 3, 3), 3.0)],
    ids=["without a range", "set by hand outside it", "a range of one value"],
)
def test_what_does_not_vary(symbol: Symbol, value: float) -> None:
    assert Spread.of(symbol, value) is None


# --- Monte Carlo


def test_mean_and_quantiles_of_a_closed_form() -> None:
    # z = x + y of two uniform numbers: mean 3.5 + 15, variance 9/12 + 100/12
    found = monte_carlo([point_of(lambda x, y: x + y, Symbol("x", "1", 3.0, 2, 5), Symbol("y", "1", 15.0, 10, 20))])
    (z,) = found.intervals
    assert z.value == 18
    error = 4 * math.sqrt(109 / 12 / 1e6)
    assert z.mean == pytest.approx(18.5, abs=error)
    assert z.deviation == pytest.approx(math.sqrt(109 / 12), rel=5e-3)
    # below 15 the sum of a side of 3 and one of 10 lies with probability (3 * 3 / 2 / 30) at 12 + 3
    assert np.interp(0.15, list(z.quantiles), list(z.quantiles.values())) > 0
    assert z.quantiles[0.05] == pytest.approx(12 + math.sqrt(2 * 30 * 0.05), abs=0.02)
    assert z.counts.sum() == pytest.approx(979_000, rel=1e-3)  # between the quantiles 0.001 and 0.98
    assert (found.samples, found.feasible, found.running) == (1_000_000, 1, 1)


def test_samples_are_those_of_numpy_on_the_metric() -> None:
    found = analysis()
    point = found.point("tpot", batch=8)
    drawn = found.uncertainty(["tpot"], samples=5000, seed=3, batch=8)
    random = np.random.default_rng(3)
    values = {s.parameter: s.at(random.random(5000)) for s in drawn.spreads}
    names = [n for n in values if n in point.program.inputs]
    array = found.compile("tpot", names, batch=8)(*(values[n] for n in names))
    assert drawn.intervals[0].mean == pytest.approx(array.mean(), rel=1e-12)
    assert drawn.intervals[0].quantiles[0.5] == pytest.approx(np.median(array), rel=1e-12)
    again = found.uncertainty(["tpot"], samples=5000, seed=3, batch=8)
    assert again.intervals[0].mean == drawn.intervals[0].mean
    assert "nine of ten" in drawn.intervals[0].words


def test_samples_that_do_not_fit_are_counted() -> None:
    found = analysis()
    drawn = found.uncertainty(["tpot"], samples=4000, batch=8)
    assert set(drawn.fits) == {c.name for c in found.evaluate(batch=8).constraints}
    assert drawn.feasible <= min(drawn.fits.values())
    held = found.uncertainty(["tpot"], samples=4000, held=["hbf.read_disturb"], batch=8)
    assert "hbf.read_disturb" in {s.parameter for s in drawn.spreads}
    assert "hbf.read_disturb" not in {s.parameter for s in held.spreads}
    with pytest.raises(UnknownNameError, match=r"did you mean 'hbf\.read_time'"):
        found.uncertainty(held=["hbf.read_tim"])


def test_nothing_that_varies_is_said() -> None:
    with pytest.raises(WorkloadError, match="no parameter of this system has a range"):
        monte_carlo([point_of(lambda x: x + 1, Symbol("x", "1", 3.0))])


# --- Sobol and Morris


def ishigami(shares: Any) -> Any:
    x, y, z = (math.pi * (2 * shares[:, k] - 1) for k in range(3))
    return np.sin(x) + 7 * np.sin(y) ** 2 + 0.1 * z**4 * np.sin(x)


def test_sobol_indices_of_the_ishigami_function() -> None:
    # Ishigami and Homma 1990, a = 7, b = 0.1: the variances have closed forms
    a, b = 7, 0.1
    v1, v2 = (1 + b * math.pi**4 / 5) ** 2 / 2, a**2 / 8
    v13 = b**2 * math.pi**8 * (1 / 18 - 1 / 50)
    whole = v1 + v2 + v13
    found = {e.parameter: e for e in sobol(ishigami, dict.fromkeys("xyz", "assumed"), samples=8192, seed=1)}
    first = {"x": v1 / whole, "y": v2 / whole, "z": 0}
    total = {"x": (v1 + v13) / whole, "y": v2 / whole, "z": v13 / whole}
    for name, e in found.items():
        assert e.first == pytest.approx(first[name], abs=0.01)
        assert e.total == pytest.approx(total[name], abs=0.01)
    assert sum(e.first for e in found.values()) == pytest.approx(1 - v13 / whole, abs=0.02)


@pytest.mark.parametrize("seed", [1, 7])
def test_sobol_indices_are_those_of_salib(seed: int) -> None:
    sampling, analysis_of = (pytest.importorskip(f"SALib.{part}.sobol") for part in ("sample", "analyze"))
    problem = {"num_vars": 3, "names": list("xyz"), "bounds": [[0, 1]] * 3}
    at = sampling.sample(problem, 512, calc_second_order=False, seed=seed)
    due = analysis_of.analyze(problem, ishigami(at), calc_second_order=False, seed=seed)
    points: list[Any] = []

    def function(u: Any) -> Any:
        points.append(u)
        return ishigami(u)

    found = sobol(function, dict.fromkeys("xyz", "assumed"), samples=512, seed=seed)
    np.testing.assert_array_equal(points[0], at)
    for key, name in (("S1", "first"), ("S1_conf", "first_error"), ("ST", "total"), ("ST_conf", "total_error")):
        np.testing.assert_allclose([getattr(e, name) for e in found], due[key], rtol=1e-10, atol=1e-12)


def test_morris_effects_of_a_plane_are_its_slopes() -> None:
    found = morris(lambda u: 3 * u[:, 0] - 2 * u[:, 1], dict.fromkeys("xyz", "assumed"), samples=20)
    assert [e.effect for e in found] == pytest.approx([3, 2, 0], abs=1e-12)
    assert [e.mean for e in found] == pytest.approx([3, -2, 0], abs=1e-12)
    assert [e.deviation for e in found] == pytest.approx([0, 0, 0], abs=1e-12)


def test_a_constant_has_no_indices() -> None:
    found = sobol(lambda u: np.full(len(u), 3.0), dict.fromkeys("xy", "assumed"), samples=64)
    assert [(e.first, e.total) for e in found] == [(0, 0), (0, 0)]


@pytest.mark.parametrize("method", ["sobol", "morris"])
def test_the_unknown_to_measure_first_is_no_measured_one(method: str) -> None:
    symbols = (
        Symbol("known", "1", 3.0, 1, 9, status="measured"),
        Symbol("small", "1", 3.0, 2.9, 3.1, status="assumed"),
        Symbol("large", "1", 3.0, 2, 5, status="announced"),
    )
    found = indices_of(point_of(lambda a, b, c: a + b + c, *symbols), method)
    assert found.entries[0].parameter == "known"
    assert found.measure_first == "large"
    assert found.evaluations > 0
    assert found.to_dict()["entries"][0]["parameter"] == "known"


def test_indices_of_a_system_add_up() -> None:
    found = analysis().indices("tpot", samples=256, batch=8)
    entries = [e for e in found.entries if isinstance(e, Sobol)]
    assert entries
    assert min(e.total for e in entries) >= -0.01
    assert math.fsum(e.first for e in entries) <= 1.15
    assert found.measure_first is not None


def test_without_salib_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.startswith("SALib")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "SALib", None)
    with pytest.raises(SymarchError, match=r"morris indices need SALib: pip install 'symarch\[study\]'"):
        analysis().indices("tpot", "morris")
    with pytest.raises(SymarchError, match=r"sobol indices need SALib: pip install 'symarch\[study\]'"):
        analysis().indices("tpot")
    with pytest.raises(WorkloadError, match="sobol and morris"):
        analysis().indices("tpot", "fast")


# --- tornado, presets


def test_a_tornado_is_the_ends_of_every_range() -> None:
    found = analysis()
    bars = tornado(found.recorded().symbols, found.sensitivity("tpot", batch=8))
    assert [b.swing for b in bars] == sorted((b.swing for b in bars), reverse=True)
    for bar in bars[:5]:
        symbol = found.recorded().symbols[bar.parameter]
        assert bar.low == pytest.approx(found.evaluate(batch=8, **{bar.parameter: symbol.low}).tpot, rel=1e-12)
        assert bar.high == pytest.approx(found.evaluate(batch=8, **{bar.parameter: symbol.high}).tpot, rel=1e-12)
        assert bar.status == symbol.status


def test_where_static_power_takes_all_there_is_nothing_runs_and_nothing_is_counted() -> None:
    # 4 W of the phone, of which the NPU takes 0.5 W and each package of memory 0.2 W: 18 of them leave nothing
    found = symarch.analyze(symarch.load_system("phone-ufs"), symarch.load_model("gemma-3n-e4b"), dtype="int4")
    at: dict[str, Any] = {"prompt": 512}
    packages = "lpddr.packages"
    point, spare = found.point("tpot", **at), found.recorded().spare
    assert list(spare) == ["spare.npu.power"]
    assert point.runs
    assert not found.point("tpot", **at, **{packages: 18}).runs
    entry = next(e for e in found.sensitivity("tpot", **at).elasticities if e.parameter == packages)
    assert entry.low is not None
    assert entry.high is None
    bar = tornado(found.recorded().symbols, found.sensitivity("tpot", **at))[0]
    assert (bar.parameter, bar.high, bar.swing) == (packages, None, math.inf)
    drawn = found.uncertainty(["tpot"], samples=4000, **at)
    assert 0.2 < drawn.running < 0.8
    assert drawn.intervals[0].quantiles[0.95] < 60
    indices = found.indices("tpot", samples=64, **at)
    assert all(e.total < 2 for e in indices.entries if isinstance(e, Sobol))


def test_sobol_indices_are_of_the_logarithm() -> None:
    # ln(x y) is a sum of two uniform numbers, of ranges 1 and 3 decades: shares of the variance 1/10 and 9/10
    symbols = (Symbol("x", "1", 3.0, 1, 10.000001), Symbol("y", "1", 3.0, 1, 1000))
    found = {e.parameter: e for e in indices_of(point_of(lambda x, y: x * y, *symbols), samples=4096).entries}
    for name, share in (("x", 0.1), ("y", 0.9)):
        one = found[name]
        assert isinstance(one, Sobol)
        assert (one.first, one.total) == pytest.approx((share, share), abs=0.03)


def test_published_sets_as_samples() -> None:
    found = analysis()
    samples = {s.preset: s for s in found.presets_as_samples("hbf", batch=8)}
    assert len(samples) >= 14
    own = found.system.components["hbf"].preset
    assert own is not None
    assert samples[own].metrics == pytest.approx(found.evaluate(batch=8).metrics, rel=1e-12)
    assert len({s.metrics["tpot"] for s in samples.values() if s.metrics}) > 5
    for s in samples.values():
        assert s.source
        assert s.feasible == (not s.fails and not s.reason)
    with pytest.raises(UnknownNameError, match="did you mean 'hbf'"):
        found.presets_as_samples("hbff")
