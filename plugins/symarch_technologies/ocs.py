"""Optical circuit switch: mirrors that lead the light of one port to another; no packet is looked at.

    latency                   = phy_latency + fec_latency + distance * propagation        the mirrors add nothing
    amortised_reconfiguration = reconfiguration_time / steps_between
    software_latency          = endpoint_latency + amortised_reconfiguration              each step of a collective

Google's Palomar: 136 x 136 ports by micro-mirrors, below 2 dB, turned in milliseconds (Urata et al., "Mission Apollo",
arXiv 2208.10041); 48 of them join a TPU v4 pod of 4,096 chips at less than 5 % of its cost and 3 % of its power (Jouppi
et al., arXiv 2304.01433).
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, parameter, quantity, technology
from symarch_technologies._fibre import Fibre


@technology
class OpticalCircuitSwitch(Fibre):
    """Fibre through mirrors that join two ports until they are turned."""

    name: ClassVar[str] = "ocs"
    assumptions: ClassVar[tuple[str, ...]] = (
        "A circuit stands while it is used: the topology has to be one that circuits can form.",
        "Turning the mirrors stops every step, and its time is spread evenly over the steps until the next turn.",
        "The mirrors draw nothing worth modelling; the energy is that of the modules, with both directions busy.",
        "One hop is one pass through the switch, from port to port.",
    )

    links: Quantity = parameter(
        1, "1", low=1, high=6, integer=True, better="more", status="standard", symbol=r"n_{link}",
        source="one module an endpoint",
        doc="links of one endpoint",
    )  # fmt: skip
    lanes: Quantity = parameter(
        8, "1", low=4, high=8, integer=True, better="more", status="standard", symbol=r"n_{lane}",
        source="800G modules have eight lanes (IEEE 802.3); the mirrors pass any",
        doc="lanes of one link in one direction",
    )  # fmt: skip
    lane_rate: Quantity = parameter(
        "106.25 Gb/s", "B/s", low="53.125 Gb/s", high="212.5 Gb/s", better="more", status="standard",
        symbol=r"r_{lane}",
        source="IEEE 802.3: 106.25 and 212.5 Gb/s, nominal 100 and 200; the mirrors pass any",
        doc="rate that one lane signals at, coding included",
    )  # fmt: skip
    phy_latency: Quantity = parameter(
        "60 ns", "s", low="20 ns", high="150 ns", better="less", status="assumed", symbol=r"t_{phy}",
        source="assumed as for optics: up to 20 ns for each retimed interface, the ports' own and one in each of two "
        "modules",
        doc="latency of the circuits at both ends: controllers and SerDes",
    )  # fmt: skip
    distance: Quantity = parameter(
        "60 m", "m", low="10 m", high="500 m", better="less", status="assumed", symbol=r"\ell",
        source="assumed: 30 m of fibre to the switch and from it",
        doc="length of the wire or fibre of one hop",
    )  # fmt: skip
    endpoint_latency: Quantity = parameter(
        "0.895 us", "s", low="0.5 us", high="5 us", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"\alpha",
        source="assumed as for ici: about 1 us a hop with its dispatch (jax-ml/scaling-book, sharding.md), less the "
        "hop",
        doc="time an endpoint's software adds to each step, apart from the mirrors",
    )  # fmt: skip
    reconfiguration_time: Quantity = parameter(
        "1.2 ms", "s", low="1 ms", high="10 s", better="less", status="measured", symbol=r"T_{rec}",
        source="median of Palomar's switching (arXiv 2208.10041 as summarised at emergentmind.com); high: to slice a "
        "torus anew takes about 10 s in all (glennklockwood.com, TPU v4)",
        doc="time to turn the mirrors, in which no bit passes",
    )  # fmt: skip
    steps_between: Quantity = parameter(
        1000000000.0, "1", low=1, high=1000000000000.0, better="more", status="assumed", symbol=r"n_{step}",
        source="assumed: circuits are set once for a job; 1e9 steps are hours of decoding; low: turned for every step",
        doc="steps of collectives between two turns of the mirrors",
    )  # fmt: skip
    energy: Quantity = parameter(
        "18.75 pJ/bit", "J/B", low="5.6 pJ/bit", high="21.25 pJ/bit", better="less", status="assumed",
        symbol=r"e_{hop}",
        source="assumed: 800G modules with a signal processor at both ends, 15 W each (axiomupgrades.com); modules "
        "for a loss of 2 dB more may draw more",
        doc="energy to move one byte over one hop",
    )  # fmt: skip
    reach: Quantity = parameter(
        None, "m", better="more", status="assumed", symbol=r"\ell_{max}",
        source="absent: it is that of the modules",
        doc="distance it spans",
    )  # fmt: skip
    cost: Quantity = parameter(
        None, "USD", better="less", status="assumed", symbol=r"\kappa",
        source="absent: below 5 % of the cost of a TPU v4 pod (arXiv 2304.01433), no price is public",
        doc="price per endpoint",
    )  # fmt: skip

    @quantity("s")
    def amortised_reconfiguration(self) -> Quantity:
        """Time to turn the mirrors, spread over the steps until the next time."""
        return self.reconfiguration_time / self.steps_between

    @quantity("s")
    def software_latency(self) -> Quantity:
        """Time that the endpoint and the mirrors add to each step."""
        return self.endpoint_latency + self.amortised_reconfiguration


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [OpticalCircuitSwitch]
