"""Calibration: parameters are recovered, what the rows cannot tell apart is refused, presets can be read again."""

from __future__ import annotations

import tomllib
from pathlib import Path

import attrs
import numpy as np
import pytest

from symarch.accuracy import Table, predict, read_table
from symarch.accuracy.calibrate import calibrate, fittable
from symarch.accuracy.machines import machine
from symarch.errors import SymarchError
from symarch.report.calibration import preset_text
from symarch.specs.systems import override

DATA = Path(__file__).parent / "data"
TRUE = {"gpu.launch": 5e-6, "gpu.matrix_efficiency": 0.6, "gpu.streaming_efficiency": 0.7}


def products(noise: float = 0.0) -> Table:
    """Return the products of H100 at 16 bits, as a machine with other parameters would have run them."""
    table = read_table(DATA / "gemm.csv").of_systems(("h100_sxm",))
    table = table.only(table.words["dtype"] == "bf16")
    other = predict(table, change=lambda s: override(s, {k: str(v) for k, v in TRUE.items()})).predicted
    error = np.exp(noise * np.random.default_rng(1).standard_normal(other.size))
    return attrs.evolve(table, numbers={**table.numbers, "latency_us": other * error * 1e6})


def test_parameters_are_recovered_from_exact_rows() -> None:
    result = calibrate([products()], machine("h100-sxm"), list(TRUE), crossed=False)
    for found in result.parameters:
        assert found.value == pytest.approx(TRUE[found.name], rel=1e-4)
    assert result.after["gemm", "h100_sxm"][1] < 0.01 < result.before["gemm", "h100_sxm"][1]


def test_intervals_hold_the_truth_and_outliers_do_not_move_the_fit() -> None:
    table = products(noise=0.05)
    latency = table.numbers["latency_us"].copy()
    latency[::20] *= 10
    result = calibrate(
        [attrs.evolve(table, numbers={**table.numbers, "latency_us": latency})],
        machine("h100-sxm"),
        list(TRUE),
        crossed=False,
    )
    for found in result.parameters:
        assert found.low < found.value < found.high
        assert found.value == pytest.approx(TRUE[found.name], rel=0.03)


def test_errors_on_rows_left_out_are_reported_by_system_and_shape() -> None:
    table = read_table(DATA / "gemm.csv")
    table = table.only(table.words["dtype"] == "bf16")
    labels = {label for label, *_ in calibrate([table], machine("h100-sxm"), list(TRUE)).crossed}
    assert labels == {"a100_sxm", "h100_sxm", *(f"{c} {side} its median" for c in "mnk" for side in ("above", "up to"))}


def test_what_rows_cannot_tell_apart_is_refused() -> None:
    table = products()
    small = table.only(table.numbers["m"] * table.numbers["n"] * table.numbers["k"] < 3e6)
    with pytest.raises(SymarchError, match=r"cannot tell gpu\.\w+( and gpu\.\w+)? apart|do not determine"):
        calibrate([small], machine("h100-sxm"), list(TRUE), crossed=False)


def test_standards_and_what_rows_do_not_depend_on_are_not_fitted() -> None:
    names = fittable(machine("h100-sxm"))
    assert "gpu.launch" in names
    assert not {"gpu.peak_bf16", "gpu.multiprocessors", "gpu.power_limit", "gpu.overlap", "gpu.spill"} & set(names)
    result = calibrate([products()], machine("h100-sxm"), [*TRUE, "gpu.norm_streaming"], crossed=False)
    assert result.untouched == ("gpu.norm_streaming",)
    with pytest.raises(SymarchError, match=r"gpu\.peak_bf16 cannot be fitted"):
        calibrate([products()], machine("h100-sxm"), ["gpu.peak_bf16"])


def test_whole_models_are_nothing_to_fit() -> None:
    with pytest.raises(SymarchError, match="only tables of operators"):
        calibrate([read_table(DATA / "e2e_splitwise.csv")], machine("a100-sxm"))


def test_a_written_preset_says_where_it_comes_from_and_is_one() -> None:
    system = machine("h100-sxm")
    result = calibrate([products()], system, list(TRUE), crossed=False)
    tables = tomllib.loads(preset_text(result, system, [Path("gemm.csv")]))
    found = tables["h100-sxm-calibrated"]
    assert found["scale_up"] == "nvlink4"
    assert "symarch calibrate on gemm.csv" in found["source"]
    launch = found["parameters"]["launch"]
    assert launch["status"] == "measured"
    assert launch["low"] <= launch["value"] <= launch["high"]
    assert launch["value"] == pytest.approx(5e-6, rel=1e-3)
    settings = system.components["gpu"].settings
    assert found["parameters"]["peak_bf16"]["value"] == settings["peak_bf16"].value
    assert set(found["parameters"]) >= {k for k, s in settings.items() if s.origin.startswith("preset")}
