"""sdcMicro's functions by their names, on the risk core of midi-risk.

Arguments and results are named as in R; columns are named, never numbered. A function takes a
table (pandas, polars, Arrow, DuckDB, a mapping of arrays) and returns a result, or takes the
object of `createSdcObj` and returns a new one: nothing is changed in place. The defaults are
right where sdcMicro is not; ``compat="5.8"`` reproduces its numbers where they are not plainly
wrong. ``docs/compat.md`` lists every difference with its reason.

Formulas from the literature and from sdcMicro's documented behaviour; none of its code.
"""

from midi_risk.compat.sdcmicro.continuous import (
    IL_correl,
    IL_variables,
    RobustRisk,
    dRisk,
    dRiskRMD,
    dUtility,
)
from midi_risk.compat.sdcmicro.creation import createSdcObj, extractManipData, undolast
from midi_risk.compat.sdcmicro.diversity import ldiversity
from midi_risk.compat.sdcmicro.frequencies import (
    FreqCalc,
    IndivRisk,
    freqCalc,
    indivRisk,
    record_risk,
)
from midi_risk.compat.sdcmicro.measured import MeasuredRisk
from midi_risk.compat.sdcmicro.microaggregate import (
    Microaggregated,
    addNoise,
    microaggregation,
    pram,
    rankSwap,
)
from midi_risk.compat.sdcmicro.model_risk import ModRisk, modRisk
from midi_risk.compat.sdcmicro.object import SdcObj
from midi_risk.compat.sdcmicro.recoding import globalRecode, groupAndRename, topBotCoding
from midi_risk.compat.sdcmicro.report import report
from midi_risk.compat.sdcmicro.risk_methods import Suda2, kAnon_violations, measure_risk, suda2
from midi_risk.compat.sdcmicro.suppress import (
    Suppressed,
    kAnon,
    localSupp,
    localSuppression,
    riskyCells,
)

__all__ = [
    "FreqCalc",
    "IL_correl",
    "IL_variables",
    "IndivRisk",
    "MeasuredRisk",
    "Microaggregated",
    "ModRisk",
    "RobustRisk",
    "SdcObj",
    "Suda2",
    "Suppressed",
    "addNoise",
    "createSdcObj",
    "dRisk",
    "dRiskRMD",
    "dUtility",
    "extractManipData",
    "freqCalc",
    "globalRecode",
    "groupAndRename",
    "indivRisk",
    "kAnon",
    "kAnon_violations",
    "ldiversity",
    "localSupp",
    "localSuppression",
    "measure_risk",
    "microaggregation",
    "modRisk",
    "pram",
    "rankSwap",
    "record_risk",
    "report",
    "riskyCells",
    "suda2",
    "topBotCoding",
    "undolast",
]
