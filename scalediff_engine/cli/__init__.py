"""The command line: words in, pictures out; nothing heavy is imported until work starts."""
