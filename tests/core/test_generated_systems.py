"""Properties of any system: memories on sites, in chains, behind links, switches and other dies, generated."""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import symarch
from symarch.results import Result
from symarch.specs import System

TECHNOLOGY = """format = 1
[technology.slab]
kind = "memory"
[technology.slab.parameters]
rate = "1 TB/s"
port = "1 TB/s"
delay = "1 us"
size = "1 TB"
idle = "1 W"
cost_of_bytes = "8 pJ/B"
page = "64 B"
[technology.slab.expressions]
capacity = "size"
read_bandwidth = "min(rate, port)"
write_bandwidth = "min(rate, port) / 2"
port_bandwidth = "port"
read_latency = "delay"
write_latency = "delay"
read_energy = "cost_of_bytes"
write_energy = "2 * cost_of_bytes"
static_power = "idle"
granularity = "page"
"""

CLASSES = ("weights", "kv_cache", "activations")


@attrs.frozen
class Part:
    """A component of a generated system: its table, and the numbers that stand in it."""

    table: str
    name: str
    numbers: dict[str, float]
    words: dict[str, str] = attrs.field(factory=dict)
    ends: tuple[str, str] | None = None

    def toml(self) -> str:
        lines = [f"[{self.table}.{self.name}]"]
        lines += [f'{key} = "{word}"' for key, word in self.words.items()]
        lines += [f"{key} = {number!r}" for key, number in self.numbers.items()]
        if self.ends:
            lines.append(f'between = ["{self.ends[0]}", "{self.ends[1]}"]')
        return "\n".join(lines) + "\n"


@attrs.frozen
class Made:
    """A generated system: parts, the placement, and the processor's own numbers."""

    parts: tuple[Part, ...]
    place: dict[str, str]
    order: float
    prefetch: str
    power: float

    def toml(self) -> str:
        text = TECHNOLOGY + (
            f'[processor.gpu]\ntechnology = "gpu"\npeak_bf16 = 1e14\noverlap = {self.order}\n'
            f'prefetch = "{self.prefetch}"\ncovered_latency = 0\nenergy_per_flop = 1e-12\nenergy_per_byte = 1e-12\n'
            f"static_power = 50\npower_limit = {self.power!r}\n"
        )
        places = ", ".join(f'{tensor} = "{memory}"' for tensor, memory in self.place.items())
        return text + "".join(p.toml() for p in self.parts) + f"[mapping]\nplace = {{ {places} }}\n"

    def replaced(self, name: str, *others: Part) -> Made:
        return attrs.evolve(self, parts=tuple(q for p in self.parts for q in (others if p.name == name else (p,))))

    def scaled(self, name: str, keys: tuple[str, ...], factor: float) -> Made:
        (part,) = [p for p in self.parts if p.name == name]
        numbers = {k: v * factor if k in keys else v for k, v in part.numbers.items()}
        return self.replaced(name, attrs.evolve(part, numbers=numbers))


RATES = st.floats(1e10, 1e13)
ORDERS = st.sampled_from([1, 2, math.inf])
ARBITRATION = st.sampled_from(["shared", "exclusive"])


UNLIMITED = st.just(1e6)


@st.composite
def systems(draw: st.DrawFn, power: st.SearchStrategy[float] = UNLIMITED, least: float = 1e13) -> Made:
    """A tree of one to four memories on a processor: on its site, behind another, behind links, a switch, a die."""
    parts: list[Part] = []
    memories: list[str] = []

    def link(name: str, a: str, b: str, share: int = 1) -> None:
        numbers = {"modules": 1, "lanes": 1, "lane_rate": draw(RATES), "efficiency": draw(st.floats(0.3, 1)),
                   "latency": draw(st.floats(1e-9, 1e-5)), "energy": draw(st.floats(1e-13, 1e-11)),
                   "shared_by": share}  # fmt: skip
        parts.append(Part("link", name, numbers, {"technology": "ucie", "arbitration": draw(ARBITRATION)}, (a, b)))

    for k in range(draw(st.integers(1, 4))):
        name, share = f"m{k}", draw(st.sampled_from([1, 1, 4]))
        rate = draw(RATES)
        numbers = {"rate": rate, "port": rate * draw(st.floats(1, 4)), "delay": draw(st.floats(1e-8, 1e-5)),
                   "size": draw(st.floats(least / 100, least)), "shared_by": share}  # fmt: skip
        how = draw(
            st.sampled_from(["site", "behind", "link", "series", "switch", "die"] if memories else ["site", "link"])
        )
        words = {"technology": "slab", "arbitration": draw(ARBITRATION)}
        words |= {"on": "gpu"} if how == "site" else {"on": f"d{k}"} if how == "die" else {}
        parts.append(Part("memory", name, numbers, words))
        if how == "behind":
            link(f"l{k}", name, draw(st.sampled_from(memories)), share)
        elif how == "link":
            link(f"l{k}", name, "gpu", share)
        elif how == "series":
            parts.append(Part("switch", f"s{k}", {}))
            link(f"l{k}", name, f"s{k}", share)
            link(f"n{k}", f"s{k}", "gpu")
        elif how == "switch":
            own = {"modules": 1, "lanes": 1, "lane_rate": draw(RATES), "latency": 1e-7, "shared_by": share}
            parts.append(Part("switch", f"s{k}", own, {"technology": "ucie", "arbitration": draw(ARBITRATION)}))
            link(f"l{k}", name, f"s{k}", share)
            link(f"n{k}", f"s{k}", "gpu")
        elif how == "die":
            parts.append(Part("switch", f"d{k}", {}))
            link(f"l{k}", "gpu", f"d{k}", share)
        memories.append(name)
    place = {tensor: draw(st.sampled_from(memories)) for tensor in CLASSES}
    prefetch = draw(st.sampled_from(["step", "operator"]))
    return Made(tuple(parts), place, draw(ORDERS), prefetch, draw(power))


Load = Callable[[Made], System]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    file = tmp_path_factory.mktemp("made") / "made.toml"

    def load(made: Made) -> System:
        file.write_text(made.toml(), encoding="utf-8")
        return symarch.load_system(str(file))

    return load


MODEL = symarch.load_model("qwen3-0.6b")


def result(system: System) -> Result:
    return symarch.analyze(system, MODEL).evaluate(batch=3, prompt=300, output=20)


def metrics(result: Result, *left_out: str) -> dict[str, float]:
    return {name: value for name, value in result.metrics.items() if value is not None and name not in left_out}


def bound_by_power(result: Result) -> bool:
    return any(r.name == "gpu.power" and r.share > 0 for r in result.resources)


@settings(max_examples=30)
@given(systems(st.one_of(st.just(1e6), st.floats(80, 400))), st.floats(1, 20), st.data())
def test_more_bandwidth_is_never_slower_unless_power_binds(
    load: Load, made: Made, factor: float, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from([p.name for p in made.parts if p.numbers]))
    before = result(load(made))
    after = result(load(made.scaled(name, ("rate", "port", "lane_rate"), factor)))
    assume(not bound_by_power(before) and not bound_by_power(after))
    for metric in ("ttft", "tpot", "request_time"):
        assert after.metrics[metric] <= before.metrics[metric] * (1 + 1e-9)  # type: ignore[operator]


@settings(max_examples=20)
@given(systems(), st.floats(0.05, 1), st.data())
def test_a_slower_shared_link_is_never_faster(load: Load, made: Made, factor: float, data: st.DataObject) -> None:
    shared = [p.name for p in made.parts if p.table in ("link", "switch") and p.numbers.get("shared_by", 1) > 1]
    assume(shared)
    before = result(load(made))
    after = result(load(made.scaled(data.draw(st.sampled_from(shared)), ("lane_rate",), factor)))
    for metric in ("ttft", "tpot", "request_time"):
        assert after.metrics[metric] >= before.metrics[metric] * (1 - 1e-9)  # type: ignore[operator]


@settings(max_examples=20)
@given(systems(least=2e10), st.floats(1, 100), st.data())
def test_more_capacity_is_never_infeasible_and_changes_no_time(
    load: Load, made: Made, factor: float, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from([p.name for p in made.parts if p.table == "memory"]))
    before, after = result(load(made)), result(load(made.scaled(name, ("size",), factor)))
    assert metrics(after) == metrics(before)
    for old, new in zip(before.constraints, after.constraints, strict=True):
        assert new.ok or not old.ok
        assert new.slack >= old.slack


@settings(max_examples=30)
@given(systems(), st.floats(0.01, 0.99), st.data())
def test_a_link_cut_in_two_changes_no_result(load: Load, made: Made, share: float, data: st.DataObject) -> None:
    links = [p for p in made.parts if p.table == "link"]
    assume(links)
    whole = data.draw(st.sampled_from(links))
    assert whole.ends
    halves = []
    for name, part, ends in (("cut_a", share, (whole.ends[0], "cut")), ("cut_b", 1 - share, ("cut", whole.ends[1]))):
        numbers = {k: v * part if k in ("latency", "energy") else v for k, v in whole.numbers.items()}
        halves.append(attrs.evolve(whole, name=name, numbers=numbers, ends=ends))
    # a chain says by the order of its ends which memory is behind: where both are memories, the front keeps its site
    front = [p for p in made.parts if p.name == whole.ends[1] and p.table == "memory" and "on" not in p.words]
    assume(not front or is_behind(made, whole.ends[1], whole.name))
    before = result(load(made))
    after = result(load(made.replaced(whole.name, Part("switch", "cut", {}), *halves)))
    assert metrics(after) == pytest.approx(metrics(before), rel=1e-9)
    for old, new in zip(before.constraints, after.constraints, strict=True):
        assert (new.name, new.limit) == (old.name, old.limit)
        assert new.used == pytest.approx(old.used, rel=1e-9)


def is_behind(made: Made, memory: str, but: str) -> bool:
    """Whether a memory is reached through another link already, so that a link to a junction takes no site from it."""
    tables = {p.name: p.table for p in made.parts} | {"gpu": "processor"}
    others = [p for p in made.parts if p.ends and memory in p.ends and p.name != but]
    return any(p.ends[0] == memory or tables[p.ends[0]] != "memory" for p in others if p.ends)


@settings(max_examples=20)
@given(systems(), st.data())
def test_an_unused_component_changes_nothing_but_its_static_power(load: Load, made: Made, data: st.DataObject) -> None:
    near = data.draw(st.sampled_from(["gpu", *(p.name for p in made.parts if p.table == "memory")]))
    idle = Part("memory", "unused", {"rate": 1e9, "port": 1e9, "idle": 7.0}, {"technology": "slab"})
    wire = Part("link", "dangling", {"modules": 1}, {"technology": "ucie"}, ("unused", near))
    # a new link to a memory without a site of its own would give it one: only hosts that have one are extended
    assume(near == "gpu" or any(p.name == near and "on" in p.words for p in made.parts))
    before, after = result(load(made)), result(load(attrs.evolve(made, parts=(*made.parts, idle, wire))))
    energy = ("energy_per_token", "power", "throughput_per_watt")
    assert metrics(after, *energy) == metrics(before, *energy)
    assert after.metrics["power"] == pytest.approx(before.metrics["power"] + 7, rel=1e-9)  # type: ignore[operator]
    gone, new = (set(a.assumptions) - set(b.assumptions) for a, b in ((before, after), (after, before)))
    assert all("unused" in s or "dangling" in s for s in new)
    # a sentence that the new components share with others names all of them
    assert {s.partition(": ")[2] for s in gone} <= {s.partition(": ")[2] for s in new}
    assert {c.name for c in after.constraints} - {c.name for c in before.constraints} == {"unused.capacity"}


@settings(max_examples=30)
@given(systems())
def test_one_device_of_everything_is_the_undivided_model(load: Load, made: Made) -> None:
    network = Part("network", "alone", {"size": 1}, {"technology": "nvlink", "topology": "switch"})
    system = load(attrs.evolve(made, parts=(*made.parts, network)))
    degrees = attrs.evolve(system, tensor=1, data=1)
    assert metrics(result(degrees)) == metrics(result(load(made)))


@settings(max_examples=20)
@given(systems(st.floats(60, 400)))
def test_shares_sum_to_one_and_every_constraint_has_its_slack(load: Load, made: Made) -> None:
    found = result(load(made))
    for phase in ("prefill", "decode"):
        assert math.fsum(r.share for r in found.resources if r.phase == phase) == pytest.approx(1, abs=1e-9)
    for constraint in found.constraints:
        assert constraint.slack == constraint.limit - constraint.used
        assert constraint.ok == (constraint.slack >= -1e-12 * constraint.limit)


@settings(max_examples=15)
@given(systems(st.floats(60, 400), least=2e10))
def test_constraints_in_symbols_are_those_in_numbers(load: Load, made: Made) -> None:
    import sympy

    analysis = symarch.analyze(load(made), MODEL)
    symbols = analysis.recorded().symbols
    found = analysis.evaluate(batch=3, prompt=300, output=20)
    values = {name: s.value for name, s in symbols.items()} | {"batch": 3, "prompt": 300, "output": 20}
    for constraint in found.constraints:
        if constraint.name.endswith(".capacity"):
            formula = analysis.constraint(constraint.name)
            names = sorted(formula.slack.free_symbols, key=str)
            slack = sympy.lambdify(names, formula.slack)(*(values[str(s)] for s in names))
            assert slack == pytest.approx(constraint.slack, rel=1e-12, abs=1e-12 * constraint.limit)
            assert formula.unit == "B"
