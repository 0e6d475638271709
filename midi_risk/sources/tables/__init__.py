"""Spreadsheets and metadata tables: delimited text, workbooks, Parquet, JSON, keys, columns."""
