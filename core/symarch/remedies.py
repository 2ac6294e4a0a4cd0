"""What would make an infeasible system feasible: each change computed and tried, the cheapest kind first."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import attrs

from symarch.analysis import Symbol
from symarch.api import Analysis, Result
from symarch.errors import SymarchError
from symarch.quantities import format_setting, parse_quantity
from symarch.results import shown
from symarch.sensitivity.point import on_numbers
from symarch.technologies import data_type
from symarch.trace.recorded import RecordedTrace

LARGEST_GROWTH = 64
"""Times as many devices, sequences, or as much of a parameter without a range, as there is that is tried."""

MOST_PARAMETERS = 3
"""Changes of a parameter that are named."""

HALVINGS = 24
"""Times the span between a value that fails and one that works is halved."""

SEEN = 0.005
"""Relative change of a time from which it is told."""

SAME = 1e-12
"""Relative excess of a limit that is rounding, as in the verdict on a constraint."""


@attrs.frozen
class Remedy:
    """A change after which every constraint holds.

    Attributes:
        change: the options that make it, as typed.
        words: what it means.
    """

    change: str
    words: str


def remedies(analysis: Analysis, result: Result, given: Mapping[str, Any]) -> list[Remedy]:
    """Return, for a result of which a constraint fails, single changes after which all hold, the cheapest kind first.

    Tried in turn: narrower data types, another batch, more devices, and parameters of what fails, within their
    ranges, the smallest relative change first. Nothing is returned for a feasible result.
    """
    if result.feasible:
        return []
    failing = {c.name for c in result.constraints if not c.ok}
    found = [
        _narrower(analysis, given, result),
        _smaller(analysis, given, failing, result),
        _fuller(analysis, given, failing, result),
        _larger(analysis, given, result),
    ]
    ways = [r for r in found if r is not None]
    ways += [_worded(analysis, [change], result) for change in _changes(analysis, given, failing, None)]
    return ways or _together(analysis, given, failing, result)


def _tried(analysis: Analysis, given: Mapping[str, Any]) -> Result | None:
    """Return the result of a change if every constraint then holds."""
    try:
        result = analysis.evaluate(**given)
    except SymarchError:
        return None
    return result if result.feasible else None


def _fits(analysis: Analysis, given: Mapping[str, Any]) -> bool:
    return _tried(analysis, given) is not None


def _effect(before: Result, after: Result) -> str:
    """Return in words what a change does to the time of a token, empty where it hardly does."""
    for metric in ("tpot", "ttft"):
        old, new = before.metrics.get(metric), after.metrics.get(metric)
        if old and new:
            return (
                "" if abs(new / old - 1) < SEEN else f"; {metric} {shown(metric, new)} instead of {shown(metric, old)}"
            )
    return ""


def _narrower(analysis: Analysis, given: Mapping[str, Any], now: Result) -> Remedy | None:
    if isinstance(analysis.model, RecordedTrace):  # whose types are those it was taken in
        return None
    stored = [t for t in analysis.dtypes if t != "activations"]
    weights = [t for t in stored if t != "kv_cache"]
    for tensors in (weights, stored):
        for name in ("fp8", "fp4"):
            width = data_type(name).bytes
            wide = {t for t in tensors if data_type(analysis.dtypes[t]).bytes > width}
            dtypes = {t: name if t in wide else d for t, d in analysis.dtypes.items()}
            after = _tried(analysis.in_types(dtypes), given) if wide else None
            if after is not None:
                text = ",".join(f"{t}={d}" for t, d in dtypes.items() if d != "bf16")
                words = " and ".join(sorted(wide)).replace("kv_cache", "KV cache")
                return Remedy(f"--dtype {text}", f"{words} in {name}{_effect(now, after)}")
    return None


def _batch_of(given: Mapping[str, Any]) -> int:
    return int(given.get("batch") or 1)


def _smaller(analysis: Analysis, given: Mapping[str, Any], failing: set[str], now: Result) -> Remedy | None:
    batch = _batch_of(given)
    if batch == 1 or not _fits(analysis, {**given, "batch": 1}):
        return None
    low, high = 1, batch  # low fits, high does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _fits(analysis, {**given, "batch": middle}) else (low, middle)
    # what a memory must hold grows with the batch; power, wear and traffic need not
    grows = all(name.endswith((".capacity", ".shard")) for name in failing)
    words = f"the largest batch that fits, of {batch}" if grows else f"a batch at which all holds, instead of {batch}"
    return Remedy(f"--batch {low}", words + _effect(now, analysis.evaluate(**{**given, "batch": low})))


def _fuller(analysis: Analysis, given: Mapping[str, Any], failing: set[str], now: Result) -> Remedy | None:
    """Return the smallest larger batch found: what wears by reading weights lasts longer where a step takes longer."""
    if any(name.endswith(".capacity") for name in failing):
        return None
    batch = high = _batch_of(given)
    while high < batch * LARGEST_GROWTH:
        high *= 2
        if _fits(analysis, {**given, "batch": high}):
            low = high // 2
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if _fits(analysis, {**given, "batch": middle}) else (middle, high)
            effect = _effect(now, analysis.evaluate(**{**given, "batch": high}))
            return Remedy(f"--batch {high}", f"a larger batch at which all holds, instead of {batch}{effect}")
    return None


def _larger(analysis: Analysis, given: Mapping[str, Any], now: Result) -> Remedy | None:
    networks = analysis.system.of("network")
    if len(networks) != 1:
        return None
    network, mapping = networks[0], analysis.recorded(given.get("context") is not None).mapping
    factor = 2
    while factor <= LARGEST_GROWTH:
        grown = attrs.evolve(network, size=network.size * factor)
        components = {**analysis.system.components, network.name: grown}
        for axis, degree in (("tensor", mapping.shard.tensor), ("data", mapping.data)):
            degrees: dict[str, Any] = {"tensor": mapping.shard.tensor, "data": mapping.data, axis: degree * factor}
            system = attrs.evolve(analysis.system, components=components, **degrees)
            after = _tried(analysis.on(system), given)
            if after is not None:
                change = f"--set {network.name}.size={grown.size} --set mapping.{axis}={degree * factor}"
                if axis == "tensor" and analysis.system.data is None and mapping.data > 1:
                    change += f" --set mapping.data={mapping.data}"
                if axis == "data" and analysis.system.tensor is None:
                    change += f" --set mapping.tensor={mapping.shard.tensor}"
                return Remedy(change, f"{grown.size} devices instead of {network.size}{_effect(now, after)}")
        factor *= 2
    return None


@attrs.frozen
class _Change:
    """A parameter at another value.

    Attributes:
        symbol: the parameter.
        text: the value as `--set` takes it.
        now: the present value [SI].
        result: at the other value.
    """

    symbol: Symbol
    text: str
    now: float
    result: Result

    @property
    def value(self) -> float:
        """The other value [SI]."""
        return parse_quantity(self.text, self.symbol.unit)


def _worded(analysis: Analysis, changes: Sequence[_Change], now: Result) -> Remedy:
    bits = analysis.system.in_bits
    options = " ".join(f"--set {c.symbol.name}={c.text.replace(' ', '')}" for c in changes)
    words = [f"{c.symbol.name} {c.text} instead of {format_setting(c.now, c.symbol.unit, c.symbol.name in bits)}"
             for c in changes]  # fmt: skip
    return Remedy(options, " and ".join(words) + _effect(now, changes[-1].result))


def _together(analysis: Analysis, given: Mapping[str, Any], failing: set[str], now: Result) -> list[Remedy]:
    """Return one change for each constraint that fails, made together, where no single one is enough."""
    made: dict[str, _Change] = {}
    for name in sorted(failing):
        for change in _changes(analysis, given, {name}, name)[:1]:
            made[change.symbol.name] = change
    after = _tried(analysis, {**given, **{n: c.value for n, c in made.items()}})
    if after is None:
        return []
    *first, last = made.values()
    return [_worded(analysis, [*first, attrs.evolve(last, result=after)], now)]


def _changes(analysis: Analysis, given: Mapping[str, Any], failing: set[str], only: str | None) -> list[_Change]:
    """Return changes of one parameter of a component that fails, after which all constraints (or `only` one) hold.

    Whole numbers come first, then the smallest relative change.
    """
    point = analysis.point(analysis.metrics(given.get("context") is not None)[0], **given)
    recorded = point.recorded.program.outputs
    outputs = {f"{part}.{c.name}": recorded[f"{part}.{c.name}"]
               for c in point.recorded.constraints for part in ("used", "limit")}  # fmt: skip
    program = point.recorded.program.select(outputs)
    names = [k.removeprefix("used.") for k in outputs if k.startswith("used.")]
    owners = {name.partition(".")[0] for name in failing}
    inputs = {program.operations[i][2] for i in program.live(program.outputs.values())
              if program.operations[i][0] == "input"}  # fmt: skip
    bits, found = analysis.system.in_bits, []
    for symbol in point.recorded.symbols.values():
        now = point.values[symbol.name]
        if symbol.name not in inputs or symbol.name.partition(".")[0] not in owners or not now:
            continue
        function = on_numbers(point.bound((symbol.name,), program), (symbol.name,))
        due = names if only is None else [only]
        value = _enough(symbol, now, _excess(function, names, due), _excess(function, names, failing))
        text = None if value is None else _written(symbol, value, now, symbol.name in bits)
        if text is None:
            continue
        number = parse_quantity(text, symbol.unit)
        try:
            after = analysis.evaluate(**{**given, symbol.name: number})
        except SymarchError:
            continue
        if all(c.ok for c in after.constraints if c.name in due):
            found.append((not symbol.integer, abs(math.log(number / now)), _Change(symbol, text, now, after)))
    return [change for _, _, change in sorted(found, key=lambda f: f[:2])[:MOST_PARAMETERS]]


def _excess(
    function: Callable[..., tuple[float, ...]], names: Sequence[str], among: Collection[str]
) -> Callable[[float], float]:
    """Return the largest used / limit of some constraints as a function; `function` gives used and limit by turns."""

    def excess(value: float) -> float:
        found = function(value)
        pairs = zip(names, found[0::2], found[1::2], strict=True)
        return max(used / limit if limit and used == used else math.inf for name, used, limit in pairs if name in among)

    return excess


def _enough(
    symbol: Symbol, now: float, excess: Callable[[float], float], failing: Callable[[float], float]
) -> float | None:
    """Return the value nearest to the present one, within its range, at which every constraint holds; None if none."""
    nudge = 1 / now if symbol.integer else 0.01
    here = failing(now)
    up = failing(now * (1 + nudge)) < here * (1 - SAME)
    down = now * (1 - nudge) > 0 and failing(now * (1 - nudge)) < here * (1 - SAME)
    if up == down or symbol.better == ("less" if up else "more"):  # a worse technology is no way out
        return None
    end = symbol.high if up else symbol.low
    if end is None:
        end = now * LARGEST_GROWTH if up else now / LARGEST_GROWTH
    if up and symbol.at_most is not None:
        end = min(end, symbol.at_most)
    if (end <= now if up else end >= now) or excess(end) > 1 + SAME:
        return None
    bad, good = now, end
    for _ in range(HALVINGS):
        middle = math.sqrt(bad * good)
        bad, good = (bad, middle) if excess(middle) <= 1 + SAME else (middle, good)
    return good


def _written(symbol: Symbol, value: float, now: float, bits: bool) -> str | None:
    """Return a value as `--set` takes it, rounded away from the present one to what is printed; None beyond its end."""
    up = value > now
    if symbol.integer:
        return str(math.ceil(value - 1e-6) if up else math.floor(value + 1e-6))
    for step in (0.0, 0.004, 0.008):
        text = format_setting(value * (1 + step if up else 1 - step), symbol.unit, bits)
        number = parse_quantity(text, symbol.unit)
        if number >= value if up else number <= value:
            end = symbol.high if up else symbol.low
            if end is None or (number <= end * (1 + SAME) if up else number >= end * (1 - SAME)):
                return text
    return None
