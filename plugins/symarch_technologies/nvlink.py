"""NVLink: the scale-up network of NVIDIA GPUs, its links and what a library adds to each step of a collective.

    bandwidth = links * lanes * lane_rate                     per direction
    step      = slow * (software_latency + peers * peer_latency) + (hops + handshake_hops) * latency
                + bytes / (efficiency * bandwidth)
    slow      = timed_at / clock                              a library's kernels run at the clock of the GPUs
                or channel_timed_at / channel_rate            or, where stated, as fast as one channel moves data
    bulk      = slow * start_latency + channel_slot / channel_rate      until a large message flows
    own part  = copying * bytes / bandwidth                   what stays on a GPU is copied by the same kernel

NVIDIA quotes the sum of both directions: 600, 900 and 1800 GB/s for NVLink 3, 4 and 5 are 300, 450 and 900 here.

From GPU to GPU a message takes 0.6 us, which no clock shortens. vLLM's custom all-reduce crosses four times a step: a
barrier, the request of a read, its data, a barrier. These 2.4 us are alike on A100 and H100, and what is left of a
small all-reduce is in proportion to 1 / clock within 3 %.

NCCL's kernels are loops over memory and link, as many bytes under way in every generation: 640 threads of 64 bytes in
its protocol LL128, 40 KB. A channel, one core, therefore moves as much as its loop is fast: NCCL states 20 GB/s on
Ampere, which is a loop of 1.9 us, the latency that it states as well, and 36.7 on Hopper. The times NCCL takes to start
are in that proportion (1.84; measured 1.77), and not in that of the clocks (1.40). What a large message takes more
until it flows is one slot of a channel's buffer at the channel's rate: fitted on A100 and on H100 alone it is 487 KB on
each. NCCL itself plans its trees so: "base lat + 256k/12GB/s" (src/graph/tuning.cc).

The efficiency is measured as a whole: it holds coding, packets (a header of 16 B to 256 B of payload leaves 0.941 in
LLMCompass, PrincetonUniversity/LLMCompass, interconnect.py) and kernels, whose shares are not public.
"""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from symarch import Interconnect, Quantity, Usage, hookimpl, parameter, quantity, technology


@technology
class NVLink(Interconnect):
    """Point-to-point links of a GPU into a switch, ganged to one port."""

    name: ClassVar[str] = "nvlink"
    assumptions: ClassVar[tuple[str, ...]] = (
        "All links of a GPU carry equal shares of a transfer.",
        "The software latency was measured with the library's kernel in a CUDA graph and holds that kernel's launch.",
        "What the wire takes of a step's handshakes counts with its software.",
        "The reduction's arithmetic hides behind the transfer; switches reduce where the topology says so.",
        "The efficiency is one number for all message sizes and collectives.",
    )

    links: Quantity = parameter(
        18, "1", low=12, high=18, integer=True, better="more", status="standard", symbol=r"n_{link}",
        source="NVLink 4 and 5: 18 links a GPU; NVLink 3: 12 (glennklockwood.com/garden/NVLink)",
        doc="links of one GPU",
    )  # fmt: skip
    lanes: Quantity = parameter(
        2, "1", low=2, high=4, integer=True, better="more", status="standard", symbol=r"n_{lane}",
        source="NVLink 4 and 5: 2 lanes a direction; NVLink 3: 4 (NVIDIA architecture white papers)",
        doc="lanes of one link in one direction",
    )  # fmt: skip
    lane_rate: Quantity = parameter(
        "100 Gb/s", "B/s", low="50 Gb/s", high="200 Gb/s", better="more", status="standard", symbol=r"r_{lane}",
        source="NVLink 3: 50 Gb/s, NVLink 4: 100, NVLink 5: 200 (NVIDIA architecture white papers)",
        doc="data rate of one lane",
    )  # fmt: skip
    efficiency: Quantity = parameter(
        0.665, "1", low=0.54, high=0.82, at_most=1, ideal=1, better="more", status="measured", symbol=r"\eta_{net}",
        source="aiconfigurator-core 0.12.0, h100_sxm, vLLM 0.24.0 custom all-reduce in graphs, 2 and 4 GPUs, 46 rows "
        "of 256 B to 1 GiB: least mean relative error (6.7 %) with the latencies below; high: NCCL's planning "
        "constant 20.6 of 25 GB/s a link (src/graph/topo.h)",
        doc="share of the peak that packets, protocol and the library's kernel leave",
    )  # fmt: skip
    latency: Quantity = parameter(
        "0.3 us", "s", low="0.1 us", high="0.35 us", better="less", status="standard", symbol=r"t_{hop}",
        source="NCCL, src/graph/tuning.cc: 0.6 us from GPU to GPU through a switch, which is two hops; a fit to "
        "vLLM's custom all-reduce on A100 and H100 gives 0.304; low: a switch alone; high: A100 with NCCL",
        doc="latency of one hop: half a switch, SerDes, wire, and the access to the other GPU's memory",
    )  # fmt: skip
    handshake_hops: Quantity = parameter(
        0, "1", low=0, high=6, nonnegative=True, ideal=0, better="less", status="standard", symbol=r"n_{hand}",
        source="none: they are in the software latency, unless a preset takes them out; NCCL writes data with a flag "
        "in each line (src/include/device.h)",
        doc="hops that a step of a collective crosses in turn besides those of its data",
    )  # fmt: skip
    software_latency: Quantity = parameter(
        "3.73 us", "s", low="0 s", high="5 us", nonnegative=True, ideal=0, better="less", status="measured",
        symbol=r"\alpha",
        source="H100, vLLM 0.24.0 custom all-reduce in graphs, 2 and 4 GPUs: 1.93 us, and 1.8 us for six hops of "
        "handshakes; low: presets that state these apart, less than which SGLang 0.5.14 takes",
        doc="time an endpoint's software adds to each step of a collective",
    )  # fmt: skip
    peer_latency: Quantity = parameter(
        "0.123 us", "s", low="0 s", high="0.33 us", nonnegative=True, ideal=0, better="less", status="measured",
        symbol=r"h",
        source="H100, vLLM 0.24.0 custom all-reduce in graphs, 2 and 4 GPUs; range: other libraries; NCCL addresses "
        "one peer at a time",
        doc="time each further peer adds to a step that addresses several",
    )  # fmt: skip
    clock: Quantity = parameter(
        "1.98 GHz", "Hz", low="1.2 GHz", high="3 GHz", better="more", status="standard", symbol=r"f",
        source="H100 SXM: highest clock of its streaming multiprocessors",
        doc="highest clock of the GPUs, whose cores run the library's kernels",
    )  # fmt: skip
    timed_at: Quantity = parameter(
        "1.98 GHz", "Hz", low="1.2 GHz", high="3 GHz", status="standard", symbol=r"f_0",
        source="H100 SXM, on which the times of the defaults were measured",
        doc="clock that the software's times are stated at; at the own clock they are in proportion",
    )  # fmt: skip
    channel_rate: Quantity = parameter(
        None, "B/s", low="20 GB/s", high="73.4 GB/s", better="more", status="standard", symbol=r"r_{ch}",
        source="absent: the software's times go with the clock; the presets of NCCL state what it plans with",
        doc="rate at which one channel of NCCL, a core, moves data; its software's times are in proportion to 1 / rate",
    )  # fmt: skip
    channel_timed_at: Quantity = parameter(
        "36.7 GB/s", "B/s", low="20 GB/s", high="73.4 GB/s", status="standard", symbol=r"r_{ch,0}",
        source="H100, on which NCCL's times were measured: NCCL, src/graph/tuning.cc, LL128 within a server on Hopper",
        doc="rate of a channel that the software's times are stated at, where the link has one",
    )  # fmt: skip
    channel_slot: Quantity = parameter(
        None, "B", low="256 KiB", high="1 MiB", nonnegative=True, ideal=0, better="less", status="standard",
        symbol=r"b_{slot}",
        source="absent: one protocol for all sizes; the presets of NCCL state a step of its buffers",
        doc="bytes that a channel moves before a large message flows",
    )  # fmt: skip
    start_latency: Quantity = parameter(
        None, "s", low="0 s", high="15 us", nonnegative=True, ideal=0, better="less", status="measured",
        symbol=r"t_{start}",
        source="absent: what a kernel of a custom all-reduce takes to start is in the software latency of its step; "
        "the presets of NCCL state it",
        doc="time the library takes to start a collective",
    )  # fmt: skip
    bulk_efficiency: Quantity = parameter(
        None, "1", low=0.5, high=0.82, at_most=1, ideal=1, better="more", status="measured", symbol=r"\eta_{bulk}",
        source="absent: one protocol for all sizes, unless a preset states another",
        doc="share of the peak that the protocol for large messages leaves, which has no flags between the data",
    )  # fmt: skip
    copying: Quantity = parameter(
        None, "1", low=0.2, high=0.7, nonnegative=True, ideal=0, better="less", status="measured",
        symbol=r"\kappa_{own}",
        source="absent: a custom all-reduce reads its own part where it lies; the presets of NCCL state it",
        doc="time to copy the part of a tensor that stays on a GPU, over that of sending it at the peak",
    )  # fmt: skip
    reduction_efficiency: Quantity = parameter(
        None, "1", low=0.5, high=0.7, at_most=1, ideal=1, better="more", status="measured", symbol=r"\eta_{sw}",
        source="absent: one protocol for all algorithms, unless a preset states what NVLink SHARP reaches",
        doc="share of the peak left for all-reduces that the switches do, which have a protocol of their own",
    )  # fmt: skip
    reduction_latency: Quantity = parameter(
        None, "s", low="15 us", high="30 us", nonnegative=True, ideal=0, better="less", status="measured",
        symbol=r"t_{sw}",
        source="absent: one protocol for all algorithms, unless a preset states what NVLink SHARP takes",
        doc="time the library takes to start an all-reduce that the switches do",
    )  # fmt: skip
    energy: Quantity = parameter(
        "5.5 pJ/bit", "J/B", low="1.3 pJ/bit", high="10 pJ/bit", better="less", status="assumed", symbol=r"e_{hop}",
        source="a 112G-class SerDes link, as NVIDIA compares NVLink-C2C with (5.5 against 1.3 pJ/bit); the energy of "
        "NVLink itself and of the switch core are not public; high: PCIe-class SerDes",
        doc="energy to move one byte over one hop; a path through a switch has two",
    )  # fmt: skip
    reach: Quantity = parameter(
        None, "m", better="more", status="assumed", symbol=r"\ell_{max}",
        source="absent: the 5,184 copper cables of an NVL72 stay in the rack; no reach is stated",
        doc="distance it spans",
    )  # fmt: skip
    cost: Quantity = parameter(
        None, "USD", better="less", status="assumed", symbol=r"\kappa",
        source="absent: the price of an NVSwitch is not public",
        doc="price per endpoint",
    )  # fmt: skip

    @quantity("B/s")
    def bandwidth(self) -> Quantity:
        """Peak bandwidth of one GPU per direction."""
        return self.links * self.lanes * self.lane_rate

    def protocols(self) -> tuple[Usage, ...]:
        """Return the link in the protocol for short messages and, where stated, in those for large ones and switches.

        Times of the library's kernels are those at the own clock, or at the own rate of a channel.
        """
        link: Any = self  # a type checker does not know that it is an attrs class
        slow = self.timed_at / self.clock
        if self.channel_rate is not None:
            slow = self.channel_timed_at / self.channel_rate
        start = None if self.start_latency is None else self.start_latency * slow
        short = attrs.evolve(
            link,
            copying=None,
            software_latency=self.software_latency * slow + self.handshake_hops * self.latency,
            peer_latency=self.peer_latency * slow,
            start_latency=start,
        )
        found = [Usage(short)]
        slot, rate = self.channel_slot, self.channel_rate
        if self.bulk_efficiency is not None and start is not None and slot is not None and rate is not None:
            late = start + slot / rate
            bulk = attrs.evolve(short, copying=self.copying, efficiency=self.bulk_efficiency, start_latency=late)
            found.append(Usage(bulk))
        if self.reduction_efficiency is not None and self.reduction_latency is not None:
            late = self.reduction_latency * slow
            found.append(
                Usage(attrs.evolve(short, efficiency=self.reduction_efficiency, start_latency=late), "in_network")
            )
        return tuple(found)


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [NVLink]
