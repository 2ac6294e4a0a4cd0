"""Sensitivity: exact elasticities, one-sided at kinks, and the sum rules that check them."""

from symarch.sensitivity.elasticities import Check, Elasticity, Group, Sensitivity, sensitivity_of
from symarch.sensitivity.point import Point
from symarch.sensitivity.terms import explained

__all__ = ["Check", "Elasticity", "Group", "Point", "Sensitivity", "explained", "sensitivity_of"]
