"""Version 1 of the contract, generated from protos/sluice/v1; do not edit."""
