"""GPUs: matrix units with one peak per data type, kernels with a fixed launch time, cores that tiles are handed to.

    slow       = timed_at / clock                      fixed times are stated at one clock and shrink with the own one
    product    = filled * (k + ramp) * flops / (m n k) / (efficiency * peak)                     16 bits or more
               = the same, at least lone_tile times one tile at the peak of one core            fewer bits
    loop       = Min(lone_tile * the smallest tile at the peak of one core, split * slow)        16 bits or more
    experts    = filled * (flops / (m n) / (efficiency * peak)
                           + (1 / rows + 1 / columns) * k * (bytes / 2) * tile_element * slow / cores)
    filled     = m n + padding * (padded(m) * padded(n) - m n)
    attention  = whole * flops / (efficiency * peak) * wait(longest) + tiles * attention_tile * slow / cores * wait(1)
    whole      = 1 + attention_padding * (padded(rows) / rows - 1); rows: queries of the heads that share a key
    tiles      = batch * kv_heads * ceil(rows / tile), each on one core; tile: query_groups times query_tile, or less
    wait(x)    = Max(1 + attention_tail * x * cores / tiles, x * cores / tiles); where contexts are split over cores
                 Max(1, x * Max(Min(1, cores / tiles), cores / (tiles * attention_parts)))
    longest    = keys that the last tile's queries meet / mean_context
    threads    = tokens * Min(cache_block, elements of a token's keys) / (cores * threads) * cache_latency * slow
    vector     = flops / peak_vector                   norms, element-wise operators and look-ups, if any are counted
    overhead   = (launches by kind; conversion for operands in fewer bits; combination of splits) * slow + loop
    bandwidth  = streaming efficiency by kind * peak; of data in the cache, cache_rate * cores * clock
    energy     = energy_per_flop * flops + energy_per_byte * bytes + static_power * time     beside the memories' own

A product is cut into tiles of 128 rows and columns, for few rows into smaller ones (`_tiles.product_tile`). One of the
smallest goes through the inner dimension at the pace of its core, before others can hide it; kernels in 16 bits split
a long one over cores, at `split`. A tile of queries, those of heads that share a key together, is one core's: it loads
its first keys and stores its result with no work of its own to hide behind, but beside the data of other tiles. The
tiles of a prompt are of unequal length, since a query meets the keys before it: no prompt is done before its longest
tile, and where tiles are handed out in their order cores wait for the last ones, half of the longest on average;
FlashAttention 3 begins with the longest, and splits the context where there are fewer tiles than cores, as though all
were as long. One query a sequence, as in decode, has few tiles, so kernels split its context over cores and add a
kernel that combines what they found. FlashAttention 2 splits for heads that share keys alone, whose queries it lays
out as rows of one tile: two copies, before and after (vllm-project/flash-attention, csrc/flash_attn/flash_api.cpp,
mha_varlen_fwd), and, by the fit, one more launch. What writes a prompt's keys and values to the cache has a block of
threads for each token, most of whose time is the wait for where its place is. Kernels of routed experts take tiles of
64 rows and 128 bytes of columns, of few rows smaller ones (`_tiles.expert_tile`), each an expert's own: a step of one
first brings its operands in from the cache and then computes, where nobody tuned it to do both at once. Data that
return after fewer bytes than `cache_share` of the cache come from it, none after twice as many; in a model the weights
of all layers pass in between, so that this acts on kernels measured alone only.

Peaks: vendors' data sheets, dense, without structured sparsity. Times and efficiencies: single kernels in CUDA graphs
on A100 SXM and H100 SXM, measured by aiconfigurator-core 0.12.0 (NVIDIA, Apache-2.0); fitted by `symarch calibrate`
with the latencies of a system's kernels of one kind together, at p = 2. Without a preset the defaults are coarser:
what fits H100 at p = infinity with one launch and one efficiency for products and one for attention. How well rows
left out of a fit are predicted, docs/explanation/accuracy.md tells. Energy: the additive model of whole-GPU
measurements on H200 and B200 (arjunds/efficient-ai, README v2). What software keeps back of the memory: vLLM's
default share and the figures of its memory profiler.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from symarch import (
    Effort,
    Max,
    Min,
    OperatorLike,
    Processor,
    Quantity,
    ceil,
    hookimpl,
    option,
    parameter,
    quantity,
    technology,
)
from symarch_technologies._tiles import counted, expert_rows, expert_tile, padded, product_tile

WIDE = 2.0
"""Bytes of an element of 16 bits, for which the columns of tiles are stated."""

LEAST_MISSED = 1e-3
"""Share of the memory's time that stays where all data come from the cache, so that no rate is infinite."""


@technology
class GPU(Processor):
    """A graphics processor that runs one kernel per operator out of a captured graph."""

    name: ClassVar[str] = "gpu"
    assumptions: ClassVar[tuple[str, ...]] = (
        "Efficiency of products is one number for 16 bits and one for fewer, of whole tiles; waves of them are in its "
        "mean.",
        "Kernels of routed experts are those that nobody tuned to the shape: a step of a tile brings its operands in, "
        "then computes; tuned ones are up to twice as fast on many rows.",
        "Fixed times scale with the clock: those of H100, stated at its highest clock, shrink on a faster GPU.",
        "Attention's queries that share a key lie together in tiles; in decode the cache is split over all cores, or, "
        "if attention_split says so, for heads that share keys only.",
        "Look-ups, norms and element-wise operators reach the bandwidth of kernels of 2024 on A100.",
        "Kernels follow one another: no two operators overlap, and each pays its launch.",
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
    clock: Quantity = parameter(
        "1.98 GHz", "Hz", low="1.2 GHz", high="3 GHz", better="more", status="standard", symbol=r"f",
        source="H100 SXM: highest clock of its streaming multiprocessors",
        doc="highest clock of the cores, at which fixed times and the cache run",
    )  # fmt: skip
    timed_at: Quantity = parameter(
        "1.98 GHz", "Hz", low="1.2 GHz", high="3 GHz", status="standard", symbol=r"f_0",
        source="H100 SXM, on which the fixed times of the defaults were measured",
        doc="clock that launches and the other fixed times are stated at; at the own clock they are in proportion",
    )  # fmt: skip
    launch: Quantity = parameter(
        "3.14 us", "s", low="2.9 us", high="7.3 us", nonnegative=True, ideal=0, better="less", status="measured",
        symbol=r"t_{launch}",
        source="fit of 4500 bf16 products on H100 at p = infinity; the median of the 55 smallest (below 0.5 MB) is "
        "3.1 us",
        doc="fixed time of one kernel in a captured graph",
    )  # fmt: skip
    attention_launch: Quantity = parameter(
        "12.2 us", "s", low="3.8 us", high="19.5 us", nonnegative=True, ideal=0, better="less", status="measured",
        symbol=r"t_{att}",
        source="fit of 2006 decode and 1977 prefill attention kernels on H100 (FlashAttention 3, vLLM 0.24.0) at p = "
        "infinity; the median of the 226 smallest decode rows (below 1 MB) is 11.3 us",
        doc="fixed time of one kernel of an attention operator; alone, of all of them",
    )  # fmt: skip
    vector_launch: Quantity = parameter(
        None, "s", low="1.7 us", high="2.6 us", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"t_{vec}",
        source="absent: as launch; presets state what was measured",
        doc="fixed time of a norm, an element-wise operator or a look-up",
    )  # fmt: skip
    expert_launch: Quantity = parameter(
        None, "s", low="9.86 us", high="14.6 us", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"t_{exp}",
        source="absent: as launch; presets state what was measured",
        doc="fixed time of a product of routed experts, its share of sorting the tokens included",
    )  # fmt: skip
    conversion: Quantity = parameter(
        "2.97 us", "s", low="1.5 us", high="4.5 us", nonnegative=True, ideal=0, better="less", status="measured",
        symbol=r"t_{conv}",
        source="fit of 4500 fp8 products on H100 with their quantisation kernel (SGLang 0.5.14) at p = infinity, "
        "launch and streaming efficiency kept; the range, half as much less or more, is an assumption",
        doc="time to convert the activations of a product in fewer than 16 bits",
    )  # fmt: skip
    split: Quantity = parameter(
        "0 s", "s", low="0 s", high="4 us", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"t_{split}",
        source="assumed: none, unless a preset states what was measured",
        doc="most that the inner loop of a product adds: a longer one is split over cores and summed",
    )  # fmt: skip
    ramp: Quantity = parameter(
        0, "1", low=0, high=200, nonnegative=True, ideal=0, better="less", status="assumed", symbol=r"k_0",
        source="assumed: none, unless a preset states what was measured",
        doc="steps along the inner dimension in whose time a tile of a product is filled and stored",
    )  # fmt: skip
    product_rows: Quantity = parameter(
        64, "1", low=16, high=128, integer=True, status="standard", symbol=r"M_{mat}",
        source="wgmma of Hopper: 64 rows (PTX ISA); the smallest tile of rows that libraries use on Ampere too",
        doc="rows and columns of the smallest tile of a product; the largest has twice as many",
    )  # fmt: skip
    lone_tile: Quantity = parameter(
        0, "1", low=0, high=2, nonnegative=True, ideal=0, better="less", status="assumed", symbol=r"w_1",
        source="assumed: none, unless a preset states what was measured",
        doc="time of a product's one tile, which no other hides, over that at a core's peak",
    )  # fmt: skip
    padding: Quantity = parameter(
        0, "1", low=0, high=1, at_most=1, nonnegative=True, ideal=0, better="less", status="assumed", symbol=r"z_{pad}",
        source="assumed: none, unless a preset states otherwise: whole tiles take their time",
        doc="share of the work that rows and columns take which only fill up a tile",
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
    tile_element: Quantity = parameter(
        "18.6 ps", "s", low="15.8 ps", high="22.7 ps", nonnegative=True, ideal=0, better="less", status="measured",
        symbol=r"t_{el}",
        source="fit of 5000 rows of routed experts on H100 (SGLang 0.5.14): 54 B in a clock of the 64 that a core can "
        "take from the cache; A100: 19.7 ps; range: 15 % less and more than these",
        doc="time in which a core brings in one element of 16 bits of the tiles of experts' products",
    )  # fmt: skip
    attention_efficiency: Quantity = parameter(
        0.469, "1", low=0.37, high=0.65, at_most=1, ideal=1, better="more", status="measured", symbol=r"\eta_{att}",
        source="fit of 2006 decode and 1977 prefill attention kernels on H100 (FlashAttention 3) at p = infinity, "
        "causal FLOPs; range: 5th to 95th percentile of prefill above 1 TFLOP",
        doc="share of peak arithmetic that attention reaches",
    )  # fmt: skip
    attention_padding: Quantity = parameter(
        0, "1", low=0, high=1, at_most=1, nonnegative=True, ideal=0, better="less", status="assumed", symbol=r"z_{att}",
        source="assumed: none, unless a preset states otherwise: whole tiles take their time",
        doc="share of the work that rows take which only fill up a tile of queries",
    )  # fmt: skip
    attention_idle: Quantity = parameter(
        0, "1", low=0, high=1, at_most=1, nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"z_{idle}",
        source="assumed: none, unless a preset states otherwise: cores without a tile do nothing",
        doc="share of the time that cores wait for which there is no tile of queries",
    )  # fmt: skip
    attention_tail: Quantity = parameter(
        0, "1", low=0, high=1, at_most=1, nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"w_{tail}",
        source="assumed: none, unless a preset states otherwise",
        doc="share of the longest tile's time that cores wait for the last ones, where only contexts of heads that "
        "share keys are split; kernels that split any begin with the longest (hopper/tile_scheduler.hpp)",
    )  # fmt: skip
    attention_kernels: Quantity = parameter(
        1, "1", low=1, high=2, integer=True, ideal=1, better="less", status="assumed", symbol="n_{att}",
        source="assumed: all in one; FlashAttention 3 plans its tiles in a kernel of its own first "
        "(Dao-AILab/flash-attention, hopper/flash_prepare_scheduler.cu)",
        doc="kernels of one attention operator, apart from what splitting a context takes",
    )  # fmt: skip
    attention_split: str = option(
        "any", choices=("any", "grouped"),
        doc="contexts that kernels split over cores where a sequence has one query: all, or those of heads that share "
        "their keys, with one kernel more and copies of queries and results",
    )  # fmt: skip
    attention_parts: Quantity = parameter(
        128, "1", low=16, high=128, integer=True, ideal=128, better="more", status="assumed", symbol=r"n_{part}",
        source="assumed: as many as FlashAttention allows (csrc/flash_attn/flash_api.cpp, num_splits_heuristic)",
        doc="parts that a context is split into at most",
    )  # fmt: skip
    attention_combine: Quantity = parameter(
        "0 s", "s", low="0 s", high="6.5 us", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"t_{comb}",
        source="assumed: none, unless a preset states what was measured",
        doc="time to combine the results of a context that is split over cores",
    )  # fmt: skip
    query_tile: Quantity = parameter(
        64, "1", low=64, high=128, integer=True, status="standard", symbol=r"M_{att}",
        source="FlashAttention 2 on a paged cache: blocks of 64 rows (csrc/flash_attn/src/flash_fwd_launch_template.h, "
        "run_mha_fwd_splitkv_dispatch); 3: a group of four warps takes 64 (wgmma, PTX ISA), one to three a block",
        doc="rows of queries, of all heads that share a key, that are worked on together",
    )  # fmt: skip
    query_groups: Quantity = parameter(
        1, "1", low=1, high=3, integer=True, ideal=1, status="assumed", symbol=r"g_{att}",
        source="assumed: one, as in FlashAttention 2 on a paged cache, whose blocks have 64 rows "
        "(flash_fwd_launch_template.h); 3 has two, 128 rows, for heads of 128 (hopper/tile_size.h)",
        doc="groups of query_tile rows that a tile has at most",
    )  # fmt: skip
    key_tile: Quantity = parameter(
        128, "1", low=64, high=256, integer=True, status="standard", symbol=r"N_{att}",
        source="FlashAttention 2 on a paged cache: blocks of 128 keys for heads of 128 (flash_fwd_launch_template.h); "
        "3: 128 (hopper/tile_size.h)",
        doc="keys that are worked on together; a context that has no more is not split",
    )  # fmt: skip
    attention_tile: Quantity = parameter(
        "0 s", "s", low="0 s", high="3.05 us", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"t_{tile}",
        source="assumed: none, unless a preset states what was measured",
        doc="time a multiprocessor spends on a tile of query_tile rows beside its work: first keys, last results",
    )  # fmt: skip
    streaming_efficiency: Quantity = parameter(
        0.819, "1", low=0.65, high=0.94, at_most=1, ideal=1, better="more", status="measured", symbol=r"\eta_{str}",
        source="fit of 4500 bf16 products on H100 at p = infinity; the 181 memory-bound ones above 400 MB: median "
        "0.84, and decode attention above 1 GB: 0.90",
        doc="share of peak memory bandwidth that kernels reach; replaces the memory's own efficiency",
    )  # fmt: skip
    attention_streaming: Quantity = parameter(
        None, "1", low=0.606, high=1, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{kv}",
        source="absent: as streaming_efficiency; presets state what was measured",
        doc="share of peak memory bandwidth at which attention reads, with enough blocks under way",
    )  # fmt: skip
    expert_streaming: Quantity = parameter(
        None, "1", low=0.748, high=1, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{exp,str}",
        source="absent: as streaming_efficiency; presets state what was measured",
        doc="share of peak memory bandwidth at which the weights of routed experts are read",
    )  # fmt: skip
    pointwise_streaming: Quantity = parameter(
        None, "1", low=0.437, high=0.591, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{pt}",
        source="absent: as streaming_efficiency; presets state what was measured",
        doc="share of peak memory bandwidth that element-wise operators and conversions reach",
    )  # fmt: skip
    norm_streaming: Quantity = parameter(
        None, "1", low=0.304, high=0.411, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{nrm}",
        source="absent: as streaming_efficiency; presets state what was measured",
        doc="share of peak memory bandwidth that norms reach",
    )  # fmt: skip
    lookup_streaming: Quantity = parameter(
        None, "1", low=0.129, high=0.175, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{emb}",
        source="absent: as streaming_efficiency; presets state what was measured",
        doc="share of peak memory bandwidth that look-ups of rows reach",
    )  # fmt: skip
    cache_share: Quantity = parameter(
        0.5, "1", low=0.25, high=1, at_most=1, better="more", status="measured", symbol=r"\phi_{L2}",
        source="fits of decode attention and of 16-bit products, whose operands come from 6 copies in turn, on H100: "
        "0.65 and 0.46; half, since the cache's two partitions may both hold a line",
        doc="share of the cache that holds data until they return",
    )  # fmt: skip
    cache_rate: Quantity = parameter(
        "24 B", "B", low="12 B", high="64 B", better="more", status="measured", symbol=r"w_{L2}",
        source="the same fits: 0.33 to 0.40 of the 64 B that a core can take in a clock",
        doc="bytes that each core takes from the cache in a clock, all cores at work",
    )  # fmt: skip
    cache_latency: Quantity = parameter(
        "3.38 us", "s", low="2.6 us", high="3.88 us", nonnegative=True, ideal=0, better="less", status="measured",
        symbol=r"t_{slot}",
        source="fit of 4000 prefill and 4000 decode rows on H100 (vLLM 0.24.0, FlashAttention 3); A100: 3.06 us; "
        "range: 15 % less and more than these",
        doc="time that a block of threads takes to write a token's keys and values to the cache",
    )  # fmt: skip
    cache_block: Quantity = parameter(
        512, "1", low=256, high=1024, integer=True, status="standard", symbol=r"n_{blk}",
        source="vLLM, csrc/cache_kernels.cu, reshape_and_cache_flash: a block for each token, of a thread for each "
        "element of its keys, 512 at most",
        doc="most threads of the block that writes a token to the cache",
    )  # fmt: skip
    threads: Quantity = parameter(
        2048, "1", low=1024, high=2048, integer=True, status="standard", symbol=r"n_{thr}",
        source="CUDA C++ programming guide, compute capability 8.0, 9.0 and 10.0; 1536 of 8.9 and 12.0",
        doc="threads that a multiprocessor holds at once",
    )  # fmt: skip
    multiprocessors: Quantity = parameter(
        132, "1", low=20, high=304, integer=True, status="standard", symbol=r"n_{SM}",
        source="H100 SXM data sheet: 132 streaming multiprocessors",
        doc="cores that tiles are handed to: streaming multiprocessors, compute units, Xe cores",
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

    @quantity("1")
    def slowness(self) -> Quantity:
        """Fixed times at the own clock over those stated."""
        return self.timed_at / self.clock

    @quantity("1")
    def lone_entries(self) -> Quantity:
        """Entries of a result that all cores would compute while one computes its smallest tile."""
        return self.lone_tile * self.product_rows**2 * self.multiprocessors

    @quantity("1")
    def largest_tile(self) -> Quantity:
        """Rows of the largest tile of queries."""
        return self.query_groups * self.query_tile

    @quantity("s")
    def tile_time(self) -> Quantity:
        """Time of a tile of queries beside its work, in proportion to the keys and queries that it first brings in."""
        whole = self.key_tile + self.largest_tile
        return self.attention_tile * self.slowness * whole / (self.key_tile + self.query_tile)

    @quantity("B/s")
    def cache_bandwidth(self) -> Quantity:
        """Rate at which all cores together read from the cache."""
        return self.multiprocessors * self.cache_rate * self.clock

    def effort(self, operator: OperatorLike) -> Effort:
        """Return arithmetic at the efficiency of the operator's kind, and the launches of its kernels."""
        kind = operator.kind
        if kind == "conversion":  # launched by the operator it belongs to
            return Effort({}, {})
        if kind in ("norm", "elementwise", "embedding", "cache"):
            times = {"vector": operator.flops / self.peak_vector} if counted(operator) else {}
            if "cached" in operator.dims:
                times["threads"] = self._cache_write(operator.dims["tokens"], operator.dims["cached"])
            return Effort(times, {"launch": self._pointwise_launch * self.slowness})
        if kind == "attention":
            return self._attention(operator)
        return self._experts(operator) if kind == "moe_matmul" else self._product(operator)

    def _cache_write(self, tokens: Quantity, width: Quantity) -> Quantity:
        """Return the time of a block of threads for each token, one of them to an element of its keys."""
        blocks = tokens * Min(self.cache_block, width) / (self.multiprocessors * self.threads)
        return blocks * self.cache_latency * self.slowness

    def _product(self, operator: OperatorLike) -> Effort:
        """Return whole tiles, and what of the inner loop nothing hides."""
        overheads = {"launch": self.launch * self.slowness}
        converted = self._converts(operator)
        if converted:
            overheads["conversion"] = self.conversion * self.slowness
        if not counted(operator):
            return Effort({}, overheads)
        peak = self.peak(operator.dtype)
        efficiency = self.converted_efficiency if converted else self.matrix_efficiency
        dims = operator.dims
        if not {"m", "n", "k"} <= dims.keys():
            return Effort({"arithmetic": operator.flops / (efficiency * peak)}, overheads)
        m, n, k = dims["m"], dims["n"], dims["k"]
        rows, columns = product_tile(m, self.product_rows)
        each = operator.flops / (m * n * k) * (k + self.ramp)  # FLOPs of one entry of the result
        filled = m * n + self.padding * (padded(m, rows) * padded(n, columns) - m * n)
        arithmetic = each * filled / (efficiency * peak)
        if converted:
            arithmetic = Max(arithmetic, self.lone_tile * each * (rows * columns) * self.multiprocessors / peak)
        else:
            alone = operator.flops / (m * n) * self.lone_entries / peak
            overheads["loop"] = Min(alone, self.split * self.slowness)
        return Effort({"arithmetic": arithmetic} | self._cached(operator), overheads)

    def _experts(self, operator: OperatorLike) -> Effort:
        """Return the tiles of routed experts, which bring their operands in from the cache and compute in turn."""
        launch = self.launch if self.expert_launch is None else self.expert_launch
        overheads = {"launch": launch * self.slowness}
        if not counted(operator):
            return Effort({}, overheads)
        dims, rate = operator.dims, self.matrix_efficiency * self.peak(operator.dtype)
        if not {"m", "n", "k", "experts"} <= dims.keys():
            return Effort({"arithmetic": operator.flops / rate}, overheads)
        m, n, experts = dims["m"], dims["n"], dims["experts"]
        wide = self.element(operator.dtype) / WIDE
        rows, columns = expert_tile(m / experts, self.product_rows)
        columns = columns / wide
        height = expert_rows(m, experts, dims.get("each"), rows)
        filled = (m + self.padding * (height - m)) * (n + self.padding * (padded(n, columns) - n))
        brought = filled * (1 / rows + 1 / columns) * dims["k"] * wide
        compute = operator.flops / (m * n) * filled / rate
        bring = brought * self.tile_element * self.slowness / self.multiprocessors
        return Effort({"arithmetic": compute + bring}, overheads)

    def _converts(self, operator: OperatorLike) -> bool:
        return self.arithmetic(operator.dtype) not in ("fp32", "bf16")

    def _attention(self, operator: OperatorLike) -> Effort:
        """Return the tiles of queries, spread over the multiprocessors, and what nothing hides."""
        launch = self.attention_launch * self.slowness
        overheads = {"launch": self.attention_kernels * launch}
        if not counted(operator):
            return Effort({}, overheads)
        rate = self.attention_efficiency * self.peak(operator.dtype)
        dims, work = operator.dims, operator.flops
        if not {"batch", "queries", "context", "heads", "kv_heads"} <= dims.keys():
            return Effort({"arithmetic": work / rate} | self._cached(operator), overheads)
        rows = dims["queries"] * dims["heads"] / dims["kv_heads"]
        tile = Min(self.largest_tile, padded(rows, self.query_tile))
        blocks = ceil(rows / tile)
        work = work * (1 + self.attention_padding * (padded(rows, tile) / rows - 1))
        tiles = dims["batch"] * dims["kv_heads"] * blocks
        started = tiles * self.tile_time / self.multiprocessors

        alone = Max(0, 2 - dims["queries"])
        several = Min(1, ceil(dims["context"] / self.key_tile) - 1)
        cores = self.multiprocessors / tiles  # to a tile
        if self.attention_split == "grouped":
            split = divided = alone * Min(1, dims["heads"] / dims["kv_heads"] - 1)
            tail = self.attention_tail * cores * (1 - split)
            overheads["launch"] = overheads["launch"] + split * launch
            copies = 2 * split * Min(1, dims["kv_heads"] - 1)  # one head of keys has its queries in order
            overheads["regroup"] = copies * self._pointwise_launch * self.slowness
        else:
            split, divided, tail = Max(alone, 2 - blocks), several, 0
        overheads["combine"] = self.attention_combine * self.slowness * split * several
        few = Max(Min(cores, 1 + cores * (1 - divided)), cores / self.attention_parts)

        def waiting(longest: Quantity) -> Quantity:
            """Return the time until all cores are done over that of even work, the longest tile that of the mean."""
            return 1 + self.attention_idle * (Max(1 + tail * longest, few * longest) - 1)

        times = {"arithmetic": work / rate * waiting(self._longest(dims, tile))} | self._cached(operator)
        return Effort(times, overheads, {"arithmetic": started * waiting(1)})

    def _longest(self, dims: Mapping[str, Quantity], tile: Quantity) -> Quantity:
        """Return how many keys the last tile's queries meet over those that all do on average."""
        if "mean_context" not in dims:
            return 1
        own = Min(dims["queries"], tile * dims["kv_heads"] / dims["heads"])
        return (dims["context"] - (own - 1) / 2) / dims["mean_context"]

    @property
    def _pointwise_launch(self) -> Quantity:
        return self.launch if self.vector_launch is None else self.vector_launch

    def _cached(self, operator: OperatorLike) -> dict[str, Quantity]:
        """Return the time of what comes from the cache, where it is known how many bytes pass before data return."""
        touched, missed = operator.dims.get("touched"), self._missed(operator)
        if touched is None or missed is None:
            return {}
        return {"cache": (1 - missed) * touched / self.cache_bandwidth}

    def _missed(self, operator: OperatorLike) -> Quantity | None:
        """Return the share of bytes that the cache no longer holds, None where nothing returns."""
        between = operator.dims.get("between")
        if between is None:
            return None
        return Max(LEAST_MISSED, Min(1, between / (self.cache_share * self.on_chip_memory) - 1))

    def streaming(self, memory: str, operator: OperatorLike) -> Quantity | None:
        """Return the share of the bandwidth by kind of operator."""
        if memory != self.streaming_memory:
            return None
        own = {
            "attention": self.attention_streaming,
            "cache": self.attention_streaming,
            "moe_matmul": self.expert_streaming,
            "elementwise": self.pointwise_streaming,
            "conversion": self.pointwise_streaming,
            "norm": self.norm_streaming,
            "embedding": self.lookup_streaming,
        }.get(operator.kind)
        share = self.streaming_efficiency if own is None else own
        missed = self._missed(operator)
        return share if missed is None or share is None else share / missed


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [GPU]
