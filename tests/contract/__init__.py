"""One suite per port, run over every adapter; each sentence of a port is quoted by the test that holds it."""
