"""What fills the ports: LMDB journals, key files, the floor file, the system's clock, and doubles for tests.

Third-party storage imports end here. Each adapter passes the contract suite of its port in `tests/contract`; what must
not run in production carries `Unsafe` in its name.
"""
