"""Completion: what may stand at the cursor, best first.

`tree` reads tokens and parentheses; `statements` says what may come next in a statement,
`query_places` and `values` in a query.  `offers` gathers what fits of what `names` knows, with
`ranking`.  `memory` learns names in the background; `completer` gives all of it to prompt_toolkit.
"""
