"""From the release to a population: expected sizes, Pitman-Yor, log-linear, sample estimators."""
