"""The analysis: system, trace and mapping become times, energies and constraints, on any kind of scalar."""

from symarch.analysis.limits import Constraint
from symarch.analysis.model import HIGHER_IS_BETTER, METRICS, Model, Workload, build_model
from symarch.analysis.record import (
    DEFAULTS,
    PHASE_METRICS,
    PHASES,
    SHARES,
    USUAL_TYPE,
    Recorded,
    Request,
    Symbol,
    check_sizes,
    parse_dtypes,
    record,
    run_on_dimensions,
    run_on_floats,
    symbols_of,
    workload_of,
)
from symarch.analysis.runtime import ONE_PROMPT
from symarch.analysis.schedule import Communication, OperatorTime
from symarch.analysis.shares import Part, grouped, parts_of

__all__ = [
    "DEFAULTS",
    "HIGHER_IS_BETTER",
    "METRICS",
    "ONE_PROMPT",
    "PHASES",
    "PHASE_METRICS",
    "SHARES",
    "USUAL_TYPE",
    "Communication",
    "Constraint",
    "Model",
    "OperatorTime",
    "Part",
    "Recorded",
    "Request",
    "Symbol",
    "Workload",
    "build_model",
    "check_sizes",
    "grouped",
    "parse_dtypes",
    "parts_of",
    "record",
    "run_on_dimensions",
    "run_on_floats",
    "symbols_of",
    "workload_of",
]
