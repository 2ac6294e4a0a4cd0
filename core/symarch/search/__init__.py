"""The search: parallel degrees, placement and batch that a spec or a workload leaves open, chosen for a metric."""

from symarch.search.found import Broken, Candidate, Found
from symarch.search.problem import Problem
from symarch.search.search import search

__all__ = ["Broken", "Candidate", "Found", "Problem", "search"]
