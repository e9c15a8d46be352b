"""The contracts of strategies and sinks: test suites to derive from.

They need nothing but pytest to run them, and the services import none of this.
"""

from consumer.testing.sink import SinkContract
from consumer.testing.strategy import StrategyContract

__all__ = ["SinkContract", "StrategyContract"]
