"""LaTeX with proper names. sympy would read accents into ours (`hbm` as a bold h), so every symbol's name is given."""

from __future__ import annotations

from typing import Any

import sympy

_DEFINITIONS = {
    "array_bandwidth": "B_{arr}",
    "bandwidth": "B",
    "capacity": "C",
    "efficiency": r"\eta",
    "energy": "e",
    "energy_per_byte": "e_{B}",
    "energy_per_flop": "e_{F}",
    "granularity": "g",
    "interface_bandwidth": "B_{if}",
    "latency": "t_{hop}",
    "peer_latency": "t_{peer}",
    "port_bandwidth": "B_{port}",
    "read_bandwidth": "B_{rd}",
    "read_energy": "e_{rd}",
    "read_latency": "t_{rd}",
    "software_latency": "t_{sw}",
    "static_power": "P_{st}",
    "write_bandwidth": "B_{wr}",
    "write_energy": "e_{wr}",
    "write_latency": "t_{wr}",
}


def symbol_latex(name: str, declared: str = "") -> str:
    r"""Return how a symbol is typeset: `hbm.pins` with declared `n_{pin}` gives `n_{pin,\mathrm{hbm}}`."""
    owner, dot, item = name.partition(".")
    if not dot:
        return declared or rf"\mathrm{{{_words(owner)}}}"
    base = declared or _DEFINITIONS.get(item) or rf"\mathrm{{{_words(item)}}}"
    place = rf"\mathrm{{{_words(owner)}}}"
    if base.endswith("}") and "_{" in base:
        return f"{base[:-1]},{place}}}"
    letter, low, index = base.rpartition("_")
    if low and len(index) == 1:  # t_R: a second subscript would be an error
        return f"{letter}_{{{index},{place}}}"
    return f"{base}_{{{place}}}"


def _words(text: str) -> str:
    return text.replace("_", r"\_")


def short(expression: Any) -> Any:
    """Return an expression with its decimal numbers at four digits, fit to be looked at."""
    floats = expression.atoms(sympy.Float)
    return expression.xreplace({f: sympy.Integer(f) if f == int(f) else sympy.Float(f, 4) for f in floats})


def latex_of(expression: Any, declared: dict[str, str]) -> str:
    """Return an expression in LaTeX; `declared` gives the typeset symbol of a parameter where one was declared."""
    names: dict[Any, str] = {s: symbol_latex(s.name, declared.get(s.name, "")) for s in expression.free_symbols}
    text: str = sympy.latex(expression, symbol_names=names, mul_symbol=r" \, ")
    return text
