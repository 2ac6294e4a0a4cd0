"""The program: single-assignment operations recorded by running technologies, trace and mapping on a recording scalar.

It alone is evaluated, differentiated, stored (JSON, no code inside) and printed. The functions formulas use (`Min`,
`Max`, `ceil` ...) live here and run on floats, recording scalars, sympy expressions and bare dimensions alike.
"""

from symarch.program.compile import Compiled, compile_python
from symarch.program.derivatives import OneSided, gradient, one_sided
from symarch.program.functions import Max, Min, ceil, exp, floor, log, log2, mark, mean_max, name, overlap, sqrt, total
from symarch.program.printers import to_c, to_javascript
from symarch.program.tape import Node, Program, Tape

__all__ = [
    "Compiled",
    "Max",
    "Min",
    "Node",
    "OneSided",
    "Program",
    "Tape",
    "ceil",
    "compile_python",
    "exp",
    "floor",
    "gradient",
    "log",
    "log2",
    "mark",
    "mean_max",
    "name",
    "one_sided",
    "overlap",
    "sqrt",
    "to_c",
    "to_javascript",
    "total",
]
