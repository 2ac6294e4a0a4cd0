"""Sensitivity: exact elasticities, one-sided at kinks, and the sum rules that check them."""

from symarch.sensitivity.elasticities import Check, Elasticity, Group, Sensitivity, sensitivity_of

__all__ = ["Check", "Elasticity", "Group", "Sensitivity", "sensitivity_of"]
