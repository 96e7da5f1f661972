"""Written once for every backend of Keras: no framework is named here, only Keras (chapter
`parity`).
"""
