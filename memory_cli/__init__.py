"""The command line: parse, call one method of the vault, print."""
