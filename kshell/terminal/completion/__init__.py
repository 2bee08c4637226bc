"""Completion: what may stand at the cursor, best first; `completion.completer` asks at every key.

`completion.tree` reads tokens and parentheses; `completion.statements` says what may come next in a
statement, `completion.query_places` in a query.  `completion.offers` gathers what fits of what
`completion.names` knows, by `completion.ranking`; `completion.memory` learns it in the background.
"""
