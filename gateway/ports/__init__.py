"""Protocol classes whose docstrings are contracts; the contract tests quote their sentences."""
