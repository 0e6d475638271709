"""Writing the release: recoded tables and DICOM copies, and the same rules for other tools.

`write_release` applies a plan to the files of a project; `export_rules` writes its rules
for another tool, with a table that says of each rule whether it is exact there.
"""
