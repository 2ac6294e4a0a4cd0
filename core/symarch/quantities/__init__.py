"""Quantities at the edge: units parsed to SI and printed again, and the algebra of dimensions.

Inside symarch every number is in SI base units (B, s, J, FLOP, USD, m, kg, K); bits become bytes here.
"""

from symarch.quantities.dimensions import BASES, DIMENSIONLESS, Dimension, Dimensioned
from symarch.quantities.units import (
    format_quantity,
    format_setting,
    format_value,
    in_bits,
    parse_quantity,
    readable_unit,
    stated_unit,
    unit_dimension,
    unit_scale,
)

__all__ = [
    "BASES",
    "DIMENSIONLESS",
    "Dimension",
    "Dimensioned",
    "format_quantity",
    "format_setting",
    "format_value",
    "in_bits",
    "parse_quantity",
    "readable_unit",
    "stated_unit",
    "unit_dimension",
    "unit_scale",
]
