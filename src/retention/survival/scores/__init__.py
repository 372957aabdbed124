"""How good predictions are: order, calibration, error, backtests."""
