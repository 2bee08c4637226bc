"""Completion: what may stand at the cursor, best first.

`tree` reads the text, `statements` and `queries` say what may come next, `candidates` gathers it from
what `names` knows, `ranking` finds what fits.  `memory` learns names in the background, and
`completer` gives all of it to prompt_toolkit.
"""
