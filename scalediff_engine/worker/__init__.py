"""The process that holds the model: takes orders from the engine and runs one job at a time."""
