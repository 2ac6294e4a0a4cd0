"""The explorer: one HTML file with sliders, whose arithmetic is the program printed to JavaScript."""

from symarch.report.explorer.explorer import explorer_html

__all__ = ["explorer_html"]
