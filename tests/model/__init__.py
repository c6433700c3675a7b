"""CONTROL beside a small reference of it: at random, and every way to go up to a depth."""
