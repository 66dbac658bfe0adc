"""Search for parameters over backtests."""
