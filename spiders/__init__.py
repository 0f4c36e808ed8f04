"""FIND: sites -> pictures, each with where it came from and under which licence."""
