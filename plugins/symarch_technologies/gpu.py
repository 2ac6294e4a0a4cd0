"""GPUs: matrix units with one peak per data type, kernels with a fixed launch time, a shared on-chip memory.

    arithmetic = flops / (efficiency * peak)         efficiency by kind: matrix product, converted product, attention
    vector     = flops / peak_vector                 norms, element-wise operators and look-ups, if any are counted
    overhead   = launch, attention_launch for attention, plus conversion for a product in fewer than 16 bits
    energy     = energy_per_flop * flops + energy_per_byte * bytes + static_power * time     beside the memories' own

Peaks: vendors' data sheets, dense, without structured sparsity. Times: single kernels in CUDA graphs on A100 SXM and
H100 SXM, measured by aiconfigurator-core 0.12.0 (NVIDIA, Apache-2.0), tables `gemm_perf` (SGLang) and
`*_attention_perf` (vLLM). Launch, efficiencies and streaming efficiency are those of least mean relative error of

    latency = launch + (arithmetic ** p + (bytes / (streaming_efficiency * bandwidth)) ** p) ** (1 / p)

fitted together, over all rows of a system. The defaults are H100's at p = infinity; the presets take p = 2, which fits
9000 A100 products with 9.2 % mean error instead of 11.6, and 4500 H100 products with 9.0 instead of 10.0 (p = 1: 10.5
and 12.5). Energy: the additive model of whole-GPU measurements on H200 and B200 (arjunds/efficient-ai, README v2). What
software keeps back of the memory: vLLM's default share and the figures of its memory profiler.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Effort, OperatorLike, Processor, Quantity, hookimpl, option, parameter, technology


@technology
class GPU(Processor):
    """A graphics processor that runs one kernel per operator out of a captured graph."""

    name: ClassVar[str] = "gpu"
    assumptions: ClassVar[tuple[str, ...]] = (
        "Efficiency is one number per kind of operator: tiles, waves and occupancy are in its mean, not in a formula.",
        "Kernels follow one another: no two operators overlap, and each pays its launch.",
        "Norms and element-wise operators launch like matrix products (on A100 the smallest take 1 to 8 us).",
        "Products in fewer than 16 bits convert their activations in a kernel of their own.",
        "Clocks do not fall with load; a power limit acts on time instead.",
        "A FLOP costs the same energy in every data type, so that a power limit is too strict on 8 and 4 bits.",
        "Energy per byte is that of weights; cached keys and values were measured at 41 pJ/bit, weights at 13.",
    )

    peak_bf16: Quantity = parameter(
        "989 TFLOP/s", "FLOP/s", better="more", status="standard", symbol=r"F_{bf16}",
        source="H100 SXM data sheet, dense: 989.4 TFLOP/s",
        doc="peak matrix arithmetic at 16 bits",
    )  # fmt: skip
    peak_fp8: Quantity = parameter(
        None, "FLOP/s", better="more", status="standard", symbol=r"F_{fp8}",
        source="absent before Hopper; H100 SXM data sheet, dense: 1979 TFLOP/s",
        doc="peak matrix arithmetic at 8 bits, floating point",
    )  # fmt: skip
    peak_fp4: Quantity = parameter(
        None, "FLOP/s", better="more", status="standard", symbol=r"F_{fp4}",
        source="absent before Blackwell; HGX B200 data sheet, dense: 9000 TFLOP/s",
        doc="peak matrix arithmetic at 4 bits",
    )  # fmt: skip
    peak_int8: Quantity = parameter(
        None, "FLOP/s", better="more", status="standard", symbol=r"F_{int8}",
        source="absent unless a preset gives it; A100 data sheet, dense: 624 TOP/s",
        doc="peak matrix arithmetic at 8 bits, whole numbers; an operation counts as a FLOP",
    )  # fmt: skip
    peak_fp32: Quantity = parameter(
        None, "FLOP/s", better="more", status="standard", symbol=r"F_{fp32}",
        source="absent unless a preset gives it; H100 SXM data sheet: 66.9 TFLOP/s",
        doc="peak arithmetic at 32 bits, on the vector units",
    )  # fmt: skip
    peak_vector: Quantity = parameter(
        "66.9 TFLOP/s", "FLOP/s", better="more", status="standard", symbol=r"F_{vec}",
        source="H100 SXM data sheet, 32 bits without tensor cores: 66.9 TFLOP/s; element-wise kernels use 32 bits",
        doc="peak arithmetic of the vector units, for all that is no matrix product",
    )  # fmt: skip
    launch: Quantity = parameter(
        "3.14 us", "s", low="2.9 us", high="7.3 us", nonnegative=True, ideal=0, better="less", status="measured",
        symbol=r"t_{launch}",
        source="fit of 4500 bf16 products on H100 at p = infinity; the median of the 55 smallest (below 0.5 MB) is "
        "3.1 us",
        doc="fixed time of one kernel in a captured graph",
    )  # fmt: skip
    attention_launch: Quantity = parameter(
        "12.2 us", "s", low="10.3 us", high="19.5 us", nonnegative=True, ideal=0, better="less", status="measured",
        symbol=r"t_{att}",
        source="fit of 2006 decode and 1977 prefill attention kernels on H100 (FlashAttention 3, vLLM 0.24.0) at p = "
        "infinity; the median of the 226 smallest decode rows (below 1 MB) is 11.3 us",
        doc="fixed time of one attention operator: its kernels, splits and their combination",
    )  # fmt: skip
    conversion: Quantity = parameter(
        "2.97 us", "s", low="1.5 us", high="4.5 us", nonnegative=True, ideal=0, better="less", status="measured",
        symbol=r"t_{conv}",
        source="fit of 4500 fp8 products on H100 with their quantisation kernel (SGLang 0.5.14) at p = infinity, "
        "launch and streaming efficiency kept; the range, half as much less or more, is an assumption",
        doc="time to convert the activations of a product in fewer than 16 bits",
    )  # fmt: skip
    matrix_efficiency: Quantity = parameter(
        0.73, "1", low=0.65, high=0.82, at_most=1, ideal=1, better="more", status="measured", symbol=r"\eta_{mat}",
        source="fit of 4500 bf16 products on H100 at p = infinity; the median of the 117 largest (above 3 TFLOP) is "
        "0.72",
        doc="share of peak arithmetic that products at 16 bits or more reach",
    )  # fmt: skip
    converted_efficiency: Quantity = parameter(
        0.471, "1", low=0.31, high=0.62, at_most=1, ideal=1, better="more", status="measured", symbol=r"\eta_{conv}",
        source="fit of 4500 fp8 products on H100 with their quantisation kernel, at p = infinity; range: 5th to 95th "
        "percentile above 1 TFLOP",
        doc="share of peak arithmetic that products in fewer than 16 bits reach, conversion's traffic included",
    )  # fmt: skip
    attention_efficiency: Quantity = parameter(
        0.469, "1", low=0.37, high=0.65, at_most=1, ideal=1, better="more", status="measured", symbol=r"\eta_{att}",
        source="fit of 2006 decode and 1977 prefill attention kernels on H100 (FlashAttention 3) at p = infinity, "
        "causal FLOPs; range: 5th to 95th percentile of prefill above 1 TFLOP",
        doc="share of peak arithmetic that attention reaches",
    )  # fmt: skip
    streaming_efficiency: Quantity = parameter(
        0.819, "1", low=0.65, high=0.94, at_most=1, ideal=1, better="more", status="measured", symbol=r"\eta_{str}",
        source="fit of 4500 bf16 products on H100 at p = infinity; the 181 memory-bound ones above 400 MB: median "
        "0.84, and decode attention above 1 GB: 0.90",
        doc="share of peak memory bandwidth that kernels reach; replaces the memory's own efficiency",
    )  # fmt: skip
    streaming_memory: str = option("hbm", doc="the memory technology that streaming_efficiency was measured on")
    covered_latency: Quantity = parameter(
        "0.5 us", "s", low="0.27 us", high="1 us", nonnegative=True, ideal=0, status="assumed", symbol=r"t_{cov}",
        source="assumed: the loaded latency of the HBM that the launch times were measured on, somewhat above the "
        "272.8 ns of an unloaded H800 (arXiv 2402.13499), so that HBM's latency is not paid twice",
        doc="memory latency that the launch times already contain; only what exceeds it is exposed",
    )  # fmt: skip
    energy_per_flop: Quantity = parameter(
        "0.68 pJ/FLOP", "J/FLOP", low="0.44 pJ/FLOP", high="1.4 pJ/FLOP", better="less", status="measured",
        symbol=r"e_F",
        source="H200, fp16 products, 0.79 with a range of 0.68 to 1.0 (arjunds/efficient-ai, README v2); the low end, "
        "because at 0.79 products as fast as those measured on H100 would draw more than its 700 W; range: B200 and "
        "A100",
        doc="energy of one floating-point operation at 16 bits",
    )  # fmt: skip
    energy_per_byte: Quantity = parameter(
        "7.5 pJ/bit", "J/B", low="7.4 pJ/bit", high="22.8 pJ/bit", better="less", status="measured", symbol=r"e_{chip}",
        source="H200 weight stream 13.3 pJ/bit at the GPU (arjunds/efficient-ai, README v2) less 5.8 on the memory "
        "rail (CMU-SAFARI/HBM-Power); high: prior for A100",
        doc="energy to move one byte from the memory's pins through the chip",
    )  # fmt: skip
    static_power: Quantity = parameter(
        "76.1 W", "W", low="24.7 W", high="191.6 W", better="less", status="measured", symbol=r"P_{idle}",
        source="H200 idle with a context loaded 116 W (arjunds/efficient-ai) less 39.9 W of its memory rail, which "
        "the memory states itself; range: A100 without a context to B200",
        doc="power drawn with no work, memories not counted",
    )  # fmt: skip
    power_limit: Quantity = parameter(
        "700 W", "W", ideal=None, better="more", status="standard", symbol=r"P_{max}",
        source="H100 SXM data sheet; the speed of light knows no limit but the peaks of the data sheet",
        doc="power that processor and attached memories may draw together",
    )  # fmt: skip
    on_chip_memory: Quantity = parameter(
        "50 MB", "B", better="more", status="standard", symbol=r"C_{L2}",
        source="H100 SXM data sheet: L2 cache",
        doc="memory on the chip that software can keep data in",
    )  # fmt: skip

    runtime_memory: Quantity = parameter(
        "2 GiB", "B", low="0.55 GB", high="3.5 GiB", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"C_{rt}",
        source="assumed from vLLM's memory profiler (issues 11251 and 14452: context and libraries 0.33 to 0.39 GiB, "
        "activations 1.0 to 2.5 GiB; CUDA graphs 0.36 to 0.6 GiB); range: aiconfigurator's 551 MB and safer 3.5 GiB",
        doc="bytes that the runtime keeps back: context, libraries, workspace, graphs",
    )  # fmt: skip
    allocatable: Quantity = parameter(
        0.92, "1", low=0.85, high=0.95, at_most=1, ideal=1, better="more", status="standard", symbol=r"\phi_{rt}",
        source="vLLM, vllm/config/cache.py: gpu_memory_utilization is 0.92 by default, 0.90 before 2026; range: what "
        "people set",
        doc="share of what is left of the memory that can be filled",
    )  # fmt: skip
    cost: Quantity = parameter(
        None, "USD", better="less", status="assumed", symbol=r"K",
        source="absent unless a preset gives it: prices are those of one day",
        doc="price without its memories",
    )  # fmt: skip
    embodied_carbon: Quantity = parameter(
        None, "kg", better="less", status="assumed", symbol=r"G",
        source="absent unless a preset gives it",
        doc="carbon dioxide equivalent of making it and its share of the baseboard, without its memories",
    )  # fmt: skip

    def effort(self, operator: OperatorLike) -> Effort:
        """Return arithmetic at the efficiency of the operator's kind, and the launches of its kernels."""
        if operator.kind in ("norm", "elementwise", "embedding"):
            counted = not (isinstance(operator.flops, int) and operator.flops == 0)
            return Effort({"vector": operator.flops / self.peak_vector} if counted else {}, {"launch": self.launch})
        attention = operator.kind == "attention"
        product = operator.kind in ("matmul", "moe_matmul")
        converted = product and self.arithmetic(operator.dtype) not in ("fp32", "bf16")
        efficiency = self.converted_efficiency if converted else self.matrix_efficiency
        if attention:
            efficiency = self.attention_efficiency
        times = {}
        if not (isinstance(operator.flops, int) and operator.flops == 0):
            times["arithmetic"] = operator.flops / (efficiency * self.peak(operator.dtype))
        overheads = {"launch": self.attention_launch if attention else self.launch}
        if converted:
            overheads["conversion"] = self.conversion
        return Effort(times, overheads)


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [GPU]
