"""Formulas: the program replayed on sympy symbols, with lazy Max and Min. Importing this room imports sympy."""

from symarch.formula.latex import latex_of, short, symbol_latex
from symarch.formula.replay import Formula, Regime, full, let_bound
from symarch.formula.sums import Sums
from symarch.formula.symbols import symbol

__all__ = ["Formula", "Regime", "Sums", "full", "latex_of", "let_bound", "short", "symbol", "symbol_latex"]
