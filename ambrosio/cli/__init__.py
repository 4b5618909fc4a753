"""The command line: one module for each verb.

Start with `main`. Imports everything. Holds no logic that another channel would need.
"""
