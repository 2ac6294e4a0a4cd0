"""Processing near memory: what arXiv 2601.05047 states of it, and how it follows its memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import symarch
from symarch.errors import MappingError, SpecError
from symarch.specs import presets_of
from symarch.system import SystemGraph
from symarch_technologies.hbm import HighBandwidthMemory
from symarch_technologies.pnm import ProcessingNearMemory


def preset(name: str, memory: Any, **values: Any) -> ProcessingNearMemory:
    given = {k: s.value for k, s in presets_of("pnm")[name].settings.items()}
    return ProcessingNearMemory(memory=memory, **{**given, **values})


def test_the_base_die_has_hbms_bandwidth_at_a_half_to_a_third_of_its_energy() -> None:
    hbm = HighBandwidthMemory(stacks=6, pins=1024, pin_rate=6.25e9 / 8)
    cores = preset("hbm-base-die", hbm)
    assert cores.memory_bandwidth == pytest.approx(hbm.read_bandwidth) == pytest.approx(4.8e12)
    assert 2 <= hbm.read_energy / cores.memory_energy <= 3
    settings = presets_of("pnm")["hbm-base-die"].settings["energy_gain"]
    assert (settings.low, settings.high) == (2, 3)


def test_narrow_cores_are_the_limit_of_a_fast_memory() -> None:
    hbm = HighBandwidthMemory(stacks=2)
    assert preset("hbm-base-die", hbm, word=32).memory_bandwidth == pytest.approx(2 * 16 * 32 * 1e9)


def test_structera_has_sixteen_cores_in_front_of_205_gb_s() -> None:
    """Marvell Structera A 2504: four channels of DDR5-6400, 4 x 51.2 GB/s."""

    class Channels:
        component = "ddr"
        devices = 1
        capacity = 512e9
        read_bandwidth = internal_bandwidth = 4 * 51.2e9
        read_energy = 230e-12

    cores = preset("structera-a", Channels())
    assert cores.units == 16
    assert cores.memory_bandwidth == pytest.approx(204.8e9)


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("pnm")) == {"hbm-base-die", "lpddr-cxl", "structera-a"}


BOTH = """
format = 1
[processor.gpu]
technology = "gpu"
preset = "h200-sxm"
[processor.cores]
technology = "pnm"
preset = "hbm-base-die"
{on}
[memory.hbm]
technology = "hbm"
preset = "hbm3e"
stacks = 6
pin_rate = "6.25 Gb/s"
{more}
"""


def load(tmp_path: Path, more: str = "", on: str = "", **settings: str) -> symarch.System:
    file = tmp_path / "both.toml"
    file.write_text(BOTH.format(more=more, on=on), encoding="utf-8")
    return symarch.load_system(str(file), settings)


def test_cores_reach_their_memory_from_inside_and_the_host_over_its_port(tmp_path: Path) -> None:
    graph = SystemGraph.build(load(tmp_path), lambda component, parameter, value: value)
    paths = {pair: [(s.resource, s.part) for s in path.segments] for pair, path in graph.paths.items()}
    assert paths["cores", "hbm"] == [("hbm", "inside")]
    assert paths["gpu", "hbm"] == [("hbm.port", "port"), ("hbm", "array")]
    inside, outside = graph.paths["cores", "hbm"], graph.paths["gpu", "hbm"]
    assert inside.latency is not None and outside.latency is not None and outside.read_energy is not None
    assert inside.latency == graph.processors["cores"].memory_latency < outside.latency
    assert inside.read_energy == pytest.approx(outside.read_energy / 2.5)


def test_at_the_speed_of_light_no_limit_on_power_acts(tmp_path: Path) -> None:
    where = '[mapping]\nprocessor = "cores"'
    analysis = symarch.analyze(load(tmp_path, where), symarch.load_model("llama-3.1-8b"), phase="decode", ideal=True)
    result = analysis.evaluate(batch=1, context=1024)
    assert not [c for c in result.constraints if c.name.endswith(".power")]
    # 32 layers, embedding apart: 7.50 G weights of 2 B and 1024 tokens of 131,072 B at 4.8 TB/s
    assert result.metrics["tpot"] == pytest.approx((7504924672 * 2 + 1024 * 131072) / 4.8e12, rel=5e-3)


def test_operators_run_where_the_mapping_says(tmp_path: Path) -> None:
    model = symarch.load_model("llama-3.1-8b")
    plain = symarch.analyze(load(tmp_path), model, phase="decode").evaluate(batch=8)
    there = symarch.analyze(load(tmp_path, "[mapping]\nrun = { attention = 'cores' }"), model, phase="decode")
    moved = there.evaluate(batch=8)
    before, after = ({o.name: o for o in r.operators} for r in (plain, moved))
    assert {n for n in before if before[n].time != after[n].time} == {"attention"}
    assert after["attention"].time < before["attention"].time  # no launch of 12 us
    assert any(a == "attention runs on cores" for a in moved.assumptions)
    assert any(a == "cores: it sits on hbm and reads it from inside" for a in moved.assumptions)
    floats = {c.name for c in moved.constraints}
    assert floats == {"hbm.capacity", "gpu.power", "cores.power", "cores.shard"}


def test_places_must_hold_what_their_cores_work_on(tmp_path: Path) -> None:
    """Attention needs the cache in the stacks, 131,072 B a token of Llama 3.1 8B; products need the weights, too."""
    model = symarch.load_model("llama-3.1-8b")
    needed = {}
    for run in ("{ attention = 'cores' }", "{ attention = 'cores', matmul = 'cores' }"):
        result = symarch.analyze(load(tmp_path, f"[mapping]\nrun = {run}"), model).evaluate(batch=8)
        rows = {c.name: c for c in result.constraints}
        needed[run] = rows["cores.shard"].used
        total = rows["hbm.capacity"].used
    assert list(needed.values()) == pytest.approx([8 * (2048 + 256) * 131_072 / 6, total / 6])


def test_all_operators_run_on_the_processor_the_mapping_names(tmp_path: Path) -> None:
    result = symarch.analyze(load(tmp_path, **{"mapping.processor": "cores"}), symarch.load_model("llama-3.1-8b"))
    assert not any(r.name.startswith("gpu") for r in result.evaluate().resources)


def test_the_resolved_spec_runs_the_same(tmp_path: Path) -> None:
    from symarch.specs import resolved

    system = load(tmp_path, "[mapping]\nprocessor = 'gpu'\nrun = { attention = 'cores' }")
    file = tmp_path / "resolved.toml"
    file.write_text(resolved(system), encoding="utf-8")
    model = symarch.load_model("llama-3.1-8b")
    values = [symarch.analyze(s, model).evaluate().metrics for s in (system, symarch.load_system(str(file)))]
    assert values[0] == values[1]


@pytest.mark.parametrize(
    ("more", "on", "words"),
    [
        ("", 'on = "hbf"', r"processor.cores.on: unknown memory 'hbf'; .*hbm"),
        ("", 'on = "gpu"', r"processor.cores.on: unknown memory 'gpu'"),
        (
            '[memory.hbf]\ntechnology = "hbf"',
            "",
            r"processor.cores: it sits on a memory: it needs on = NAME .hbm, hbf.",
        ),
        ("[mapping]\nrun = { attention = 'core' }", "", r"mapping.run.attention: unknown processor 'core'.*cores"),
        ("[mapping]\nprocessor = 'cpu'", "", r"mapping.processor: unknown processor 'cpu'"),
        ('[processor.more]\ntechnology = "gpu"\non = "hbm"', "", "processor.more.on: gpu does not sit on a memory"),
        ('[memory.b]\ntechnology = "hbm"\non = "cores"', 'on = "hbm"', "memory.b.on: unknown processor 'cores'.*gpu"),
    ],
)
def test_a_wrong_seat_or_mapping_is_one_clear_sentence(tmp_path: Path, more: str, on: str, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        load(tmp_path, more, on)


def test_an_operator_that_the_model_does_not_have_is_named(tmp_path: Path) -> None:
    system = load(tmp_path, "[mapping]\nrun = { atention = 'cores' }")
    with pytest.raises(
        MappingError, match=r"mapping.run.atention: the model has no such operator; did you mean 'attention'"
    ):
        symarch.analyze(system, symarch.load_model("llama-3.1-8b")).evaluate()


def test_which_of_two_hosts_runs_operators_must_be_said(tmp_path: Path) -> None:
    more = '[processor.other]\ntechnology = "gpu"\n[memory.b]\ntechnology = "hbm"\non = "other"\n'
    more += '[mapping]\nplace = { weights = "hbm", kv_cache = "hbm", activations = "hbm" }'
    text = BOTH.format(more=more, on='on = "hbm"').replace("[memory.hbm]", '[memory.hbm]\non = "gpu"')
    file = tmp_path / "two.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(MappingError, match=r"two has 2 processors that operators could run on \(gpu, other\)"):
        symarch.analyze(symarch.load_system(str(file)), symarch.load_model("llama-3.1-8b")).evaluate()
