"""The system graph: components as nodes and edges, and each (processor, memory) pair reduced to one record."""

from symarch.system.graph import Network, SystemGraph
from symarch.system.paths import Path, Segment

__all__ = ["Network", "Path", "Segment", "SystemGraph"]
