"""What hardware costs to own and run: the numbers that no component states.

    recovery = r / (T (1 - (1 + r)^(-n/T)))           the yearly share that pays a price and its interest back in n
    money    = prices (1 + hosts + network) (recovery + maintenance) + provisioned power x facility cost x its recovery
               + energy x hosts' power x PUE x price of electricity
    carbon   = energy x hosts' power x PUE x carbon of the grid + making / life

A memory that wears out before `life` is bought anew each time it does: n is then its own lifetime, in its recovery as
in its share of the carbon of making.

Capital recovery as in any annuity; the sums as in Barroso, Hoelzle and Ranganathan, The Datacenter as a Computer (3rd
ed., chapter 6).
"""

from __future__ import annotations

from typing import ClassVar

from symarch.program import exp, log
from symarch.technologies.contracts import Technology
from symarch.technologies.declare import Quantity, parameter, quantity, technology


@technology
class Economy(Technology):
    """Prices, lives and shares that turn power, time and the prices of components into money and carbon."""

    name: ClassVar[str] = "economy"
    kind: ClassVar[str] = "economy"

    electricity: Quantity = parameter(
        "0.093 USD/kWh", "USD/J", low="0.072 USD/kWh", high="0.15 USD/kWh", better="less", status="measured",
        symbol=r"p_{el}",
        source="mean of industry in the USA, January 2026 (EIA); low: 2022's cheapest; high: assumed, Europe",
        doc="price of electricity",
    )  # fmt: skip
    pue: Quantity = parameter(
        1.1, "1", low=1.02, high=1.56, ideal=1, better="less", status="assumed", symbol=r"\mathrm{PUE}",
        source="assumed: a new hall with liquid cooling; 1.09: Google's fleet; high: the industry (Uptime)",
        doc="power of the whole site for each watt of its machines",
    )  # fmt: skip
    host_power: Quantity = parameter(
        1.5, "1", low=1.3, high=1.8, ideal=1, better="less", status="assumed", symbol=r"k_P",
        source="assumed: a DGX H100 takes up to 10.2 kW, its eight processors 5.6; a GB200 NVL72 132 kW, its 72 86.4",
        doc="power of machines, hosts and network included, for each watt of processors, memories and links",
    )  # fmt: skip
    host_cost: Quantity = parameter(
        0.11, "1", low=0.05, high=0.5, nonnegative=True, better="less", status="assumed", symbol=r"k_H",
        source="assumed: host processors 3 and storage 1.4 beside accelerators 39 of what a data centre costs "
        "(Bernstein, October 2025)",
        doc="price of hosts and storage beside each dollar of processors and memories",
    )  # fmt: skip
    network_cost: Quantity = parameter(
        0.33, "1", low=0.1, high=0.5, nonnegative=True, better="less", status="assumed", symbol=r"k_N",
        source="assumed: network 13 beside accelerators 39 of what a data centre costs (Bernstein, October 2025)",
        doc="price of networks that state none themselves, beside each dollar of processors and memories",
    )  # fmt: skip
    life: Quantity = parameter(
        "5 year", "s", low="3 year", high="6 year", better="more", status="assumed", symbol=r"n",
        source="assumed: books write machines off in 5 to 6 years, markets in 2 to 3",
        doc="time over which machines are paid off, and that they are used",
    )  # fmt: skip
    interest: Quantity = parameter(
        0.08, "1", low=0.05, high=0.13, better="less", status="assumed", symbol=r"r",
        source="assumed: a usual cost of capital", doc="interest on what is not paid off, for each period",
    )  # fmt: skip
    period: Quantity = parameter(
        "1 year", "s", status="standard", symbol=r"T", source="by convention", doc="how often interest is due",
    )  # fmt: skip
    maintenance: Quantity = parameter(
        "0.05 1/year", "1/s", low="0.02 1/year", high="0.08 1/year", nonnegative=True, better="less",
        status="assumed", symbol=r"m", source="assumed: repair and staff", doc="share of the price that upkeep takes",
    )  # fmt: skip
    facility_cost: Quantity = parameter(
        "19 USD/W", "USD/W", low="9 USD/W", high="30 USD/W", nonnegative=True, better="less", status="assumed",
        symbol=r"c_W",
        source="assumed from 2.5 million USD for a rack of 132 kW (Bernstein, October 2025); low: classic halls",
        doc="price of building, power and cooling for each watt of machines at their limit",
    )  # fmt: skip
    facility_life: Quantity = parameter(
        "15 year", "s", low="10 year", high="20 year", better="more", status="assumed", symbol=r"n_W",
        source="assumed: 12 to 20 years are usual", doc="time over which building, power and cooling are paid off",
    )  # fmt: skip
    utilisation: Quantity = parameter(
        0.6, "1", low=0.3, high=0.85, at_most=1, better="more", status="assumed", symbol=r"u",
        source="assumed: those who borrow need about 0.7 (aidatacenterguide.com)",
        doc="share of the time in which the system does the work asked about; else it idles",
    )  # fmt: skip
    grid_carbon: Quantity = parameter(
        "369 g/kWh", "kg/J", low="30 g/kWh", high="713 g/kWh", better="less", status="measured", symbol=r"c_{el}",
        source="mean of the USA in 2023; low: Norway; high: India (codecarbon, from Ember and Our World in Data)",
        doc="carbon dioxide equivalent of electricity, where the machines are",
    )  # fmt: skip

    @quantity("1/s")
    def recovery(self) -> Quantity:
        """Share of a price that is due each second to pay it and its interest off in the machines' life."""
        return self.recovery_in(self.life)

    @quantity("1/s")
    def facility_recovery(self) -> Quantity:
        """Share of a price that is due each second to pay it and its interest off in the building's life."""
        return self.recovery_in(self.facility_life)

    @quantity("1")
    def site_power(self) -> Quantity:
        """Power drawn from the grid for each watt of processors, memories and links."""
        return self.host_power * self.pue

    def recovery_in(self, life: Quantity) -> Quantity:
        """Return the share of a price that is due each second to pay it and its interest off in a time [1/s]."""
        return self.interest / (self.period * (1 - exp(-(life / self.period) * log(1 + self.interest))))
