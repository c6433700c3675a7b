"""Where received records go. A sink says after each flush where its durable content ends: a crash repeats nothing."""
