"""Dialects: rows of SPECS, a file for each family of ops.

Importing a dialect adds its rows.  `minidl.ir` imports those it needs.
"""
