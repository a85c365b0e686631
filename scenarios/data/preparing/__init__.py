"""How the canonical tables of this folder are made, one module for each kind of figure."""
