"""Recoded copies of DICOM objects: rules by element, recoding, files."""
