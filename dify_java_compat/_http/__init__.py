"""One request out, one response in. Knows no event, and of the DTOs only the configuration."""
