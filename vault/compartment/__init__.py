"""The encrypted index of one classification: records, words, vectors.

The only user of sqlcipher3, sqlite-utils and sqlite-vec. Everything here can be deleted and is rebuilt from
the sealed files.
"""
