"""The commands, a file each, and what they share; `app` has them all.

A file is imported for its help: what its work needs is imported when it runs.
"""
