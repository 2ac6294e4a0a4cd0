"""A report in LaTeX: the closed form, its definitions and the elasticities. Needs amsmath and booktabs alone."""

from __future__ import annotations

from symarch.report.record import Report
from symarch.report.sections import Table, described, headline, value_text

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

ROWS = 36
"""Rows of a table that fit on a page; a longer one is divided."""


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
        r"\usepackage{textcomp}",
        r"\usepackage{amsmath}",
        r"\usepackage{booktabs}",
        r"\allowdisplaybreaks",
        r"\begin{document}",
        rf"\section*{{{title}}}",
        *(latex_text(sentence) for sentence in headline(report)),
        "",
        latex_text(f"The point: {described(report)}."),
    ]
    sections = {s.name: s for s in report.sections if s.name in ("formula", "elasticities", "checks")}
    formula = sections["formula"]
    lines += ["", r"\section*{The formula}", *(latex_text(s) for s in formula.sentences), ""]
    why = report.explanation
    if why is not None:
        lines += [explanation_latex(why), "", *_tables(formula.tables[0])]
        values = tuple((n, value_text(report, n, v, why.units[n])) for n, v in why.values.items())
        lines += _tables(Table(("symbol", "value"), values, "The symbols at this point", code=True))
    for name in ("elasticities", "checks"):
        section = sections[name]
        lines += ["", rf"\section*{{{latex_text(section.title)}}}", r"\begin{itemize}"]
        lines += [rf"\item {latex_text(s)}" for s in section.sentences]
        lines += [r"\end{itemize}", *(line for table in section.tables for line in _tables(table))]
    return "\n".join([*lines, r"\end{document}", ""])


def _tables(table: Table) -> list[str]:
    """Return a table, divided so that each part fits on a page; its last column of words wraps."""
    count = len(table.columns)
    places = ["l" if i == 0 or i in table.words else "r" for i in range(count)]
    if count - 1 in table.words and count > 2:
        places[-1] = r"p{0.4\linewidth}"
    lines: list[str] = []
    for start in range(0, len(table.rows), ROWS):
        rows = table.rows[start : start + ROWS]
        lines += ["", r"\noindent"]
        lines += [rf"\textbf{{{latex_text(table.title)}}}\par\smallskip\noindent"] if table.title else []
        lines += [r"{\footnotesize", rf"\begin{{tabular}}{{@{{}}{''.join(places)}@{{}}}}", r"\toprule"]
        lines.append(" & ".join(latex_text(c) for c in table.columns) + r" \\")
        lines.append(r"\midrule")
        for row in rows:
            first = rf"\texttt{{{latex_text(row[0])}}}" if table.code else latex_text(row[0])
            lines.append(" & ".join([first, *(latex_text(c) for c in row[1:])]) + r" \\")
        lines += [r"\bottomrule", r"\end{tabular}\par}"]
    return lines
