"""Charts of a result or of a live view: what to draw, its points, and the drawing as text or SVG.

`live_chart` and `chart_command` use it.  No terminal, no clock, no file.
"""
