"""Many DICOM objects: one file's row, worker processes, the resumable store, the scan."""
