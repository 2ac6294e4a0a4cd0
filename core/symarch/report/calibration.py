"""The result of a calibration as text, and as a file of presets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table as Grid

from symarch.accuracy.calibrate import Calibration, Fitted
from symarch.quantities import format_quantity
from symarch.specs import Component, Setting, System, presets_of

WIDTH = 110
"""Characters that tables are given at least, so that no name is cut."""

DIGITS = 4
"""Significant digits of a fitted value in a preset."""


def print_calibration(result: Calibration) -> None:
    """Print parameters with intervals, errors before and after, and errors on rows left out."""
    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, WIDTH)
    grid = Grid("parameter", "value", "95 % interval", box=box.SIMPLE)
    for p in result.parameters:
        grid.add_row(p.name, _shown(p.value, p), f"{_shown(p.low, p)} to {_shown(p.high, p)}")
    console.print(grid)
    grid = Grid("family", "system", "median before", "after", "mean before", "after", "bias", box=box.SIMPLE)
    for key, (median, mean, bias) in result.after.items():
        was = result.before[key]
        grid.add_row(*key, *(f"{v:.1f} %" for v in (was[0], median, was[1], mean)), f"{bias:+.1f} %")
    console.print(grid)
    if result.crossed:
        grid = Grid("left out of the fit", "family", "system", "median", "mean", "bias", box=box.SIMPLE)
        for label, family, system, median, mean, bias in result.crossed:
            grid.add_row(label, family, system, f"{median:.1f} %", f"{mean:.1f} %", f"{bias:+.1f} %")
        console.print(grid)
    console.print(f"{result.rows} rows; the intervals take errors of rows as independent, which they are not")
    for reason, count in result.reasons.items():
        console.print(f"not among them, {'1 row' if count == 1 else f'{count} rows'}: {reason}", markup=False)
    if result.untouched:
        console.print(f"not fitted, no row depends on them: {', '.join(result.untouched)}", markup=False)


def _shown(value: float, fitted: Fitted) -> str:
    return f"{value:.3g}" if fitted.unit == "1" else format_quantity(value, fitted.unit)


def preset_text(result: Calibration, system: System, files: Sequence[Path]) -> str:
    """Return a file of presets: the preset fitted from, with the fitted values and where they come from."""
    names = {p.name.partition(".")[0] for p in result.parameters}
    parts = [_table(system.components[name], result, files) for name in sorted(names)]
    return "# Written by symarch calibrate.\n\n" + "\n".join(parts)


def _table(component: Component, result: Calibration, files: Sequence[Path]) -> str:
    errors = "; ".join(
        f"{family} on {name}: median error {median:.1f} %" for (family, name), (median, _, _) in result.after.items()
    )
    source = f"symarch calibrate on {', '.join(f.name for f in files)} ({result.rows} rows): {errors}"
    fitted = {p.name.partition(".")[2]: p for p in result.parameters if p.name.startswith(f"{component.name}.")}
    lines = [
        f"[{component.preset}-calibrated]",
        f"title = {json.dumps(f'{component.preset}, calibrated')}",
        f"source = {json.dumps(f'as preset {component.preset}; fitted values: {source}')}",
        f"date = {json.dumps(date.today().isoformat())}",
        'status = "measured"',
    ]
    assert component.technology is not None
    preset = presets_of(component.technology.name)[str(component.preset)]
    if preset.scale_up:
        lines.append(f"scale_up = {json.dumps(preset.scale_up)}")
    if preset.unknown:
        lines.append(f"unknown = {json.dumps([u for u in preset.unknown if u not in fitted])}")
    lines.append(f"[{component.preset}-calibrated.parameters]")
    for name, setting in component.settings.items():
        if name in fitted:
            p = fitted[name]
            lines.append(
                f"{name} = {{ value = {p.value:.{DIGITS}g}, low = {min(p.low, p.value):.{DIGITS}g}, "
                f'high = {max(p.high, p.value):.{DIGITS}g}, status = "measured", source = {json.dumps(source)} }}'
            )
        elif setting.origin.startswith("preset"):
            lines.append(_kept(name, setting))
    return "\n".join(lines) + "\n"


def _kept(name: str, setting: Setting) -> str:
    if isinstance(setting.value, str):
        return f"{name} = {json.dumps(setting.value)}"
    ends = "".join(f", {e} = {v!r}" for e, v in (("low", setting.low), ("high", setting.high)) if v is not None)
    return (
        f"{name} = {{ value = {setting.value!r}{ends}, status = {json.dumps(setting.status)}, "
        f"source = {json.dumps(setting.source)} }}"
    )
