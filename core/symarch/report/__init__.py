"""Reports: records rendered as JSON, as text for a terminal, and as formulas. Nothing is computed here."""
