"""Formulas in words, symbols and LaTeX. Importing this module imports sympy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sympy
from rich.text import Text

from symarch.api import Analysis, Explanation
from symarch.formula import latex_of, symbol_latex
from symarch.plugins import registry
from symarch.quantities import format_quantity, format_setting
from symarch.report.sections import regime_words
from symarch.report.text import Output, console, heading, table
from symarch.results import AMOUNT
from symarch.technologies import quantities_of


def written(expression: sympy.Basic) -> str:
    """Return an expression as plain text."""
    return (
        str(sympy.sstr(expression, order="none")) if isinstance(expression, sympy.Max | sympy.Min) else str(expression)
    )


NEGLIGIBLE = 1e-9
"""Share below which an addend with a rounded constant is what rounding left of an exact 0."""


def rounded(expression: sympy.Expr, values: Mapping[str, float]) -> sympy.Expr:
    """Return an expression fit to read: constants that are weights at this point at six digits, residues left out."""
    if not expression.has(sympy.Float):
        return expression
    at = {s: values[str(s)] for s in expression.free_symbols}

    def tidy(part: Any) -> Any:
        if not part.args or not part.has(sympy.Float):
            return sympy.Float(part, 6) if isinstance(part, sympy.Float) else part
        arguments = part.args
        if isinstance(part, sympy.Add):
            sizes = [abs(float(a.xreplace(at))) for a in arguments]
            kept = [a for a, size in zip(arguments, sizes, strict=True) if size > NEGLIGIBLE * sum(sizes)]
            arguments = tuple(kept)
        return part.func(*(tidy(a) for a in arguments))

    rounded: sympy.Expr = tidy(expression)
    return rounded


def print_explanation(analysis: Analysis, explanation: Explanation, *, derivation: bool = False) -> None:
    """Print the terms with shares, then their formulas, then the definitions with the values used.

    With `derivation`, who states each definition and where each number is from.
    """
    out = console()
    unit = explanation.unit
    out.print(heading(f"{explanation.metric} of {analysis.model.name} on {analysis.system.name}: "
                      f"{format_quantity(explanation.value, unit)}"))  # fmt: skip
    out.print(regime_words(explanation), style="dim")
    out.print()
    rows = [
        (f"{100 * t.share:.1f} %", format_quantity(t.value, unit), t.resource, t.cause, _first(t.operators))
        for t in explanation.terms
        if t.share >= 0.0005
    ]
    columns = (("share", "right"), (AMOUNT[unit], "right"), ("resource", "left"),
               ("for", "left"), ("in", "left"))  # fmt: skip
    out.print(table(columns, rows))
    _print_sum(out, explanation)
    if explanation.roofline is not None:
        out.print()
        value, gap = explanation.roofline.value, 100 * (explanation.value / explanation.roofline.value - 1)
        out.print(heading(f"At p = infinity, where only the slowest resource counts: {format_quantity(value, unit)}"))
        out.print(f"The value above is {gap:.1f} % more.", style="dim")
        _print_sum(out, explanation.roofline)
    both = [explanation, *([explanation.roofline] if explanation.roofline else [])]
    known = {n: d for e in both for n, d in e.definitions.items()}
    values = {n: v for e in both for n, v in e.values.items()}
    units = {n: u for e in both for n, u in e.units.items()}
    out.print()
    if derivation:
        _print_derivation(out, analysis, known, values, units)
        out.flush()
        return
    out.print(heading("where"))
    for name, expression in known.items():
        value_text = format_quantity(values[name], units[name])
        out.print(Text(f"  {name} = {written(rounded(expression, values))} = {value_text}"), soft_wrap=True)
    out.print()
    out.print(heading("at"))
    bits = analysis.system.in_bits
    for name in values:
        if name not in known:
            out.print(Text(f"  {name} = {format_setting(values[name], units[name], name in bits)}"), soft_wrap=True)
    out.flush()


def _print_derivation(
    out: Output,
    analysis: Analysis,
    known: Mapping[str, sympy.Expr],
    values: Mapping[str, float],
    units: Mapping[str, str],
) -> None:
    """Print each definition with the plugin that states it, each parameter with its source."""
    out.print(heading("where, as the plugins state it"))
    for name, expression in known.items():
        value = format_quantity(values[name], units[name])
        out.print(Text(f"  {name} = {written(rounded(expression, values))} = {value}"), soft_wrap=True)
        out.print(Text(f"      {_stated(analysis, name)}"), style="dim", soft_wrap=True)
    out.print()
    out.print(heading("at, with sources"))
    bits, symbols = analysis.system.in_bits, analysis.recorded("context" in values).symbols
    for name in values:
        if name in known:
            continue
        out.print(Text(f"  {name} = {format_setting(values[name], units[name], name in bits)}"), soft_wrap=True)
        if name in symbols:
            owner, _, item = name.partition(".")
            component = analysis.system.owners.get(owner)
            source = symbols[name].source or "no source"
            if component is not None:
                source = f"{symbols[name].status} ({component.settings[item].origin}): {source}"
            out.print(Text(f"      {source}"), style="dim", soft_wrap=True)


def _stated(analysis: Analysis, name: str) -> str:
    """Return who states a definition: its words, the technology, the module and the package."""
    if "." not in name:
        return "counted by symarch from the model's operators, at the workload"
    owner, _, item = name.partition(".")
    component = analysis.system.owners.get(owner)
    for cls in (component.technology, component.topology) if component is not None else ():
        stated = quantities_of(cls).get(item) if cls is not None else None
        if cls is not None and stated is not None:
            words = f"{stated.doc.rstrip('.')}: " if stated.doc else ""
            if component is analysis.system.economy:
                return f"{words}{cls.__name__}.{item} in {cls.__module__}"
            if cls.name in analysis.system.technologies:
                return f"{words}technology '{cls.name}', written in the spec"
            origin = registry().origin(cls.name)
            return f"{words}{cls.__name__}.{item} in {cls.__module__} ({origin.distribution} {origin.version})"
    return "composed by symarch from what the components on the path state"


def _first(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def sum_lines(explanation: Explanation, *, rest: bool = False) -> list[str]:
    """Return the lines of a closed form in plain symbols: its leading terms and `rest`, or the terms of that rest."""
    terms = explanation.rest if rest else explanation.terms[: explanation.leading]
    lines = [written(rounded(term.expression, explanation.values)) for term in terms]
    if explanation.rest and not rest:
        lines.append("rest")
    return [f"{'+ ' if position else '  '}{line}" for position, line in enumerate(lines)]


def _print_sum(out: Output, explanation: Explanation) -> None:
    out.print()
    out.print(heading(f"{explanation.metric} ="))
    for line in sum_lines(explanation):
        out.print(Text(f"  {line}"), soft_wrap=True)
    if explanation.rest:
        out.print(heading("rest ="))
        for line in sum_lines(explanation, rest=True):
            out.print(Text(f"  {line}"), soft_wrap=True)


WIDEST = 62
"""Signs of a typeset line that fit between the margins."""

NARROW = 44
"""Signs of a line beside the name of a definition."""


def explanation_latex(explanation: Explanation) -> str:
    """Return the closed form and its definitions as a LaTeX document fragment (needs amsmath)."""
    declared = dict(explanation.latex)
    name = explanation.metric.replace("_", r"\_")
    rows: list[str] = []
    for position, term in enumerate(explanation.terms):
        sign = r"&\quad + "
        if position == 0:
            sign = rf"\mathrm{{{name}}} &= "
        elif position == explanation.leading:
            rows.append(r"&\quad + \mathrm{rest}")
            sign = r"\mathrm{rest} &= "
        first, *more = _broken(rounded(term.expression, explanation.values), declared)
        rows += [f"{sign}{first}", *(rf"&\quad\qquad {line}" for line in more)]
    defined: list[str] = []
    for definition, expression in explanation.definitions.items():
        name_of = symbol_latex(definition, declared.get(definition, ""))
        first, *more = _broken(rounded(expression, explanation.values), declared, NARROW)
        defined += [f"{name_of} &= {first}", *(rf"&\quad\qquad {line}" for line in more)]
    lines = [f"% {explanation.metric} = {format_quantity(explanation.value, explanation.unit)}"]
    for block in filter(None, (rows, defined)):  # apart: long names of definitions leave the terms their width
        lines += [r"\begin{align*}", " \\\\\n".join(block), r"\end{align*}"]
    return "\n".join(lines)


def _broken(expression: sympy.Expr, declared: dict[str, str], widest: int = WIDEST) -> list[str]:
    """Return an expression as lines of LaTeX: a product with a long sum in it has an addend, or a few, on each."""
    whole = latex_of(expression, declared)
    if _width(whole) <= widest:
        return [whole]
    longest = max(sympy.Mul.make_args(expression), key=lambda f: len(f.args) if f.is_Add else 0)
    if not longest.is_Add:
        return [whole]
    before = expression / longest
    lines = [""] if before == 1 else _broken(before, declared, widest)
    lines[-1] = rf"{lines[-1]} \Bigl(".lstrip()
    opened = len(lines)
    for addend in sympy.Add.make_args(longest):
        text, *more = _broken(addend, declared, widest)
        text = text if text.startswith("-") or addend is longest.args[0] else f"+ {text}"
        if lines[opened:] and not more and _width(lines[-1] + text) <= widest:
            lines[-1] = f"{lines[-1]} {text}"
        else:
            lines += [text, *more]
    return [*lines[:-1], rf"{lines[-1]} \Bigr)"]


def _width(latex: str) -> int:
    """Return about how many signs wide a line of LaTeX is: of a fraction the wider part."""
    text = re.sub(r"\\(?:mathrm|left|right|quad|operatorname|min|max|Bigl|Bigr)\b", "", latex)

    def fraction(at: int) -> tuple[int, int]:
        """Return the width of what is in braces from a place on, and where it ends."""
        depth, start = 0, at
        while at < len(text):
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
            if depth == 0:
                break
        return _width(text[start + 1 : at - 1]), at

    total = position = 0
    while position < len(text):
        if text.startswith(r"\frac{", position):
            over, position = fraction(position + 5)
            under, position = fraction(position)
            total += max(over, under)
            continue
        command = re.match(r"\\[A-Za-z]+", text[position:])
        position += command.end() if command else 1
        total += 1 if command or text[position - 1] not in "{}^_ \\" else 0
    return total


__all__ = ["explanation_latex", "print_explanation", "rounded", "written"]
