"""A report in LaTeX: all its sections, formulas typeset. Needs amsmath, array, booktabs, geometry, longtable alone."""

from __future__ import annotations

import re

from symarch.api import Explanation
from symarch.report.record import Report
from symarch.report.sections import ASIDES, Table, described, value_text

SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "^": r"\textasciicircum{}",
    "_": r"\_\allowbreak{}",
    "~": r"\textasciitilde{}",
    "%": r"\%",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "\u00b1": r"\textpm{}",
    "\u00b5": r"\textmu{}",
    "\u03bc": r"\textmu{}",
}
"""Signs that mean something to LaTeX, or that its usual fonts lack, as it writes them."""

SHORT = 16
"""Letters up to which a column of words need not wrap."""

LINE = 112
"""Letters of a table that fit side by side."""


def latex_text(text: str) -> str:
    """Return a text as LaTeX; signs beyond Latin-1 are named by their number, since few fonts have them."""
    found = []
    for sign in text:
        if sign in SIGNS:
            found.append(SIGNS[sign])
        elif sign.isspace() or not sign.isprintable():
            found.append(" ")
        else:
            found.append(sign if ord(sign) < 256 else f"[U+{ord(sign):04X}]")
    return "".join(found)


def report_latex(report: Report) -> str:
    """Return a document."""
    from symarch.report.formulas import explanation_latex

    title = latex_text(f"{report.metric} of {report.model} on {report.system}")
    lines = [
        r"\documentclass{article}",
        r"\usepackage[utf8]{inputenc}",
        r"\usepackage[T1]{fontenc}",
        r"\usepackage[margin=20mm]{geometry}",
        r"\usepackage{array}",
        r"\usepackage{textcomp}",
        r"\usepackage{amsmath}",
        r"\usepackage{booktabs}",
        r"\usepackage{longtable}",
        r"\allowdisplaybreaks",
        r"\setlength{\tabcolsep}{3pt}",
        r"\sloppy",
        r"\begin{document}",
        rf"\section*{{{title}}}",
        latex_text(f"The point: {described(report)}."),
    ]
    for section in report.sections:
        lines += ["", rf"\section*{{{latex_text(section.title)}}}"]
        if section.sentences:
            items = (rf"\item {latex_text(sentence)}" for sentence in section.sentences)
            lines += [r"\begin{itemize}", *items, r"\end{itemize}"]
        why = _explained(report, section.name)
        if why is not None:
            lines += [explanation_latex(why), ""]
        elif section.formulas:
            lines += [rf"\par\noindent{{\footnotesize\ttfamily {_breakable(line)}\par}}" for line in section.formulas]
        tables = section.tables
        if why is not None and section.name == "formula":
            values = tuple((n, value_text(report, n, v, why.units[n])) for n, v in why.values.items())
            tables = (tables[0], Table(("symbol", "value"), values, "The symbols at this point", code=True))
        lines += [line for table in tables for line in _tables(table)]
    return "\n".join([*lines, r"\end{document}", ""])


def _breakable(formula: str) -> str:
    """Return a line of a formula in plain symbols as LaTeX that may break after its signs."""
    return re.sub(r"[*/(.]", lambda m: f"{m[0]}\\allowbreak{{}}", latex_text(formula.strip()))


def _explained(report: Report, name: str) -> Explanation | None:
    """Return the closed form that a section is about, to be typeset in place of its plain lines."""
    if name == "formula":
        return report.explanation
    metric = next((m for m, (section, _, _) in ASIDES.items() if section == name), None)
    aside = report.asides.get(metric) if metric else None
    return aside.why if aside else None


def _places(table: Table) -> list[str]:
    """Return how the columns of a table are set: those of words wrap where they are long, in what numbers leave."""
    longest = [max(len(row[i]) for row in table.rows) if table.rows else 0 for i in range(len(table.columns))]
    words = [i for i in table.words if i and longest[i] > SHORT]
    if table.code:
        longest[0] = longest[0] * 5 // 4  # letters of one width are wider than others
    rest = sum(max(n, len(table.columns[i])) + 3 for i, n in enumerate(longest) if i not in words)
    left = max(0.15, 0.93 - rest / LINE)
    share = {i: longest[i] / sum(longest[k] for k in words) for i in words}
    places = ["l" if i == 0 or i in table.words else "r" for i in range(len(longest))]
    for i in words:
        width = max(0.1, left * min(share[i], 0.7) / sum(min(s, 0.7) for s in share.values()))
        places[i] = rf">{{\raggedright\arraybackslash}}p{{{width:.2f}\linewidth}}"
    return places


def _tables(table: Table) -> list[str]:
    """Return a table that goes on over pages, its heading on each; nothing for one without rows."""
    if not table.rows:
        return []
    head = " & ".join(latex_text(c) for c in table.columns)
    lines = ["", r"\noindent"]
    lines += [rf"\textbf{{{latex_text(table.title)}}}\nopagebreak"] if table.title else []
    lines += [r"{\footnotesize", rf"\begin{{longtable}}[l]{{@{{}}{''.join(_places(table))}@{{}}}}"]
    lines += [r"\toprule", rf"{head} \\", r"\midrule", r"\endhead", r"\bottomrule", r"\endfoot"]
    for row in table.rows:
        first = rf"\texttt{{{latex_text(row[0])}}}" if table.code else latex_text(row[0])
        lines.append(" & ".join([first, *(latex_text(c) for c in row[1:])]) + r" \\")
    return [*lines, r"\end{longtable}}"]
