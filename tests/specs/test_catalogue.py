"""The shipped systems: the figures of products, that each runs two models, that each file says what it is and keeps."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

import attrs
import pytest

import symarch
from symarch.cli import main
from symarch.specs import System, list_specs, shipped
from symarch.specs.resolved import resolved
from symarch.system import SystemGraph

SYSTEMS = [s.name for s in list_specs() if s.kind == "system"]
FILES = sorted((shipped() / "systems").glob("*.toml"))


def graph(system: System) -> SystemGraph:
    return SystemGraph.build(system, lambda component, parameter, number: number)


# --- products


@attrs.frozen
class Product:
    """What a vendor states of one device.

    Attributes:
        flops: dense peak at 16 bits [TFLOP/s].
        capacity: of its first memory; vendors' GB of DRAM are binary [GiB].
        bandwidth: of its first memory [GB/s].
        source: of the above.
        network: per direction and device, behind line coding; None without a network [GB/s].
        digits: relative error that the vendor's rounding leaves.
    """

    flops: float
    capacity: float
    bandwidth: float
    source: str
    network: float | None = None
    digits: float = 1e-9


PRODUCTS = {
    "a100-sxm": Product(312, 80, 2039, "NVIDIA A100 80 GB data sheet"),
    "a100-sxm-8": Product(312, 80, 2039, "NVIDIA A100 data sheet: NVLink 600 GB/s over both directions", 300),
    "h100-sxm": Product(989, 80, 3350, "NVIDIA H100 data sheet, SXM, half of what it prints with sparsity"),
    "h100-sxm-8": Product(989, 80, 3350, "NVIDIA H100 data sheet: NVLink 900 GB/s over both directions", 450),
    "h100-sxm-8-nvls": Product(989, 80, 3350, "NVIDIA H100 data sheet: NVLink 900 GB/s over both directions", 450),
    "h100-sxm-32": Product(989, 80, 3350, "NVIDIA H100 data sheet; DGX H100: ConnectX-7 of 400 Gb/s", 450),
    "h200-sxm": Product(989, 141, 4800, "NVIDIA H200 data sheet, half of what it prints with sparsity"),
    "h200-sxm-8": Product(989, 141, 4800, "NVIDIA H200 data sheet: NVLink 900 GB/s over both directions", 450),
    "h20-sxm": Product(148, 96, 4000, "NVIDIA H20 as reported"),
    "h20-sxm-8": Product(148, 96, 4000, "NVIDIA H20 as reported: NVLink 900 GB/s over both directions", 450),
    "gh200": Product(989, 96, 4000, "NVIDIA GH200 data sheet, 96 GB of HBM3"),
    "b200-sxm": Product(2250, 180, 8000, "NVIDIA HGX B200 data sheet"),
    "b200-sxm-8": Product(2250, 180, 8000, "NVIDIA HGX B200: NVLink 1.8 TB/s over both directions", 900),
    "b300-sxm": Product(2250, 288, 8000, "NVIDIA HGX B300 page"),
    "b300-sxm-8": Product(2250, 288, 8000, "NVIDIA HGX B300: NVLink 1.8 TB/s over both directions", 900),
    "gb200": Product(2500, 192, 8000, "NVIDIA GB200 NVL72 data sheet of 2024: 192 GB a GPU"),
    # 13.4 TB and 576 TB/s for 72 GPUs; 130 TB/s over both directions
    "gb200-nvl72": Product(2500, 13.4e3 / 72, 576e3 / 72, "NVIDIA GB200 NVL72 data sheet", 130e3 / 144, 4e-3),
    "gb300": Product(2500, 288, 8000, "NVIDIA GB300 NVL72 page"),
    "gb300-nvl72": Product(2500, 288, 576e3 / 72, "NVIDIA GB300 NVL72 page", 130e3 / 144, 4e-3),
    "l40s": Product(362.05, 48, 864, "NVIDIA L40S data sheet"),
    "l40s-8": Product(362.05, 48, 864, "NVIDIA L40S data sheet: PCIe 4.0 x16, 128b/130b", 16 * 16 / 8 * 128 / 130),
    "rtx-pro-6000-server": Product(480, 96, 1597, "NVIDIA RTX PRO 6000 Blackwell Server Edition data sheet"),
    "rtx-pro-6000-server-8": Product(480, 96, 1597, "the same: PCIe 5.0 x16, 128b/130b", 16 * 32 / 8 * 128 / 130),
    "b60": Product(98.3, 24, 456, "Intel Arc Pro B60 data sheet, 197 TOP/s int8"),
    "b60-8": Product(98.3, 24, 456, "Intel Arc Pro B60 data sheet: PCIe 5.0 x8, 128b/130b", 8 * 32 / 8 * 128 / 130),
    "mi300x": Product(1307.4, 192, 5300, "AMD Instinct MI300X data sheet"),
    "mi300x-8": Product(1307.4, 192, 5300, "AMD Instinct MI300X platform: seven links of 64 GB/s", 448),
    "mi325x": Product(1307.4, 256, 6000, "AMD Instinct MI325X data sheet"),
    "mi325x-8": Product(1307.4, 256, 6000, "AMD Instinct MI325X platform: seven links of 64 GB/s", 448),
    "mi355x": Product(2516.6, 288, 8000, "AMD Instinct MI355X data sheet"),
    "mi355x-8": Product(2516.6, 288, 8000, "AMD Instinct MI355X platform: seven links of 76.8 GB/s", 537.6),
    "tpu-v5e": Product(197, 16, 819, "Cloud TPU documentation, v5e"),
    "tpu-v5e-8": Product(197, 16, 819, "Cloud TPU documentation, v5e: 400 GB/s over both directions", 200),
    "tpu-v5p": Product(459, 95, 2765, "Cloud TPU documentation, v5p"),
    "tpu-v5p-64": Product(459, 95, 2765, "Cloud TPU documentation, v5p: 1200 GB/s over both directions", 600),
    "tpu-v6e": Product(918, 32, 1638, "Cloud TPU documentation, v6e"),
    "tpu-v6e-8": Product(918, 32, 1638, "Cloud TPU documentation, v6e: 800 GB/s over both directions", 400),
    "tpu-v6e-256": Product(918, 32, 1638, "Cloud TPU documentation, v6e: 800 GB/s over both directions", 400),
    "tpu7x": Product(2307, 192, 7370, "Cloud TPU documentation, TPU7x; Google, announcement of Ironwood (2025)"),
    "tpu7x-64": Product(2307, 192, 7370, "Cloud TPU documentation, TPU7x: 1200 GB/s over both directions", 600),
    # 188 TFLOP/s, 230 MB and 80 TB/s are rounded; 220 MiB are the exact capacity
    "groq-lpu": Product(188, 220 / 1024, 80e3, "Groq's figures in TechPowerUp; Abts et al., ISCA 2020", digits=3e-3),
    "groq-lpu-8": Product(188, 220 / 1024, 80e3, "the same; seven links of 15 GB/s", 7 * 15, 3e-3),
    "groq-lpu-rack": Product(188, 220 / 1024, 80e3, "the same; seven links of 14 GB/s over cables", 7 * 14, 3e-3),
    # the dense peak is not stated: see the preset; 44 GB of SRAM are taken as decimal
    "wse-3": Product(15_840, 44e9 / 2**30, 21e6, "Cerebras, WSE-3 announcement"),
    "rubin": Product(8750, 288, 22e3, "NVIDIA Vera Rubin NVL72 page, preliminary; the peak at 16 bits is assumed"),
    "vr200-nvl72": Product(8750, 288, 22e3, "the same: 3.6 TB/s of NVLink over both directions", 1800),
    # 128 cores x 1024 FLOP x 2.0 GHz, 192 cores x 128 x 2.25; twelve channels of 51.2 GB/s
    "xeon-6980p": Product(262.144, 12 * 64, 614.4, "Intel Xeon 6980P specification"),
    "epyc-9965": Product(55.296, 12 * 64, 614.4, "AMD EPYC 9965 product page: 614 GB/s a socket"),
    # four times the 7.1 TFLOP/s in fp64 of two sockets, over two; 512 pins at 8.533 Gb/s
    "grace": Product(28.4, 480, 546.112, "NVIDIA Grace CPU Superchip data sheet, halved; NVIDIA Grace CPU"),
    # half of the int8 rates, which are all that is published
    "phone-lpddr5x": Product(32.5, 16, 84.8, "Snapdragon 8 Elite: LPDDR5X at 5300 MHz (geektopia.es, 2024-10-22)"),
    "phone-a18-pro": Product(17.5, 8, 51.2 * 1.17, "Apple A18 Pro: 17 % more than A17 Pro's 51.2 GB/s", digits=5e-3),
}
"""Systems that can be bought or are announced; the others are proposals."""

PROPOSED = {
    "a100-hbm-pim", "b200-base-die-pnm-8", "b200-h3-8", "b200-hbf-8", "b200-hbf-daisy-8", "b200-low-latency-8",
    "b200-optics-64", "b200-ualink-8", "cxl-pnm-8", "gddr6-aim", "gh200-offload",
    "h100-cxl-pool-8", "h100-h200-apart", "h100-stratum",
    "h100-structera", "h200-l40s-apart",
    "h100-sxm-8-sharp", "h200-hbf-8", "h200-hbf-daisy-8", "h200-hbf-daisy-exclusive-8", "hbf-only-8",
    "hybrid-bonded-3d", "phone-flash", "phone-lpddr-pim", "phone-ufs", "pnm-hbm4", "stratum",
}  # fmt: skip


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_product_has_the_figures_of_its_vendor(name: str) -> None:
    due, built = PRODUCTS[name], graph(symarch.load_system(name))
    processor = next(iter(built.processors.values()))
    memory = next(iter(built.memories.values()))
    assert processor.peak("bf16") == pytest.approx(due.flops * 1e12, rel=due.digits)
    assert memory.capacity == pytest.approx(due.capacity * 2**30, rel=due.digits)
    assert memory.read_bandwidth == pytest.approx(due.bandwidth * 1e9, rel=due.digits)
    networks = list(built.networks.values())
    assert bool(networks) == (due.network is not None)
    if due.network is not None:
        link = networks[0].link
        net = getattr(link, "net_bandwidth", None)  # links whose bandwidth is what they signal state what data have
        assert (link.bandwidth if net is None else net) == pytest.approx(due.network * 1e9, rel=due.digits)


def test_every_shipped_system_is_a_product_or_a_proposal() -> None:
    assert not set(PRODUCTS) & PROPOSED
    assert set(SYSTEMS) == {*PRODUCTS, *PROPOSED}


def test_infiniband_joins_the_boards_at_50_gb_s() -> None:
    built = graph(symarch.load_system("h100-sxm-32"))
    # four lanes of nominal 100 Gb/s
    assert built.networks["scale_out"].link.net_bandwidth == pytest.approx(50e9, rel=1e-9)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("system", "component", "capacity", "bandwidth"),
    [
        # 8 x 512 GB and 8 x 1638.4 GB/s (16 dies x 500 planes x 4 KiB / 20 us)
        ("b200-hbf-8", "hbf", 4096e9, 13_107.2e9),
        ("b200-hbf-daisy-8", "hbf", 4096e9, 13_107.2e9),
        ("hbf-only-8", "hbf", 4096e9, 13_107.2e9),
        # H3: 3 TB and 8 TB/s a GPU, its planes a whole number (0.06 % below)
        ("b200-h3-8", "hbf", 3072e9, 7995.392e9),
        ("b200-h3-8", "hbm", 192 * 2**30, 8e12),
        # Aquabolt-XL: 6 GB and 307.2 GB/s a stack
        ("a100-hbm-pim", "hbm", 5 * 6 * 2**30, 5 * 307.2e9),
        # one die of sixteen
        ("phone-flash", "hbf", 32e9, 102.4e9),
        # Samsung's UFS 4.0: 4.2 GB/s
        ("phone-ufs", "ufs", 512e9, 4.2e9),
        # 32 chips of 8 Gb, 64 GB/s each
        ("gddr6-aim", "gddr", 32 * 2**30, 32 * 64e9),
        # 32 channels of DDR5-6400 with a module of 64 GB each
        ("h100-cxl-pool-8", "pool", 32 * 64 * 2**30, 32 * 51.2e9),
        ("gh200-offload", "lpddr", 480 * 2**30, 546.112e9),
        # Stratum: 32 GB a stack, six of them, 121 mm^2 x 2.156 Gb/mm^2 less what the paper rounds off
        ("stratum", "dram", 192e9, None),
    ],
)
def test_the_memory_of_a_proposal_has_the_published_size(
    system: str, component: str, capacity: float, bandwidth: float | None
) -> None:
    # published rates of flash are those of the arrays, without the share that rewriting takes
    still = {f"{component}.exposed_rewriting": 0} if component == "hbf" else {}
    memory = graph(symarch.load_system(system, still)).memories[component]
    assert memory.capacity == pytest.approx(capacity, rel=1e-4)
    if bandwidth is not None:
        assert memory.read_bandwidth == pytest.approx(bandwidth, rel=1e-9)


@pytest.mark.parametrize(
    ("system", "component", "flops", "reads"),
    [
        # 1.2288 TFLOP/s and four times the 307.2 GB/s of the pins, five stacks
        ("a100-hbm-pim", "banks", 5 * 1.2288e12, 5 * 4 * 307.2e9),
        # 1.024 TFLOP/s and sixteen times 64 GB/s, 32 chips
        ("gddr6-aim", "banks", 32 * 1.024e12, 32 * 16 * 64e9),
        # 102.4 GB/s in each of eight chips
        ("phone-lpddr-pim", "banks", 0.8192e12, 8 * 102.4e9),
        # Stratum: 128 TFLOP/s a stack
        ("stratum", "logic", 6 * 128e12, None),
        ("h100-stratum", "logic", 6 * 128e12, None),
        # on the base die what the stacks give
        ("b200-base-die-pnm-8", "cores", None, 8e12),
        ("pnm-hbm4", "cores", None, 8 * 2048e9),
        ("cxl-pnm-8", "cores", None, 8 * 128 * 8.533e9 / 8),
        # before the CXL port: sixteen channels of DDR5-6400 on four cards
        ("h100-structera", "cores", None, 16 * 51.2e9),
    ],
)
def test_near_memory_processors_have_the_published_rates(
    system: str, component: str, flops: float | None, reads: float | None
) -> None:
    processor = graph(symarch.load_system(system)).processors[component]
    if flops is not None:
        assert processor.peak("bf16") == pytest.approx(flops, rel=1e-9)
    if reads is not None:
        assert processor.memory_bandwidth == pytest.approx(reads, rel=1e-9)


# --- each runs two models

SECOND = {
    "qwen3-0.6b": ("groq-lpu", "groq-lpu-8", "groq-lpu-rack"),
    "qwen3-1.7b": ("phone-a18-pro",),
    "qwen3-4b": ("phone-flash", "phone-lpddr-pim", "phone-lpddr5x", "phone-ufs", "tpu-v5e"),
    "qwen3-8b": ("a100-hbm-pim", "b60", "gddr6-aim", "wse-3"),
    "gemma-2-27b": ("b60-8", "l40s-8", "tpu-v5e-8", "tpu-v6e-8", "tpu-v6e-256"),
    "qwen3-32b": ("a100-sxm", "cxl-pnm-8", "h100-h200-apart", "h100-structera", "h100-sxm", "hybrid-bonded-3d",
                  "rtx-pro-6000-server", "tpu-v5p"),
    "mixtral-8x7b": ("grace", "h200-l40s-apart", "h200-sxm", "mi300x", "mi325x", "mi355x", "tpu7x", "xeon-6980p"),
    "qwen3-30b-a3b": ("epyc-9965", "gh200", "gh200-offload", "h20-sxm", "h100-stratum"),
    "phi-4": ("l40s", "tpu-v6e"),
    "llama-3.1-70b": ("a100-sxm-8", "b200-base-die-pnm-8", "b200-low-latency-8", "b200-optics-64", "b200-sxm", "gb200",
                      "b200-ualink-8", "b300-sxm", "gb300", "h100-cxl-pool-8", "h100-sxm-8", "h100-sxm-8-nvls",
                      "h100-sxm-8-sharp", "h100-sxm-32", "h20-sxm-8", "pnm-hbm4", "rtx-pro-6000-server-8", "rubin",
                      "stratum", "tpu-v5p-64"),
    "llama-3.1-405b": ("b200-h3-8", "b200-hbf-8", "b200-hbf-daisy-8", "b200-sxm-8", "b300-sxm-8", "h200-hbf-8",
                       "h200-hbf-daisy-8", "h200-hbf-daisy-exclusive-8", "h200-sxm-8", "hbf-only-8", "mi300x-8",
                       "mi325x-8", "mi355x-8"),
    "qwen3-235b-a22b": ("gb200-nvl72", "gb300-nvl72", "tpu7x-64", "vr200-nvl72"),
}  # fmt: skip
"""A model that each system is meant for, beside Llama-3.1-8B."""

RUNS = [(s, "llama-3.1-8b") for s in SYSTEMS] + [(s, m) for m, names in SECOND.items() for s in names]

TOO_SMALL = {
    # 16 GB in bf16 are too much for
    "groq-lpu": {"sram.capacity"},
    "groq-lpu-8": {"sram.capacity"},
    "groq-lpu-rack": {"sram.capacity"},
    "tpu-v5e": {"hbm.capacity"},
    "phone-a18-pro": {"lpddr.capacity"},
    "phone-lpddr5x": {"lpddr.capacity"},
    "phone-lpddr-pim": {"lpddr.capacity"},
    # and reading them without a pause wears one die of flash out
    "phone-flash": {"hbf.read_lifetime"},
}
"""Constraints that fail with Llama-3.1-8B in bf16, one sequence."""

FLASH = [s for s in SECOND["llama-3.1-405b"] if "hbf" in symarch.load_system(s).components]

STILL_TOO_SMALL = {
    "groq-lpu": {"sram.capacity"},
    # all weights at each step, without a pause, disturb flash more than five years allow
    **{s: {"hbf.read_lifetime"} for s in ("phone-flash", *FLASH)},
}
"""Constraints that fail with the second model in bf16, one sequence."""


def test_every_system_has_a_second_model() -> None:
    named = [s for names in SECOND.values() for s in names]
    assert sorted(named) == sorted(SYSTEMS)


def fastest(spec: symarch.System) -> float:
    """Return how fast a device reads its weights at most."""
    built, place = graph(spec), str(spec.place.get("weights", spec.of("memory")[0].name))
    rates = [built.memories[place].read_bandwidth / spec.components[place].shared_by]
    rates += [
        p.memory_bandwidth
        for n, p in built.processors.items()
        if spec.components[n].on == place and p.memory_bandwidth is not None
    ]
    return float(max(rates))


@pytest.mark.parametrize(("system", "model"), RUNS)
def test_a_system_runs(system: str, model: str) -> None:
    spec = symarch.load_system(system)
    found = symarch.analyze(spec, symarch.load_model(model))
    result = found.evaluate()
    for metric in ("ttft", "tpot", "request_time", "throughput", "energy_per_token", "power"):
        value = result.metrics[metric]
        assert value is not None
        assert math.isfinite(value)
        assert value > 0
    # no step reads the weights faster than the memories of those that decode, or the processors in them, give them
    decoding = [spec.part(pool) for pool in spec.seats("decode")] if spec.pools else [spec]
    together = sum((part.tensor or 1) * fastest(part) for part in decoding)
    assert result.tpot is not None
    streamed = symarch.load_model(model).streamed_parameters() * 2
    assert result.tpot > streamed / together
    assert math.fsum(o.count * o.time for o in result.operators if o.phase == "decode") == pytest.approx(result.tpot)
    broken = {c.name for c in result.constraints if not c.ok}
    assert broken == (TOO_SMALL if model == "llama-3.1-8b" else STILL_TOO_SMALL).get(system, set())


@pytest.mark.parametrize("system", TOO_SMALL)
def test_an_infeasible_system_exits_with_0_and_strictly_with_1(system: str, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, code in (([], 0), (["--strict"], 1)):
        with pytest.raises(SystemExit) as stopped:
            main(["run", system, "--model", "llama-3.1-8b", *arguments])
        assert (stopped.value.code or 0) == code
        captured = capsys.readouterr()
        assert all(name in captured.out for name in TOO_SMALL[system])


@pytest.mark.parametrize(
    ("system", "fits"),
    [
        # 0.6 billion parameters in bf16 are 1.2 GB: six chips of 231 MB without the cache
        ("groq-lpu", False),
        ("groq-lpu-8", True),
        ("groq-lpu-rack", True),
    ],
)
def test_a_small_model_fits_in_a_node_of_lpus(system: str, fits: bool) -> None:
    result = symarch.analyze(symarch.load_system(system), symarch.load_model("qwen3-0.6b")).evaluate()
    assert all(c.ok for c in result.constraints) == fits


# --- what the proposals are for


def tpot(system: str, batch: int) -> float:
    found = symarch.analyze(symarch.load_system(system), symarch.load_model("llama-3.1-70b"))
    result = found.evaluate(batch=batch)
    assert result.tpot is not None
    return result.tpot


@pytest.mark.parametrize(
    ("faster", "slower"),
    [
        ("b200-hbf-8", "b200-hbf-daisy-8"),  # two sites stream at once, one port adds
        ("b200-hbf-daisy-8", "b200-h3-8"),  # 13.1 TB/s of flash behind 8 TB/s of pins against 8 and one tier at a time
        ("h100-sxm-8-sharp", "h100-sxm-8-nvls"),  # a vector once against (1 + 1/N) times and two crossings
        ("h100-sxm-8-nvls", "h100-sxm-8"),
        ("b200-low-latency-8", "b200-ualink-8"),
        ("h100-sxm-8", "h100-cxl-pool-8"),  # 1/8 of 1.6 TB/s at most for the cache
        ("stratum", "pnm-hbm4"),  # 160 TB/s, if hot, against 16
    ],
)
def test_a_proposal_lies_where_it_should(faster: str, slower: str) -> None:
    assert tpot(faster, batch=64) < tpot(slower, batch=64)


def test_a_replica_carries_no_traffic_of_the_others() -> None:
    # four boards with four times the sequences are one board; tensor parallelism stays inside it
    assert tpot("h100-sxm-32", batch=32) == pytest.approx(tpot("h100-sxm-8", batch=8), rel=1e-12)


def test_thirty_metres_of_fibre_cost_their_time() -> None:
    # 161 all-reduces and one gathering of logits a step: up to a switch and down, 29 m further each way at 5 ns a
    # metre, and a switch of 100 instead of 25 Tb/s, 100 ns slower; twice of it where an all-reduce takes two shots
    crossing = 2 * 29 * 5e-9 + 100e-9
    longer = tpot("b200-optics-64", batch=64) - tpot("b200-ualink-8", batch=8)
    assert 162 * crossing * (1 - 1e-9) <= longer <= 2 * 162 * crossing * (1 + 1e-9)


# --- files


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_file_says_what_it_is_and_where_its_numbers_come_from(path: Path) -> None:
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    assert table["format"] == 1
    assert table["name"] == path.stem
    assert len(table["title"]) > 10
    assert len(table["source"]) > 10
    for kind in ("processor", "memory", "link", "network"):
        for content in table.get(kind, {}).values():
            for key, value in content.items():
                if isinstance(value, dict):
                    assert value.get("source"), key
                    assert value.get("status"), key


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_system_written_out_loads_back_equal(name: str, tmp_path: Path) -> None:
    system = symarch.load_system(name)
    copy = tmp_path / "copy.toml"
    copy.write_text(resolved(system), encoding="utf-8")
    again = symarch.load_system(str(copy))
    assert set(again.components) == set(system.components)
    for component in system.components.values():
        other = again.components[component.name]
        assert {n: s.value for n, s in other.settings.items()} == {n: s.value for n, s in component.settings.items()}
        assert (other.technology, other.topology, other.size, other.on, other.between, other.shared_by) == (
            component.technology, component.topology, component.size, component.on, component.between,
            component.shared_by)  # fmt: skip
    assert (again.tensor, again.data, again.place, again.run) == (system.tensor, system.data, system.place, system.run)


def test_size_is_a_parameter_where_there_is_no_network(tmp_path: Path) -> None:
    # the planes of an LPU have sides of `size` cells; `size` of a network is the number of its endpoints
    path = tmp_path / "small.toml"
    path.write_text('format = 1\nextends = "groq-lpu-8"\n[processor.lpu]\nsize = { value = 160 }\n', encoding="utf-8")
    for system in (symarch.load_system(str(path)), symarch.load_system("groq-lpu-8", {"lpu.size": 160})):
        assert system.devices == 8
        assert system.components["lpu"].settings["size"].value == 160
        # a quarter of the cells of 320 x 320
        peak = graph(symarch.load_system("groq-lpu")).processors["lpu"].peak("bf16")
        assert graph(system).processors["lpu"].peak("bf16") == pytest.approx(peak / 4, rel=1e-12)


LISTED = {
    "NVLink domain": ("gb200-nvl72", {"nvlink", "switch"}),
    "TPU torus pod": ("tpu-v5p-64", {"ici", "torus"}),
    "LPU dragonfly": ("groq-lpu-rack", {"lpu", "dragonfly"}),
    "wafer": ("wse-3", {"wafer"}),
    "HBM and HBF in a chain": ("h200-hbf-daisy-8", {"hbm", "hbf", "ucie"}),
    "HBM and HBF on sites": ("h200-hbf-8", {"hbm", "hbf"}),
    "HBF only": ("hbf-only-8", {"hbf"}),
    "base-die PNM": ("b200-base-die-pnm-8", {"gpu", "pnm", "hbm"}),
    "LPDDR-PNM over CXL": ("cxl-pnm-8", {"pnm", "lpddr5x", "cxl-link"}),
    "GDDR-PIM only": ("gddr6-aim", {"pim", "gddr6"}),
    "3D DRAM under logic": ("stratum", {"dram-3d", "logic-3d"}),
    "SRAM only": ("groq-lpu-8", {"sram"}),
    "CXL pool": ("h100-cxl-pool-8", {"cxl-link"}),
    "in-network reduction": ("h100-sxm-8-sharp", {"nvlink"}),
    "phone with LPDDR5X": ("phone-lpddr5x", {"npu", "lpddr5x"}),
    "phone with flash": ("phone-flash", {"npu", "hbf"}),
    "phone with LPDDR-PIM": ("phone-lpddr-pim", {"npu", "pim"}),
}
"""Kinds of systems that the catalogue must have: an example of each and technologies it is made of."""


@pytest.mark.parametrize("kind", LISTED)
def test_the_catalogue_has_every_kind_of_system(kind: str) -> None:
    name, due = LISTED[kind]
    components = symarch.load_system(name).components.values()
    found = {cls.name for c in components for cls in (c.technology, c.topology) if cls is not None}
    assert due <= found
    memories = {c.technology.name for c in components if c.table == "memory" and c.technology is not None}
    if kind.endswith("only"):  # SRAM on the chip beside it is no other tier
        assert len(memories - {"sram"}) == (0 if kind == "SRAM only" else 1)


@pytest.mark.parametrize("name", SYSTEMS)
def test_what_is_assumed_or_announced_has_a_range(name: str) -> None:
    # of vendors' facts and measurements the value is the range, unless they state one
    symbols = symarch.analyze(symarch.load_system(name), symarch.load_model("llama-3.1-8b")).recorded().symbols
    open_ended = [s.name for s in symbols.values() if s.status in ("assumed", "announced")
                  and "." in s.name and (s.low is None or s.high is None)]  # fmt: skip
    assert not open_ended
