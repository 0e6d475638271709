"""The typed assessment and plan, and their files: what every later stage writes and reads.

Nothing is computed here, and nothing but `errors` and `config` is imported.
"""
