"""The same rules for other tools: CTP, deid, Python, ARX, spreadsheets, RO-Crate."""
