"""Search: the query language, the fusion of the legs, snippets."""
