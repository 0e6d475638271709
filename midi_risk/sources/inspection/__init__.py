"""Looking into what is released: every file, every element, every text."""
