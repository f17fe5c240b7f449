"""Where a stage executes: `serial` is the reference, `ray` the engine; both pass one conformance suite."""
