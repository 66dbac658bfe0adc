"""Simulated venues: real wire formats on loopback, and the oracle of the tests.

An independent second reading of the venues' protocols: nothing here is shared with the engine, the bridge or
the dashboard. Run with `python -m simulator`.
"""

__all__: list[str] = []
