"""One DICOM object: the fast reader, the careful one, text, nested items, payloads, layouts."""
