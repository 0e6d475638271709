"""The measures, each by its name in the field; every figure is a `RiskEstimate` or an array."""
