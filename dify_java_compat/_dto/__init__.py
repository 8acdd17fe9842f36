"""The alias rule: one field, three spellings."""
