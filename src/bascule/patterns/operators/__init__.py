"""The operators of the pattern language, one file each: what a leaf must be, and how to say so."""
