"""UCIe: die-to-die links inside a package, made of modules of parallel lanes with a forwarded clock.

    bandwidth      = modules * lanes * lane_rate              per direction
    shoreline      = modules * module_edge                    of the die's edge
    edge_bandwidth = bandwidth / shoreline                    per direction; area_bandwidth likewise

Lanes, rates, energy and latency: Das Sharma et al., arXiv 2510.06513, Table 1, and their Hot Interconnects 2025 talk
(UCIe 1.0 for standard and advanced packages, UCIe 2.0 for hybrid bonding). Flit overhead: UCIe 1.0, 64 of 68 bytes.
UCIe counts both directions in the bandwidth of an edge or area: 224 and 1,317 GB/s a mm are twice what is here.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Interconnect, Quantity, hookimpl, parameter, quantity, technology


@technology
class UCIe(Interconnect):
    """Modules of a die-to-die link; reach is millimetres, so wires add nothing to latency and energy."""

    name: ClassVar[str] = "ucie"
    assumptions: ClassVar[tuple[str, ...]] = (
        "Modules work in parallel and each is filled evenly.",
        "The shoreline suffices for the modules asked for.",
        "Power gates between transfers: an idle link draws nothing worth modelling.",
        "Hardware drives the link; no software latency is modelled.",
    )

    modules: Quantity = parameter(
        16, "1", low=1, high=256, integer=True, better="more", status="assumed", symbol=r"n_{mod}",
        source="the OCP HBF base die specification 0.7.0 has 16 host channels a stack, one x64 module each (inferred "
        "from its bandwidth grades)",
        doc="modules side by side",
    )  # fmt: skip
    lanes: Quantity = parameter(
        64, "1", low=16, high=80, integer=True, better="more", status="standard", symbol=r"n_{lane}",
        source="UCIe 1.0: x16 in a standard package, x64 in an advanced one; UCIe 2.0: x80 hybrid bonded (arXiv "
        "2510.06513)",
        doc="data lanes of one module in one direction",
    )  # fmt: skip
    lane_rate: Quantity = parameter(
        "16 Gb/s", "B/s", low="1 Gb/s", high="32 Gb/s", better="more", status="standard", symbol=r"r_{lane}",
        source="UCIe 1.0: 4 to 32 GT/s (64 in UCIe 3.0); UCIe 2.0 hybrid bonded: up to 4 (arXiv 2510.06513)",
        doc="data rate of one lane",
    )  # fmt: skip
    efficiency: Quantity = parameter(
        0.941, "1", low=0.75, high=1, at_most=1, ideal=1, better="more", status="standard", symbol=r"\eta_{flit}",
        source="UCIe 1.0 68-byte flits carry 64 bytes; 256-byte flits 98 %, raw mode all; low: the user bandwidth of "
        "OCP HBF grade 2, 1.536 of 2.048 TB/s",
        doc="share of the lanes' rate that headers and check sums leave",
    )  # fmt: skip
    latency: Quantity = parameter(
        "1 ns", "s", low="0.25 ns", high="2 ns", better="less", status="announced", symbol=r"t_{hop}",
        source="about 2 ns round trip through both adapters and PHYs, less than 1 ns hybrid bonded (arXiv 2510.06513, "
        "Table 1)",
        doc="latency of one crossing",
    )  # fmt: skip
    energy: Quantity = parameter(
        "0.25 pJ/bit", "J/B", low="0.01 pJ/bit", high="1.2 pJ/bit", better="less", status="announced",
        symbol=r"e_{hop}",
        source="advanced package up to 16 GT/s 0.25 pJ/bit, above 0.3; standard 0.5 and 0.6; hybrid bonded 0.05 to "
        "0.01 (arXiv 2510.06513, Table 1); 0.6 measured at 32 GT/s on silicon",
        doc="energy to move one byte across",
    )  # fmt: skip
    module_edge: Quantity = parameter(
        None, "m", better="less", status="standard", symbol=r"w_{mod}",
        source="absent: it depends on the package; UCIe 1.0 has 571.5 um for x16 and 388.8 um for x64",
        doc="edge of the die that one module occupies, both directions",
    )  # fmt: skip
    module_area: Quantity = parameter(
        None, "m^2", better="less", status="assumed", symbol=r"A_{mod}",
        source="absent: it depends on package and pitch",
        doc="area of the die that one module occupies, both directions",
    )  # fmt: skip
    reach: Quantity = parameter(
        None, "m", better="more", status="standard", symbol=r"\ell_{max}",
        source="absent: it depends on the package; UCIe 1.0 has 25 mm in a standard and 2 mm in an advanced one",
        doc="distance it spans",
    )  # fmt: skip
    cost: Quantity = parameter(
        None, "USD", better="less", status="assumed", symbol=r"\kappa",
        source="absent: it is part of the dies and their package",
        doc="price per endpoint",
    )  # fmt: skip

    @quantity("B/s")
    def bandwidth(self) -> Quantity:
        """Peak bandwidth of all modules per direction."""
        return self.modules * self.lanes * self.lane_rate

    @quantity("m")
    def shoreline(self) -> Quantity:
        """Edge of the die that all modules occupy."""
        return None if self.module_edge is None else self.modules * self.module_edge

    @quantity("m^2")
    def area(self) -> Quantity:
        """Area of the die that all modules occupy."""
        return None if self.module_area is None else self.modules * self.module_area

    @quantity("B/s/m")
    def edge_bandwidth(self) -> Quantity:
        """Rate of a unit of edge per direction."""
        return None if self.module_edge is None else self.bandwidth / self.shoreline

    @quantity("B/s/m^2")
    def area_bandwidth(self) -> Quantity:
        """Rate of a unit of area per direction."""
        return None if self.module_area is None else self.bandwidth / self.area


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [UCIe]
