"""Technologies: frozen attrs classes whose fields are parameters and whose properties are expressions in them.

Built with numbers an instance holds values, built with symbols it holds formulas; the same class serves both. This
package holds the declarations (`parameter`, `option`, `quantity`, `technology`), the contracts of the four kinds and
the dimension check.
"""

from symarch.technologies.check import check_dimensions, probe_operators, surroundings
from symarch.technologies.contracts import (
    Effort,
    Interconnect,
    Limit,
    Memory,
    OperatorLike,
    Processor,
    Technology,
    Usage,
)
from symarch.technologies.datatypes import DATA_TYPES, DataType, data_type, widest
from symarch.technologies.declare import (
    Option,
    Parameter,
    Quantity,
    contract,
    option,
    options_of,
    parameter,
    parameters_of,
    quantities_of,
    quantity,
    technology,
)
from symarch.technologies.economy import Economy
from symarch.technologies.runtime import Runtime
from symarch.technologies.supply import Supply
from symarch.technologies.topology import (
    COLLECTIVES,
    Call,
    CollectiveAlgorithm,
    Pattern,
    Schedule,
    Topology,
    Traffic,
)

__all__ = [
    "COLLECTIVES",
    "DATA_TYPES",
    "Call",
    "CollectiveAlgorithm",
    "DataType",
    "Economy",
    "Effort",
    "Interconnect",
    "Limit",
    "Memory",
    "OperatorLike",
    "Option",
    "Parameter",
    "Pattern",
    "Processor",
    "Quantity",
    "Runtime",
    "Schedule",
    "Supply",
    "Technology",
    "Topology",
    "Traffic",
    "Usage",
    "check_dimensions",
    "contract",
    "data_type",
    "option",
    "options_of",
    "parameter",
    "parameters_of",
    "probe_operators",
    "quantities_of",
    "quantity",
    "surroundings",
    "technology",
    "widest",
]
