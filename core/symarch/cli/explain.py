"""symarch explain"""

from __future__ import annotations

from typing import Any

import click

from symarch.cli.options import analysis_options, build, tell, usual_metric


@click.command("explain")
@analysis_options
@click.option("--metric", help="A time, energy, cost or carbon [tpot; ttft under --phase prefill].")
@click.option("--latex", is_flag=True, help="Print LaTeX.")
@click.option("--derivation", is_flag=True, help="Go down to each plugin's equations and each parameter's source.")
def command(metric: str | None, latex: bool, derivation: bool, **options: Any) -> None:
    """Print a metric as a closed form in the regime at this point, term by term, in words and symbols."""
    analysis, given = build(options)
    tell([analysis])
    explanation = analysis.explain(usual_metric(analysis) if metric is None else metric, **given)
    if latex:
        from symarch.report.formulas import explanation_latex

        click.echo(explanation_latex(explanation))
    else:
        from symarch.report.formulas import print_explanation

        print_explanation(analysis, explanation, derivation=derivation)
